"""The cells: for each step and each trouble a story, or why there is none."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from application.payments import Outcome
from application.ports import GatewayRefusal, GatewayTimeout
from domain.fulfilment import PROCESS_PAYMENT, RESERVE_INVENTORY, STEPS, Fulfilment
from domain.shared.causes import Cause
from system.followers.identity_map import IdentityMap
from system.followers.unit_of_work import UnitOfWork
from tests.support.poison import Poison
from tests.support.stories import FRIDAY_NOON

from .stage import CANCELLED, CONFIRMED, DESK, IN_STOCK, SKU, Stage, times

Story = Callable[[Stage], UUID]

TROUBLES = (
    "declined",
    "transient error",
    "time-out, then success",
    "time-out, then failure",
    "crash before commit",
    "crash after commit",
    "crash between call and record",
    "duplicate event",
    "late event",
    "compensation fails once",
    "compensation fails for good",
    "customer cancels meanwhile",
)
CRASHES = TROUBLES[4:7]


@dataclass(frozen=True)
class Cell:
    """How a step ends in a trouble. `told` says it in the document; a crash has no story, it is played by
    a process that is killed."""

    ends: str
    told: str
    story: Story | None = None


@dataclass(frozen=True)
class NoCell:
    """There is no such trouble with this step."""

    because: str


def _declined(stage: Stage) -> UUID:
    order = stage.order(SKU, pays="pm_declined")
    stage.settle()
    return order


def _error_once(stage: Stage) -> UUID:
    order = stage.order(SKU, pays="pm_error_once")
    stage.settle()
    return order


def _unanswered_then_charged(stage: Stage) -> UUID:
    stage.provider.after = times(3, GatewayTimeout("no answer"))
    order = stage.order(SKU)
    stage.settle()
    assert list(stage.provider.calls.values()) == [4], "asked under one key"
    return order


def _unanswered_then_refused(stage: Stage) -> UUID:
    errors: list[Exception] = [GatewayRefusal("no such card"), GatewayTimeout("no answer")]

    def before(_: object) -> None:
        raise errors.pop() if len(errors) > 1 else errors[0]

    stage.provider.before = before
    order = stage.order(SKU)
    stage.settle()
    return order


def _heard_twice(stage: Stage) -> UUID:
    order = stage.order(SKU)
    stage.settle()
    cause = Cause(FRIDAY_NOON, str(order), "again")
    reference = stage.orderwright.payments.of_order(order).reference or ""
    stage.way.worker._record([Outcome(order, lambda payment: payment.complete(reference, 1), cause)])
    _replay(stage, "OrderFulfilment")
    _replay(stage, "Payments")
    stage.settle()
    return order


def _reserved_twice(stage: Stage) -> UUID:
    order = stage.order(SKU)
    stage.settle()
    _replay(stage, "OrderFulfilment")
    _replay(stage, "Inventory")
    stage.settle()
    return order


def _replay(stage: Stage, name: str) -> None:
    """Have a follower react to everything it ever read once more; that comes to nothing."""
    follower: Any = stage.orderwright.applications[name]
    for subscription in stage.way.runner.loops[name].subscriptions:
        identity_map = IdentityMap(follower.repository)
        for entry in subscription._log.page(0, 1000)[0]:
            work = UnitOfWork(identity_map=identity_map)  # no position moves
            with identity_map.page():
                if entry.topic in follower.handled_topics:
                    follower.handle(entry.event, work)
            assert not work.events, f"{name} reacted twice to {entry.topic}"


def _charged_late(stage: Stage) -> UUID:
    stage.provider.after = times(100, GatewayTimeout("no answer"))
    order = stage.order(SKU)
    stage.way.level()
    stage.way.call_gateway()
    stage.way.level()
    stage.pass_deadline(PROCESS_PAYMENT)
    stage.provider.after = times(0, GatewayTimeout())
    stage.settle()
    assert stage.payment(order).status == "REFUNDED"
    return order


def _refund_fails_once(stage: Stage) -> UUID:
    order = stage.order((SKU, IN_STOCK + 1), pays="pm_refund_fails_once")
    stage.settle()
    return order


def _refund_fails(stage: Stage) -> UUID:
    order = stage.order((SKU, IN_STOCK + 1), pays="pm_refund_fails")
    stage.settle()
    return order


def _cancelled_while_charging(stage: Stage) -> UUID:
    order = stage.order(SKU)
    stage.way.level()
    stage.cancel(order)
    stage.settle()
    return order


def _out_of_stock(stage: Stage) -> UUID:
    order = stage.order((SKU, IN_STOCK + 1))
    stage.settle()
    return order


def _inventory_fails_once(stage: Stage) -> UUID:
    Fault(stage, Fulfilment.ReservationRequested, failures=2)
    order = stage.order(SKU)
    stage.settle()
    return order


def _reserved_after_the_deadline(stage: Stage) -> UUID:
    order = stage.order(SKU)
    stage.charge(order)
    stage.pass_deadline(RESERVE_INVENTORY)
    stage.settle()
    assert "ReserveInventory COMPENSATED 1" in stage.log(order)
    return order


def _rejected_after_the_deadline(stage: Stage) -> UUID:
    order = stage.order((SKU, IN_STOCK + 1))
    stage.charge(order)
    stage.pass_deadline(RESERVE_INVENTORY)
    stage.settle()
    return order


def _reserved_after_the_cancellation(stage: Stage) -> UUID:
    order = stage.order(SKU)
    stage.charge(order)
    stage.cancel(order)
    stage.advance_to("OrderFulfilment", "Inventory")
    stage.settle()
    assert "ReserveInventory COMPENSATED 1" in stage.log(order)
    return order


def _release_fails_once(stage: Stage) -> UUID:
    order = _reserved_then_cancelled(stage, Fault(stage, Fulfilment.ReleaseRequested, failures=2))
    assert stage.log(order)[-1] == "ProcessPayment COMPENSATED 1"
    return order


def _release_fails(stage: Stage) -> UUID:
    return _reserved_then_cancelled(stage, Fault(stage, Fulfilment.ReleaseRequested, failures=1000))


def _reserved_then_cancelled(stage: Stage, fault: "Fault") -> UUID:
    order = stage.order(SKU)
    stage.settle()
    stage.cancel(order)
    stage.settle()
    assert fault.failed
    return order


def _cancelled_while_reserving(stage: Stage) -> UUID:
    order = stage.order(SKU)
    stage.charge(order)
    stage.cancel(order)
    stage.settle()
    return order


class Fault(Poison):
    """A fault of the inventory at one kind of event, so many times."""

    def __init__(self, stage: Stage, kind: type[Any], failures: int) -> None:
        super().__init__(
            stage.orderwright.inventory,
            lambda event: isinstance(event, kind) and len(self.failed) < failures,
        )


CELLS: dict[tuple[str, str], Cell | NoCell] = {
    (PROCESS_PAYMENT, "declined"): Cell(CANCELLED, "nothing was charged; cancelled at once", _declined),
    (PROCESS_PAYMENT, "transient error"): Cell(CONFIRMED, "tried again, under a new key", _error_once),
    (PROCESS_PAYMENT, "time-out, then success"): Cell(
        CONFIRMED, "asked again under the same key until it answers; one charge", _unanswered_then_charged
    ),
    (PROCESS_PAYMENT, "time-out, then failure"): Cell(
        CANCELLED, "asked again under the same key; refused, so nothing is charged", _unanswered_then_refused
    ),
    (PROCESS_PAYMENT, "crash before commit"): Cell(CONFIRMED, "done again from the start"),
    (PROCESS_PAYMENT, "crash after commit"): Cell(CONFIRMED, "goes on behind it"),
    (PROCESS_PAYMENT, "crash between call and record"): Cell(
        CONFIRMED, "asked again under the same key; one charge"
    ),
    (PROCESS_PAYMENT, "duplicate event"): Cell(CONFIRMED, "changes nothing", _heard_twice),
    (PROCESS_PAYMENT, "late event"): Cell(
        CANCELLED, "overdue and called off; it turns out to be charged, and is refunded", _charged_late
    ),
    (PROCESS_PAYMENT, "compensation fails once"): Cell(
        CANCELLED, "the refund is tried again", _refund_fails_once
    ),
    (PROCESS_PAYMENT, "compensation fails for good"): Cell(
        DESK, "the money is held and waits for a person", _refund_fails
    ),
    (PROCESS_PAYMENT, "customer cancels meanwhile"): Cell(
        CANCELLED, "the charge is called off; what was charged would be refunded", _cancelled_while_charging
    ),
    (RESERVE_INVENTORY, "declined"): Cell(
        CANCELLED, "not enough stock: the charge is refunded", _out_of_stock
    ),
    (RESERVE_INVENTORY, "transient error"): Cell(CONFIRMED, "tried again", _inventory_fails_once),
    (RESERVE_INVENTORY, "time-out, then success"): Cell(
        CANCELLED, "overdue; reserved after all, released, and refunded", _reserved_after_the_deadline
    ),
    (RESERVE_INVENTORY, "time-out, then failure"): Cell(
        CANCELLED,
        "overdue; there is nothing to release, the charge is refunded",
        _rejected_after_the_deadline,
    ),
    (RESERVE_INVENTORY, "crash before commit"): Cell(CONFIRMED, "done again from the start"),
    (RESERVE_INVENTORY, "crash after commit"): Cell(CONFIRMED, "goes on behind it"),
    (RESERVE_INVENTORY, "crash between call and record"): NoCell(
        "the inventory calls nobody: it decides and records in one transaction"
    ),
    (RESERVE_INVENTORY, "duplicate event"): Cell(CONFIRMED, "changes nothing", _reserved_twice),
    (RESERVE_INVENTORY, "late event"): Cell(
        CANCELLED, "reserved after the cancellation: released, and refunded", _reserved_after_the_cancellation
    ),
    (RESERVE_INVENTORY, "compensation fails once"): Cell(
        CANCELLED, "the release is tried again", _release_fails_once
    ),
    (RESERVE_INVENTORY, "compensation fails for good"): Cell(
        DESK, "the stock is held and waits for a person; the refund waits behind it", _release_fails
    ),
    (RESERVE_INVENTORY, "customer cancels meanwhile"): Cell(
        CANCELLED, "its outcome is awaited, then released and refunded", _cancelled_while_reserving
    ),
}

COORDINATES = [(step.name, trouble) for step in STEPS for trouble in TROUBLES]
