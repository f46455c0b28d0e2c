"""What takes long: attempts that fail, silences and deadlines. Each is noted once, and the way goes on."""

from datetime import timedelta

import pytest

from domain.fulfilment import PROCESS_PAYMENT, RESERVE_INVENTORY, SagaStatus
from tests.domain.fulfilment.news import SOON, TOMORROW, after, hear
from tests.support.stories import FRIDAY_NOON, facts, new_events

A_MOMENT = timedelta(microseconds=1)
PAYMENT_DUE = FRIDAY_NOON + timedelta(minutes=15)
RESERVATION_DUE = FRIDAY_NOON + timedelta(minutes=5)
REFUND_DUE = FRIDAY_NOON + timedelta(hours=24)


def test_a_charge_that_is_due_is_called_off_and_not_a_moment_before() -> None:
    fulfilment = after()

    fulfilment.step_overdue(PROCESS_PAYMENT, PAYMENT_DUE - A_MOMENT)
    assert facts(fulfilment) == []
    fulfilment.step_overdue(PROCESS_PAYMENT, PAYMENT_DUE)
    fulfilment.step_overdue(PROCESS_PAYMENT, TOMORROW)

    overdue, unwinding, withdrawal = new_events(fulfilment)
    assert (overdue.TOPIC, overdue.due_at) == ("Fulfilment.StepOverdue", PAYMENT_DUE)
    assert unwinding.reason == "ProcessPayment took longer than allowed"
    assert (withdrawal.TOPIC, withdrawal.step) == ("Fulfilment.WithdrawalRequested", PROCESS_PAYMENT)


def test_a_reservation_that_is_due_cannot_be_called_off_so_its_outcome_is_awaited_and_undone() -> None:
    fulfilment = after("paid")

    fulfilment.step_overdue(RESERVE_INVENTORY, RESERVATION_DUE - A_MOMENT)
    assert facts(fulfilment) == []
    fulfilment.step_overdue(RESERVE_INVENTORY, RESERVATION_DUE)
    assert facts(fulfilment) == ["StepOverdue", "UnwindingStarted"]

    hear(fulfilment, "reserved")
    assert facts(fulfilment) == ["StepCompleted", "ReleaseRequested"]


def test_a_refund_that_is_due_is_told_once_and_goes_on() -> None:
    fulfilment = after("paid", "out of stock")

    fulfilment.step_overdue(PROCESS_PAYMENT, REFUND_DUE - A_MOMENT)
    assert facts(fulfilment) == []
    fulfilment.step_overdue(PROCESS_PAYMENT, REFUND_DUE)
    fulfilment.step_overdue(PROCESS_PAYMENT, REFUND_DUE)
    assert facts(fulfilment) == ["CompensationOverdue"]

    hear(fulfilment, "refunded")
    assert facts(fulfilment) == ["StepCompensated", "CancellationRequested"]


def test_a_step_that_was_asked_for_again_has_its_time_anew() -> None:
    fulfilment = after("payment overdue")
    fulfilment.ask_again()
    assert facts(fulfilment) == ["PaymentRequested"]

    fulfilment.step_overdue(PROCESS_PAYMENT, PAYMENT_DUE)

    assert facts(fulfilment) == ["StepOverdue"], "it is unwound already, and called off"
    assert fulfilment.status is SagaStatus.COMPENSATING


@pytest.mark.parametrize(
    ("so_far", "note"),
    [
        ([], "step_unanswered"),
        (["paid", "out of stock"], "compensation_unanswered"),
    ],
)
def test_each_silence_is_noted_once_with_the_time_of_the_next_call(so_far: list[str], note: str) -> None:
    fulfilment = after(*so_far)
    later = SOON + timedelta(seconds=1)

    for next_at in (SOON, SOON, later):
        getattr(fulfilment, note)(PROCESS_PAYMENT, 1, "no answer", next_at)

    assert [(event.error, event.next_at) for event in new_events(fulfilment)] == [
        ("no answer", SOON),
        ("no answer", later),
    ]


@pytest.mark.parametrize("so_far", [["paid"], ["paid", "reserved"], ["declined"]])
def test_late_word_of_a_step_that_has_its_outcome_is_not_noted(so_far: list[str]) -> None:
    fulfilment = after(*so_far)

    fulfilment.step_unanswered(PROCESS_PAYMENT, 1, "no answer", SOON)
    fulfilment.compensation_unanswered(PROCESS_PAYMENT, 1, "no answer", SOON)
    fulfilment.compensation_attempt_failed(PROCESS_PAYMENT, 1, "503", SOON)
    fulfilment.compensation_failed(PROCESS_PAYMENT, "account closed")

    assert facts(fulfilment) == []


def test_a_silence_is_noted_though_the_trouble_before_it_named_the_same_time() -> None:
    charging, refunding = after("charge failed once"), after("charge unanswered", "paid", "out of stock")
    failing = after("paid", "out of stock", "refund failed once")

    hear(charging, "charge unanswered", "charge unanswered")
    hear(refunding, "refund unanswered", "refund unanswered")
    hear(failing, "refund unanswered", "refund unanswered")

    assert facts(charging) == ["StepUnanswered"]
    assert facts(refunding) == facts(failing) == ["CompensationUnanswered"]
