"""One log: its rows against their seals, and what is new, which is sealed when nothing is wrong with it.

Every row that is read is looked at by itself, and whether it follows on the version before it. What is sealed
is compared with its seals: by what the database counts without reading rows, and by reading some ranges
again, in turn, or all of them.
"""

from collections.abc import Callable, Collection, Sequence

from system.followers.follower import Follower
from system.persistence.inspection import StoredRow
from system.persistence.side_store import SideStore

from .log_findings import LogFindings
from .report import Findings, LogVerified, Verdict
from .rows import RowCheck
from .seals import RANGE, Seal, Sealed, Seals, compare

TURNS = 30
"""In so many quick verifications every sealed range is read again once."""

Look = Callable[[int, int], object]
"""Told how many rows are read, of how many."""


class LogCheck:
    """Verifies the log of one application, up to where it ends now."""

    def __init__(
        self,
        application: Follower,
        store: SideStore,
        findings: Findings,
        at: str,
        doubtful: Collection[int] = (),
    ) -> None:
        """`doubtful` are positions about which something was found the last time."""
        self._store = application.recorder
        self._rows = application.recorder.inspection()
        self._seals = Seals(store, application.name)
        self._check = RowCheck(application.name, application.mapper)
        self._found = LogFindings(application.name, findings)
        self._at = at
        self._doubtful = doubtful
        self._sealed = Sealed(self._seals.genesis)
        self._read = self._new = self._ranges_read = self._unknown = 0
        self._open: list[StoredRow] = []
        self._whole = 0
        self._name = application.name
        self.head = application.recorder.max_notification_id() or 0
        self._follow_chain()
        self.known_to = self._sealed.to
        """The last position that was sealed before."""

    def run(self, look: Look, *, is_full: bool) -> LogVerified:
        """Verify, seal what is new unless something is wrong, and tell what was found."""
        self._look = look
        chosen = self._chosen(is_full=is_full)
        self._whole = max(0, self.head - self._sealed.to) + (
            self._sealed.events if is_full else RANGE * len(chosen)
        )
        for seal in self._seals.until(self._sealed.to):
            if seal.first <= self.head and (is_full or seal.first in chosen):
                self._read_again(seal)
        self._read_tail()
        self._found.tell(self._check.claimed)
        return LogVerified(
            log=self._name,
            head=self.head,
            sealed_to=self._sealed.to,
            chain=self._sealed.chain,
            ranges=self._sealed.ranges,
            ranges_read=self._ranges_read,
            read=self._read,
            new=self._new,
            holes=self._sealed.holes,
            holes_unknown=self._unknown,
        )

    def is_faulty(self, position: int) -> bool:
        """Whether something was found about the row at a position, or about its absence."""
        return any(first <= position <= last for first, last in self._found.faulty)

    # What is sealed

    def _follow_chain(self) -> None:
        """Take in the seals, as far as each follows on the one before."""
        for seal in self._seals:
            if seal.first != self._sealed.to + 1 or not seal.follows(self._sealed.chain):
                what = "this seal does not follow on the one before: the seals were changed"
                self._found.add(Verdict.SEALS_ALTERED, what, seal.first, seal.last)
                return
            self._sealed.take(seal)

    def _chosen(self, *, is_full: bool) -> set[int]:
        """The ranges that are read again, by their first positions: where the counts differ, those about
        which something was found, those whose turn it is, and the last one, which becomes longer."""
        if self._sealed.last is None:
            return set()
        chosen = set() if is_full else self._in_turn()
        for seal in self._seals if self._doubtful else ():
            if any(seal.first <= position <= seal.last for position in self._doubtful):
                chosen.add(seal.first)
        end = min(self._sealed.to, self.head)
        if self.head < self._sealed.to:
            self._shorter()
        if self.head < self._sealed.to or self._rows.count(1, end) != self._sealed.events:
            for seal in self._seals.until(end):
                if self._rows.count(seal.first, seal.last) != seal.events:
                    chosen.add(seal.first)
        return chosen | {self._sealed.last.first}

    def _in_turn(self) -> set[int]:
        share = -(-self._sealed.ranges // TURNS)
        turn = self._seals.after(self._seals.cursor, share)
        if len(turn) < share:
            turn += self._seals.after(0, share - len(turn))
        self._seals.move_cursor(turn[-1].first)
        return {seal.first for seal in turn}

    def _shorter(self) -> None:
        """The log ends before its seals do."""
        due = self._store.next_position()
        if due is not None and due > self._sealed.to:
            what = "these positions are sealed, the log ended after them, and has none of them any more"
            self._found.add(Verdict.EVENT_MISSING, what, self.head + 1, self._sealed.to)
        else:
            what = (
                f"the log was sealed up to position {self._sealed.to} and ends at {self.head}: it is "
                "an older copy, or has lost its end"
            )
            self._found.add(Verdict.LOG_OLDER, what, self.head + 1, self._sealed.to)

    def _read_again(self, seal: Seal) -> None:
        end = min(seal.last, self.head)
        rows = self._rows.page(seal.first - 1, end, seal.events + RANGE)
        self._ranges_read += 1
        difference = compare(seal, self._seals.digests(seal), rows, end)
        if difference.is_of_the_seal:
            what = "the digests of this range are not those that it was sealed with"
            self._found.add(Verdict.SEALS_ALTERED, what, seal.first, seal.last)
        self._check_rows(rows, altered=difference.altered)
        is_last = self._sealed.last is not None and seal.first == self._sealed.last.first
        self._found.add_difference(difference, end if is_last and end == seal.last else None)
        if is_last:
            self._open = list(rows)

    # Rows

    def _check_rows(self, rows: Sequence[StoredRow], altered: frozenset[int] = frozenset()) -> None:
        """Each by itself, and whether each follows on the version before it."""
        for row in rows:
            wrong = self._check.check(row)
            if row.position in altered:
                self._found.add_altered(row, wrong)
            elif wrong is not None:
                self._found.take(wrong)
        seen: dict[tuple[object, int], int] = {}
        outside = []
        for row in rows:
            seen[row.originator_id, row.originator_version] = row.position
            if row.originator_version > 1 and (row.originator_id, row.originator_version - 1) not in seen:
                outside.append(row)
        before = self._rows.positions_of((one.originator_id, one.originator_version - 1) for one in outside)
        for row in outside:
            position = before.get((row.originator_id, row.originator_version - 1))
            if position is None:
                self._found.add_gap(row)
            elif position > row.position:
                what = f"version {row.originator_version - 1} of its stream stands after it, at {position}"
                self._found.take(self._check.finding(row, Verdict.EVENT_MISPLACED, what))
        self._read += len(rows)
        self._look(self._read, max(self._whole, self._read))

    def _read_tail(self) -> None:
        """Read what is not sealed, page by page, and seal it as long as nothing is wrong."""
        after = self._sealed.to
        if self._sealed.last is not None and self._sealed.last.events == RANGE:
            self._open = []
        while after < self.head:
            rows = self._rows.page(after, self.head, RANGE - len(self._open) % RANGE)
            if not rows:
                break
            self._look_for_holes(after, rows)
            self._check_rows(rows)
            if not self._found:
                self._seal(rows)
            after = rows[-1].position

    def _look_for_holes(self, after: int, rows: Sequence[StoredRow]) -> None:
        for row in rows:
            if row.position > after + 1:
                if self._rows.burns_positions:
                    self._unknown += row.position - after - 1
                else:
                    what = "there is no event here, and this store leaves no position out"
                    self._found.add(Verdict.EVENT_MISSING, what, after + 1, row.position - 1)
            after = row.position

    def _seal(self, rows: Sequence[StoredRow]) -> None:
        if self._open:
            self._sealed.open_last()
        self._open += rows
        seal, digests = Seal.of(self._sealed.chain, self._sealed.to + 1, self._open)
        self._seals.put(seal, digests, self._at)
        self._sealed.take(seal)
        self._new += len(rows)
        if len(self._open) >= RANGE:
            self._open = []
