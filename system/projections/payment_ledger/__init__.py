"""The payment ledger: what payments were made, and where each of them stands."""
