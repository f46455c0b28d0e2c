"""The payment ledger: every payment, and which calls to the provider are due."""
