"""Calls the payment provider, many at a time, and records what it answered.

Nothing is ever recorded inside a call, nor called inside a transaction. A crash between a call
and its record is harmless: the call is due until its outcome is recorded, and is made again with
the same key, under which the provider charges at most once.
"""

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from eventsourcing.persistence import IntegrityError

from application.payments import Outcome, Payments
from application.ports import (
    ChargeRequest,
    GatewayError,
    GatewayRefusal,
    GatewayTimeout,
    PaymentGateway,
    RefundRequest,
)
from application.queries import PaymentNotFound
from application.unreadable import UnreadableEvent
from domain.fulfilment import PROCESS_PAYMENT, STEP
from domain.payments import Payment, Trouble
from domain.payments.payment import PaymentOutcomeContradicted
from domain.shared.errors import DomainError
from domain.shared.retrying import RetryPolicy
from system.concurrency.background import LONGEST_PAUSE, BackgroundLoop
from system.concurrency.turn import Turn
from system.persistence.faults import STORE_FAULTS
from system.projections.payment_calls.follower import PaymentCalls
from system.projections.payment_calls.queries import DueCall
from system.runner.loop import LOOK_EVERY_SECONDS

PAGE = 500
REMEMBERED_CALLS = 20_000
PAUSE_WHEN_UNREADABLE = timedelta(minutes=1)
"""The provider is asked under the same key, once more if it was before, when the payment can be read."""
AskedFor = tuple[str, str, datetime, int]

log = structlog.get_logger()


