"""What a person can do about a case: retry it, all that match, or give it up."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from application.base import CommandContext
from application.errors import DomainError
from application.limits import MAX_REASON, check_text
from application.queries import PageRequest
from system.bootstrap import Orderwright
from system.followers.parked import CaseNotFound, EarlierEventWaits, Result

from .calls import close_dispute, is_disputed, retry_call
from .cases import Case, CaseQuery, Kind, NotForThisCase, Place
from .desk import CALL, case_of, matching, page_of_cases
from .rehearsing import Rehearsal, rehearse
from .retrying import Dealt, Retrier
from .sagas import PREFIX as SAGA
from .sagas import retry_saga

FAILURES_TOLD = 20


@dataclass(frozen=True)
class DealtEvent:
    """What was done to one event: `result` is retried, failed or discarded."""

    case_id: str
    what: str
    result: str
    error: str | None


@dataclass(frozen=True)
class ActionReport:
    """What an action came to. `replayed` says that the same command had done all of it before."""

    case_id: str
    sequence: str
    events: tuple[DealtEvent, ...]
    still_waiting: int
    replayed: bool

    @property
    def error(self) -> str | None:
        """With what the retry failed again, if it did."""
        return next((event.error for event in self.events if event.error is not None), None)


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


def retry_case(
    orderwright: Orderwright,
    case_id: str,
    context: CommandContext,
    reason: str | None = None,
    *,
    sequence: bool = False,
) -> ActionReport:
    """Process the event of a case after all, with `sequence` all that wait behind it as well, in order
    and up to the first that fails; or have a saga try again to undo its step.

    Raises `CaseNotFound`, `EarlierEventWaits`, `NotForThisCase`, `ConcurrentChanges`. A retry that
    fails is no error: it is counted and reported.
    """
    if case_id.startswith((SAGA, CALL)):
        return _retried(orderwright, case_of(orderwright, case_id), Retrier(orderwright, context, reason))
    place = Place.parse(case_id)
    dealt = Retrier(orderwright, context, reason).retry(place, whole_sequence=sequence)
    return _report(place, dealt)


def rehearse_case(orderwright: Orderwright, case_id: str, *, sequence: bool = False) -> Rehearsal:
    """What `retry_case` would change now. It changes nothing, not even a count. Raises as that does."""
    if case_id.startswith((SAGA, CALL)):
        case = case_of(orderwright, case_id)
        raise NotForThisCase(
            f"only an event can be rehearsed: what a {case.kind} comes to, the payment provider or the "
            "inventory decides when it is asked"
        )
    return rehearse(orderwright, Place.parse(case_id), whole_sequence=sequence)


def discard_case(
    orderwright: Orderwright, case_id: str, context: CommandContext, reason: str
) -> ActionReport:
    """Give an event up for good; what waits behind it comes next. Raises as `retry_case` does."""
    check_text(reason, MAX_REASON)
    if case_id.startswith((SAGA, CALL)):
        case = case_of(orderwright, case_id)
        if is_disputed(case):
            close_dispute(orderwright, UUID(case.sequence), context, reason)
            event = DealtEvent(case.case_id, case.what, Result.DISCARDED, None)
            return ActionReport(case.case_id, case.sequence, (event,), 0, False)
        raise NotForThisCase(
            f"a {case.kind} is not discarded, because money or stock may depend on it: retry it, or end it "
            f"with `orderwright fulfilments force-fail {case.sequence} --reason ...`"
        )
    place = Place.parse(case_id)
    return _report(place, Retrier(orderwright, context, reason).discard(place, reason))


def preview_all(orderwright: Orderwright, query: CaseQuery) -> RetryAllReport:
    """How many cases `retry_all` would retry now."""
    return RetryAllReport(preview=True, matching=len(_retriable(orderwright, query)))


def retry_all(
    orderwright: Orderwright,
    query: CaseQuery,
    context: CommandContext,
    reason: str | None = None,
    *,
    page: PageRequest | None = None,
    progress: Callable[[int, int], object] = lambda *_: None,
) -> RetryAllReport:
    """Retry every case that matches, each with all that waits behind it; or a page of them, in the order
    of the list. One that fails stays and stops no other.

    `progress` is told how many cases are done and of how many events. Stopped at any moment, another
    call finds what is left. Raises faults of the store.
    """
    found = _retriable(orderwright, query)
    cases, cursor = page_of_cases(found, page) if page is not None else (found, None)
    retrier = Retrier(orderwright, context, reason)
    cured = failed = gone = events = 0
    failures: list[Failure] = []
    for number, case in enumerate(cases, start=1):
        try:
            report = _retried(orderwright, case, retrier)
        except (CaseNotFound, EarlierEventWaits):
            gone += 1
        except DomainError as refusal:
            failed += 1
            failures.append(Failure(case.case_id, refusal.message))
        else:
            events += sum(event.result == Result.RETRIED for event in report.events)
            if report.error is None:
                cured += 1
            else:
                failed += 1
                failures.append(Failure(report.events[-1].case_id, report.error))
        progress(number, events)
    return RetryAllReport(
        False, len(found), cured, failed, gone, events, tuple(failures[:FAILURES_TOLD]), cursor
    )


def _retriable(orderwright: Orderwright, query: CaseQuery) -> list[Case]:
    return [case for case in matching(orderwright, query) if not is_disputed(case)]


def _retried(orderwright: Orderwright, case: Case, retrier: Retrier) -> ActionReport:
    """A case with all that waits behind it."""
    if case.kind is Kind.CALL:
        if is_disputed(case):
            raise NotForThisCase(
                "the provider contradicts itself about this payment: ask it, then discard the case with what "
                "it said as the reason"
            )
        retry_call(orderwright, UUID(case.sequence), retrier.context, retrier.reason)
        event = DealtEvent(case.case_id, case.what, Result.RETRIED, None)
        return ActionReport(case.case_id, case.sequence, (event,), 0, False)
    if case.kind is Kind.SAGA:
        retry_saga(orderwright, UUID(case.sequence), retrier.context, retrier.reason)
        event = DealtEvent(case.case_id, case.what, Result.RETRIED, None)
        return ActionReport(case.case_id, case.sequence, (event,), 0, False)
    place = Place.parse(case.case_id)
    return _report(place, retrier.retry(place, whole_sequence=True))


def _report(place: Place, dealt: Dealt) -> ActionReport:
    events = tuple(
        DealtEvent(
            str(Place(place.follower, outcome.event.leader, outcome.event.position)),
            outcome.event.topic,
            outcome.result,
            outcome.error,
        )
        for outcome in dealt.outcomes
    )
    sequence = dealt.outcomes[-1].event.sequence
    return ActionReport(str(place), sequence, events, dealt.still_waiting, dealt.replayed)
