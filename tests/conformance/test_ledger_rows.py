"""Which calls to the provider are due, on every store and however the events of the payments are paged.

From these rows the worker knows under which key to ask, for how long it has been failing, and when to give
up: a wrong one charges under a key of its own, or never stops.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid5

import pytest
from eventsourcing.persistence import Tracking

from domain.payments import Payment, Trouble
from domain.shared.causes import Cause, because_of
from domain.shared.money import Money
from system.followers.projection import Projection
from system.followers.unit_of_work import UnitOfWork
from system.projections.order_dashboard.follower import OrderDashboard
from system.projections.payment_calls.follower import PaymentCalls
from system.projections.payment_calls.queries import LONGEST_PAUSE, DueCall
from system.projections.payment_ledger.follower import PaymentLedger
from tests.support.fixtures import Environment
from tests.support.stories import FRIDAY_NOON, ORDER_ID, new_events

from .conftest import Open

News = Callable[[Payment], None]
Pages = Callable[[Sequence[Any]], list[Sequence[Any]]]
A_MOMENT = timedelta(microseconds=1)


def noon(minutes: float = 0) -> datetime:
    """So many minutes after Friday noon."""
    return FRIDAY_NOON + timedelta(minutes=minutes)


def trouble(error: str, since: int, times: int = 1, *, next_at: float = 0, is_last: bool = False) -> Trouble:
    """Trouble since that minute, after which the next call is due at once, or at another minute."""
    return Trouble(error, noon(since), times, None if is_last else noon(next_at))


def fails(attempt: int, since: int, *, next_at: float = 0) -> News:
    return lambda p: p.charge_attempt_failed(attempt, trouble("503", since, attempt, next_at=next_at))


def silent(attempt: int, since: int, times: int) -> News:
    return lambda p: p.charge_unanswered(attempt, trouble("no answer", since, times))


def refund_fails(attempt: int, since: int, *, is_last: bool = False) -> News:
    return lambda p: p.refund_attempt_failed(attempt, trouble("closed", since, attempt, is_last=is_last))


def refund_silent(attempt: int, since: int, times: int) -> News:
    return lambda p: p.refund_unanswered(attempt, trouble("no answer", since, times))


def paid(attempt: int = 1) -> News:
    return lambda p: p.complete("ch_1", attempt)


def refunded(payment: Payment) -> None:
    payment.refund_made(payment.attempt)


def withdrawn(payment: Payment) -> None:
    payment.withdraw("changed my mind")


def refund(payment: Payment) -> None:
    payment.request_refund()


def declined(payment: Payment) -> None:
    payment.decline("no funds", 1)


def story(*news: News, name: str = "") -> list[Any]:
    """The events of a payment of an order of its own that hears this news, a minute after each other."""
    order_id = uuid5(ORDER_ID, name)
    with because_of(Cause(noon(), str(order_id), "event")):
        payment = Payment.request(order_id, payment_method="pm_ok", amount=Money(Decimal("66.90"), "USD"))
    for minute, tell in enumerate(news, 1):
        with because_of(Cause(noon(minute), str(order_id), "event")):
            tell(payment)
    return new_events(payment)


@pytest.fixture(params=["one page", "a page each"])
def pages(request: pytest.FixtureRequest) -> Pages:
    """How the events are paged."""
    return (
        (lambda events: [events]) if request.param == "one page" else (lambda events: [[e] for e in events])
    )


def follow(projection: Projection, pages: Pages, *stories: list[Any]) -> None:
    """Have it read these stories."""
    for page in pages([event for events in stories for event in events]):
        head = projection.recorder.max_tracking_id("Payments") or 0
        work = UnitOfWork(position=Tracking("Payments", head + len(page)))
        for event in page:
            if type(event) not in projection.ignored:
                projection.handle(event, work)
        projection.record_work(work)


def what_is_asked(call: DueCall) -> tuple[object, ...]:
    """Under which key, in minutes after noon since when, after how many failures and silences."""

    def minute(time: datetime | None) -> int | None:
        return None if time is None else int((time - FRIDAY_NOON).total_seconds() // 60)

    _, kind, attempt = call.key.split(":")
    assert kind == ("refund" if call.kind == "refund" else "charge")
    return (
        *(call.kind, int(attempt), minute(call.since)),
        *(call.failures, minute(call.failing_since), call.unanswered, minute(call.unknown_since)),
    )


DUE: dict[str, tuple[tuple[News, ...], tuple[object, ...] | None]] = {
    "asked for": ((), ("charge", 1, 0, 0, None, 0, None)),
    "failed twice": ((fails(1, 1), fails(2, 1)), ("charge", 3, 2, 2, 1, 0, None)),
    "unanswered twice": ((silent(1, 1, 1), silent(1, 1, 2)), ("charge", 1, 2, 0, None, 2, 1)),
    "unanswered, then failed": ((silent(1, 1, 1), fails(1, 2)), ("charge", 2, 2, 1, 2, 0, None)),
    "failed, then unanswered": ((fails(1, 1), silent(2, 2, 1)), ("charge", 2, 2, 1, 1, 1, 2)),
    "failed, then paid": ((fails(1, 1), paid(2)), None),
    "declined": ((declined,), None),
    "withdrawn": ((withdrawn,), ("call_off", 1, 1, 0, None, 0, None)),
    "unanswered, then withdrawn": (
        (silent(1, 1, 1), silent(1, 1, 2), withdrawn),
        ("call_off", 1, 3, 0, None, 0, 1),
    ),
    "unanswered, withdrawn, called off": ((silent(1, 1, 1), withdrawn, lambda p: p.called_off(1)), None),
    "hastened": ((fails(1, 1, next_at=600), lambda p: p.hasten("now")), ("charge", 2, 2, 1, 1, 0, None)),
    "a refund after much trouble": (
        (fails(1, 1), silent(2, 2, 1), paid(2), refund),
        ("refund", 1, 4, 0, None, 0, None),
    ),
    "a refund that failed twice": (
        (paid(), refund, refund_fails(1, 3), refund_fails(2, 3)),
        ("refund", 3, 4, 2, 3, 0, None),
    ),
    "a refund that is unanswered": (
        (paid(), refund, refund_fails(1, 3), refund_silent(2, 4, 1)),
        ("refund", 2, 4, 1, 3, 1, 4),
    ),
    "a refund that failed for good": ((paid(), refund, refund_fails(1, 3, is_last=True)), None),
    "one that is asked for once more": (
        (
            *(paid(), refund, refund_fails(1, 3), refund_silent(2, 4, 1)),
            *(refund_fails(2, 3, is_last=True), refund),
        ),
        ("refund", 3, 6, 0, None, 0, None),
    ),
    "one that fails once more": (
        (paid(), refund, refund_fails(1, 3, is_last=True), refund, refund_fails(2, 5)),
        ("refund", 3, 5, 1, 5, 0, None),
    ),
    "refunded": ((paid(), refund, refund_silent(1, 3, 1), refunded), None),
}


def test_each_call_that_is_due_knows_its_key_its_failures_and_its_silences(
    persistence: Environment, open_application: Open, pages: Pages
) -> None:
    calls = open_application(PaymentCalls, persistence)
    stories = {name: story(*news, name=name) for name, (news, _) in DUE.items()}
    follow(calls, pages, *stories.values())

    names = {events[0].order_id: name for name, events in stories.items()}
    due = calls.due_calls(noon(60), 99)
    assert {names[call.order_id]: what_is_asked(call) for call in due} == {
        name: asked for name, (_, asked) in DUE.items() if asked is not None
    }
    assert [call.since for call in due] == sorted(call.since for call in due), "the longest waiting first"
    assert calls.count_due_calls() == len(due)
    assert calls.due_calls(noon(60), 3) == due[:3]
    for call in due:
        last = stories[names[call.order_id]][-1]
        assert (call.since, call.cause.time) == (last.timestamp, last.timestamp)
        if names[call.order_id] != "hastened":  # that asks for nothing new: what was asked for is the cause
            assert call.cause.causation_id == last.event_id
        told = (None, None) if call.kind == "refund" else (Money(Decimal("66.90"), "USD"), "pm_ok")
        assert (call.amount, call.payment_method) == told
        assert call.reference == ("ch_1" if call.kind == "refund" else None)


def test_a_refund_that_nobody_tried_yet_shows_no_error_of_what_was_tried_before(
    persistence: Environment, open_application: Open, pages: Pages
) -> None:
    calls = open_application(PaymentCalls, persistence)
    follow(calls, pages, story(fails(1, 1), paid(2), refund))

    assert calls.rows("SELECT kind, last_error FROM @payment_calls") == [
        {"kind": "refund", "last_error": None}
    ]


STATUS: dict[str, tuple[tuple[News, ...], str, str]] = {
    "asked for": ((), "REQUESTED", "0.00"),
    "unanswered": ((silent(1, 1, 1),), "OUTCOME_UNKNOWN", "0.00"),
    "unanswered, then failed": ((silent(1, 1, 1), fails(1, 2)), "REQUESTED", "0.00"),
    "withdrawn": ((silent(1, 1, 1), withdrawn), "OUTCOME_UNKNOWN", "0.00"),
    "declined": ((declined,), "DECLINED", "0.00"),
    "paid": ((paid(),), "COMPLETED", "0.00"),
    "to be refunded": ((paid(), refund), "REFUND_REQUESTED", "0.00"),
    "refund failing": ((paid(), refund, refund_fails(1, 3)), "REFUND_REQUESTED", "0.00"),
    "refund unanswered": ((paid(), refund, refund_silent(1, 3, 1)), "REFUND_REQUESTED", "0.00"),
    "refund failed": ((paid(), refund, refund_fails(1, 3, is_last=True)), "REFUND_FAILED", "0.00"),
    "asked for once more": (
        (paid(), refund, refund_fails(1, 3, is_last=True), refund),
        "REFUND_REQUESTED",
        "0.00",
    ),
    "refunded": ((paid(), refund, refunded), "REFUNDED", "66.90"),
    "refunded by hand": (
        (paid(), refund, refund_fails(1, 3, is_last=True), lambda p: p.refunded_by_hand("4711", "why")),
        "REFUNDED",
        "66.90",
    ),
}


def test_where_a_payment_stands_the_ledger_and_the_dashboard_tell_alike(
    persistence: Environment, open_application: Open, pages: Pages
) -> None:
    ledger, dashboard = (open_application(kind, persistence) for kind in (PaymentLedger, OrderDashboard))
    stories = {name: story(*news, name=name) for name, (news, _, _) in STATUS.items()}
    for projection in (ledger, dashboard):
        follow(projection, pages, *stories.values())

    rows = dashboard.rows("SELECT order_id, payment_status FROM @order_dashboard")
    shown = {row["order_id"]: row["payment_status"] for row in rows}
    for name, (_, status, given_back) in STATUS.items():
        order_id = stories[name][0].order_id
        payment = ledger.payment(order_id)
        assert (payment.status, payment.amount, payment.refunded) == (status, "66.90", given_back), name
        assert shown[str(order_id)] == status, name
    assert {(total.status, total.count) for total in ledger.totals()} == {
        (status, sum(status == other for _, other, _ in STATUS.values())) for _, status, _ in STATUS.values()
    }


def test_a_pause_is_kept_until_its_very_end_and_not_longer_than_any_pause_can_be(
    persistence: Environment, open_application: Open
) -> None:
    calls = open_application(PaymentCalls, persistence)
    events = story(fails(1, 1, next_at=2))
    follow(calls, lambda events: [events], events, story(name="at once"))

    def due(time: datetime) -> int:
        return len([call for call in calls.due_calls(time, 9) if call.order_id == events[0].order_id])

    assert [due(noon(2) - A_MOMENT), due(noon(2)), due(noon(9))] == [0, 1, 1]
    assert due(noon(2) - LONGEST_PAUSE) == 0
    assert due(noon(2) - LONGEST_PAUSE - A_MOMENT) == 1, "a clock was wrong: it is no reason to wait"
    assert calls.next_call_after(noon(1)) == noon(2)
    assert calls.next_call_after(noon(2)) is None


def test_the_desk_hears_of_an_outcome_that_stays_unknown_and_of_a_contradiction(
    persistence: Environment, open_application: Open, pages: Pages
) -> None:
    calls = open_application(PaymentCalls, persistence)
    unknown = story(silent(1, 1, 1), silent(1, 1, 2), name="unknown")
    called_off = story(silent(1, 1, 1), silent(1, 1, 2), withdrawn, name="called off")
    disputed = story(paid(), lambda p: p.dispute("ch_2 as well"), name="disputed")
    both = story(silent(1, 1, 1), lambda p: p.dispute("declined"), name="both")
    settled = story(paid(), lambda p: p.dispute("x"), lambda p: p.close_dispute("voided"), name="settled")
    told = story(silent(1, 1, 1), paid(), name="told")
    follow(calls, pages, unknown, called_off, disputed, both, settled, told)

    def troubled(time: datetime) -> list[tuple[object, ...]]:
        return [
            (one.order_id, one.is_disputed, one.error, one.attempts, one.since)
            for one in calls.troubled_calls(time)
        ]

    disputes = sorted(
        [
            (disputed[0].order_id, True, "ch_2 as well", 1, noon(2)),
            (both[0].order_id, True, "declined", 1, noon(2)),
        ],
        key=lambda case: str(case[0]),
    )
    unknowns = sorted(
        [
            (unknown[0].order_id, False, "no answer", 2, noon(1)),
            (called_off[0].order_id, False, "no answer", 1, noon(1)),
        ],
        key=lambda case: str(case[0]),
    )
    assert troubled(noon(1)) == [*unknowns, *disputes], "the longest waiting first"
    assert troubled(noon(1) - A_MOMENT) == disputes
