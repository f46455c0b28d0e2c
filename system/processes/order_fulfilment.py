"""The saga: hears what happened to an order, its payment and its reservation, and goes on."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from eventsourcing.dispatch import singledispatchmethod

from domain.fulfilment import PROCESS_PAYMENT, RESERVE_INVENTORY, Fulfilment
from domain.inventory import Reservation, StockItem, Supply
from domain.orders import Order, OrderReference
from domain.payments import Payment
from domain.shared.ids import fulfilment_id
from domain.shared.money import Money
from domain.shared.products import per_product
from system.followers.follower import Process
from system.followers.unit_of_work import UnitOfWork


class OrderFulfilment(Process):
    """Follows orders, payments and inventory. Each policy: find the fulfilment, tell it, collect."""

    name = "OrderFulfilment"
    begins_with = "Orders"
    ignored = frozenset(
        {
            OrderReference.Claimed,
            Payment.Requested,
            Payment.ChargeWithdrawn,
            Payment.RefundRequested,
            Payment.CallHastened,
            Payment.OutcomeDisputed,
            Payment.DisputeClosed,
            StockItem.Introduced,
            StockItem.Received,
            StockItem.Corrected,
            StockItem.Reserved,
            StockItem.Released,
            Supply.Received,
            Supply.Changed,
        }
    )

    def of_order(self, order_id: UUID) -> Fulfilment:
        """The fulfilment of an order whose first event was processed before any later news of it."""
        fulfilment = self.find(Fulfilment, fulfilment_id(order_id))
        if fulfilment is None:
            raise LookupError(f"order {order_id} has no fulfilment yet")
        return fulfilment

    def needs(self, event: Any) -> Iterable[UUID]:
        """See `Follower.needs`."""
        if isinstance(event, StockItem.Event):
            return ()
        is_order = isinstance(event, Order.Event)
        return (fulfilment_id(event.originator_id if is_order else event.order_id),)

    @singledispatchmethod
    def react(self, event: Any, work: UnitOfWork) -> None:
        """See `Follower.react`."""

    @react.register
    def _(self, event: Order.Created, work: UnitOfWork) -> None:
        order_id = event.originator_id
        if self.find(Fulfilment, fulfilment_id(order_id)) is None:
            fulfilment = Fulfilment.start(
                order_id,
                payment_method=event.payment_method,
                total=Money(event.total, event.currency),
                lines=per_product((line.sku, line.quantity) for line in event.items),
            )
            work.collect_events(fulfilment)

    @react.register
    def _(self, event: Order.Confirmed, work: UnitOfWork) -> None:
        fulfilment = self.of_order(event.originator_id)
        fulfilment.order_confirmed()
        work.collect_events(fulfilment)

    @react.register
    def _(self, event: Order.Cancelled, work: UnitOfWork) -> None:
        fulfilment = self.of_order(event.originator_id)
        fulfilment.order_cancelled(event.reason)
        work.collect_events(fulfilment)

    @react.register
    def _(self, event: Payment.Completed, work: UnitOfWork) -> None:
        fulfilment = self.of_order(event.order_id)
        fulfilment.step_completed(PROCESS_PAYMENT)
        work.collect_events(fulfilment)

    @react.register
    def _(self, event: Payment.Declined, work: UnitOfWork) -> None:
        fulfilment = self.of_order(event.order_id)
        fulfilment.step_failed(PROCESS_PAYMENT, f"payment declined: {event.reason}")
        work.collect_events(fulfilment)

    @react.register
    def _(self, event: Payment.ChargeAttemptFailed, work: UnitOfWork) -> None:
        fulfilment = self.of_order(event.order_id)
        fulfilment.step_attempt_failed(PROCESS_PAYMENT, event.attempt, event.error, event.next_at)
        work.collect_events(fulfilment)

    @react.register
    def _(self, event: Payment.ChargeUnanswered, work: UnitOfWork) -> None:
        fulfilment = self.of_order(event.order_id)
        fulfilment.step_unanswered(PROCESS_PAYMENT, event.attempt, event.error, event.next_at)
        work.collect_events(fulfilment)

    @react.register(Payment.Refunded)
    @react.register(Payment.RefundedByHand)
    def _(self, event: Any, work: UnitOfWork) -> None:
        fulfilment = self.of_order(event.order_id)
        fulfilment.step_compensated(PROCESS_PAYMENT)
        work.collect_events(fulfilment)

    @react.register
    def _(self, event: Payment.RefundAttemptFailed, work: UnitOfWork) -> None:
        fulfilment = self.of_order(event.order_id)
        fulfilment.compensation_attempt_failed(PROCESS_PAYMENT, event.attempt, event.error, event.next_at)
        work.collect_events(fulfilment)

    @react.register
    def _(self, event: Payment.RefundUnanswered, work: UnitOfWork) -> None:
        fulfilment = self.of_order(event.order_id)
        fulfilment.compensation_unanswered(PROCESS_PAYMENT, event.attempt, event.error, event.next_at)
        work.collect_events(fulfilment)

    @react.register
    def _(self, event: Payment.RefundFailed, work: UnitOfWork) -> None:
        fulfilment = self.of_order(event.order_id)
        fulfilment.compensation_failed(PROCESS_PAYMENT, event.error)
        work.collect_events(fulfilment)

    @react.register
    def _(self, event: Reservation.Made, work: UnitOfWork) -> None:
        fulfilment = self.of_order(event.order_id)
        fulfilment.step_completed(RESERVE_INVENTORY)
        work.collect_events(fulfilment)

    @react.register(Reservation.Rejected)
    @react.register(Reservation.Refused)
    def _(self, event: Any, work: UnitOfWork) -> None:
        fulfilment = self.of_order(event.order_id)
        fulfilment.step_failed(RESERVE_INVENTORY, event.reason)
        work.collect_events(fulfilment)

    @react.register
    def _(self, event: Reservation.Released, work: UnitOfWork) -> None:
        fulfilment = self.of_order(event.order_id)
        fulfilment.step_compensated(RESERVE_INVENTORY)
        work.collect_events(fulfilment)

    @react.register
    def _(self, event: Reservation.ReleasedByHand, work: UnitOfWork) -> None:
        fulfilment = self.find(Fulfilment, fulfilment_id(event.order_id))
        if fulfilment is not None:  # mostly there is none, or one that has ended
            fulfilment.step_failed(RESERVE_INVENTORY, f"its stock was released by hand: {event.reason}")
            work.collect_events(fulfilment)
