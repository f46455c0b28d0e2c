"""The way back: what was done is undone in reverse order, and only then the order is cancelled."""

import pytest

from domain.fulfilment import PROCESS_PAYMENT, RESERVE_INVENTORY, SagaStatus, StepStatus
from tests.domain.fulfilment.news import NEWS, after, hear
from tests.support.stories import facts, new_events

ORDER_STANDS = ["paid", "reserved", "confirmed"]


def test_a_declined_payment_has_nothing_to_undo_so_the_order_is_cancelled_at_once() -> None:
    fulfilment = after()

    hear(fulfilment, "declined")

    failed, unwinding, cancellation = new_events(fulfilment)
    assert (failed.TOPIC, failed.error) == ("Fulfilment.StepFailed", "payment declined: no funds")
    assert unwinding.reason == "payment declined: no funds"
    assert cancellation.TOPIC == "Fulfilment.CancellationRequested"
    assert cancellation.reason == "payment declined: no funds"
    assert fulfilment.status is SagaStatus.COMPENSATING


def test_a_missing_product_means_a_refund_and_then_the_cancellation() -> None:
    fulfilment = after("paid")

    hear(fulfilment, "out of stock")
    assert facts(fulfilment) == ["StepFailed", "UnwindingStarted", "RefundRequested"]

    hear(fulfilment, "refunded")
    assert facts(fulfilment) == ["StepCompensated", "CancellationRequested"]

    hear(fulfilment, "cancelled by us")
    noted, failed = new_events(fulfilment)
    assert noted.TOPIC == "Fulfilment.OrderCancellationNoted"
    assert (failed.TOPIC, failed.reason) == ("Fulfilment.Failed", "not enough stock: TEAPOT")
    assert fulfilment.status is SagaStatus.FAILED


def test_a_confirmed_order_that_is_cancelled_gives_back_stock_then_money() -> None:
    fulfilment = after(*ORDER_STANDS)

    hear(fulfilment, "cancelled by the customer")
    assert facts(fulfilment) == ["OrderCancellationNoted", "UnwindingStarted", "ReleaseRequested"]
    hear(fulfilment, "released")
    assert facts(fulfilment) == ["StepCompensated", "RefundRequested"]
    hear(fulfilment, "refunded")
    assert facts(fulfilment) == ["StepCompensated", "Failed"]

    assert fulfilment.status is SagaStatus.FAILED
    assert fulfilment.reason == "changed my mind"


CUSTOMER = "cancelled by the customer"


@pytest.mark.parametrize(
    ("story", "facts_after_cancellation"),
    [
        # before the outcome of the payment is known: have it called off, wait, and undo a charge
        (
            [CUSTOMER, "paid", "refunded"],
            ["WithdrawalRequested", "StepCompleted", "RefundRequested", "StepCompensated", "Failed"],
        ),
        ([CUSTOMER, "declined"], ["WithdrawalRequested", "StepFailed", "Failed"]),
        (
            [CUSTOMER, "charge failed once", "paid", "refunded"],
            [
                *("WithdrawalRequested", "StepAttemptFailed", "StepCompleted"),
                *("RefundRequested", "StepCompensated", "Failed"),
            ],
        ),
        # after payment, while the reservation is decided: whatever comes of it is undone as well
        (
            ["paid", CUSTOMER, "reserved", "released", "refunded"],
            [
                *("StepCompleted", "ReleaseRequested", "StepCompensated"),
                *("RefundRequested", "StepCompensated", "Failed"),
            ],
        ),
        (
            ["paid", CUSTOMER, "out of stock", "refunded"],
            ["StepFailed", "RefundRequested", "StepCompensated", "Failed"],
        ),
        # after reservation, before we heard that the order is confirmed
        (
            ["paid", "reserved", CUSTOMER, "released", "refunded"],
            ["ReleaseRequested", "StepCompensated", "RefundRequested", "StepCompensated", "Failed"],
        ),
        (
            ["paid", "reserved", CUSTOMER, "confirmed", "released", "refunded"],
            ["ReleaseRequested", "StepCompensated", "RefundRequested", "StepCompensated", "Failed"],
        ),
        # after completion
        (
            [*ORDER_STANDS, CUSTOMER, "released", "refunded"],
            ["ReleaseRequested", "StepCompensated", "RefundRequested", "StepCompensated", "Failed"],
        ),
        # during compensation: it was on its way back anyhow
        (["paid", "out of stock", CUSTOMER, "refunded"], ["StepCompensated", "Failed"]),
        # the customer is faster than our own request to cancel
        (["declined", CUSTOMER, "cancelled by us"], ["Failed"]),
        (["paid", "out of stock", "refunded", CUSTOMER, "cancelled by us"], ["Failed"]),
    ],
)
def test_the_customer_may_cancel_at_any_point(story: list[str], facts_after_cancellation: list[str]) -> None:
    before = story[: story.index(CUSTOMER)]
    fulfilment = after(*before)

    hear(fulfilment, *story[len(before) :])

    told = [fact for fact in facts(fulfilment) if fact not in ("OrderCancellationNoted", "UnwindingStarted")]
    assert told == facts_after_cancellation
    assert fulfilment.status is SagaStatus.FAILED
    assert not {StepStatus.COMPLETED, StepStatus.EXECUTING} & set(fulfilment.step_statuses.values())


