"""An order's story in plain sentences, and where it stands now."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from application.unreadable import UnreadableEvent
from application.views import FoundEvent, FulfilmentView, OrderView
from domain.fulfilment import PROCESS_PAYMENT, Fulfilment, SagaStatus, StepStatus
from domain.inventory import Reservation, StockItem, Supply
from domain.orders import Order, OrderReference, OrderStatus
from domain.payments import Payment
from system.bootstrap import Orderwright
from system.followers.parking import ParkingLot

from .fulfilment import fulfilment_of
from .lot_events import Waiting, still_waiting
from .trail import order_events

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIMES = "\u00d7"
_LINES_TOLD = 5


@dataclass(frozen=True)
class Story:
    """What happened to an order, one sentence each; the last one says where it stands now. The status is
    None when the order's own events cannot be read."""

    order_id: str
    status: str | None
    sentences: tuple[str, ...]


def explain(orderwright: Orderwright, order_id: UUID) -> Story:
    """The story of an order so far. Raises `OrderNotFound`."""
    events = order_events(orderwright, order_id)
    money = _total(events)
    try:
        order = orderwright.orders.order(order_id)
    except UnreadableEvent as damage:
        now = f"Where the order stands now cannot be told: {damage.message}."
        return Story(str(order_id), None, (*_told(events, money), now))
    now = _now(order, fulfilment_of(orderwright, order_id), money, still_waiting(events))
    return Story(str(order_id), order.status, (*_told(events, money), now))


def _total(events: Sequence[FoundEvent]) -> str:
    """What the order comes to, as it was placed."""
    for event in events:
        if event.type == Order.Created.TOPIC and event.payload is not None:
            return f"{event.payload['total']} {event.payload['currency']}"
    return "its total"


def _told(events: Sequence[FoundEvent], money: str) -> Iterator[str]:
    event_ids = {event.event_id for event in events}
    day: date | None = None
    for event in events:
        tell = TOLD.get(event.type)
        if tell is None and event.error is None:
            continue
        by = None if event.causation_id in event_ids else event.user
        time = event.recorded_at
        if time is None:
            when = "Then"
        else:
            when = f"At {_clock(time)}" if time.date() == day else f"On {_day(time)} at {_clock(time)}"
            day = time.date()
        if event.error is not None:
            yield f"{when} something happened that cannot be told: {event.error}."
        if event.payload is not None and tell is not None:
            yield f"{when} {tell(event.payload, money, by)}."


_Facts = Mapping[str, Any]


def _created(facts: _Facts, money: str, by: str | None) -> str:
    lines = [f"{item['quantity']} {_TIMES} {item['sku']} at {item['unit_price']}" for item in facts["items"]]
    text = f"customer {facts['customer_id']} ordered {_listed(lines)}, for {money}"
    text += f", to be paid with {facts['payment_method']}"
    if facts["order_ref"] is not None:
        text += f", under the reference {facts['order_ref']}"
    if facts["placed_on"] is not None:
        text += f"; the shop had taken the order on {_day(date.fromisoformat(facts['placed_on']))}"
    return f"{text} (entered by {by})" if by is not None else text


def _cancelled(facts: _Facts, _: str, by: str | None) -> str:
    if by is None:
        return f"the order was cancelled: {facts['reason']}"
    return f"{by} cancelled the order: {facts['reason']}"


def _parked(facts: _Facts, *_: object) -> str:
    return f"{_place(facts)} was parked after {facts['attempts']} attempts to process it ({facts['error']})"


def _retried(facts: _Facts, _: str, by: str | None) -> str:
    return f"{by or 'somebody'} had {_place(facts)} processed after all{_because(facts)}"


def _retry_failed(facts: _Facts, _: str, by: str | None) -> str:
    return (
        f"{by or 'somebody'} had {_place(facts)} tried once more{_because(facts)}, in vain ({facts['error']})"
    )


def _discarded(facts: _Facts, _: str, by: str | None) -> str:
    return f"{by or 'somebody'} discarded {_place(facts)}{_because(facts)}"


