"""The tables of the calls to the payment provider. A row goes when its call has an outcome."""

from system.persistence.tables import Table

# A call is due at once, or not before `next_at` where it is made again after a pause; `since` is when it
# was asked for. `event_id` and so on are what the call has to say it happens because of. Of a refund
# there is neither payment method nor amount: its event does not say them, and the row of the charge, which
# did, has gone.
CALLS = Table(
    "payment_calls",
    columns={
        "order_id": "TEXT",
        "payment_id": "TEXT NOT NULL",
        "kind": "TEXT NOT NULL",
        "first_attempt": "BIGINT NOT NULL",
        "attempt": "BIGINT NOT NULL",
        "since": "TEXT NOT NULL",
        "next_at": "TEXT",
        "payment_method": "TEXT",
        "currency": "TEXT",
        "amount_minor": "BIGINT",
        "reference": "TEXT",
        "unanswered": "BIGINT NOT NULL",
        "failing_since": "TEXT",
        "unknown_since": "TEXT",
        "last_error": "TEXT",
        "event_id": "TEXT NOT NULL",
        "command_id": "TEXT",
        "user_id": "TEXT",
    },
    key=("order_id",),
    indexes={"payment_calls_since": "(since, order_id)"},
)

DISPUTES = Table(
    "payment_disputes",
    columns={"order_id": "TEXT", "error": "TEXT NOT NULL", "since": "TEXT NOT NULL"},
    key=("order_id",),
)
