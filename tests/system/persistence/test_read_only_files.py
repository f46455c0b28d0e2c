"""SQLite files that cannot be written for a while."""

import array
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from eventsourcing.persistence import OperationalError

from system.operations.doctor import examine
from system.operations.writable import warn_of_unwritable
from tests.support.fixtures import Environment
from tests.support.running_shop import Shop
from tests.support.waiting import wait_until
from tests.support.ways import ByHand, UnderOurRunner, Way

GET_FLAGS, SET_FLAGS, IMMUTABLE = 0x80086601, 0x40086602, 0x10


def set_immutable(path: Path, immutable: bool) -> None:
    """What keeps even the administrator from writing a file, where the file system knows that."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        flags = array.array("l", [0])
        fcntl.ioctl(descriptor, GET_FLAGS, flags)
        flags[0] = flags[0] | IMMUTABLE if immutable else flags[0] & ~IMMUTABLE
        fcntl.ioctl(descriptor, SET_FLAGS, flags)
    finally:
        os.close(descriptor)


class Files:
    """The files of a store, and who may write them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._protected: list[Path] = []

    def protect(self) -> None:
        """Nobody may write them any more."""
        for path in sorted(self._folder.glob("*.sqlite*")):
            self._protected.append(path)
            path.chmod(0o444)
            if os.access(path, os.W_OK):  # by the administrator
                try:
                    set_immutable(path, True)
                except OSError:
                    pytest.skip("nothing keeps the administrator from writing files here")

    def allow(self) -> None:
        """They may be written again."""
        for path in self._protected:
            with suppress(OSError):
                set_immutable(path, False)
            path.chmod(0o644)


@pytest.fixture
def files(on_sqlite: Environment, open_way: Callable[..., Way]) -> Iterator[Files]:
    """The files of a shop that has five records."""
    way = open_way(ByHand, on_sqlite)
    Shop(way).receive("CD-X1", 5)
    way.close()
    files = Files(Path(on_sqlite["ORDERWRIGHT_DATA"]))
    yield files
    files.allow()


def test_a_service_that_was_started_then_recovers_when_they_can_be_written_again(
    on_sqlite: Environment, open_way: Callable[..., Way], files: Files
) -> None:
    files.protect()
    shop = Shop(open_way(UnderOurRunner, on_sqlite))
    for _ in range(3):
        with pytest.raises(OperationalError, match="readonly"):
            shop.order("CD-X1")
    files.allow()

    def is_taken() -> bool:
        with suppress(OperationalError):
            shop.order("CD-X1")
            return True
        return False

    wait_until(is_taken, what="orders are taken again")
    order = shop.order("CD-X1")
    wait_until(lambda: shop.status(order) == "CONFIRMED")


def test_at_the_start_it_is_told(
    on_sqlite: Environment, open_way: Callable[..., Way], files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    way = open_way(ByHand, on_sqlite)
    warn_of_unwritable(way.orderwright)
    assert capsys.readouterr().out == ""
    way.close()
    files.protect()
    warn_of_unwritable(open_way(ByHand, on_sqlite).orderwright)
    assert "files of the store cannot be written" in capsys.readouterr().out


def test_the_doctor_says_which_cannot_be_written(on_sqlite: Environment, files: Files) -> None:
    files.protect()
    report = examine(on_sqlite)
    (check,) = (check for check in report.checks if check.name == "store")
    assert not report.is_healthy
    assert "cannot be written" in check.detail
    assert "Orders" in check.detail
    files.allow()
    assert examine(on_sqlite).is_healthy
