"""The system: who follows whom.

Orders > OrderFulfilment > Payments > OrderFulfilment > Inventory > OrderFulfilment > Orders
Orders, OrderFulfilment, Payments > OrderDashboard      OrderFulfilment > SagaLog
Payments > PaymentLedger                                Inventory > StockLevels
"""

from eventsourcing.system import System

from system.processes.inventory import InventoryProcess as Inventory
from system.processes.order_fulfilment import OrderFulfilment
from system.processes.orders import OrdersProcess as Orders
from system.processes.payments import PaymentsProcess as Payments
from system.projections.order_dashboard.follower import OrderDashboard
from system.projections.payment_ledger.follower import PaymentLedger
from system.projections.saga_log.follower import SagaLog
from system.projections.stock_levels import StockLevels

__all__ = [
    "Inventory",
    "OrderDashboard",
    "OrderFulfilment",
    "Orders",
    "PaymentLedger",
    "Payments",
    "SagaLog",
    "StockLevels",
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
        [Inventory, StockLevels],
    ]
)
