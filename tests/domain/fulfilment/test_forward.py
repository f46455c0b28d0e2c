"""The happy way, and all the ways in which news about it can be repeated, late or out of order."""

from dataclasses import replace
from decimal import Decimal

import pytest

from domain.fulfilment import PROCESS_PAYMENT, RESERVE_INVENTORY, STEP, STEPS, SagaStatus, StepStatus
from domain.fulfilment import fulfilment as saga
from domain.shared.ids import fulfilment_id
from domain.shared.products import ProductQuantity
from tests.domain.fulfilment.news import NEWS, after, hear, started
from tests.support.stories import ORDER_ID, facts, new_events


def test_a_fulfilment_begins_by_asking_for_the_payment() -> None:
    fulfilment = started()

    begun, asked = new_events(fulfilment)
    assert fulfilment.id == fulfilment_id(ORDER_ID)
    assert begun.lines == (ProductQuantity("TEAPOT", 1),)
    assert asked.TOPIC == "Fulfilment.PaymentRequested"
    assert (asked.order_id, asked.step, asked.attempt) == (ORDER_ID, PROCESS_PAYMENT, 1)
    assert (asked.payment_method, asked.amount, asked.currency) == ("pm_ok", Decimal("39.90"), "USD")
    assert fulfilment.status is SagaStatus.PAYMENT_PENDING


def test_once_paid_it_asks_for_the_reservation() -> None:
    fulfilment = after()

    hear(fulfilment, "paid")

    done, asked = new_events(fulfilment)
    assert (done.TOPIC, done.step, done.attempt) == ("Fulfilment.StepCompleted", PROCESS_PAYMENT, 1)
    assert asked.TOPIC == "Fulfilment.ReservationRequested"
    assert asked.lines == (ProductQuantity("TEAPOT", 1),)
    assert fulfilment.status is SagaStatus.PAYMENT_COMPLETED


def test_once_reserved_it_asks_for_the_confirmation_and_then_is_complete() -> None:
    fulfilment = after("paid")

    hear(fulfilment, "reserved")
    reserved = fulfilment.status
    assert facts(fulfilment) == ["StepCompleted", "ConfirmationRequested"]

    hear(fulfilment, "confirmed")
    assert facts(fulfilment) == ["Completed"]
    assert [reserved, fulfilment.status] == [SagaStatus.INVENTORY_RESERVED, SagaStatus.COMPLETED]


def add_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more step stands in the table, after all others."""
    fence = replace(STEPS[-1], name="PaintTheFence", status_when_completed=SagaStatus.PAYMENT_PENDING)
    monkeypatch.setattr(saga, "STEPS", (*STEPS, fence))
    monkeypatch.setitem(STEP, fence.name, fence)


def test_it_is_complete_after_the_last_step_of_the_table_whichever_that_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_a_step(monkeypatch)
    fulfilment = after("paid", "reserved")

    hear(fulfilment, "confirmed")  # nobody asked yet
    assert facts(fulfilment) == []
    hear(fulfilment, "unknown step done")
    assert facts(fulfilment) == ["StepCompleted", "ConfirmationRequested"]
    hear(fulfilment, "confirmed")
    assert facts(fulfilment) == ["Completed"]


def test_a_confirmation_that_was_asked_for_before_a_step_was_added_is_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fulfilment = after("paid", "reserved")
    add_a_step(monkeypatch)

    hear(fulfilment, "confirmed")

    assert facts(fulfilment) == ["Completed"]


def test_an_attempt_that_failed_is_remembered_and_the_step_goes_on() -> None:
    fulfilment = after()

    hear(fulfilment, "charge failed once", "charge failed once", "charge failed twice", "charge failed once")

    first, second = new_events(fulfilment)
    assert (first.attempt, second.attempt) == (1, 2)
    assert fulfilment.step_status(PROCESS_PAYMENT) is StepStatus.EXECUTING
    hear(fulfilment, "paid")
    assert new_events(fulfilment)[0].attempt == 3


@pytest.mark.parametrize(
    ("so_far", "stray"),
    [
        # repeated
        (["paid"], "paid"),
        (["paid", "reserved"], "paid"),
        (["paid", "reserved"], "reserved"),
        (["paid", "reserved", "confirmed"], "confirmed"),
        (["paid", "reserved", "confirmed"], "reserved"),
        # out of order: nobody asked yet
        ([], "reserved"),
        ([], "out of stock"),
        ([], "released"),
        ([], "refunded"),
        ([], "confirmed"),
        (["paid"], "confirmed"),
        (["paid"], "refunded"),
        (["paid", "reserved"], "released"),
        (["paid", "reserved", "confirmed"], "refund failed for good"),
        # late: the step has its outcome
        (["paid"], "charge failed once"),
        (["paid"], "declined"),
        (["paid", "reserved"], "out of stock"),
        (["paid", "reserved", "confirmed"], "declined"),
        (["paid", "reserved", "confirmed"], "out of stock"),
        # unknown
        ([], "unknown step done"),
        (["paid"], "unknown step failed"),
        (["paid", "reserved"], "unknown step undone"),
    ],
)
def test_news_that_does_not_fit_changes_nothing(so_far: list[str], stray: str) -> None:
    fulfilment = after(*so_far)
    status = fulfilment.status

    hear(fulfilment, stray)

    assert facts(fulfilment) == []
    assert fulfilment.status is status


def test_after_stray_news_the_way_goes_on_as_if_nothing_had_been_said() -> None:
    fulfilment = after("reserved", "confirmed", "paid", "declined", "refunded", "reserved", "out of stock")

    hear(fulfilment, "confirmed")

    assert fulfilment.status is SagaStatus.COMPLETED
    assert fulfilment.step_status(RESERVE_INVENTORY) is StepStatus.COMPLETED


@pytest.mark.parametrize("news", [name for name in NEWS if not name.startswith("cancelled")])
def test_a_completed_fulfilment_hears_of_nothing_but_a_cancellation(news: str) -> None:
    fulfilment = after("paid", "reserved", "confirmed")

    hear(fulfilment, news)

    assert facts(fulfilment) == []
