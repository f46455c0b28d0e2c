"""The table of the payment ledger."""

from system.persistence.tables import Table

LEDGER = Table(
    "payment_ledger",
    columns={
        "order_id": "TEXT",
        "payment_id": "TEXT NOT NULL",
        "status": "TEXT NOT NULL",
        "payment_method": "TEXT NOT NULL",
        "currency": "TEXT NOT NULL",
        "amount_minor": "BIGINT NOT NULL",
        "refunded_minor": "BIGINT NOT NULL",
        "reference": "TEXT",
    },
    key=("order_id",),
    # Until version 11 of the schema these said which calls were due. Now that is told by `payment_calls`.
    dropped_columns=(
        *("call", "call_attempt", "call_since", "call_event_id", "call_command_id", "call_user"),
        *("call_first", "unanswered", "failing_since", "unknown_since", "last_error", "dispute"),
        *("disputed_at", "call_next_at"),
    ),
    dropped_indexes=(
        "payment_ledger_due",
        "payment_ledger_calls",
        "payment_ledger_disputes",
        "payment_ledger_unknown",
    ),
)
