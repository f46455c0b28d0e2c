"""Where events and read models are stored, and the little that our recorders add to the library's."""
