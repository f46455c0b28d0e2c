"""What the saga log and the dashboard make of a saga, on every store and however its events are paged.

Within a page rows are changed in memory, between pages by the store itself: both must come to the same.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid5

import pytest
from eventsourcing.persistence import Tracking

from application.queries import PageRequest
from domain.shared.causes import Cause, because_of
from system.followers.projection import Projection
from system.followers.unit_of_work import UnitOfWork
from system.projections.order_dashboard.follower import OrderDashboard
from system.projections.saga_log.figures import count_waiting, oldest_open, waiting_orders
from system.projections.saga_log.follower import SagaLog
from system.projections.saga_log.overdue import count_overdue, overdue_sagas
from tests.domain.fulfilment.news import hear, started
from tests.support.fixtures import Environment
from tests.support.stories import FRIDAY_NOON, ORDER_ID, new_events

from .conftest import Open

CUSTOMER = "cancelled by the customer"

Pages = Callable[[Sequence[Any]], list[Sequence[Any]]]


@pytest.fixture(params=["one page", "a page each"])
def pages(request: pytest.FixtureRequest) -> Pages:
    """How the events are paged."""
    return (
        (lambda events: [events]) if request.param == "one page" else (lambda events: [[e] for e in events])
    )


def story(*news: str, minutes: int = 0) -> list[Any]:
    """The events of a saga of an order of its own that hears this news, a minute after each other."""
    order_id = uuid5(ORDER_ID, f"{news} {minutes}")

    def at(minute: int) -> Cause:
        return Cause(FRIDAY_NOON + timedelta(minutes=minutes + minute), str(order_id), "event")

    with because_of(at(0)):
        fulfilment = started(order_id)
    for minute, one in enumerate(news, 1):
        with because_of(at(minute)):
            hear(fulfilment, one)
    return new_events(fulfilment)


def follow(projection: Projection, pages: Pages, *stories: list[Any]) -> None:
    """Have it read these stories."""
    for page in pages([event for events in stories for event in events]):
        head = projection.recorder.max_tracking_id("OrderFulfilment") or 0
        work = UnitOfWork(position=Tracking("OrderFulfilment", head + len(page)))
        for event in page:
            if type(event) not in projection.ignored:
                projection.handle(event, work)
        projection.record_work(work)


def order_of(events: list[Any]) -> str:
    return str(events[0].order_id)


STANDS = {
    ("paid",): "PAYMENT_COMPLETED",
    ("paid", "reserved"): "INVENTORY_RESERVED",
    ("paid", "reserved", "confirmed"): "COMPLETED",
    (CUSTOMER,): "COMPENSATING",
    (CUSTOMER, "paid"): "COMPENSATING",
    ("paid", CUSTOMER, "reserved"): "COMPENSATING",
    (CUSTOMER, "paid", "refunded"): "FAILED",
    ("declined", "cancelled by us"): "FAILED",
    ("paid", "reserved", "confirmed", CUSTOMER): "COMPENSATING",
    ("paid", "reserved", "confirmed", CUSTOMER, "released", "refunded"): "FAILED",
}


def test_what_is_unwinding_stays_so_whatever_completes_until_it_has_failed(
    persistence: Environment, open_application: Open, pages: Pages
) -> None:
    saga_log, dashboard = (open_application(kind, persistence) for kind in (SagaLog, OrderDashboard))
    stories = {news: story(*news) for news in STANDS}
    for projection in (saga_log, dashboard):
        follow(projection, pages, *stories.values())

    expected = {order_of(events): STANDS[news] for news, events in stories.items()}
    listed = saga_log.list_fulfilments(None, PageRequest()).items
    assert {row.order_id: row.status for row in listed} == expected
    rows = dashboard.rows("SELECT order_id, fulfilment_status FROM @order_dashboard")
    assert {row["order_id"]: row["fulfilment_status"] for row in rows} == expected


AWAITED = {
    (): ("ProcessPayment", "EXECUTING"),
    ("charge failed once",): ("ProcessPayment", "EXECUTING"),
    (CUSTOMER,): ("ProcessPayment", "EXECUTING"),
    ("payment overdue",): None,
    ("declined",): None,
    ("paid",): ("ReserveInventory", "EXECUTING"),
    ("paid", "reservation overdue"): None,
    ("paid", "reserved"): None,
    ("paid", "out of stock"): ("ProcessPayment", "COMPENSATING"),
    ("paid", "out of stock", "refund unanswered"): ("ProcessPayment", "COMPENSATING"),
    ("paid", "out of stock", "payment overdue"): None,
    ("paid", "out of stock", "refund failed for good"): None,
    ("paid", "out of stock", "refunded"): None,
    ("paid", "reserved", "confirmed", CUSTOMER): ("ReserveInventory", "COMPENSATING"),
}


def test_a_deadline_is_watched_until_the_step_has_ended_or_it_was_told(
    persistence: Environment, open_application: Open, pages: Pages
) -> None:
    saga_log = open_application(SagaLog, persistence)
    stories = {news: story(*news) for news in AWAITED}
    follow(saga_log, pages, *stories.values())

    awaited = saga_log.awaited_steps(99)
    assert {one.order_id: (one.step, one.status) for one in awaited} == {
        order_of(stories[news]): step for news, step in AWAITED.items() if step is not None
    }
    assert [one.due_at for one in awaited] == sorted(one.due_at for one in awaited)
    assert saga_log.awaited_steps(2) == awaited[:2]


REFUND_FAILS = ("paid", "out of stock", "refund failed once", "refund failed for good")


def asked_again(*, then: str = "") -> list[Any]:
    """A saga whose refund failed for good and was asked for once more, and what came of that."""
    fulfilment: Any = None
    events = story(*REFUND_FAILS, minutes=100)
    for event in events:
        fulfilment = event.mutate(fulfilment)
    with because_of(Cause(FRIDAY_NOON + timedelta(hours=5), order_of(events), "olga")):
        fulfilment.ask_again()
        hear(fulfilment, *([then] if then else []))
    return [*events, *new_events(fulfilment)]


def test_a_step_that_could_not_be_undone_waits_for_a_person_until_somebody_helped(
    persistence: Environment, open_application: Open, pages: Pages
) -> None:
    saga_log = open_application(SagaLog, persistence)
    late, early = story(*REFUND_FAILS, minutes=10), story("charge failed once", *REFUND_FAILS)
    released = story("paid", "reserved", "confirmed", CUSTOMER, "release failed for good", minutes=2)
    helped = story(*REFUND_FAILS, "refunded", "cancelled by us")
    follow(saga_log, pages, late, helped, early, released)

    first, second, third = saga_log.failed_compensations()
    by_time = [order_of(events) for events in (early, released, late)]
    assert [one.order_id for one in (first, second, third)] == by_time
    assert (first.step, first.error, first.attempts) == ("ProcessPayment", "account closed", 2)
    assert (first.first_at, first.last_at) == (
        FRIDAY_NOON + timedelta(minutes=4),
        FRIDAY_NOON + timedelta(minutes=5),
    )
    assert (second.step, second.attempts) == ("ReserveInventory", 1)
    assert saga_log.failed_compensations(order_of(late)) == [third]
    assert saga_log.failed_compensations(order_of(helped)) == []
    assert count_waiting(saga_log) == 3
    assert waiting_orders(saga_log, 2) == tuple(by_time[:2])


@pytest.mark.parametrize(("then", "waits"), [("", 0), ("refund failed for good", 3), ("refunded", 0)])
def test_what_was_asked_for_again_waits_for_a_person_only_if_it_failed_again(
    persistence: Environment, open_application: Open, pages: Pages, then: str, waits: int
) -> None:
    saga_log = open_application(SagaLog, persistence)
    follow(saga_log, pages, asked_again(then=then))

    assert [one.attempts for one in saga_log.failed_compensations()] == ([waits] if waits else [])
    assert count_waiting(saga_log) == (1 if waits else 0)


def test_a_saga_is_overdue_that_makes_no_progress_for_longer_than_it_may_where_it_stands(
    persistence: Environment, open_application: Open, pages: Pages
) -> None:
    saga_log = open_application(SagaLog, persistence)
    reserving, charging, failing = story("paid"), story(), story("charge failed once", "charge failed twice")
    refunding, between = story("paid", "out of stock"), story("paid", "reserved")
    over, waiting = story("paid", "reserved", "confirmed"), story(*REFUND_FAILS)
    follow(saga_log, pages, between, failing, waiting, refunding, over, charging, reserving)

    def overdue(minutes: float) -> list[tuple[str, str | None, float]]:
        found = overdue_sagas(saga_log, FRIDAY_NOON + timedelta(minutes=minutes), 9)
        assert count_overdue(saga_log, FRIDAY_NOON + timedelta(minutes=minutes)) == len(found)
        return [(one.order_id, one.step_status, one.allowed_seconds) for one in found]

    one_reserving = (order_of(reserving), "EXECUTING", 300)
    assert overdue(6) == []
    assert overdue(6.1) == [one_reserving]
    assert overdue(15) == [one_reserving]
    both = sorted((order_of(events), "EXECUTING", 900) for events in (charging, failing))
    assert overdue(15.1) == [*both, one_reserving]
    assert overdue(17.1) == [*both, one_reserving, (order_of(between), "COMPLETED", 900)]
    assert overdue(24 * 60 + 3)[4:] == [(order_of(refunding), "COMPENSATING", 86400)]
    assert overdue(24 * 60 + 2)[4:] == []
    assert len(overdue_sagas(saga_log, FRIDAY_NOON + timedelta(days=9), 2)) == 2
    oldest = oldest_open(saga_log)
    assert oldest is not None
    assert oldest.started_at == FRIDAY_NOON
