"""Calls to the payment provider that wait for a person."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from uuid import UUID

from application.base import CommandContext
from domain.payments import Payment
from system.bootstrap import Orderwright
from system.followers.parked import Result
from system.projections.payment_calls.queries import TroubledCall

from .cases import Case, CaseDetails, NotForThisCase, no_such_case
from .dry_run import DryRun
from .source import ActionReport, CaseSource, Command, dealt_with, no_discard, no_dry_run

UNKNOWN_IS_A_CASE_AFTER = timedelta(hours=1)
"""The provider is asked again by itself before and after that; but by then a person should know."""

KIND = "call"
PROVIDER = "payment provider"


class Calls(CaseSource):
    """Payments whose outcome is unknown for over an hour, and those about which the provider contradicts
    itself."""

    kinds = (KIND,)
    namespaces = (KIND,)

    def __init__(self, orderwright: Orderwright) -> None:
        self._orderwright = orderwright

    def list(self) -> Iterable[Case]:
        """See `CaseSource.list`."""
        until = self._orderwright.clock() - UNKNOWN_IS_A_CASE_AFTER
        return [_case(call) for call in self._orderwright.payment_calls.troubled_calls(until)]

    def find(self, case_id: str) -> CaseDetails:
        """See `CaseSource.find`."""
        for case in self.list():
            if case.case_id == case_id:
                return CaseDetails(**vars(case))
        raise no_such_case(case_id)

    def can_be_retried(self, case: Case) -> bool:
        """See `CaseSource.can_be_retried`."""
        return not _is_disputed(case)

    def retry(
        self,
        case_id: str,
        command: Command,
        *,
        sequence: bool,  # noqa: ARG002 - nothing waits behind a call
        listed: Case | None = None,
    ) -> ActionReport:
        """Have the provider asked now, rather than when it is due. See `CaseSource.retry`."""
        case = listed or self.find(case_id)
        if _is_disputed(case):
            raise NotForThisCase(
                "the provider contradicts itself about this payment: ask it what is true, then discard the "
                "case with its answer as the reason"
            )
        retry_call(self._orderwright, UUID(case.sequence), command.context, command.reason)
        return dealt_with(case, Result.RETRIED)

    def discard(self, case_id: str, command: Command) -> ActionReport:
        """A person has settled what the provider contradicts itself about. See `CaseSource.discard`."""
        case = self.find(case_id)
        if not _is_disputed(case):
            raise no_discard(case)
        reason = command.reason or ""
        _decide(
            self._orderwright,
            UUID(case.sequence),
            command.context,
            lambda payment: payment.close_dispute(reason),
        )
        return dealt_with(case, Result.DISCARDED)

    def dry_run(self, case_id: str, *, sequence: bool) -> DryRun:  # noqa: ARG002 - as above
        """See `CaseSource.dry_run`."""
        raise no_dry_run(self.find(case_id))


def retry_call(orderwright: Orderwright, order_id: UUID, context: CommandContext, reason: str | None) -> None:
    """Have the provider asked now about the payment of an order, rather than when it is due."""
    _decide(orderwright, order_id, context, lambda payment: payment.hasten(reason or "asked at the desk"))


def _decide(
    orderwright: Orderwright, order_id: UUID, context: CommandContext, act: Callable[[Payment], None]
) -> None:
    payments = orderwright.payments
    payments.decide(lambda: payments.of_order(order_id), act, context.cause(order_id))


def _is_disputed(case: Case) -> bool:
    return case.what == Payment.OutcomeDisputed.TOPIC


def _case(call: TroubledCall) -> Case:
    return Case(
        case_id=f"{KIND}:{call.order_id}",
        kind=KIND,
        where=PROVIDER,
        what=Payment.OutcomeDisputed.TOPIC if call.is_disputed else Payment.ChargeUnanswered.TOPIC,
        sequence=str(call.order_id),
        error=call.error,
        attempts=call.attempts,
        first_at=call.since,
        last_at=call.since,
    )
