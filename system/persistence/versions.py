"""The versions of a read model, as they are kept beside its rows.

A version is a set of tables with rows, and the positions in the logs up to which they tell. It is
consistent by itself: its rows and its positions commit together. Version 1 has the tables and
positions of the plain names, and is there from the beginning, whether it was noted or not; any other
has names that say its number. Which of them is served is told by the latest switch; without any it
is version 1. Numbers are never given twice, so what is noted of a version that was dropped stays.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from eventsourcing.persistence import IntegrityError, PersistenceError

from .agreement import KeepsAgreement, inserted
from .tables import FIRST_VERSION, Change, Step, Table
from .version_notes import note_tables


class State(StrEnum):
    """What can be said of a version."""

    BUILDING = "building"
    """Its rows do not tell of every event yet."""
    READY = "ready"
    """Its rows told of every event once, and are kept up to date since."""
    DROPPED = "dropped"
    """Its tables are there no more."""


@dataclass(frozen=True)
class Version:
    """A version as it is noted.

    `shape` says what the code that made it keeps; it is empty where that is not known. `estimated_ms` is
    how long the building was expected to take, told when a tenth of the events was read, and
    `by_rate_ms` the same before it was corrected by what earlier ones took. `taken_ms` is the time that
    was spent on it, without the time that it lay still, and `events` how many it had read then.
    """

    number: int
    shape: str
    state: State
    made_at: str | None = None
    made_by: str | None = None
    ready_at: str | None = None
    dropped_at: str | None = None
    dropped_by: str | None = None
    taken_ms: int = 0
    events: int | None = None
    by_rate_ms: int | None = None
    estimated_ms: int | None = None


@dataclass(frozen=True)
class Switch:
    """Somebody had another version served from then on. `number` counts the switches."""

    number: int
    version: int
    at: str
    made_by: str
    reason: str


@dataclass(frozen=True)
class Failed:
    """An event that a version could not take in: its rows go without it. `order_id` is the conversation
    that the event belongs to, or its stream where not even that can be read."""

    version: int
    leader: str
    position: int
    topic: str
    stream_id: str
    order_id: str
    error: str


def version_tables(prefix: str) -> tuple[Table, Table, Table]:
    """The tables of versions, switches and failures, whose names begin so."""
    versions = {
        "number": "BIGINT",
        "shape": "TEXT NOT NULL",
        "state": "TEXT NOT NULL",
        **dict.fromkeys(("made_at", "made_by", "ready_at", "dropped_at", "dropped_by"), "TEXT"),
        "taken_ms": "BIGINT NOT NULL",
        "events": "BIGINT",
        "by_rate_ms": "BIGINT",
        "estimated_ms": "BIGINT",
    }
    switches = {"number": "BIGINT", "version": "BIGINT NOT NULL"} | dict.fromkeys(
        ("at", "made_by", "reason"), "TEXT NOT NULL"
    )
    failures = {"version": "BIGINT", "leader": "TEXT", "position": "BIGINT"} | dict.fromkeys(
        ("topic", "stream_id", "order_id", "error"), "TEXT NOT NULL"
    )
    return (
        Table(f"{prefix}versions", columns=versions, key=("number",)),
        Table(f"{prefix}switches", columns=switches, key=("number",)),
        Table(f"{prefix}failures", columns=failures, key=("version", "leader", "position")),
    )


def key_at(leader: str, version: int) -> str:
    """The name under which a version's position in a leader's log is kept."""
    return leader if version == FIRST_VERSION else f"{leader}@{version}"


def version_of(key: str) -> int:
    """The version whose position is kept under a name."""
    number = key.rpartition("@")[2]
    return int(number) if "@" in key else FIRST_VERSION


class Registry:
    """What is noted of the versions of one read model, in its own store."""

    def __init__(self, store: KeepsAgreement) -> None:
        self._store = store
        self.versions, self.switches, self.failures = version_tables(store.agreement_prefix)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables that it takes."""
        return self.versions, self.switches, self.failures, *note_tables(self._store.agreement_prefix)

    def all(self) -> tuple[list[Version], int]:
        """Every version there is or was, in the order of numbers, and which one is served."""
        found = self._store.rows(
            f"SELECT *, {self._served} AS served FROM @{self.versions.name} ORDER BY number", {}
        )
        served = (found[0]["served"] if found else None) or FIRST_VERSION
        versions = [_version(row) for row in found]
        if not versions or versions[0].number != FIRST_VERSION:
            versions.insert(0, Version(FIRST_VERSION, "", State.READY))
        return versions, int(served)

    def get(self, number: int) -> Version | None:
        """A version, or None when there never was one with this number."""
        return next((one for one in self.all()[0] if one.number == number), None)

    def notes(self, number: int, taken_ms: int | None, failures: Sequence[Failed]) -> Iterator[Change]:
        """What is noted together with a page of a version: how long its building took so far, if it is still
        being built, and which events could not be taken in."""
        if taken_ms is not None:
            yield Change(self.versions, False, ("taken_ms",), (), [(number, taken_ms)])
        if failures:
            names = tuple(name for name in self.failures.columns if name not in self.failures.key)
            rows = [tuple(vars(failed)[name] for name in self.failures.columns) for failed in failures]
            yield Change(self.failures, True, names, (), rows)

    def note_first(self, shape: str) -> None:
        """Note that version 1 is what this code keeps, unless something is noted already."""
        if not self._store.rows(f"SELECT 1 AS one FROM @{self.versions.name} LIMIT 1", {}):
            values = {**_NOTHING, "number": FIRST_VERSION, "shape": shape, "state": str(State.READY)}
            self._store.transact([(f"{inserted(self.versions)} ON CONFLICT (number) DO NOTHING", values)])

    def begin(self, version: Version, tables: Sequence[Table], like: Sequence[Table]) -> None:
        """Make the tables of a new version, for whoever may use those that are `like` them, and note it.
        Raises `IntegrityError` when somebody else has begun one with this number."""
        steps = [step for pair in zip(tables, like, strict=True) for step in self._store.steps_to_make(*pair)]
        self._take([(inserted(self.versions), vars(version) | {"state": str(version.state)}), *steps])

    def make(self, statements: Iterable[str]) -> None:
        """Make tables or indexes, each in a transaction of its own, however long that takes."""
        for statement in statements:
            self._store.transact([(statement, {})], however_long=True)

    def complete(self, number: int, at: str, taken_ms: int, events: int) -> None:
        """Note that a version is ready, if it is still being built."""
        done = (
            f"UPDATE @{self.versions.name} SET state = '{State.READY}', ready_at = :at, "
            f"taken_ms = :taken_ms, events = :events WHERE number = :number AND state = '{State.BUILDING}'"
        )
        values = {"at": at, "taken_ms": taken_ms, "events": events, "number": number}
        self._store.transact([(done, values)])

    def estimate(self, number: int, by_rate_ms: int, estimated_ms: int) -> None:
        """Note how long the building of a version is expected to take."""
        statement = (
            f"UPDATE @{self.versions.name} SET by_rate_ms = :by_rate_ms, estimated_ms = :estimated_ms "
            "WHERE number = :number"
        )
        values = {"by_rate_ms": by_rate_ms, "estimated_ms": estimated_ms, "number": number}
        self._store.transact([(statement, values)])

    def switch(self, switch: Switch) -> None:
        """Have a version served. Raises `IntegrityError` when somebody else was faster."""
        self._take([(inserted(self.switches), vars(switch))])

    def latest_switches(self) -> list[Switch]:
        """Every switch, the latest first."""
        found = self._store.rows(f"SELECT * FROM @{self.switches.name} ORDER BY number DESC", {})
        return [Switch(**row) for row in found]

    def drop(
        self, number: int, tables: Sequence[Table], keys: Sequence[str], at: str, by: str, nonce: str
    ) -> None:
        """Remove the tables of a version and forget its positions: what somebody still has in hand for
        it is refused, as it began from another mark than `nonce`."""
        noted = (
            f"UPDATE @{self.versions.name} SET state = '{State.DROPPED}', dropped_at = :at, dropped_by = :by "
            "WHERE number = :number"
        )
        forgotten = f"DELETE FROM @{self.failures.name} WHERE version = :number"
        self._store.transact(
            [
                (noted, {"at": at, "by": by, "number": number}),
                (forgotten, {"number": number}),
                *self._store.restart_steps(keys, nonce),
                *((f"DROP TABLE IF EXISTS @{table.name}", {}) for table in tables),
            ]
        )

    def restart(self, tables: Sequence[Table], keys: Sequence[str], nonce: str) -> None:
        """Set these positions back to the beginning, empty tables, and forget what could not be taken in."""
        self._store.transact(
            [
                (f"DELETE FROM @{self.failures.name}", {}),
                *((f"DELETE FROM @{table.name}", {}) for table in tables),
                *self._store.restart_steps(keys, nonce),
            ]
        )

    def count_failures(self) -> dict[int, int]:
        """How many events each version could not take in."""
        statement = f"SELECT version, COUNT(*) AS n FROM @{self.failures.name} GROUP BY version"
        return {row["version"]: int(row["n"]) for row in self._store.rows(statement, {})}

    def failures_of(self, number: int, limit: int) -> list[Failed]:
        """The first events that a version could not take in, by leader and position."""
        statement = (
            f"SELECT * FROM @{self.failures.name} WHERE version = :number "
            "ORDER BY leader, position LIMIT :limit"
        )
        return [Failed(**row) for row in self._store.rows(statement, {"number": number, "limit": limit})]

    @property
    def _served(self) -> str:
        return f"(SELECT version FROM @{self.switches.name} ORDER BY number DESC LIMIT 1)"

    def _take(self, steps: Sequence[Step]) -> None:
        try:
            self._store.transact(steps)
        except PersistenceError as error:
            if type(error).__name__ in ("IntegrityError", "DataError"):
                raise IntegrityError("somebody else was faster") from error
            raise


def count_failures_of(store: KeepsAgreement, number: int, stream_ids: Collection[str]) -> int:
    """How many events of these streams a version could not take in."""
    statement, values = _failures_of(store, "SELECT COUNT(*) AS n FROM", number, stream_ids)
    return int(store.rows(statement, values)[0]["n"])


def forget_failures_step(store: KeepsAgreement, number: int, stream_ids: Collection[str]) -> Step:
    """The step that forgets these."""
    return _failures_of(store, "DELETE FROM", number, stream_ids)


def _failures_of(store: KeepsAgreement, what: str, number: int, stream_ids: Collection[str]) -> Step:
    table = version_tables(store.agreement_prefix)[2]
    named = {f"stream_{place}": stream_id for place, stream_id in enumerate(stream_ids)}
    condition = f"version = :number AND stream_id IN (:{', :'.join(named)})"
    return f"{what} @{table.name} WHERE {condition}", {"number": number, **named}


_NOTHING: Mapping[str, Any] = vars(Version(0, "", State.READY))


def _version(row: Mapping[str, Any]) -> Version:
    values = {name: row[name] for name in _NOTHING}
    return Version(**values | {"state": State(row["state"])})
