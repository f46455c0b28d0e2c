"""Calls the payment provider, many at a time, and records what it answered.

Nothing is ever recorded inside a call, nor called inside a transaction. A crash between a call
and its record is harmless: the call is due until its outcome is recorded, and is made again with
the same key, under which the provider charges at most once.
"""

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog
from eventsourcing.persistence import IntegrityError

from application.payments import Outcome, Payments
from application.ports import (
    ChargeDeclined,
    ChargeRequest,
    GatewayError,
    GatewayTimeout,
    PaymentGateway,
    RefundRequest,
)
from domain.payments import Payment
from domain.payments.payment import MAX_ATTEMPTS
from domain.shared.errors import DomainError
from system.projections.payment_ledger import DueCall, PaymentLedger
from system.runner.feed import STORE_FAULTS
from system.runner.loop import LONGEST_PAUSE, Wakeup
from system.runner.turn import Turn

PAGE = 500
LONGEST_DELAY = 60.0
REMEMBERED_CALLS = 20_000
_DONE = datetime.max.replace(tzinfo=UTC)

log = structlog.get_logger()


class GatewayWorker:
    """Makes the calls that are due in the payment ledger."""

    def __init__(
        self,
        ledger: PaymentLedger,
        payments: Payments,
        gateway: PaymentGateway,
        *,
        clock: Callable[[], datetime],
        concurrency: int,
        retry_seconds: float,
        poll_seconds: float,
        turn: Turn,
    ) -> None:
        self.wakeup = Wakeup()
        self._ledger = ledger
        self._payments = payments
        self._gateway = gateway
        self._clock = clock
        self._concurrency = concurrency
        self._retry_seconds = retry_seconds
        self._poll_seconds = poll_seconds
        self._turn = turn
        self._in_flight: dict[Future[Callable[[Payment], None] | None], DueCall] = {}
        # The ledger lags a little behind what was recorded, so answered calls are remembered.
        self._not_before: dict[str, datetime] = {}
        self._unanswered: dict[str, int] = {}
        self._thread = threading.Thread(target=self._run, name="payment-gateway", daemon=True)
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="payment-gateway-call")

    def start(self) -> None:
        """Begin to make calls."""
        self._thread.start()

    def join(self, timeout: float | None = None) -> None:
        """Wait until the calls in hand are over; what is not answered by then is asked again later."""
        self._thread.join(timeout)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def is_alive(self) -> bool:
        """Whether it makes calls."""
        return self._thread.is_alive()

    def is_busy(self) -> bool:
        """Whether calls are in flight or due, now or later."""
        return bool(self._in_flight) or self._ledger.count_due_calls() > 0

    def step(self) -> int:
        """Send what is due, record what is answered; how many answers were recorded."""
        with self._turn:
            self._send()
        if not self._in_flight:
            return 0
        done, _ = wait(self._in_flight, timeout=self._poll_seconds, return_when=FIRST_COMPLETED)
        outcomes = []
        for future in done:
            call = self._in_flight.pop(future)
            tell = self._answer(call, future)
            if tell is not None:
                cause = replace(call.cause, time=max(self._clock(), call.since))
                outcomes.append(Outcome(call.order_id, tell, cause))
        if outcomes:
            try:
                with self._turn:
                    self._record(outcomes)
            except Exception:
                # Not all is recorded: forget what was answered, so that what is still due is asked again.
                self._not_before.clear()
                raise
        return len(outcomes)

    def _run(self) -> None:
        while not self.wakeup.is_stopping:
            self.wakeup.clear()
            try:
                if not self.step() and not self._in_flight:
                    self.wakeup.wait(self._poll_seconds)
            except STORE_FAULTS as error:
                log.warning("payment gateway worker pauses", error=str(error))
                self.wakeup.wait(LONGEST_PAUSE)
            except Exception:
                log.exception("payment gateway worker failed")
                self.wakeup.wait(LONGEST_PAUSE)

    def _send(self) -> None:
        now = self._clock()
        sent = {call.key for call in self._in_flight.values()}
        due = [
            call
            for attempt in range(1, MAX_ATTEMPTS + 1)
            for call in self._ledger.due_calls(attempt, PAGE)
            if call.key not in sent and now >= self._due_at(call)
        ]
        for call in due[: max(0, PAGE - len(self._in_flight))]:
            self._in_flight[self._pool.submit(self._call, call)] = call
        if len(self._not_before) > REMEMBERED_CALLS:
            # Forgetting one too early only means that the provider is asked again, with the same key.
            self._not_before = {key: at for key, at in self._not_before.items() if at != _DONE}

    def _due_at(self, call: DueCall) -> datetime:
        delay = timedelta(seconds=self._delay(call.attempt - 1))
        return max(call.since + delay, self._not_before.get(call.key, call.since))

    def _delay(self, failures: int) -> float:
        return min(self._retry_seconds * 2.0 ** (failures - 1), LONGEST_DELAY) if failures else 0.0

    def _call(self, call: DueCall) -> Callable[[Payment], None]:
        """Make a call and return what its answer means for the payment."""
        attempt = call.attempt
        if call.kind == "charge":
            charge = ChargeRequest(call.key, call.payment_method, call.amount.amount, call.amount.currency)
            try:
                reference = self._gateway.charge(charge)
            except ChargeDeclined as declined:
                reason = str(declined)
                return lambda payment: payment.decline(reason, attempt)
            except GatewayError as failure:
                error = str(failure)
                return lambda payment: payment.charge_attempt_failed(attempt, error)
            return lambda payment: payment.complete(reference, attempt)
        refund = RefundRequest(
            call.key, call.reference or "", call.payment_method, call.amount.amount, call.amount.currency
        )
        try:
            self._gateway.refund(refund)
        except GatewayError as failure:
            error = str(failure)
            return lambda payment: payment.refund_attempt_failed(attempt, error)
        return lambda payment: payment.refund_made(attempt)

    def _answer(
        self, call: DueCall, future: Future[Callable[[Payment], None] | None]
    ) -> Callable[[Payment], None] | None:
        """What to tell the payment; None when there is nothing to tell yet."""
        try:
            tell = future.result()
        except GatewayTimeout as timeout:
            error = str(timeout)
        except Exception as failure:  # whatever a provider's client raises, the outcome is unknown
            log.exception("payment provider failed unexpectedly", key=call.key)
            error = f"{type(failure).__name__}: {failure}"
        else:
            self._not_before[call.key] = _DONE
            self._unanswered.pop(call.key, None)
            return tell
        asked = self._unanswered[call.key] = self._unanswered.get(call.key, 0) + 1
        self._not_before[call.key] = self._clock() + timedelta(seconds=self._delay(asked))
        if call.kind == "charge":
            return lambda payment: payment.charge_unanswered(call.attempt, error)
        return None

    def _record(self, outcomes: list[Outcome]) -> None:
        try:
            self._payments.record(outcomes)
        except (IntegrityError, DomainError) as error:
            if len(outcomes) > 1:
                for outcome in outcomes:
                    self._record([outcome])
            elif isinstance(error, IntegrityError):
                self._payments.record(outcomes)
            else:
                log.error("payment outcome refused", order_id=str(outcomes[0].order_id), error=str(error))
