"""The order dashboard as it is written."""

import json
from typing import Any

from eventsourcing.dispatch import singledispatchmethod

from domain.fulfilment.categories import FACTS, MOVES_SAGA
from domain.orders import Order, OrderReference, OrderStatus
from domain.payments import Payment
from system.followers.follower import reacts_to
from system.followers.unit_of_work import UnitOfWork
from system.projections.payment_status import PAYMENT_STATUS
from system.projections.saga_log.entries import saga_status

from .queries import OrderDashboardQueries
from .tables import ORDERS


class OrderDashboard(OrderDashboardQueries):
    """Follows orders, and their fulfilments and payments for two columns more."""

    name = "OrderDashboard"
    tables = (ORDERS,)
    ignored = (FACTS - MOVES_SAGA) | {
        OrderReference.Claimed,
        Payment.ChargeWithdrawn,
        Payment.RefundAttemptFailed,
        Payment.RefundUnanswered,
        Payment.CallHastened,
        Payment.OutcomeDisputed,
        Payment.DisputeClosed,
    }

    @singledispatchmethod
    def react(self, event: Any, work: UnitOfWork) -> None:
        """See `Follower.react`."""

    @react.register
    def _(self, event: Order.Created, work: UnitOfWork) -> None:
        work.put(
            ORDERS,
            order_id=str(event.originator_id),
            status=str(OrderStatus.CREATED),
            order_ref=event.order_ref,
            customer_id=event.customer_id,
            currency=event.currency,
            total=str(event.total),
            total_sort=int(event.total.scaleb(4)),
            items=json.dumps([[line.sku, line.quantity, str(line.unit_price)] for line in event.items]),
            version=event.originator_version,
            created_at=event.timestamp,
        )

    @react.register
    def _(self, event: Order.Confirmed, work: UnitOfWork) -> None:
        work.change(
            ORDERS,
            order_id=str(event.originator_id),
            status=str(OrderStatus.CONFIRMED),
            version=event.originator_version,
            confirmed_at=event.timestamp,
        )

    @react.register
    def _(self, event: Order.Cancelled, work: UnitOfWork) -> None:
        work.change(
            ORDERS,
            order_id=str(event.originator_id),
            status=str(OrderStatus.CANCELLED),
            version=event.originator_version,
            cancelled_at=event.timestamp,
            cancel_reason=event.reason,
        )

    @reacts_to(react, MOVES_SAGA)
    def _(self, event: Any, work: UnitOfWork) -> None:
        work.put(ORDERS, order_id=str(event.order_id), fulfilment_status=saga_status(event))

    @react.register(Payment.Requested)
    @react.register(Payment.ChargeAttemptFailed)
    @react.register(Payment.ChargeUnanswered)
    @react.register(Payment.Completed)
    @react.register(Payment.Declined)
    @react.register(Payment.RefundRequested)
    @react.register(Payment.Refunded)
    @react.register(Payment.RefundedByHand)
    @react.register(Payment.RefundFailed)
    def _(self, event: Any, work: UnitOfWork) -> None:
        work.put(ORDERS, order_id=str(event.order_id), payment_status=PAYMENT_STATUS[type(event)])
