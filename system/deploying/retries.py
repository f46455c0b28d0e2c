"""What is done about a failed attempt: the rule of its step says how often it is tried.

Only that it was tried again is compared. That it was given up may have other reasons than the number of
attempts (the provider refused, or it took too long), which are not recorded as such; and pauses are settings.
"""

from collections.abc import Iterator
from typing import Any

from domain.fulfilment import PROCESS_PAYMENT, STEP
from domain.payments import Payment, Trouble
from domain.shared.causes import because_of
from domain.shared.retrying import RetryPolicy

from .recorded import Stream
from .replaying import Deviation
from .stage import cause_of


def tried_otherwise(application: str, payment: Stream) -> Iterator[Deviation]:
    """Every attempt at a payment that was to be tried again and would be given up now, and every other
    thing that the code at hand would make of a failure."""
    for event in payment.events:
        if isinstance(event, Payment.ChargeAttemptFailed | Payment.RefundAttemptFailed):
            present = _decided(payment, event)
            if [type(one) for one in present] != [type(event)]:
                yield Deviation(application, event, f"failure {event.times}", (event,), present)


def _decided(payment: Stream, failed: Any) -> tuple[Any, ...]:
    work: Any = None
    for event in payment.events[: failed.originator_version - 1]:
        work = event.mutate(work)
    is_charge = isinstance(failed, Payment.ChargeAttemptFailed)
    policy = STEP[PROCESS_PAYMENT].retry if is_charge else STEP[PROCESS_PAYMENT].undo_retry
    tell = work.charge_attempt_failed if is_charge else work.refund_attempt_failed
    with because_of(cause_of(failed)):
        tell(failed.attempt, _trouble(failed, policy))
    return tuple(work.collect_events())


def _trouble(failed: Any, policy: RetryPolicy) -> Trouble:
    is_enough = failed.times >= policy.attempts
    return Trouble(failed.error, failed.since, failed.times, None if is_enough else failed.next_at)