@pytest.mark.parametrize("so_far", [[], ["paid"], ["paid", "reserved"], ORDER_STANDS, ["declined"]])
def test_cancelling_twice_is_cancelling_once(so_far: list[str]) -> None:
    fulfilment = after(*so_far, CUSTOMER)

    hear(fulfilment, CUSTOMER)

    assert facts(fulfilment) == []


def test_the_first_reason_stays() -> None:
    fulfilment = after("paid", "out of stock", CUSTOMER, "refunded")

    assert fulfilment.reason == "not enough stock: TEAPOT"


def test_our_own_request_to_cancel_is_made_once() -> None:
    fulfilment = after("declined")

    hear(fulfilment, "declined", "refunded", "out of stock")

    assert facts(fulfilment) == []


def test_an_undoing_that_needs_several_attempts_says_so_and_goes_on() -> None:
    fulfilment = after("paid", "out of stock")

    hear(fulfilment, "refund failed once", "refund failed once", "refunded")

    failed, undone, *_ = new_events(fulfilment)
    assert (failed.TOPIC, failed.attempt) == ("Fulfilment.CompensationAttemptFailed", 1)
    assert (undone.TOPIC, undone.attempt) == ("Fulfilment.StepCompensated", 2)


def test_a_refund_that_fails_stops_the_way_back_until_it_succeeds_after_all() -> None:
    fulfilment = after("paid", "out of stock")

    hear(fulfilment, "refund failed for good", "refund failed for good")
    assert facts(fulfilment) == ["CompensationFailed"]
    assert fulfilment.status is SagaStatus.COMPENSATING
    assert fulfilment.step_status(PROCESS_PAYMENT) is StepStatus.COMPENSATION_FAILED

    hear(fulfilment, "refunded")
    assert facts(fulfilment) == ["StepCompensated", "CancellationRequested"]


def test_a_release_that_fails_keeps_the_money_too_until_it_succeeds_after_all() -> None:
    fulfilment = after(*ORDER_STANDS, CUSTOMER, "release failed for good")
    assert fulfilment.step_status(RESERVE_INVENTORY) is StepStatus.COMPENSATION_FAILED
    assert fulfilment.step_status(PROCESS_PAYMENT) is StepStatus.COMPLETED

    hear(fulfilment, "refunded")  # nobody asked for it
    assert facts(fulfilment) == []
    hear(fulfilment, "released", "refunded")
    assert facts(fulfilment) == ["StepCompensated", "RefundRequested", "StepCompensated", "Failed"]


def test_a_cancellation_while_a_person_is_needed_is_noted_and_ends_the_saga_once_it_is_undone() -> None:
    fulfilment = after("paid", "out of stock", "refund failed for good")

    hear(fulfilment, CUSTOMER)
    assert facts(fulfilment) == ["OrderCancellationNoted"]
    hear(fulfilment, "refunded")
    assert facts(fulfilment) == ["StepCompensated", "Failed"]


@pytest.mark.parametrize("news", NEWS)
@pytest.mark.parametrize(
    "ending",
    [
        ["declined", "cancelled by us"],
        ["paid", "out of stock", "refunded", "cancelled by us"],
        [*ORDER_STANDS, CUSTOMER, "released", "refunded"],
    ],
    ids=["declined", "out of stock", "cancelled"],
)
def test_after_failed_nothing_changes(ending: list[str], news: str) -> None:
    fulfilment = after(*ending)
    assert fulfilment.status is SagaStatus.FAILED

    hear(fulfilment, news)

    assert facts(fulfilment) == []
