"""The rows of read models, compared with those that the present code makes of the same events.

Rows and positions are recorded together. So the positions are read before and after the rows: when they are
the same, the rows are as of them, and are compared with what the events up to there lead to. What keeps
moving is looked at again, a few times, and then left out. So is what waits in the parking lot of the read
model, or was discarded there: those events have no rows, and rightly so.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from random import Random
from typing import Any
from uuid import UUID

from application.unreadable import UnreadableEvent
from system.definition import orderwright as definition
from system.followers.derived import Derivation, Row, Rows, Underivable, derived_rows, stored_rows
from system.followers.event_log import Entry
from system.followers.follower import Follower
from system.followers.parking import ParkingLot
from system.followers.projection import Projection
from system.followers.salvage import lot_of
from system.persistence.tables import Table

from .report import Finding, Findings, Verdict

TRIES = 5
PAGE = 500
AT_ONCE = 200
LAST_OF_STREAM = 500
"""So many events at the end of a stream tell the rows of a read model that only keeps the newest."""

Look = Callable[[int, int], object]
"""Told how many orders or products are compared, of how many."""


@dataclass
class Compared:
    """How many orders or products were compared, and how many could not be."""

    compared: int = 0
    skipped: int = 0


class ReadModelCheck:
    """Verifies the rows of one read model."""

    def __init__(
        self, projection: Projection, applications: Mapping[str, Follower], findings: Findings
    ) -> None:
        self._projection = projection
        self._leaders = {name: applications[name] for name in definition.follows[projection.name]}
        self._findings = findings
        self._keeps_newest = all(table.newest_by is not None for table in projection.tables)
        self._apart = set_apart(projection)

    def run(self, keys: Iterable[str], whole: int, look: Look) -> Compared:
        """Compare these orders or products, many at once."""
        done = Compared()
        with Derivation(type(self._projection)) as derivation:
            for some in in_parts(keys, AT_ONCE):
                agree = self._agreeing(derivation, some)
                for key in some:
                    if key in agree or self._is_compared(derivation, key):
                        done.compared += 1
                    else:
                        done.skipped += 1
                told = done.compared + done.skipped
                look(told, max(whole, told))
        return done

    def sample(self, size: int, random: Random) -> list[str]:
        """At most so many keys: half of those that the logs tell of, half of those that there are rows of."""
        found = {*self._from_logs(size // 2, random), *self._from_rows(size - size // 2, random)}
        return sorted(found)

    def everything(self) -> Iterator[str]:
        """Every key that there are rows of, and every one that a log tells of and there is no row of."""
        before = ""
        for key in merge(*(self._keys_of(table.name) for table in self._projection.tables)):
            if key != before:
                yield key
            before = key
        for leader in self._leaders:
            for keys in in_parts(self._begun_in(leader), AT_ONCE):
                yield from self._without_rows(keys, leader)

    # Which

    def _begun_in(self, name: str) -> Iterator[str]:
        """Those of which a stream of this leader begins, up to where its log ends now."""
        leader = self._leaders[name]
        after, head = 0, leader.recorder.max_notification_id() or 0
        while after < head and (rows := leader.recorder.select_log(after, PAGE)):
            after = rows[-1][4]
            for row in rows:
                key = self._key(name, Entry(row, leader.mapper)) if row[1] == 1 else None
                if key is not None:
                    yield key

    def _without_rows(self, keys: Sequence[str], leader: str) -> list[str]:
        """Those of which there is no row, and of which no leader before this one has told."""
        left = dict.fromkeys(keys)
        for table in self._projection.tables:
            for key in self._stored(table, list(left)):
                left.pop(key, None)
        for name in list(self._leaders)[: list(self._leaders).index(leader)]:
            stream_of = {
                key: streams[name]
                for key in left
                if name in (streams := self._projection.subject.streams(key))
            }
            if not stream_of:
                continue
            present = self._leaders[name].recorder.present_streams(list(stream_of.values()))
            for key, stream_id in stream_of.items():
                if stream_id in present:
                    del left[key]
        return list(left)

    def _keys_of(self, table: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        column, at_once = self._projection.subject.column, min(PAGE, limit or PAGE)
        while True:
            rows = self._projection.rows(
                f"SELECT DISTINCT {column} AS key FROM @{table} WHERE {column} > :after "
                f"ORDER BY {column} LIMIT :limit",
                after=after,
                limit=at_once,
            )
            yield from (row["key"] for row in rows)
            if len(rows) < PAGE:
                return
            after = rows[-1]["key"]

    def _from_logs(self, size: int, random: Random) -> Iterator[str]:
        for number in range(size):
            name, leader = list(self._leaders.items())[number % len(self._leaders)]
            position = self._projection.position_in(name)
            row = leader.recorder.select_log(random.randint(0, position - 1), 1) if position else ()
            key = self._key(name, Entry(row[0], leader.mapper)) if row else None
            if key is not None:
                yield key

    def _from_rows(self, size: int, random: Random) -> Iterator[str]:
        tables = self._projection.tables
        for number in range(size):
            after = f"{random.getrandbits(32):08x}"
            yield from self._keys_of(tables[number % len(tables)].name, after, 1)

    def _key(self, leader: str, entry: Entry) -> str | None:
        if not self._projection.concerns(entry.topic):
            return None
        return self._projection.subject.of(leader, entry)

    # Whether they agree

    def _agreeing(self, derivation: Derivation, keys: Sequence[str]) -> set[str]:
        """Those of which the rows are what all events there are lead to. The others have to be looked at
        one by one: they may be about to be changed."""
        if self._keeps_newest:
            return set()
        wanted = [key for key in keys if not self._is_apart(key)]
        stored = {table.name: self._stored(table, wanted) for table in self._projection.tables}
        derivation.forget()
        try:
            for name, leader in self._leaders.items():
                derivation.take(name, self._all_events(name, leader, wanted))
            rows = derivation.rows()
        except Underivable:
            return set()
        derived = {name: self._by_key(of_table) for name, of_table in rows.items()}
        return {
            key for key in wanted if all(stored[name].get(key) == derived[name].get(key) for name in stored)
        }

    def _all_events(self, name: str, leader: Follower, keys: Sequence[str]) -> list[Entry]:
        streams = [
            streams[name] for key in keys if name in (streams := self._projection.subject.streams(key))
        ]
        return [
            Entry((one.originator_id, one.originator_version, one.topic, bytes(one.state), 0), leader.mapper)  # type: ignore[arg-type]  # ours are all UUIDs
            for one in leader.recorder.select_streams(dict.fromkeys(streams, 0))
        ]

    def _stored(self, table: Table, keys: Sequence[str]) -> dict[str, list[Row]]:
        """The rows of a table, in the order of its key, by what they are about."""
        if not keys:
            return {}
        names = {f"key_{number}": key for number, key in enumerate(keys)}
        rows = self._projection.rows(
            f"SELECT {', '.join(table.columns)} FROM @{table.name} "
            f"WHERE {self._projection.subject.column} IN (:{', :'.join(names)}) "
            f"ORDER BY {', '.join(table.key)}",
            **names,
        )
        return self._by_key(rows)

    def _by_key(self, rows: Iterable[Row]) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        for row in rows:
            found.setdefault(row[self._projection.subject.column], []).append(row)
        return found

    def _is_compared(self, derivation: Derivation, key: str) -> bool:
        suspected: Rows | None = None
        for _ in range(TRIES):
            if self._is_apart(key):
                return False
            positions = self._positions()
            stored = stored_rows(self._projection, key)
            derived = self._derived(derivation, key, positions)
            if derived is None or positions != self._positions():
                continue
            if stored == derived:
                return True
            if suspected == stored:
                self._tell(stored, derived)
                return True
            # Somebody at the dead-letter desk may have had it in hand just now: that moves no position.
            suspected, self._apart = stored, set_apart(self._projection)
        return False

    def _is_apart(self, key: str) -> bool:
        streams = self._projection.subject.streams(key).values()
        return not self._apart.isdisjoint({key, *map(str, streams)})

    def _positions(self) -> dict[str, int]:
        return {name: self._projection.position_in(name) for name in self._leaders}

    def _derived(self, derivation: Derivation, key: str, positions: Mapping[str, int]) -> Rows | None:
        """None when that cannot be told now, or an event cannot be read: that is told of its log."""
        with suppress(Underivable, ValueError):
            if not self._keeps_newest:
                return derived_rows(derivation, self._leaders, key, positions)
            derivation.forget()
            for name, stream_id in self._projection.subject.streams(key).items():
                if name in self._leaders:
                    derivation.take(name, self._newest(self._leaders[name], stream_id, positions[name]))
            return derivation.rows()
        return None

    def _newest(self, leader: Follower, stream_id: UUID, position: int) -> list[Entry]:
        last = list(leader.recorder.select_events(stream_id, desc=True, limit=1))
        ends = last[0].originator_version if last else 0
        page = leader.recorder.select_stream(stream_id, max(1, ends - LAST_OF_STREAM), ends)
        found = [
            Entry((stream_id, one.originator_version, one.topic, one.state, one.id), leader.mapper)
            for one in page
            if one.id <= position
        ]
        if not found and ends > LAST_OF_STREAM:
            raise ValueError("the position is far behind the end of this stream")
        return found

    def _tell(self, stored: Rows, derived: Rows) -> None:
        for table in self._projection.tables:
            by_key = [
                {tuple(row[name] for name in table.key): row for row in rows[table.name]}
                for rows in (stored, derived)
            ]
            for row_key in sorted({*by_key[0], *by_key[1]}):
                self._tell_row(table.name, row_key, by_key[0].get(row_key), by_key[1].get(row_key))

    def _tell_row(self, table: str, key: tuple[Any, ...], stored: Row | None, derived: Row | None) -> None:
        if stored == derived:
            return
        if stored is None:
            verdict, what = Verdict.ROW_MISSING, "the events lead to a row here, and there is none"
        elif derived is None:
            verdict, what = Verdict.ROW_LEFT_OVER, "no event leads to this row"
        else:
            wrong = [
                f"{name} is {stored[name]!r}, the events say {value!r}"
                for name, value in derived.items()
                if stored[name] != value
            ]
            verdict, what = Verdict.ROW_DIFFERS, "; ".join(wrong)
        name = " ".join(str(part) for part in key)
        self._findings.add(Finding(verdict, self._projection.name, what, key=name, table=table))


def in_parts(keys: Iterable[str], size: int) -> Iterator[list[str]]:
    """The same in parts of at most so many."""
    rest = iter(keys)
    while part := list(islice(rest, size)):
        yield part


def set_apart(projection: Projection) -> frozenset[str]:
    """Conversations and streams of which an event waits in the parking lot, may wait there, or was
    discarded."""
    lot = lot_of(projection)
    if lot is None:
        return frozenset()
    apart = set(lot.doubtful)
    for waiting in lot.parked.values():
        apart |= {name for one in waiting for name in (one.sequence, str(one.stream_id))}
    for first in range(1, lot.version + 1, PAGE):
        for row in projection.recorder.select_stream(lot.id, first, first + PAGE - 1):
            if row.topic == ParkingLot.EventDiscarded.TOPIC:
                with suppress(UnreadableEvent):
                    event: Any = projection.mapper.to_domain_event(row)
                    apart |= {event.sequence, str(event.stream_id)}
    return frozenset(apart)
