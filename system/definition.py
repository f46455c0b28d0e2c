"""The system: who follows whom.

Orders > OrderFulfilment > Payments > OrderFulfilment > Inventory > OrderFulfilment > Orders
Orders, OrderFulfilment, Payments > OrderDashboard      OrderFulfilment > SagaLog
Payments > PaymentLedger, PaymentCalls                  Inventory > StockLevels
"""

from typing import cast

from eventsourcing.system import System

from system.followers.follower import Follower, check_follower
from system.processes.inventory import InventoryProcess as Inventory
from system.processes.order_fulfilment import OrderFulfilment
from system.processes.orders import OrdersProcess as Orders
from system.processes.payments import PaymentsProcess as Payments
from system.projections.order_dashboard.follower import OrderDashboard
from system.projections.payment_calls.follower import PaymentCalls
from system.projections.payment_ledger.follower import PaymentLedger
from system.projections.saga_log.follower import SagaLog
from system.projections.stock_levels import StockLevels
from system.steps.streams import FULFILMENTS, STREAM_ID

__all__ = [
    "Inventory",
    "OrderDashboard",
    "OrderFulfilment",
    "Orders",
    "PaymentCalls",
    "PaymentLedger",
    "Payments",
    "SagaLog",
    "StockLevels",
    "class_of",
    "orderwright",
]

orderwright = System(
    pipes=[
        [Orders, OrderFulfilment, Payments, OrderFulfilment, Inventory, OrderFulfilment, Orders],
        [Orders, OrderDashboard],
        [OrderFulfilment, OrderDashboard],
        [Payments, OrderDashboard],
        [OrderFulfilment, SagaLog],
        [Payments, PaymentLedger],
        [Payments, PaymentCalls],
        [Inventory, StockLevels],
    ]
)


def class_of(name: str) -> type[Follower]:
    """The class of an application: every one of them follows another."""
    return cast(type[Follower], orderwright.get_app_cls(name))


if strangers := STREAM_ID.keys() - {FULFILMENTS, *orderwright.follows[FULFILMENTS]}:
    raise LookupError(f"steps are done by applications that the saga does not follow: {', '.join(strangers)}")

for name in orderwright.followers:
    check_follower(orderwright.follower_cls(name))
