"""One order, looked at closely: its streams as they are now, by the aggregates' own memory.

No two streams are read at the same moment, and the chain of causes goes round. So all are read, then the
followers' positions, then all again: when nothing moved, what was read is one moment, and everything that
is behind the positions has had its effect in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Notification

from application.orders import Orders
from application.payments import Payments
from application.streams import folded
from domain.fulfilment import Fulfilment, SagaStatus, StepStatus
from domain.orders import Order
from domain.payments import Payment, PaymentStatus
from system.bootstrap import Orderwright
from system.definition import orderwright as definition
from system.operations.positions import damaged_lots, parked_events
from system.steps.streams import FULFILMENTS, sequences_of, streams_of
from system.steps.table import SIDES

from . import meanings
from .facts import HoldMark, OrderFacts, OrderMark, PaymentMark, SagaMark, Standing
from .meanings import HOLDINGS
from .places import misplaced
from .report import Rule
from .rules import Breach, breaches
from .scan import LOGS

TRIES = 10

_SIDE_OF = {side.application: side for side in SIDES}
_HOLDS = {
    StepStatus.EXECUTING: HoldMark.MISSING,
    StepStatus.COMPLETED: HoldMark.HELD,
    StepStatus.FAILED: HoldMark.REJECTED,
    StepStatus.COMPENSATING: HoldMark.HELD,
    StepStatus.COMPENSATED: HoldMark.RELEASED,
    StepStatus.COMPENSATION_FAILED: HoldMark.HELD,
}
"""What an order holds by a step that stands there in truth."""

Streams = Mapping[str, Sequence[Notification]]
"""The events of an order by the application that keeps them."""


@dataclass(frozen=True)
class Examined:
    """An order as it is now. The facts are None when its events cannot be read. `is_at_rest` says that
    every follower has read what there is of it, and that nothing about it waits for a person."""

    facts: OrderFacts | None
    standing: Standing
    breaches: list[Breach]
    events: int
    is_at_rest: bool = False


class Examiner:
    """Examines orders of one system."""

    def __init__(self, orderwright: Orderwright) -> None:
        self._orderwright = orderwright
        self._parked = parked_sequences(orderwright)
        self._edges = [edge for edge in definition.edges if set(edge) <= set(LOGS)]

    def examine(self, order_id: UUID) -> Examined:
        """The order, and the rules that it breaks for good.

        One that keeps moving, or about which a follower has still to read, is in progress.
        """
        for _ in range(TRIES):
            streams = self._streams(order_id)
            is_heard = self._is_heard(streams)
            is_still = self._streams(order_id) == streams
            if is_still:
                break
        events = sum(len(stream) for stream in streams.values())
        try:
            facts = self._facts(streams)
        except Exception as error:  # whatever is wrong with its events, that is what is wrong with the order
            found = f"{type(error).__name__}: {error}"
            return Examined(
                None, Standing.WAITING, [Breach(Rule.READABLE, "events that can be read", found)], events
            )
        seems_wrong = bool(breaches(facts, is_at_rest=True))
        if seems_wrong and not self.is_parked(order_id):
            self._parked = parked_sequences(self._orderwright)  # perhaps since
        is_at_rest = is_still and is_heard and not self.is_parked(order_id)
        broken = breaches(facts, is_at_rest=is_at_rest)
        standing = self.standing(order_id, facts, is_excused=seems_wrong and not broken)
        return Examined(facts, standing, broken, events, is_at_rest)

    def standing(self, order_id: UUID, facts: OrderFacts, *, is_excused: bool = False) -> Standing:
        """Where the order stands. One that is excused seems wrong, but is not at rest yet."""
        by_itself = facts.standing
        if facts.order == OrderMark.MISSING or (by_itself == Standing.SETTLED and not is_excused):
            return by_itself
        return Standing.WAITING if self.is_parked(order_id) else max(by_itself, Standing.IN_PROGRESS)

    def is_parked(self, order_id: UUID) -> bool:
        """Whether something about the order was put aside, so that a person has to look at it."""
        return bool(self._parked) and not self._parked.isdisjoint(sequences_of(order_id))

    def _streams(self, order_id: UUID) -> Streams:
        ids = streams_of(order_id)
        return {name: self._orderwright.applications[name].recorder.select_stream(ids[name]) for name in LOGS}

    def _is_heard(self, streams: Streams) -> bool:
        """Whether every follower has read what concerns it."""
        for leader, follower_name in self._edges:
            follower = self._orderwright.applications[follower_name]
            concerning = [event.id for event in streams[leader] if event.topic in follower.handled_topics]
            if concerning and concerning[-1] > (
                follower.recorder.max_tracking_id(follower.key_of(leader)) or 0
            ):
                return False
        return True

    def _facts(self, streams: Streams) -> OrderFacts:
        order: Order | None = self._folded(Orders.name, streams)
        fulfilment: Fulfilment | None = self._folded(FULFILMENTS, streams)
        payment: Payment | None = self._folded(Payments.name, streams)
        facts = OrderFacts(saga=_saga_mark(fulfilment))
        if order is not None:
            mark = OrderMark[order.status]
            facts = facts._replace(order=mark, total=order.total.minor, currency=order.total.currency)
        held = [(one, self._folded(one.application, streams)) for one in HOLDINGS]
        marks: dict[str, Any] = {
            one.fact: _HOLDS[_SIDE_OF[one.application].status(work)] for one, work in held if work is not None
        }
        facts = facts._replace(**marks)
        if payment is not None:
            told = [meanings.PAYMENT.get(event.topic) for event in streams[Payments.name]]
            facts = facts._replace(
                charge=payment.amount.minor,
                charge_currency=payment.amount.currency,
                charges=max(told.count(PaymentMark.CHARGED), payment.reference is not None),
                refunds=max(told.count(PaymentMark.REFUNDED), payment.status is PaymentStatus.REFUNDED),
            )
        return facts

    def _folded(self, name: str, streams: Streams) -> Any:
        """The aggregate behind a stream, by its own memory, when each event is the one that belongs there."""
        aggregate: Any = None
        for stored_event in streams[name]:
            mapper = self._orderwright.applications[name].mapper
            aggregate = folded(aggregate, stored_event, mapper)
            wrong = misplaced(stored_event, mapper.to_domain_event(stored_event), name)
            if wrong is not None:
                raise wrong
        return aggregate


def parked_sequences(orderwright: Orderwright) -> frozenset[str]:
    """What the four applications have put aside, or may have, by the conversation or stream it belongs to."""
    known = (report.event.sequence for report in parked_events(orderwright) if report.follower in LOGS)
    doubtful = (one for lot in damaged_lots(orderwright) if lot.follower in LOGS for one in lot.doubtful)
    return frozenset((*known, *doubtful))


def _saga_mark(fulfilment: Fulfilment | None) -> SagaMark:
    if fulfilment is None:
        return SagaMark.MISSING
    if fulfilment.status in (SagaStatus.COMPLETED, SagaStatus.FAILED):
        return SagaMark[fulfilment.status]
    if StepStatus.COMPENSATION_FAILED in fulfilment.step_statuses.values():
        return SagaMark.WAITING
    return SagaMark.COMPENSATING if fulfilment.status is SagaStatus.COMPENSATING else SagaMark.RUNNING
