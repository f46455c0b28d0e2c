"""What can be asked about orders, products and events."""
