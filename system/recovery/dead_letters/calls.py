"""Calls to the payment provider that wait for a person."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from application.base import CommandContext
from domain.payments import Payment
from system.bootstrap import Orderwright
from system.projections.payment_ledger.follower import TroubledCall

from .cases import Case, Kind

UNKNOWN_IS_A_CASE_AFTER = timedelta(hours=1)
"""The provider is asked again by itself before and after that; but by then a person should know."""

PROVIDER = "payment provider"


def call_cases(orderwright: Orderwright, now: datetime) -> list[Case]:
    """Payments whose outcome is unknown for over an hour, and those about which the provider
    contradicts itself, in no order."""
    troubled = orderwright.payment_ledger.troubled_calls(now - UNKNOWN_IS_A_CASE_AFTER)
    return [_case(call) for call in troubled]


def retry_call(orderwright: Orderwright, order_id: UUID, context: CommandContext, reason: str | None) -> None:
    """Have the provider asked now, rather than when it is due."""
    _decide(orderwright, order_id, context, lambda payment: payment.hasten(reason or "asked at the desk"))


def close_dispute(orderwright: Orderwright, order_id: UUID, context: CommandContext, reason: str) -> None:
    """A person has settled what the provider contradicts itself about."""
    _decide(orderwright, order_id, context, lambda payment: payment.close_dispute(reason))


def is_disputed(case: Case) -> bool:
    """Whether the case of a call is about a contradiction."""
    return case.what == Payment.OutcomeDisputed.TOPIC


def _decide(
    orderwright: Orderwright, order_id: UUID, context: CommandContext, act: Callable[[Payment], None]
) -> None:
    payments = orderwright.payments
    payments.decide(lambda: payments.of_order(order_id), act, context.cause(order_id))


def _case(call: TroubledCall) -> Case:
    return Case(
        case_id=f"call:{call.order_id}",
        kind=Kind.CALL,
        where=PROVIDER,
        what=Payment.OutcomeDisputed.TOPIC if call.is_disputed else Payment.ChargeUnanswered.TOPIC,
        sequence=str(call.order_id),
        error=call.error,
        attempts=call.attempts,
        first_at=call.since,
        last_at=call.since,
    )
