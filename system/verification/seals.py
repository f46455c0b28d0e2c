"""The seals: for each range of positions of a log how many events there are, and a digest of each row.

Each seal has a value that includes the one before, so the last one stands for the whole log up to there,
and no seal can be left out or exchanged by itself. The last range of a log is open: the next verification
makes it longer, until it has `RANGE` events.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Self

from system.persistence.inspection import StoredRow
from system.persistence.side_store import SideStore
from system.persistence.tables import Table

RANGE = 1000
"""So many events are in a range."""

DIGEST = 8
"""Bytes of the digest of a row that are kept. The value of the seal is made of longer ones."""

_AT_ONCE = 1000

RANGES = Table(
    "seal_ranges",
    columns={
        "log": "TEXT",
        "first": "BIGINT",
        "last": "BIGINT NOT NULL",
        "events": "BIGINT NOT NULL",
        "holes": "TEXT NOT NULL",
        "root": "TEXT NOT NULL",
        "chain": "TEXT NOT NULL",
        "digests": "BYTEA NOT NULL",
        "sealed_at": "TEXT NOT NULL",
    },
    key=("log", "first"),
)
CURSORS = Table("seal_cursors", columns={"log": "TEXT", "after": "BIGINT NOT NULL"}, key=("log",))

_LIGHT = "first, last, events, holes, root, chain"


@dataclass(frozen=True)
class Seal:
    """What is known of a range of positions, from the first to the last one that has an event. `holes` are
    positions that have none, as ``3-5,9``; `root` is made of the digests, `chain` of all that and of the
    seal before."""

    first: int
    last: int
    events: int
    holes: str
    root: str
    chain: str

    @classmethod
    def of(cls, before: str, first: int, rows: Sequence[StoredRow]) -> tuple[Self, bytes]:
        """The seal of these rows, of which there is at least one, after another seal; and the digests."""
        digests = [digest(row) for row in rows]
        root = blake2b(b"".join(digests), digest_size=32).hexdigest()
        holes = _as_text(_holes(first, [row.position for row in rows]))
        last = rows[-1].position
        chain = chained(before, first, last, len(rows), holes, root)
        return cls(first, last, len(rows), holes, root, chain), b"".join(one[:DIGEST] for one in digests)

    def follows(self, before: str) -> bool:
        """Whether this is the seal that was made after another one."""
        return self.chain == chained(before, self.first, self.last, self.events, self.holes, self.root)

    @property
    def positions(self) -> list[int]:
        """The positions that have an event."""
        found: list[int] = []
        due = self.first
        for first, last in intervals(self.holes):
            found += range(due, first)
            due = last + 1
        return [*found, *range(due, self.last + 1)]

    @property
    def missing(self) -> int:
        """How many positions have none."""
        return self.last - self.first + 1 - self.events


def chained(before: str, *parts: object) -> str:
    """The value of a seal after another one."""
    return blake2b("|".join(map(str, (before, *parts))).encode(), digest_size=32).hexdigest()


def digest(row: StoredRow) -> bytes:
    """Of everything that a row says of its event. (What a tuned table says beside it follows from that, and
    is compared with it.)"""
    head = f"{row.position} {row.originator_version} {row.topic}\0".encode()
    return blake2b(head + row.originator_id.bytes + row.state, digest_size=32).digest()


def intervals(text: str) -> Iterator[tuple[int, int]]:
    """The first and last of each of these holes."""
    for part in text.split(",") if text else ():
        first, _, last = part.partition("-")
        yield int(first), int(last or first)


def _holes(first: int, positions: Iterable[int]) -> Iterator[tuple[int, int]]:
    due = first
    for position in positions:
        if position > due:
            yield due, position - 1
        due = position + 1


def _as_text(holes: Iterable[tuple[int, int]]) -> str:
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in holes)


@dataclass(frozen=True)
class Difference:
    """How the rows of a range differ from its seal, by their positions. `is_of_the_seal` says that the
    digests of the seal itself are not those that it was made of."""

    altered: frozenset[int] = frozenset()
    missing: tuple[int, ...] = ()
    added: tuple[int, ...] = ()
    is_of_the_seal: bool = False


def compare(seal: Seal, kept: Mapping[int, bytes], rows: Sequence[StoredRow], end: int) -> Difference:
    """Compare the rows of a range, up to a position, with what was sealed."""
    digests = {row.position: digest(row) for row in rows}
    root = blake2b(b"".join(digests.values()), digest_size=32).hexdigest()
    altered = frozenset(at for at, one in digests.items() if at in kept and kept[at] != one[:DIGEST])
    missing = tuple(at for at in kept if at <= end and at not in digests)
    added = tuple(at for at in digests if at not in kept)
    is_right = root == seal.root
    is_whole = end == seal.last
    if is_right or (is_whole and not (altered or missing or added)):
        return Difference(is_of_the_seal=not is_right or bool(altered or missing or added))
    return Difference(altered, missing, added)


class Sealed:
    """What the seals of a log say together, one taken in after the other."""

    def __init__(self, genesis: str) -> None:
        self.chain = self._before_last = genesis
        self.last: Seal | None = None
        self.ranges = self.events = self.holes = self.to = 0

    def take(self, seal: Seal) -> None:
        """Take in the next one."""
        self._before_last, self.chain = self.chain, seal.chain
        self.last, self.to = seal, seal.last
        self.ranges += 1
        self.events += seal.events
        self.holes += seal.missing

    def open_last(self) -> None:
        """Leave the last one out again, for a longer one in its place is taken in next."""
        if self.last is not None:
            self.chain, self.to = self._before_last, self.last.first - 1
            self.ranges -= 1
            self.events -= self.last.events
            self.holes -= self.last.missing


class Seals:
    """The seals of one log, as they are kept. `genesis` is what the first one comes after."""

    def __init__(self, store: SideStore, log: str) -> None:
        self._store = store
        self._log = log
        self.genesis = chained(log)

    def after(self, last: int = 0, limit: int = _AT_ONCE) -> list[Seal]:
        """At most so many seals that begin after a position, in order, without their digests."""
        rows = self._store.rows(
            f"SELECT {_LIGHT} FROM @seal_ranges WHERE log = :log AND first > :last "
            "ORDER BY first LIMIT :limit",
            {"log": self._log, "last": last, "limit": limit},
        )
        return [Seal(**row) for row in rows]

    def __iter__(self) -> Iterator[Seal]:
        """All of them, read page by page."""
        last = 0
        while page := self.after(last):
            yield from page
            last = page[-1].last

    def until(self, last: int) -> Iterator[Seal]:
        """Those that begin up to a position."""
        for seal in self:
            if seal.first > last:
                return
            yield seal

    def digests(self, seal: Seal) -> dict[int, bytes]:
        """The digest of each row of a range, by position; empty when they are not those of the seal."""
        rows = self._store.rows(
            "SELECT digests FROM @seal_ranges WHERE log = :log AND first = :first AND last = :last",
            {"log": self._log, "first": seal.first, "last": seal.last},
        )
        kept = bytes(rows[0]["digests"]) if rows else b""
        if len(kept) != DIGEST * seal.events:
            return {}
        parts = (kept[at : at + DIGEST] for at in range(0, len(kept), DIGEST))
        return dict(zip(seal.positions, parts, strict=True))

    def put(self, seal: Seal, digests: bytes, at: str) -> None:
        """Keep a seal, in the place of a shorter one of the same range."""
        names = ("last", "events", "holes", "root", "chain", "digests", "sealed_at")
        taken_over = ", ".join(f"{name} = excluded.{name}" for name in names)
        statement = (
            f"INSERT INTO @seal_ranges (log, first, {', '.join(names)}) "
            f"VALUES (:log, :first, :{', :'.join(names)}) ON CONFLICT (log, first) DO UPDATE "
            f"SET {taken_over} WHERE seal_ranges.last < excluded.last"
        )
        values = {"log": self._log, **vars(seal), "digests": digests, "sealed_at": at}
        self._store.transact([(statement, values)])

    @property
    def cursor(self) -> int:
        """The last position that was read again, of those that are read again in turn."""
        rows = self._store.rows("SELECT after FROM @seal_cursors WHERE log = :log", {"log": self._log})
        return rows[0]["after"] if rows else 0

    def move_cursor(self, after: int) -> None:
        """The next time the turn is that of the range after this position."""
        statement = (
            "INSERT INTO @seal_cursors (log, after) VALUES (:log, :after) "
            "ON CONFLICT (log) DO UPDATE SET after = excluded.after"
        )
        self._store.transact([(statement, {"log": self._log, "after": after})])
