"""A side store in an SQLite file of its own, or in memory."""

from eventsourcing.sqlite import SQLiteFactory
from eventsourcing.utils import Environment

from system.persistence.side_store import SideStore

from .files import Datastore
from .tables import SqliteTables


class SqliteSideStore(SqliteTables, SideStore):
    """Tables in the file that the environment names."""

    def __init__(self, env: Environment) -> None:
        self.datastore = Datastore(SQLiteFactory(env).datastore)

    def close(self) -> None:
        """See `SideStore`."""
        self.datastore.close()
