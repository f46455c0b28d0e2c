"""Where events and read models are stored, and the little that our recorders add to the library's. Nothing
here knows what an event means."""