class GatewayWorker(BackgroundLoop):
    """Makes the calls that are due."""

    faults = STORE_FAULTS
    first_pause = LONGEST_PAUSE
    pausing = "payment gateway worker pauses"
    failed = "payment gateway worker failed"

    def __init__(
        self,
        calls: PaymentCalls,
        payments: Payments,
        gateway: PaymentGateway,
        *,
        clock: Callable[[], datetime],
        concurrency: int,
        retry_seconds: float,
        poll_seconds: float,
        turn: Turn,
        monotonic: Callable[[], float] = time.monotonic,
        pool: Executor | None = None,
    ) -> None:
        super().__init__("payment-gateway")
        self._calls = calls
        self._payments = payments
        self._gateway = gateway
        self._clock = clock
        self._monotonic = monotonic
        self._concurrency = concurrency
        first_pause = timedelta(seconds=retry_seconds)
        self._charging = replace(STEP[PROCESS_PAYMENT].retry, first_pause=first_pause)
        self._refunding = replace(STEP[PROCESS_PAYMENT].undo_retry, first_pause=first_pause)
        self._poll_seconds = poll_seconds
        self._looked_at = datetime.min.replace(tzinfo=UTC)
        self._turn = turn
        self._in_flight: dict[Future[Callable[[Payment], None]], DueCall] = {}
        # The rows lag a little behind what was recorded, so answered calls are remembered.
        self._answered: set[AskedFor] = set()
        self._put_off: dict[AskedFor, float] = {}  # until when, by the clock that is never put right
        self._failing_since: dict[tuple[str, UUID], float] = {}  # by the clock that is never put right
        self._pool = pool or ThreadPoolExecutor(concurrency, thread_name_prefix="payment-gateway-call")

    def join(self, timeout: float | None = None) -> None:
        """Wait until the calls in hand are over; what is not answered by then is asked again later."""
        super().join(timeout)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def is_busy(self) -> bool:
        """Whether calls are in flight or due, now or later."""
        return bool(self._in_flight) or self._calls.count_due_calls() > 0

    def step(self) -> int:
        """Send what is due, record what is answered; how many answers were recorded."""
        with self._turn:
            self._send()
        if not self._in_flight:
            return 0
        done, _ = self.pulse.rest(
            lambda: wait(self._in_flight, timeout=self._poll_seconds, return_when=FIRST_COMPLETED)
        )
        outcomes, answered = [], []
        for future in [each for each in self._in_flight if each in done]:  # in the order of asking
            call = self._in_flight.pop(future)
            answered.append(call)
            # A stream's time only rises, so that it is never before its question.
            cause = replace(call.cause, time=self._clock())
            outcomes.append(Outcome(call.order_id, self._answer(call, future), cause))
        if outcomes:
            try:
                with self._turn:
                    unrecorded = self._record(outcomes)
                again = self._monotonic() + PAUSE_WHEN_UNREADABLE.total_seconds()
                self._put_off |= {_asked_for(call): again for call in answered if call.order_id in unrecorded}
            except Exception:
                # Not all is recorded: forget what was answered, so that what is still due is asked again.
                self._answered.clear()
                raise
        return len(outcomes)

    def work(self) -> None:
        """Call and record, and rest while nothing is due."""
        if not self.step() and not self._in_flight:
            self.rest(self._patience())

    def while_held(self) -> None:
        """See `BackgroundLoop.while_held`. The rows may be built anew meanwhile."""
        self._answered.clear()
        super().while_held()

    def _patience(self) -> float:
        """How many seconds there is nothing to do, unless there is news, which rings."""
        next_at = self._calls.next_call_after(self._looked_at)
        if next_at is None:
            return LOOK_EVERY_SECONDS
        return min(max((next_at - self._clock()).total_seconds(), 0.0), LOOK_EVERY_SECONDS)

    def _send(self) -> None:
        now = self._looked_at = self._clock()
        sent = {call.key for call in self._in_flight.values()}
        due = [
            call
            for call in self._calls.due_calls(now, PAGE + len(sent))
            if call.key not in sent and not self._is_answered(call)
        ]
        for call in due[: max(0, PAGE - len(self._in_flight))]:
            request = self._request(call)
            if request is not None:
                self._in_flight[self._pool.submit(self._call, call, request)] = call
        if len(self._answered) > REMEMBERED_CALLS:
            # Forgetting one too early only means that the provider is asked again, with the same key.
            self._answered.clear()

    def _is_answered(self, call: DueCall) -> bool:
        """Whether it was answered, and its row will go; or the answer could not be recorded just now."""
        asked_for = _asked_for(call)
        until = self._put_off.get(asked_for)
        if until is None:
            return asked_for in self._answered
        if self._monotonic() < until:
            return True
        del self._put_off[asked_for]
        return False

    def _request(self, call: DueCall) -> ChargeRequest | RefundRequest | None:
        """What the provider is asked; None when that cannot be told now. What is to be refunded, the
        payment says."""
        if call.amount is not None and call.payment_method is not None:
            return ChargeRequest(call.key, call.payment_method, call.amount.amount, call.amount.currency)
        try:
            payment = self._payments.of_order(call.order_id)
        except (UnreadableEvent, PaymentNotFound) as error:
            self._put_off[_asked_for(call)] = self._monotonic() + PAUSE_WHEN_UNREADABLE.total_seconds()
            log.error("payment cannot be read", order_id=str(call.order_id), error=str(error))
            return None
        method, amount = payment.payment_method, payment.amount
        return RefundRequest(call.key, call.reference or "", method, amount.amount, amount.currency)

    def _call(self, call: DueCall, request: ChargeRequest | RefundRequest) -> Callable[[Payment], None]:
        """Make a call and return what its answer means for the payment."""
        attempt = call.attempt
        if isinstance(request, RefundRequest):
            return self._refund(call, request)
        try:
            if call.kind == "call_off":
                reference = self._gateway.call_off(request)
            else:
                reference = self._gateway.charge(request)
        except GatewayRefusal as refusal:
            reason = str(refusal)
            return lambda payment: payment.decline(reason, attempt)
        except GatewayError as failure:
            if call.kind == "call_off":  # a failure to call it off says nothing about the charge
                raise
            trouble = self._failed(call, self._charging, str(failure))
            return lambda payment: payment.charge_attempt_failed(attempt, trouble)
        if reference is None:
            return lambda payment: payment.called_off(attempt)
        return lambda payment: payment.complete(reference, attempt)

    def _refund(self, call: DueCall, request: RefundRequest) -> Callable[[Payment], None]:
        attempt = call.attempt
        try:
            self._gateway.refund(request)
        except GatewayRefusal as refusal:
            refused = replace(self._failed(call, self._refunding, str(refusal)), next_at=None)
            return lambda payment: payment.refund_attempt_failed(attempt, refused)
        except GatewayError as failure:
            trouble = self._failed(call, self._refunding, str(failure))
            return lambda payment: payment.refund_attempt_failed(attempt, trouble)
        return lambda payment: payment.refund_made(attempt)

    def _failed(self, call: DueCall, policy: RetryPolicy, error: str) -> Trouble:
        """An attempt surely had no effect: when to make the next one, if ever."""
        now = self._clock()
        since, failures = call.failing_since or now, call.failures + 1
        next_at = policy.next_at(failures, self._failing_for(call), now, str(call.payment_id))
        return Trouble(error, since, failures, next_at)

    def _failing_for(self, call: DueCall) -> timedelta:
        """For how long this process has seen attempts fail; one that takes over begins to count anew."""
        now, what = self._monotonic(), (call.kind, call.payment_id)
        if call.failing_since is None:
            self._failing_since.pop(what, None)
        if len(self._failing_since) > REMEMBERED_CALLS:
            self._failing_since.clear()
        return timedelta(seconds=now - self._failing_since.setdefault(what, now))

    def _unanswered(self, call: DueCall, error: str) -> Trouble:
        """Nobody knows what became of the call: it is asked again, however long that takes."""
        now = self._clock()
        policy = self._refunding if call.kind == "refund" else self._charging
        times = call.unanswered + 1
        return Trouble(error, call.unknown_since or now, times, now + policy.pause(times, call.key))

    def _answer(self, call: DueCall, future: Future[Callable[[Payment], None]]) -> Callable[[Payment], None]:
        """What to tell the payment."""
        self._answered.add(_asked_for(call))
        try:
            return future.result()
        except (GatewayTimeout, GatewayError) as failure:
            trouble = self._unanswered(call, str(failure))
        except Exception as failure:  # whatever a provider's client raises, the outcome is unknown
            log.exception("payment provider failed unexpectedly", key=call.key)
            trouble = self._unanswered(call, f"{type(failure).__name__}: {failure}")
        if call.kind == "refund":
            return lambda payment: payment.refund_unanswered(call.attempt, trouble)
        return lambda payment: payment.charge_unanswered(call.attempt, trouble)

    def _record(self, outcomes: list[Outcome]) -> set[UUID]:
        """Record what was answered; the orders whose payment cannot be read, so that nothing was recorded."""
        unrecorded: set[UUID] = set()
        try:
            self._payments.record(outcomes)
        except (IntegrityError, DomainError) as error:
            if len(outcomes) > 1:
                for outcome in outcomes:
                    unrecorded |= self._record([outcome])
            elif isinstance(error, IntegrityError):
                self._payments.record(outcomes)
            elif isinstance(error, UnreadableEvent):
                unrecorded.add(outcomes[0].order_id)
                log.error("payment cannot be read", order_id=str(outcomes[0].order_id), error=str(error))
            elif isinstance(error, PaymentOutcomeContradicted):
                self._payments.record([replace(outcomes[0], tell=_disputed(str(error)))])
                log.error("payment outcome disputed", order_id=str(outcomes[0].order_id), error=str(error))
            else:
                log.error("payment outcome refused", order_id=str(outcomes[0].order_id), error=str(error))
        return unrecorded


def _disputed(error: str) -> Callable[[Payment], None]:
    return lambda payment: payment.dispute(error)


def _asked_for(call: DueCall) -> AskedFor:
    """What tells a call from the next one under the same key."""
    return call.kind, call.key, call.since, call.unanswered