def _place(facts: _Facts) -> str:
    return f"{facts['topic']} at position {facts['position']} of {facts['leader']}"


def _because(facts: _Facts) -> str:
    return f" (reason: {facts['reason']})" if facts["reason"] is not None else ""


def _items(facts: _Facts) -> str:
    return _listed([f"{line['quantity']} {_TIMES} {line['sku']}" for line in facts["lines"]])


TOLD: dict[str, Callable[[_Facts, str, str | None], str]] = {
    Order.Created.TOPIC: _created,
    Order.Confirmed.TOPIC: lambda *_: "the order was confirmed",
    Order.Cancelled.TOPIC: _cancelled,
    Payment.ChargeAttemptFailed.TOPIC: lambda facts, *_: (
        f"the payment provider failed at attempt {facts['attempt']} without charging "
        f"({facts['error']}), so it had to be asked again"
    ),
    Payment.ChargeUnanswered.TOPIC: lambda facts, *_: (
        f"the payment provider did not answer at attempt {facts['attempt']} ({facts['error']}): "
        "it may have charged or not, so it had to be asked again about the same charge"
    ),
    Payment.ChargeWithdrawn.TOPIC: lambda facts, *_: (
        f"the charge was to be called off ({facts['reason']}), unless it was made already"
    ),
    Payment.Completed.TOPIC: lambda facts, money, _: (
        f"the payment provider charged {money} at attempt {facts['attempt']} (its {facts['reference']})"
    ),
    Payment.Declined.TOPIC: lambda facts, money, _: (
        f"the payment provider declined to charge {money}: {facts['reason']}"
    ),
    Payment.RefundRequested.TOPIC: lambda _, money, __: f"a refund of {money} was asked for",
    Payment.RefundAttemptFailed.TOPIC: lambda facts, *_: (
        f"attempt {facts['attempt']} to refund failed ({facts['error']}), so it had to be tried again"
    ),
    Payment.RefundUnanswered.TOPIC: lambda facts, *_: (
        f"the payment provider did not answer to attempt {facts['attempt']} to refund ({facts['error']}), "
        "so it had to be asked again about the same refund"
    ),
    Payment.RefundedByHand.TOPIC: lambda facts, money, by: (
        f"{by or 'somebody'} recorded that {money} were refunded by hand "
        f"({facts['reference']}): {facts['reason']}"
    ),
    Payment.OutcomeDisputed.TOPIC: lambda facts, *_: (
        f"the payment provider contradicted itself, which was not believed: {facts['error']}"
    ),
    Payment.DisputeClosed.TOPIC: lambda facts, _, by: (
        f"{by or 'somebody'} settled what the provider had contradicted itself about: {facts['reason']}"
    ),
    Fulfilment.StepOverdue.TOPIC: lambda facts, *_: (
        f"{facts['step']} had taken longer than it is allowed to, so the order was to be undone"
    ),
    Fulfilment.CompensationOverdue.TOPIC: lambda facts, *_: (
        f"undoing {facts['step']} had taken longer than it is allowed to"
    ),
    Fulfilment.InterventionMade.TOPIC: lambda facts, _, by: (
        f"{by or 'somebody'} intervened ({facts['action']}"
        f"{' ' + facts['step'] if facts['step'] else ''}): {facts['reason']}"
    ),
    Payment.Refunded.TOPIC: lambda facts, money, _: (
        f"the payment provider refunded {money} at attempt {facts['attempt']}"
    ),
    Payment.RefundFailed.TOPIC: lambda facts, *_: (
        f"attempt {facts['attempt']} to refund failed ({facts['error']}), and it was the last"
    ),
    Reservation.Made.TOPIC: lambda facts, *_: f"the inventory reserved {_items(facts)}",
    Reservation.Rejected.TOPIC: lambda facts, *_: f"the inventory reserved nothing: {facts['reason']}",
    Reservation.Released.TOPIC: lambda facts, *_: f"the inventory released {_items(facts)}",
    Reservation.ReleasedByHand.TOPIC: lambda facts, _, by: (
        f"{by or 'somebody'} released {_items(facts)} by hand: {facts['reason']}"
    ),
    Reservation.Refused.TOPIC: lambda facts, *_: f"the inventory reserved nothing: {facts['reason']}",
    ParkingLot.EventParked.TOPIC: _parked,
    ParkingLot.EventHeldBack.TOPIC: lambda facts, *_: f"{_place(facts)} was held back behind it",
    ParkingLot.EventRetried.TOPIC: _retried,
    ParkingLot.RetryFailed.TOPIC: _retry_failed,
    ParkingLot.EventDiscarded.TOPIC: _discarded,
}
"""How each event is told, from its payload, the order's total, and who asked for it himself."""

