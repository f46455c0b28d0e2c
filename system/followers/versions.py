"""Which version of a read model this process reads and follows, and which others are to be kept up to date.

Usually it is the one that is served, which is told by a pointer in the read model's own store. A release
that finds there what a later one has made goes on with the newest version of its own making before that:
so two releases run side by side, and neither writes into what only the other understands. A release that
finds there what an earlier one has made takes it as ever, with the columns that were added in place.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from uuid import uuid4

from system.persistence.agreement import KeepsAgreement
from system.persistence.tables import FIRST_VERSION, Table
from system.persistence.versions import Registry, State, Switch, Version, key_at

ASK_EVERY_SECONDS = 1.0
"""So long a process may go on with the version that was served before."""


def shape_of(tables: Sequence[Table], version: int) -> str:
    """What the code of a read model keeps: the same for two releases whose rows are the same. `version` is
    raised by whoever changes the meaning of rows whose columns stay as they are."""
    kept = [
        {
            "name": table.name,
            "columns": dict(table.columns),
            "key": table.key,
            "guards": {name: guard.sql for name, guard in table.guards.items()},
            "newest_by": table.newest_by,
        }
        for table in tables
    ]
    return hashlib.sha256(json.dumps([version, kept]).encode()).hexdigest()[:16]


class Versions:
    """The versions of one read model, as this process sees them. For any thread."""

    def __init__(self, store: KeepsAgreement, tables: Sequence[Table], shape: str) -> None:
        self._store = store
        self._tables = tables
        self.shape = shape
        self.registry = Registry(store)
        self._asked_at = 0.0
        self._known: tuple[Version, ...] = ()
        self._used = FIRST_VERSION

    @property
    def used(self) -> int:
        """The version that this process reads and follows. Asked of the store at most once a second."""
        if time.monotonic() - self._asked_at > ASK_EVERY_SECONDS or not self._asked_at:
            self.ask()
        return self._used

    def ask(self) -> int:
        """Ask the store now which version that is."""
        known, served = self.registry.all()
        self._known, self._used = tuple(known), self._choose(known, served)
        self._asked_at = time.monotonic()
        return self._used

    def _choose(self, known: Sequence[Version], served: int) -> int:
        ours = [one.number for one in known if one.state is State.READY and self.fits(one)]
        before = [number for number in ours if number <= served]
        return before[-1] if before else served

    def fits(self, version: Version) -> bool:
        """Whether its rows are what this code keeps, as far as that is known."""
        return version.shape in ("", self.shape)

    def present(self) -> list[int]:
        """The versions that have tables, the one in use first."""
        used = self.used
        others = [one.number for one in self._known if one.state is not State.DROPPED]
        return [used, *(number for number in others if number != used)]

    def kept(self) -> list[int]:
        """The versions beside the one in use that this process can keep up to date."""
        used = self.used
        ready = [one for one in self._known if one.state is State.READY and self.fits(one)]
        return [one.number for one in ready if one.number != used]

    def tables_of(self, number: int) -> list[Table]:
        """The tables of a version."""
        return [table.at(number) for table in self._tables]

    def create_tables(self) -> None:
        """Make what is not there yet: the registry, and the tables of each version that is ready."""
        self._store.create_tables(self.registry.tables)
        known, _ = self.registry.all()
        for version in known:
            if version.state is State.READY:
                self._store.create_tables(self.tables_of(version.number))
        self.registry.note_first(self.shape)

    def begin(self, at: str, by: str) -> Version:
        """Make the tables of a new version, still without the indexes that only queries need. Raises
        `IntegrityError` when somebody else has begun one at the same moment."""
        known, _ = self.registry.all()
        number = known[-1].number + 1
        version = Version(number, self.shape, State.BUILDING, made_at=at, made_by=by)
        self.registry.begin(version, self.tables_of(number), self.tables_of(self.used))
        self.ask()
        return version

    def make_indexes(self, number: int) -> None:
        """Make the indexes of a version whose rows tell of every event."""
        tables = self.tables_of(number)
        self.registry.make(statement for table in tables for statement in table.index_statements())

    def complete(self, number: int, at: str, taken_seconds: float, events: int) -> None:
        """Note that a version is ready: its rows tell of so many events, and it has its indexes."""
        self.registry.complete(number, at, round(taken_seconds * 1000), events)
        self.ask()

    def switch(self, number: int, at: str, by: str, reason: str) -> Switch:
        """Have a version served. Raises `IntegrityError` when somebody else was faster."""
        earlier = self.registry.latest_switches()
        switch = Switch(earlier[0].number + 1 if earlier else 1, number, at, by, reason)
        self.registry.switch(switch)
        self.ask()
        return switch

    def drop(self, number: int, leaders: Sequence[str], at: str, by: str) -> None:
        """Remove a version's tables and positions. What somebody still has in hand for it is refused."""
        keys = [key_at(leader, number) for leader in leaders]
        self.registry.drop(number, self.tables_of(number), keys, at, by, f"dropped {uuid4().hex}")
        self.ask()

    def restart(self, leaders: Sequence[str], nonce: str) -> None:
        """Empty every version, and have it begin anew with these logs."""
        present = self.present()
        tables = [table for number in present for table in self.tables_of(number)]
        self.registry.restart(tables, [key_at(leader, one) for one in present for leader in leaders], nonce)
