"""Calls to the payment provider that wait for a person."""

from datetime import datetime

from system.bootstrap import Orderwright

from .cases import Case


def call_cases(orderwright: Orderwright, now: datetime) -> list[Case]:  # noqa: ARG001 - see below
    """The calls whose outcome somebody has to clear up, as of now, in no order.

    The id of such a case is ``call:<order_id>``, its kind `Kind.CALL`, its sequence the order's id,
    `where` the provider and `what` the type of the payment's last event; `first_at` is when the
    call was made first. Every call that was made is asked again under its own key until the provider
    has told what became of it, so there is none.
    """
    return []
