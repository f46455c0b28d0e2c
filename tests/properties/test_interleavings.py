"""Whatever is interleaved with whatever: nothing is oversold, nobody pays twice, everything comes to rest."""

from typing import ClassVar

from .machine import ShopMachine
from .profiles import GENERATED, ON_DISK


class SqliteShopMachine(ShopMachine):
    """The same on SQLite files, which are closed and opened again when the runner restarts."""

    persistence: ClassVar[str] = "eventsourcing.sqlite"


TestInMemory = ShopMachine.TestCase
TestInMemory.settings = GENERATED
TestOnSqlite = SqliteShopMachine.TestCase
TestOnSqlite.settings = ON_DISK
