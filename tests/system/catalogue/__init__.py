"""Which kinds of events there are, who reads them, and masked samples of them."""
