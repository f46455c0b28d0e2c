"""An order's story in plain sentences, and where it stands now."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from application.unreadable import UnreadableEvent
from application.views import FoundEvent, FulfilmentView, OrderView, StepView
from domain.fulfilment import Fulfilment, SagaStatus, StepStatus
from domain.orders import Order, OrderReference, OrderStatus
from domain.shared.aggregates import check_decided
from system.bootstrap import Orderwright
from system.followers.parking import ParkingLot
from system.steps.side import Awaited
from system.steps.table import SIDE, SIDES
from system.steps.telling import Facts, Telling, listed, pieces

from .fulfilment import fulfilment_of
from .lot_events import Waiting, still_waiting
from .trail import order_events

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


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


def _created(facts: Facts, money: str, by: str | None) -> str:
    lines = [f"{pieces(item['quantity'], item['sku'])} at {item['unit_price']}" for item in facts["items"]]
    text = f"customer {facts['customer_id']} ordered {listed(lines)}, for {money}"
    text += f", to be paid with {facts['payment_method']}"
    if facts["order_ref"] is not None:
        text += f", under the reference {facts['order_ref']}"
    if facts["placed_on"] is not None:
        text += f"; the shop had taken the order on {_day(date.fromisoformat(facts['placed_on']))}"
    return f"{text} (entered by {by})" if by is not None else text


def _cancelled(facts: Facts, _: str, by: str | None) -> str:
    if by is None:
        return f"the order was cancelled: {facts['reason']}"
    return f"{by} cancelled the order: {facts['reason']}"


def _parked(facts: Facts, *_: object) -> str:
    return f"{_place(facts)} was parked after {facts['attempts']} attempts to process it ({facts['error']})"


def _retried(facts: Facts, _: str, by: str | None) -> str:
    return f"{by or 'somebody'} had {_place(facts)} processed after all{_because(facts)}"


def _retry_failed(facts: Facts, _: str, by: str | None) -> str:
    return (
        f"{by or 'somebody'} had {_place(facts)} tried once more{_because(facts)}, in vain ({facts['error']})"
    )


def _discarded(facts: Facts, _: str, by: str | None) -> str:
    return f"{by or 'somebody'} discarded {_place(facts)}{_because(facts)}"


def _place(facts: Facts) -> str:
    return f"{facts['topic']} at position {facts['position']} of {facts['leader']}"


def _because(facts: Facts) -> str:
    return f" (reason: {facts['reason']})" if facts["reason"] is not None else ""


TOLD: dict[str, Telling] = {
    Order.Created.TOPIC: _created,
    Order.Confirmed.TOPIC: lambda *_: "the order was confirmed",
    Order.Cancelled.TOPIC: _cancelled,
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
    ParkingLot.EventParked.TOPIC: _parked,
    ParkingLot.EventHeldBack.TOPIC: lambda facts, *_: f"{_place(facts)} was held back behind it",
    ParkingLot.EventRetried.TOPIC: _retried,
    ParkingLot.RetryFailed.TOPIC: _retry_failed,
    ParkingLot.EventDiscarded.TOPIC: _discarded,
    **{topic: tell for side in SIDES for topic, tell in side.told.items()},
}
"""How each event is told, from its payload, the order's total, and who asked for it himself."""

UNTOLD = frozenset(
    {
        Fulfilment.Started.TOPIC,
        Fulfilment.PaymentRequested.TOPIC,
        Fulfilment.RefundRequested.TOPIC,
        Fulfilment.ReservationRequested.TOPIC,
        Fulfilment.ReleaseRequested.TOPIC,
        Fulfilment.WithdrawalRequested.TOPIC,
        Fulfilment.StepAttemptFailed.TOPIC,
        Fulfilment.StepUnanswered.TOPIC,
        Fulfilment.StepCompleted.TOPIC,
        Fulfilment.StepFailed.TOPIC,
        Fulfilment.CompensationAttemptFailed.TOPIC,
        Fulfilment.CompensationUnanswered.TOPIC,
        Fulfilment.StepCompensated.TOPIC,
        Fulfilment.CompensationFailed.TOPIC,
        Fulfilment.UnwindingStarted.TOPIC,
        Fulfilment.ConfirmationRequested.TOPIC,
        Fulfilment.CancellationRequested.TOPIC,
        Fulfilment.OrderCancellationNoted.TOPIC,
        Fulfilment.Completed.TOPIC,
        Fulfilment.Failed.TOPIC,
        OrderReference.Claimed.TOPIC,
        ParkingLot.Opened.TOPIC,
    }
).union(*(side.untold for side in SIDES))
"""What the story leaves out: the saga's own notes, and what others of these events say as well."""

check_decided(
    "the story of an order (system/queries/explain.py)",
    TOLD.keys() | UNTOLD,
    *(Fulfilment, Order, OrderReference, ParkingLot),
    *(aggregate for side in SIDES for aggregate in side.aggregates),
)


def _now(order: OrderView, saga: FulfilmentView, money: str, parked: Sequence[Waiting]) -> str:
    status = order.status.lower()
    if saga.damage:
        return f"Now the order is {status}; how far its fulfilment is cannot be told: {saga.damage[0].error}."
    if parked:
        first = parked[0]
        waits = f"{first.follower} has parked {first.topic} at position {first.position} of {first.leader}"
        return f"Now the order is {status}, and waits for a person: {waits}."
    if saga.status == SagaStatus.COMPLETED and order.status == OrderStatus.CONFIRMED:
        so = listed([side.when_confirmed(money) for side in SIDES])
        return f"Now the order is confirmed, {so}; it waits for nothing."
    if saga.status == SagaStatus.FAILED:
        undone = {step.step for step in saga.steps if step.status == StepStatus.COMPENSATED}
        so = listed([side.when_cancelled(money, was_done=side.step in undone) for side in SIDES])
        return f"Now the order is cancelled, {so}; it waits for nothing."
    return f"Now the order is {status}, and waits for {_awaited(order, saga, money)}."


def _awaited(order: OrderView, saga: FulfilmentView, money: str) -> str:
    """What a fulfilment that is under way waits for."""
    is_unwinding = saga.status == SagaStatus.COMPENSATING
    latest = {step.step: step for step in saga.steps}
    for name, step in reversed(latest.items()):
        if step.status in _OPEN:
            attempt = step.attempt if step.status == StepStatus.COMPENSATION_FAILED else _next_attempt(step)
            return SIDE[name].awaited(Awaited(step.status, attempt, step.error, is_unwinding, money))
    if saga.status is None:
        return "its fulfilment to begin"
    if order.status == OrderStatus.CANCELLED:
        return "its fulfilment to take notice of that"
    return "its cancellation" if is_unwinding else "its confirmation"


_OPEN = (StepStatus.EXECUTING, StepStatus.COMPENSATING, StepStatus.COMPENSATION_FAILED)


def _next_attempt(step: StepView) -> int:
    """An entry with an error tells of the attempt that failed; the next one is under way."""
    return step.attempt + (step.error is not None)


def _day(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _clock(time: datetime) -> str:
    return f"{time:%H:%M:%S} UTC"
