"""The list of everything that waits for a person, the one that waits longest first, and what can be done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from application.base import CommandContext
from application.errors import DomainError
from application.limits import MAX_REASON, check_text
from application.paging import PAGE_BYTES, check_limit, decode_cursor, encode_cursor
from application.queries import InvalidQuery, PageRequest
from application.views import Page
from system.bootstrap import Orderwright
from system.followers.parked import CaseNotFound, EarlierEventWaits, Result
from system.steps.streams import sequences_of

from .calls import Calls
from .cases import Case, CaseDetails, CaseQuery, no_such_case
from .dry_run import DryRun
from .parked_events import ParkedEvents
from .sagas import Sagas
from .source import ActionReport, CaseSource, Command
from .waiting import orders_among, waiting_for

SOURCES: tuple[type[CaseSource], ...] = (ParkedEvents, Calls, Sagas)
KINDS = tuple(kind for source in SOURCES for kind in source.kinds)
"""What cases can be called."""

FAILURES_TOLD = 20
COMPLETED_AT_ONCE = 20
BYTES_OF_A_CASE = 700
BYTES_OF_A_LINE = 30


@dataclass(frozen=True)
class Failure:
    """A case that is still there, and why."""

    case_id: str
    error: str


@dataclass(frozen=True)
class RetryAllReport:
    """What became of the cases that matched, or with `preview` how many there are.

    `cured` have left the desk, with all that waited behind them; `failed` are still there; `gone` had
    left before it was their turn. `failures` names the first of those that failed.
    """

    preview: bool
    matching: int
    cured: int = 0
    failed: int = 0
    gone: int = 0
    events: int = 0
    failures: tuple[Failure, ...] = ()
    next_cursor: str | None = None


class DeadLetterDesk:
    """Everything that waits for a person. Made for one piece of work, and belongs to its thread."""

    def __init__(self, orderwright: Orderwright) -> None:
        self._orderwright = orderwright
        self._sources = tuple(source(orderwright) for source in SOURCES)
        self._source_of = {name: source for source in self._sources for name in source.namespaces}

    def list(self, query: CaseQuery, page: PageRequest) -> Page[Case]:
        """One page of the cases that match, with what waits for them; it ends early with the case with
        which it has about `PAGE_BYTES`. Raises `InvalidQuery`."""
        cases, cursor = _page_of(self.matching(query), page)
        completed: list[Case] = []
        bytes_left = PAGE_BYTES
        for first in range(0, len(cases), COMPLETED_AT_ONCE):
            for case in self._completed(cases[first : first + COMPLETED_AT_ONCE]):
                completed.append(case)
                bytes_left -= _bytes_of(case)
                if bytes_left <= 0 and len(completed) < len(cases):
                    return Page(tuple(completed), _cursor(case))
        return Page(tuple(completed), cursor)

    def matching(self, query: CaseQuery) -> Sequence[Case]:
        """Every case that matches, in the order of the list, without what waits for it. Raises
        `InvalidQuery`."""
        query.check(KINDS)
        sequences = frozenset() if query.order_id is None else frozenset(sequences_of(query.order_id))
        found = [case for source in self._sources for case in source.list() if query.matches(case, sequences)]
        return sorted(found, key=_in_list)

    def show(self, case_id: str) -> CaseDetails:
        """A case, also of an event that waits behind another one. Raises `CaseNotFound`."""
        case = self._source(case_id).find(case_id)
        (completed,) = self._completed([case])
        return replace(case, order_id=completed.order_id, waiting=completed.waiting)

    def retry(
        self, case_id: str, context: CommandContext, reason: str | None = None, *, sequence: bool = False
    ) -> ActionReport:
        """Have a case tried once more, with `sequence` all that waits behind it as well; see the sources.

        Raises `CaseNotFound`, `EarlierEventWaits`, `NotForThisCase`, `ConcurrentChanges`. A retry that
        fails is no error: it is counted and reported.
        """
        return self._source(case_id).retry(case_id, Command(context, reason), sequence=sequence)

    def dry_run(self, case_id: str, *, sequence: bool = False) -> DryRun:
        """What `retry` would change now. It changes nothing, not even a count. Raises as that does."""
        return self._source(case_id).dry_run(case_id, sequence=sequence)

    def discard(self, case_id: str, context: CommandContext, reason: str) -> ActionReport:
        """Give a case up for good; what waits behind it comes next. Raises as `retry` does."""
        check_text(reason, MAX_REASON)
        return self._source(case_id).discard(case_id, Command(context, reason))

    def preview_all(self, query: CaseQuery) -> RetryAllReport:
        """How many cases `retry_all` would retry now."""
        return RetryAllReport(preview=True, matching=len(self._retriable(query)))

    def retry_all(
        self,
        query: CaseQuery,
        context: CommandContext,
        reason: str | None = None,
        *,
        page: PageRequest | None = None,
        progress: Callable[[int, int], object] = lambda *_: None,
    ) -> RetryAllReport:
        """Retry every case that matches, each with all that waits behind it; or a page of them, in the
        order of the list. One that fails stays and stops no other.

        `progress` is told how many cases are done and of how many events. Stopped at any moment, another
        call finds what is left. Raises faults of the store.
        """
        found = self._retriable(query)
        cases, cursor = _page_of(found, page) if page is not None else (found, None)
        command = Command(context, reason)
        cured = gone = events = 0
        failures: list[Failure] = []
        for number, case in enumerate(cases, start=1):
            try:
                report = self._source(case.case_id).retry(case.case_id, command, sequence=True, listed=case)
            except (CaseNotFound, EarlierEventWaits):
                gone += 1
            except DomainError as refusal:
                failures.append(Failure(case.case_id, refusal.message))
            else:
                events += sum(event.result == Result.RETRIED for event in report.events)
                if report.error is None:
                    cured += 1
                else:
                    failures.append(Failure(report.events[-1].case_id, report.error))
            progress(number, events)
        told = tuple(failures[:FAILURES_TOLD])
        return RetryAllReport(False, len(found), cured, len(failures), gone, events, told, cursor)

    def _retriable(self, query: CaseQuery) -> Sequence[Case]:
        return [case for case in self.matching(query) if self._source(case.case_id).can_be_retried(case)]

    def _source(self, case_id: str) -> CaseSource:
        source = self._source_of.get(case_id.partition(":")[0])
        if source is None:
            raise no_such_case(case_id)
        return source

    def _completed(self, cases: Sequence[Case]) -> Sequence[Case]:
        """The cases with the orders that they are about, and what waits with those."""
        orders = orders_among(self._orderwright, {case.sequence for case in cases})
        waiting = waiting_for(self._orderwright, set(orders.values()))

        def completed(case: Case) -> Case:
            order_id = orders.get(case.sequence)
            if order_id is None:
                return case
            return replace(case, order_id=str(order_id), waiting=waiting[order_id])

        return [completed(case) for case in cases]


def _page_of(cases: Sequence[Case], page: PageRequest) -> tuple[Sequence[Case], str | None]:
    """The page of a list, and the cursor of the next one. Raises `InvalidQuery`."""
    limit = check_limit(page)
    if page.cursor is not None:
        after = _place(page.cursor)
        cases = [case for case in cases if _in_list(case) > after]
    shown = cases[:limit]
    return shown, _cursor(shown[-1]) if len(cases) > limit else None


def _bytes_of(case: Case) -> int:
    """About how many bytes a case takes in an answer: its order may hold many products."""
    lines = case.waiting.stock if case.waiting is not None else ()
    return BYTES_OF_A_CASE + len(case.error or "") + sum(BYTES_OF_A_LINE + len(line.sku) for line in lines)


def _cursor(case: Case) -> str:
    return encode_cursor(case.first_at.isoformat(), case.case_id)


def _in_list(case: Case) -> tuple[datetime, str]:
    return case.first_at, case.case_id


def _place(cursor: str) -> tuple[datetime, str]:
    time, case_id = decode_cursor(cursor, str, str)
    try:
        at = datetime.fromisoformat(time)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise InvalidQuery("the cursor is not one of this list's", field="/cursor")
    return at, case_id
