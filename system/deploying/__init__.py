"""Whether the code at hand decides as it was decided: asked before a release is put to work on a store.
It reads the logs and nothing else, and writes nothing at all."""
