"""The tables of the saga log."""

from system.persistence.tables import Table

from .entries import SAGA_STATUS

FULFILMENTS = Table(
    "fulfilments",
    columns={
        "order_id": "TEXT",
        "status": "TEXT NOT NULL",
        "reason": "TEXT",
        "started_at": "TEXT NOT NULL",
        "updated_at": "TEXT NOT NULL",
    },
    key=("order_id",),
    indexes={
        "fulfilments_updated": "(updated_at, order_id)",
        "fulfilments_status": "(status, updated_at, order_id)",
    },
    guards={"status": SAGA_STATUS},
)

LOG = Table(
    "saga_log",
    columns={
        "order_id": "TEXT",
        "entry": "BIGINT",
        "step": "TEXT NOT NULL",
        "status": "TEXT NOT NULL",
        "attempt": "BIGINT NOT NULL",
        "at": "TEXT NOT NULL",
        "error": "TEXT",
        "next_at": "TEXT",
    },
    key=("order_id", "entry"),
    indexes={"saga_log_failed": "(at) WHERE status = 'COMPENSATION_FAILED'"},
)

# A step that somebody waits for has a row here until it ends, or it was noted that its deadline passed.
# `status` says whether it is to be done or undone; it is null in rows of early releases.
DEADLINES = Table(
    "saga_deadlines",
    columns={"order_id": "TEXT", "step": "TEXT", "due_at": "TEXT", "status": "TEXT"},
    key=("order_id", "step"),
    indexes={"saga_deadlines_due": "(due_at, order_id) WHERE due_at IS NOT NULL"},
    leftover="due_at IS NULL",
)
