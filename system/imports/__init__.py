"""Orders that come in files, and the shop of the demo."""
