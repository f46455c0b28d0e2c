"""The command line: one module a group of commands, all of them in `main`."""

from .root import main

__all__ = ["main"]
