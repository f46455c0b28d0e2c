"""The ring that knows all contexts, a folder here for each of its folders."""
