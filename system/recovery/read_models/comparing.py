"""Compares two versions of a read model at the same positions, while both are kept up to date.

Both tables are read in pages, by key. What differs there may only be further on in one version than in
the other, so it is looked at again: both versions are waited for until each has passed where the other
one was, and the rows are read anew. Equal rows are dropped. Two rows that were the same in three looks
differ in truth: by each look a version has taken in all that the other one had taken in by the look before.
Two looks are not enough for a row that comes and goes: one version has it not yet in the first and not any
more in the second, while the other has it in both. Rows that have changed meanwhile are looked at once more.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from application.errors import Refused
from system.followers.follower import Follower
from system.followers.projection import Projection
from system.persistence.tables import Table
from system.persistence.versions import key_at

from .differences import Group, Groups, is_different
from .side_by_side import Key, Pair, SideBySide

BATCH = 20_000
"""So many rows that seem different are held before they are looked at again."""
MOST_ROUNDS = 20
SAME_AGAIN = 2
"""So many times two rows that differ have to be found as they were before."""
PATIENCE_SECONDS = 60.0
"""So long a version may stand still before a comparison is given up."""
LOOK_EVERY_SECONDS = 0.02
ALONE_AFTER_SECONDS = 1.0
"""Where nothing moves for so long, no runner does it, and it is done here."""

Progress = Callable[[str, int, int], object]
"""Told which table is compared, how many of its rows are, and of how many."""
KeepUp = Callable[[], int]
"""Moves what nobody else moves, and says how many events that were."""


class StandsStill(Refused):
    """A version of a read model is not kept up to date, so it cannot be compared."""

    code = "version_stands_still"


@dataclass(frozen=True)
class Comparison:
    """What two versions of a read model have in common. `positions` are those that both have passed in each
    log; `rows` is how many rows were compared, and `parked` how many events wait in the parking lot of the
    read model, so that the version in use may lack what they say."""

    projection: str
    version: int
    against: int
    at: datetime
    positions: Mapping[str, int]
    rows: int
    parked: int
    groups: tuple[Group, ...]

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs."""
        return not self.groups


class Comparing:
    """Compares one version with another. Belongs to one thread."""

    def __init__(
        self,
        projection: Projection,
        leaders: Mapping[str, Follower],
        old: int,
        new: int,
        *,
        keep_up: KeepUp,
        progress: Progress,
    ) -> None:
        self._projection = projection
        self._leaders = leaders
        self._versions = (old, new)
        self._keep_up = keep_up
        self._progress = progress
        self._sides = SideBySide(projection, old, new)
        self._groups = Groups(names_tables=False)
        self.rows = 0
        self.positions: dict[str, int] = dict.fromkeys(leaders, 0)

    def run(self) -> tuple[Group, ...]:
        """Compare everything. Raises `StandsStill`."""
        self._catch_up()
        return tuple(group for table in self._projection.tables for group in self._compare(table))

    def _compare(self, table: Table) -> Groups:
        """The differences in a table. A column that is new when it begins, and has a value in the old
        version as well when it ends, was not new but rare: then it is compared as any other."""
        apart_from = self._sides.columns_of_new_alone(table)
        while True:
            self._groups = Groups(names_tables=len(self._projection.tables) > 1)
            done = self._compare_rows(table, apart_from)
            still = apart_from and apart_from & self._sides.columns_of_new_alone(table)
            if still == apart_from:
                self.rows += done
                return self._groups
            apart_from = still

    def _compare_rows(self, table: Table, apart_from: frozenset[str]) -> int:
        whole, done = self._sides.count(table), 0
        seen: dict[Key, bytes] = {}
        for page in self._sides.pages(table):
            for pair in page:
                self._groups.add_new(table, apart_from, pair)
                if is_different(pair, apart_from):
                    seen[pair.key] = _digest(pair)
            done += len(page)
            self._progress(table.name, done, max(whole, done))
            if len(seen) >= BATCH:
                self._look_again(table, apart_from, seen)
                seen = {}
        self._look_again(table, apart_from, seen)
        return done

    def _look_again(self, table: Table, apart_from: frozenset[str], seen: dict[Key, bytes]) -> None:
        same: Counter[Key] = Counter()
        for number in range(MOST_ROUNDS):
            if not seen:
                return
            self._catch_up()
            again: dict[Key, bytes] = {}
            for pair in self._sides.pairs(table, list(seen)):
                if not is_different(pair, apart_from):
                    continue
                digest = _digest(pair)
                same[pair.key] = same[pair.key] + 1 if digest == seen[pair.key] else 0
                if same[pair.key] == SAME_AGAIN:
                    self._groups.add_different(table, apart_from, pair)
                elif number + 1 < MOST_ROUNDS:
                    again[pair.key] = digest
                else:
                    self._groups.add_unsettled(table, pair)
            seen = again

    def _catch_up(self) -> None:
        """Wait until both versions have passed where either of them is now."""
        now = before = self._recorded()
        self.positions = {
            name: max(now[name, version] for version in self._versions) for name in self._leaders
        }
        moved_at = time.monotonic()
        while any(now[name, version] < self.positions[name] for name, version in now):
            still = time.monotonic() - moved_at
            if still > PATIENCE_SECONDS:
                raise StandsStill(self._where_it_stands(now))
            if still < ALONE_AFTER_SECONDS or not self._keep_up():
                time.sleep(LOOK_EVERY_SECONDS)
            now = self._recorded()
            if now != before:
                before, moved_at = now, time.monotonic() - min(still, ALONE_AFTER_SECONDS)

    def _recorded(self) -> dict[tuple[str, int], int]:
        store = self._projection.recorder
        return {
            (name, version): store.checkpoint(key_at(name, version))[0]
            for name in self._leaders
            for version in self._versions
        }

    def _where_it_stands(self, now: Mapping[tuple[str, int], int]) -> str:
        name, version = next(place for place in now if now[place] < self.positions[place[0]])
        return (
            f"version {version} of {self._projection.name} has stood at position {now[name, version]} of "
            f"{name} for {PATIENCE_SECONDS:.0f} seconds, and the other version is at {self.positions[name]}; "
            "see `orderwright doctor`, and compare again"
        )


def _digest(pair: Pair) -> bytes:
    """What two rows are known by when they are looked at again."""
    return hashlib.blake2b(repr((pair.old, pair.new)).encode(), digest_size=16).digest()
