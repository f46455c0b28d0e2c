"""Whether the code at hand decides as it was decided: asked before a release is put to work on a store.
It reads logs and nothing else, and writes nothing. What puts something right is in `recovery`."""
