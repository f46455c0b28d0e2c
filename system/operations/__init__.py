"""What an operator asks of a running system: is it well, how far is it, does anything stand still. Nothing
here repairs anything: that is `recovery`."""