UNTOLD = frozenset(
    event.TOPIC
    for aggregate in (Fulfilment, StockItem, Supply, OrderReference)
    for event in vars(aggregate).values()
    if isinstance(event, type) and hasattr(event, "TOPIC")
) | {Payment.Requested.TOPIC, Payment.CallHastened.TOPIC, ParkingLot.Opened.TOPIC}
UNTOLD -= TOLD.keys()
"""What the story leaves out: the saga's own notes, and what others of these events say as well."""


def _now(order: OrderView, saga: FulfilmentView, money: str, parked: Sequence[Waiting]) -> str:
    status = order.status.lower()
    if saga.damage:
        return f"Now the order is {status}; how far its fulfilment is cannot be told: {saga.damage[0].error}."
    if parked:
        first = parked[0]
        waits = f"{first.follower} has parked {first.topic} at position {first.position} of {first.leader}"
        return f"Now the order is {status}, and waits for a person: {waits}."
    if saga.status == SagaStatus.COMPLETED and order.status == OrderStatus.CONFIRMED:
        return (
            f"Now the order is confirmed, {money} are paid and its stock is reserved; it waits for nothing."
        )
    if saga.status == SagaStatus.FAILED:
        was_charged = any(_is(step, PROCESS_PAYMENT, StepStatus.COMPENSATED) for step in saga.steps)
        money_now = f"{money} are refunded" if was_charged else "nothing was charged"
        return f"Now the order is cancelled, {money_now} and nothing is reserved; it waits for nothing."
    return f"Now the order is {status}, and waits for {_awaited(order, saga, money)}."


def _awaited(order: OrderView, saga: FulfilmentView, money: str) -> str:
    """What a fulfilment that is under way waits for."""
    latest = {step.step: step for step in saga.steps}
    for name, step in reversed(latest.items()):
        is_payment = name == PROCESS_PAYMENT
        if step.status == StepStatus.EXECUTING and is_payment:
            then = ", and then for its refund" if saga.status == SagaStatus.COMPENSATING else ""
            return f"the payment provider to charge {money} (attempt {_next_attempt(step)}){then}"
        if step.status == StepStatus.EXECUTING:
            return "the inventory to reserve its stock"
        if step.status == StepStatus.COMPENSATING and is_payment:
            return f"the payment provider to refund {money} (attempt {_next_attempt(step)})"
        if step.status == StepStatus.COMPENSATING:
            return "the inventory to release its stock"
        if step.status == StepStatus.COMPENSATION_FAILED:
            return f"a person: the refund of {money} failed {step.attempt} times ({step.error})"
    if saga.status is None:
        return "its fulfilment to begin"
    if order.status == OrderStatus.CANCELLED:
        return "its fulfilment to take notice of that"
    return "its cancellation" if saga.status == SagaStatus.COMPENSATING else "its confirmation"


def _next_attempt(step: Any) -> int:
    """An entry with an error tells of the attempt that failed; the next one is under way."""
    return int(step.attempt) + (step.error is not None)


def _is(step: Any, name: str, status: StepStatus) -> bool:
    return bool(step.step == name and step.status == status)


def _listed(parts: Sequence[str]) -> str:
    if len(parts) > _LINES_TOLD:
        parts = [*parts[: _LINES_TOLD - 1], f"{len(parts) - _LINES_TOLD + 1} more"]
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def _day(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _clock(time: datetime) -> str:
    return f"{time:%H:%M:%S} UTC"
