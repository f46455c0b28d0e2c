"""Files that a command writes. They destroy nothing: a file is only replaced by one of its own kind, and
nothing is written through a link, into a device or over what the command reads."""

import os
import secrets
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from .errors import UnusableFile, UnwritableOutput, why

_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (lambda _: True, "a device"),
)
_ITS_OWNERS_ALONE = 0o600  # a report names orders and what is wrong with them
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Place:
    """Where a file of one kind goes. `beginning` is how each of its kind begins; `reads` is what the
    command reads, whatever other names that has."""

    def __init__(self, path: Path, what: str, beginning: bytes, reads: Path | None = None) -> None:
        self.path = path
        self._what = what
        self._beginning = beginning
        self._reads = reads

    def check(self) -> None:
        """Raise `UnusableFile` unless a file can be written beside what is there, and take its place."""
        try:
            self._is_taken()
            draft, descriptor = self._begun()
            os.close(descriptor)
            draft.unlink()
        except OSError as error:
            raise UnusableFile(f"{self._what} {self.path} cannot be written: {why(error)}") from None

    def is_taken(self) -> bool:
        """Whether a file of its kind is there. Raises `UnusableFile` when it is anything else."""
        try:
            return self._is_taken()
        except OSError as error:
            raise UnusableFile(f"{self._what} {self.path} cannot be written: {why(error)}") from None

    def put(self, content: IO[bytes]) -> None:
        """Write the file as a whole or not at all, in place of one of its kind. Raises `UnusableFile`,
        and `UnwritableOutput`."""
        try:
            draft, descriptor = self._begun()
            try:
                with os.fdopen(descriptor, "wb") as file:
                    shutil.copyfileobj(content, file)
                    file.flush()
                    os.fsync(file.fileno())
                if not self._is_taken():
                    # Ours or nobody's: a link or a file that has come meanwhile is not replaced.
                    os.close(os.open(self.path, _NEW, _ITS_OWNERS_ALONE))
                draft.replace(self.path)
            finally:
                with suppress(OSError):
                    draft.unlink()
        except OSError as error:
            raise UnwritableOutput(f"{self._what} {self.path}", error) from None

    def _begun(self) -> tuple[Path, int]:
        """A file beside the place that nobody knows of, to be renamed."""
        draft = self.path.parent / f".orderwright-{secrets.token_hex(8)}.part"
        return draft, os.open(draft, _NEW, _ITS_OWNERS_ALONE)

    def _is_taken(self) -> bool:
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            return False
        if not stat.S_ISREG(found.st_mode):
            kind = next(name for is_kind, name in _KINDS if is_kind(found.st_mode))
            raise self._in_the_way(f"{kind} is there")
        if self._reads is not None and os.path.samestat(found, self._reads.stat()):
            raise self._in_the_way("that is the file which is read")
        with open(self.path, "rb", opener=_without_following) as file:
            begins = file.read(len(self._beginning))
        if begins and begins != self._beginning:
            raise self._in_the_way("another file is there, which would be lost")
        return True

    def _in_the_way(self, what: str) -> UnusableFile:
        return UnusableFile(f"{self._what} cannot be written to {self.path}: {what}; name another file")


def _without_following(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
