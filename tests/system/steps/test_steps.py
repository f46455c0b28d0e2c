"""Each step has its side, the streams of an order are those that it has, and nothing is left undecided."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.domain import event

from domain.fulfilment import STEPS, StepStatus
from domain.shared import aggregates
from domain.shared.aggregates import Aggregate, Undecided, check_decided
from domain.shared.ids import fulfilment_id, payment_id, reservation_id
from system.definition import orderwright as definition
from system.steps import table
from system.steps.side import Awaited, HeldLine, MoneyAndStock, StepSide
from system.steps.streams import STREAM_ID, sequences_of, streams_of
from tests.support.running_shop import Shop

ORDER = UUID("0b9fbf3c-6f0d-4d3e-9c3f-2f0f8c6a4c11")


@pytest.fixture
def planted() -> Iterator[type[Aggregate]]:
    """An aggregate with an event that nobody has thought of."""

    class Balloon(Aggregate):
        TOPIC = "Balloon"

        class Lost(Aggregate.Event):
            TOPIC = "Balloon.Lost"

        @event(Lost)
        def _lose(self) -> None:
            pass

    yield Balloon
    del aggregates._event_types["Balloon.Lost"]


def test_the_streams_of_an_order_are_one_in_each_application_that_others_follow() -> None:
    assert streams_of(ORDER) == {
        "Orders": ORDER,
        "OrderFulfilment": fulfilment_id(ORDER),
        "Payments": payment_id(ORDER),
        "Inventory": reservation_id(ORDER),
    }
    assert STREAM_ID.keys() == set(definition.leaders)
    assert sequences_of(ORDER)[0] == str(ORDER)


def test_its_events_are_in_these_streams(shop: Shop) -> None:
    shop.receive("CD-X1")
    order = shop.order("CD-X1")
    shop.settle()

    for name, stream_id in streams_of(order).items():
        application: Any = shop.orderwright.applications[name]
        assert list(application.recorder.select_events(stream_id)), name


def test_the_sides_stand_in_the_order_of_the_saga() -> None:
    assert [side.step for side in table.SIDES] == [step.name for step in STEPS]


def test_a_step_without_a_side_is_named() -> None:
    with pytest.raises(LookupError, match="nothing is known of the step PolishTeapot"):
        table._side_of("PolishTeapot")


@pytest.mark.parametrize("side", table.SIDES, ids=lambda side: side.step)
def test_a_side_decides_about_every_event_of_its_application(side: StepSide[Any]) -> None:
    for aggregate in side.aggregates:
        check_decided("the story of an order", {*side.told, *side.untold}, aggregate)
        check_decided("the saga", {kind.TOPIC for kind in {*side.news, *side.no_news}}, aggregate)
    assert not side.told.keys() & side.untold
    assert not side.news.keys() & side.no_news


def test_an_event_that_nobody_decided_about_is_named(planted: type[Aggregate]) -> None:
    with pytest.raises(Undecided, match=r"the audit has not decided about Balloon\.Lost"):
        check_decided("the audit", {"Balloon.Found"}, planted)
    check_decided("the audit", {"Balloon.Lost"}, planted)


@pytest.mark.parametrize("side", table.SIDES, ids=lambda side: side.step)
@pytest.mark.parametrize(
    "status", [StepStatus.EXECUTING, StepStatus.COMPENSATING, StepStatus.COMPENSATION_FAILED]
)
def test_a_side_says_what_is_awaited_and_whether_of_a_person(side: StepSide[Any], status: StepStatus) -> None:
    said = side.awaited(Awaited(status, 2, "out of order", is_unwinding=True, money="10.00 USD"))

    assert said.startswith("a person:") is (status is StepStatus.COMPENSATION_FAILED)


def test_money_and_stock_of_all_steps_are_put_together() -> None:
    paid, held = MoneyAndStock("10.00", "USD"), MoneyAndStock(stock=(HeldLine("CD-X1", 2),))

    assert MoneyAndStock() + paid + held == MoneyAndStock("10.00", "USD", (HeldLine("CD-X1", 2),))
    assert held + paid == paid + held
