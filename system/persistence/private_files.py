"""Files that nobody else on the machine may read, whatever the process's umask is."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_private(folder: Path, names: Iterable[str] = ()) -> None:
    """Make a folder and empty files in it that only their owner can use. What is there stays as it is:
    somebody may have wanted it so. SQLite gives its other files the mode of the first."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    for name in names:
        try:
            descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            continue
        os.close(descriptor)


def open_to_others(folder: Path) -> Iterator[Path]:
    """The files of a folder that others than their owner can use; none if the folder keeps them out."""
    if not folder.is_dir() or not _mode(folder) & _OTHERS:
        return
    for path in sorted(folder.iterdir()):
        try:
            if path.is_file() and _mode(path) & _OTHERS:
                yield path
        except FileNotFoundError:  # gone meanwhile, as a write-ahead file may be
            continue


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
