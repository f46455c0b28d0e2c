"""The table of the order dashboard."""

from system.persistence.tables import Table
from system.projections.saga_log.entries import SAGA_STATUS

# An event about a payment or fulfilment can arrive before the order's own: the row then begins
# without the order's facts, and is not listed until they are there.
ORDERS = Table(
    "order_dashboard",
    columns={
        "order_id": "TEXT",
        "order_ref": "TEXT",
        "customer_id": "TEXT",
        "status": "TEXT",
        "currency": "TEXT",
        "total": "TEXT",
        "total_sort": "BIGINT",
        "items": "TEXT",
        "version": "BIGINT",
        "created_at": "TEXT",
        "confirmed_at": "TEXT",
        "cancelled_at": "TEXT",
        "cancel_reason": "TEXT",
        "fulfilment_status": "TEXT",
        "payment_status": "TEXT",
    },
    key=("order_id",),
    indexes={
        "order_dashboard_created": "(created_at, order_id)",
        "order_dashboard_total": "(total_sort, order_id)",
        "order_dashboard_customer": "(customer_id, created_at, order_id)",
        "order_dashboard_status": "(status, created_at, order_id)",
    },
    guards={"fulfilment_status": SAGA_STATUS},
)
