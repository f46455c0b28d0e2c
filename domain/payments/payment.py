"""The payment of an order: what is asked of the provider, and what the provider answered."""

from decimal import Decimal
from enum import StrEnum
from typing import Self
from uuid import UUID

from eventsourcing.domain import AggregateCreated, event

from domain.shared.aggregates import Aggregate
from domain.shared.errors import Contradiction
from domain.shared.ids import payment_id
from domain.shared.money import Money

MAX_ATTEMPTS = 5
"""A provider that fails this often, each time surely without effect, has failed for good."""


class PaymentStatus(StrEnum):
    """Where a payment stands."""

    REQUESTED = "REQUESTED"
    COMPLETED = "COMPLETED"
    DECLINED = "DECLINED"
    REFUND_REQUESTED = "REFUND_REQUESTED"
    REFUNDED = "REFUNDED"
    REFUND_FAILED = "REFUND_FAILED"


class PaymentOutcomeContradicted(Contradiction):
    """The provider now says something else than what it said before about the same payment."""

    code = "payment_outcome_contradicted"


class PaymentNotCompleted(Contradiction):
    """Only a completed payment can be refunded."""

    code = "payment_not_completed"


class Payment(Aggregate):
    """The one charge of an order, and at most one refund of all of it.

    Invariants: one payment an order (its id is derived from the order's); one outcome a charge,
    COMPLETED or DECLINED, that never changes; a refund only after completion, once, in full.
    """

    TOPIC = "Payment"

    class Requested(Aggregate.Event, AggregateCreated):
        """A charge is wanted. Whoever talks to the provider takes it from here."""

        TOPIC = "Payment.Requested"
        order_id: UUID
        payment_method: str
        currency: str
        amount: Decimal

    class ChargeAttemptFailed(Aggregate.Event):
        """The provider failed and surely did not charge; the next attempt has the next number."""

        TOPIC = "Payment.ChargeAttemptFailed"
        order_id: UUID
        attempt: int
        error: str

    class ChargeUnanswered(Aggregate.Event):
        """The provider did not answer: it may or may not have charged, and is asked again."""

        TOPIC = "Payment.ChargeUnanswered"
        order_id: UUID
        attempt: int
        error: str

    class Completed(Aggregate.Event):
        """The provider charged the customer, under its own reference."""

        TOPIC = "Payment.Completed"
        order_id: UUID
        attempt: int
        reference: str

    class Declined(Aggregate.Event):
        """There is no charge and there will be none."""

        TOPIC = "Payment.Declined"
        order_id: UUID
        attempt: int
        reason: str

    class RefundRequested(Aggregate.Event):
        """The charge is to be given back."""

        TOPIC = "Payment.RefundRequested"
        order_id: UUID
        reference: str

    class RefundAttemptFailed(Aggregate.Event):
        """The provider did not refund this time; the next attempt has the next number."""

        TOPIC = "Payment.RefundAttemptFailed"
        order_id: UUID
        attempt: int
        error: str

    class Refunded(Aggregate.Event):
        """The customer has the money back."""

        TOPIC = "Payment.Refunded"
        order_id: UUID
        attempt: int

    class RefundFailed(Aggregate.Event):
        """The refund was tried as often as allowed; now a person has to look at it."""

        TOPIC = "Payment.RefundFailed"
        order_id: UUID
        attempt: int
        error: str

    # Decisions

    @classmethod
    def request(cls, order_id: UUID, *, payment_method: str, amount: Money) -> Self:
        """Ask for a charge of the whole amount of an order."""
        return cls.begin(
            cls.Requested,
            payment_id(order_id),
            order_id=order_id,
            payment_method=payment_method,
            currency=amount.currency,
            amount=amount.amount,
        )

    def complete(self, reference: str, attempt: int) -> None:
        """The provider charged. Hearing it again is fine; another reference is a second charge."""
        if self.status is PaymentStatus.DECLINED or self.reference not in (None, reference):
            raise PaymentOutcomeContradicted(
                f"payment {self.id} is {self.status} (reference {self.reference}), "
                f"yet the provider reports charge {reference}"
            )
        if self.status is PaymentStatus.REQUESTED:
            self._complete(order_id=self.order_id, attempt=attempt, reference=reference)

    def decline(self, reason: str, attempt: int) -> None:
        """The provider refused. Hearing it again is fine, after a charge it is not."""
        if self.reference is not None:
            raise PaymentOutcomeContradicted(
                f"payment {self.id} has charge {self.reference}, "
                f"yet the provider reports it declined: {reason}"
            )
        if self.status is PaymentStatus.REQUESTED:
            self._decline(order_id=self.order_id, attempt=attempt, reason=reason)

    def charge_attempt_failed(self, attempt: int, error: str) -> None:
        """The provider failed without charging: try again, or give up after the last attempt."""
        if self.status is not PaymentStatus.REQUESTED or attempt != self.attempt:
            return
        if attempt >= MAX_ATTEMPTS:
            self.decline(f"the provider failed {attempt} times, last with: {error}", attempt)
        else:
            self._charge_attempt_failed(order_id=self.order_id, attempt=attempt, error=error)

    def charge_unanswered(self, attempt: int, error: str) -> None:
        """The provider did not answer. That is no outcome: it is asked again with the same key."""
        if self.status is PaymentStatus.REQUESTED and attempt == self.attempt and not self.unanswered:
            self._charge_unanswered(order_id=self.order_id, attempt=attempt, error=error)

    def request_refund(self) -> None:
        """Ask for the money back. Asking again is fine."""
        if self.reference is None:
            raise PaymentNotCompleted(f"payment {self.id} is {self.status}; there is no charge to refund")
        if self.status is PaymentStatus.COMPLETED:
            self._request_refund(order_id=self.order_id, reference=self.reference)

    def refund_made(self, attempt: int) -> None:
        """The provider gave the money back. Hearing it again is fine."""
        if self.status in (PaymentStatus.REFUND_REQUESTED, PaymentStatus.REFUND_FAILED):
            self._refund_made(order_id=self.order_id, attempt=attempt)

    def refund_attempt_failed(self, attempt: int, error: str) -> None:
        """The provider did not refund: try again, or give up after the last attempt."""
        if self.status is not PaymentStatus.REFUND_REQUESTED or attempt != self.attempt:
            return
        if attempt >= MAX_ATTEMPTS:
            self._refund_failed(order_id=self.order_id, attempt=attempt, error=error)
        else:
            self._refund_attempt_failed(order_id=self.order_id, attempt=attempt, error=error)

    # Memory

    @event(Requested)
    def __init__(self, *, order_id: UUID, payment_method: str, currency: str, amount: Decimal) -> None:
        self.order_id = order_id
        self.payment_method = payment_method
        self.amount = Money(amount, currency)
        self.status = PaymentStatus.REQUESTED
        self.attempt = 1
        self.unanswered = False
        self.reference: str | None = None

    @event(ChargeAttemptFailed)
    def _charge_attempt_failed(self, order_id: UUID, attempt: int, error: str) -> None:
        self.attempt = attempt + 1
        self.unanswered = False

    @event(ChargeUnanswered)
    def _charge_unanswered(self, order_id: UUID, attempt: int, error: str) -> None:
        self.unanswered = True

    @event(Completed)
    def _complete(self, order_id: UUID, attempt: int, reference: str) -> None:
        self.status = PaymentStatus.COMPLETED
        self.reference = reference

    @event(Declined)
    def _decline(self, order_id: UUID, attempt: int, reason: str) -> None:
        self.status = PaymentStatus.DECLINED

    @event(RefundRequested)
    def _request_refund(self, order_id: UUID, reference: str) -> None:
        self.status = PaymentStatus.REFUND_REQUESTED
        self.attempt = 1

    @event(RefundAttemptFailed)
    def _refund_attempt_failed(self, order_id: UUID, attempt: int, error: str) -> None:
        self.attempt = attempt + 1

    @event(Refunded)
    def _refund_made(self, order_id: UUID, attempt: int) -> None:
        self.status = PaymentStatus.REFUNDED

    @event(RefundFailed)
    def _refund_failed(self, order_id: UUID, attempt: int, error: str) -> None:
        self.status = PaymentStatus.REFUND_FAILED
