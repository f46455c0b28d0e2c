"""What the API and the command line ask about orders, fulfilments and events. Nothing here changes
anything."""
