"""The payment of an order: what is asked of the provider, and what the provider answered."""

from decimal import Decimal
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from eventsourcing.domain import AggregateCreated, event

from domain.shared.aggregates import Aggregate
from domain.shared.errors import Contradiction
from domain.shared.ids import payment_id
from domain.shared.money import Money

from .trouble import AttemptFailed, Trouble


class PaymentStatus(StrEnum):
    """Where a payment stands."""

    REQUESTED = "REQUESTED"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
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


UNDECIDED = (PaymentStatus.REQUESTED, PaymentStatus.OUTCOME_UNKNOWN)
"""Nobody knows yet whether there is a charge, or will be."""


class Payment(Aggregate):
    """The one charge of an order, and at most one refund of all of it.

    Invariants: one payment an order (its id is derived from the order's); one outcome a charge,
    COMPLETED or DECLINED, that never changes; as long as the provider has not told, it is unknown,
    which is neither; a refund only after completion, once, in full.
    """

    TOPIC = "Payment"

    class Requested(Aggregate.Event, AggregateCreated):
        """A charge is wanted. Whoever talks to the provider takes it from here."""

        TOPIC = "Payment.Requested"
        order_id: UUID
        payment_method: str
        currency: str
        amount: Decimal

    class ChargeAttemptFailed(AttemptFailed):
        """The provider failed and surely did not charge; the next attempt has the next number."""

        TOPIC = "Payment.ChargeAttemptFailed"

    class ChargeUnanswered(AttemptFailed):
        """The provider did not answer: it may or may not have charged, and is asked again."""

        TOPIC = "Payment.ChargeUnanswered"

    class ChargeWithdrawn(Aggregate.Event):
        """The charge is not wanted any more: the provider is to call it off, or to say that it is made."""

        TOPIC = "Payment.ChargeWithdrawn"
        order_id: UUID
        attempt: int
        reason: str

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
        """The charge is to be given back. `attempt` is the number of the first attempt to come."""

        TOPIC = "Payment.RefundRequested"
        class_version = 2
        order_id: UUID
        reference: str
        attempt: int

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Version 1 was asked for once, and counted from 1."""
            state["attempt"] = 1

    class RefundAttemptFailed(AttemptFailed):
        """The provider did not refund this time; the next attempt has the next number."""

        TOPIC = "Payment.RefundAttemptFailed"

    class RefundUnanswered(AttemptFailed):
        """The provider did not answer: it may or may not have refunded, and is asked again."""

        TOPIC = "Payment.RefundUnanswered"
        class_version = 1

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

    class RefundedByHand(Aggregate.Event):
        """The customer got the money back another way; `reference` says where that is written down."""

        TOPIC = "Payment.RefundedByHand"
        order_id: UUID
        reference: str
        reason: str

    class CallHastened(Aggregate.Event):
        """A person wants the provider to be asked now."""

        TOPIC = "Payment.CallHastened"
        order_id: UUID
        attempt: int
        reason: str

    class OutcomeDisputed(Aggregate.Event):
        """The provider says something that contradicts what it said before. A person has to look at it."""

        TOPIC = "Payment.OutcomeDisputed"
        order_id: UUID
        error: str

    class DisputeClosed(Aggregate.Event):
        """A person has looked at it."""

        TOPIC = "Payment.DisputeClosed"
        order_id: UUID
        reason: str

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
        if self.is_undecided:
            self.trigger_event(self.Completed, order_id=self.order_id, attempt=attempt, reference=reference)

    def decline(self, reason: str, attempt: int) -> None:
        """The provider refused. Hearing it again is fine, after a charge it is not."""
        if self.reference is not None:
            raise PaymentOutcomeContradicted(
                f"payment {self.id} has charge {self.reference}, "
                f"yet the provider reports it declined: {reason}"
            )
        if self.is_undecided:
            self.trigger_event(self.Declined, order_id=self.order_id, attempt=attempt, reason=reason)

    def charge_attempt_failed(self, attempt: int, trouble: Trouble) -> None:
        """The provider failed without charging: it is tried again, or given up."""
        if not self.is_undecided or attempt != self.attempt:
            return
        if self.withdrawn_because is not None:
            self.decline(self.withdrawn_because, attempt)
        elif trouble.next_at is None:
            self.decline(f"the provider failed {trouble.times} times, last with: {trouble.error}", attempt)
        else:
            self.trigger_event(
                self.ChargeAttemptFailed, order_id=self.order_id, attempt=attempt, **trouble.facts()
            )

    def charge_unanswered(self, attempt: int, trouble: Trouble) -> None:
        """The provider did not answer. That is no outcome: it is asked again with the same key."""
        if self.is_undecided and attempt == self.attempt and trouble.times > self.unanswered:
            self.trigger_event(
                self.ChargeUnanswered, order_id=self.order_id, attempt=attempt, **trouble.facts()
            )

    def withdraw(self, reason: str) -> None:
        """Have the charge called off, unless it is made already. Asking again is fine."""
        if self.is_undecided and self.withdrawn_because is None:
            self.trigger_event(
                self.ChargeWithdrawn, order_id=self.order_id, attempt=self.attempt, reason=reason
            )

    def called_off(self, attempt: int) -> None:
        """The provider made sure that there is no charge and will be none."""
        self.decline(self.withdrawn_because or "called off", attempt)

    def request_refund(self) -> None:
        """Ask for the money back, also after it failed for good. Asking again is fine."""
        if self.reference is None:
            raise PaymentNotCompleted(f"payment {self.id} is {self.status}; there is no charge to refund")
        if self.status in (PaymentStatus.COMPLETED, PaymentStatus.REFUND_FAILED):
            attempt = 1 if self.status is PaymentStatus.COMPLETED else self.attempt + 1
            self.trigger_event(
                self.RefundRequested, order_id=self.order_id, reference=self.reference, attempt=attempt
            )

    def refund_made(self, attempt: int) -> None:
        """The provider gave the money back. Hearing it again is fine."""
        if self.status in (PaymentStatus.REFUND_REQUESTED, PaymentStatus.REFUND_FAILED):
            self.trigger_event(self.Refunded, order_id=self.order_id, attempt=attempt)

    def refund_attempt_failed(self, attempt: int, trouble: Trouble) -> None:
        """The provider did not refund: it is tried again, or given up."""
        if self.status is not PaymentStatus.REFUND_REQUESTED or attempt != self.attempt:
            return
        if trouble.next_at is None:
            self.trigger_event(
                self.RefundFailed, order_id=self.order_id, attempt=attempt, error=trouble.error
            )
        else:
            self.trigger_event(
                self.RefundAttemptFailed, order_id=self.order_id, attempt=attempt, **trouble.facts()
            )

    def refund_unanswered(self, attempt: int, trouble: Trouble) -> None:
        """The provider did not answer: it is asked again with the same key."""
        is_awaited = self.status is PaymentStatus.REFUND_REQUESTED and attempt == self.attempt
        if is_awaited and trouble.times > self.unanswered:
            self.trigger_event(
                self.RefundUnanswered, order_id=self.order_id, attempt=attempt, **trouble.facts()
            )

    def refunded_by_hand(self, reference: str, reason: str) -> None:
        """A person gave the money back another way. Only what the provider failed to refund, so that
        nobody is paid twice."""
        if self.status is PaymentStatus.REFUNDED:
            return
        if self.status is not PaymentStatus.REFUND_FAILED:
            raise PaymentNotCompleted(
                f"payment {self.id} is {self.status}: only a refund that failed for good is recorded by hand"
            )
        self.trigger_event(self.RefundedByHand, order_id=self.order_id, reference=reference, reason=reason)

    def hasten(self, reason: str) -> None:
        """Have the call that is due, now or later, made now."""
        if self.is_undecided or self.status is PaymentStatus.REFUND_REQUESTED:
            self.trigger_event(self.CallHastened, order_id=self.order_id, attempt=self.attempt, reason=reason)

    def dispute(self, error: str) -> None:
        """The provider contradicts itself. The same contradiction again is no news."""
        if error != self.disputed_because:
            self.trigger_event(self.OutcomeDisputed, order_id=self.order_id, error=error)

    def close_dispute(self, reason: str) -> None:
        """A person has settled it."""
        if self.disputed_because is not None:
            self.trigger_event(self.DisputeClosed, order_id=self.order_id, reason=reason)

    @property
    def is_undecided(self) -> bool:
        """Whether it is still open if there is or will be a charge."""
        return self.status in UNDECIDED

    # Memory

    @event(Requested)
    def __init__(self, *, order_id: UUID, payment_method: str, currency: str, amount: Decimal) -> None:
        self.order_id = order_id
        self.payment_method = payment_method
        self.amount = Money(amount, currency)
        self.status = PaymentStatus.REQUESTED
        self.attempt = 1
        self.unanswered = 0  # calls of this attempt
        self.reference: str | None = None
        self.withdrawn_because: str | None = None
        self.disputed_because: str | None = None

    @event(ChargeAttemptFailed)
    def _charge_attempt_failed(self, attempt: int) -> None:
        self.status = PaymentStatus.REQUESTED
        self.attempt = attempt + 1
        self.unanswered = 0

    @event(ChargeUnanswered)
    def _charge_unanswered(self, times: int) -> None:
        self.status = PaymentStatus.OUTCOME_UNKNOWN
        self.unanswered = times

    @event(ChargeWithdrawn)
    def _charge_withdrawn(self, reason: str) -> None:
        self.withdrawn_because = reason
        self.unanswered = 0  # to call it off is a new question

    @event(Completed)
    def _completed(self, reference: str) -> None:
        self.status = PaymentStatus.COMPLETED
        self.reference = reference

    @event(Declined)
    def _declined(self) -> None:
        self.status = PaymentStatus.DECLINED

    @event(RefundRequested)
    def _refund_requested(self, attempt: int) -> None:
        self.status = PaymentStatus.REFUND_REQUESTED
        self.attempt = attempt
        self.unanswered = 0

    @event(RefundAttemptFailed)
    def _refund_attempt_failed(self, attempt: int) -> None:
        self.attempt = attempt + 1
        self.unanswered = 0

    @event(RefundUnanswered)
    def _refund_unanswered(self, times: int) -> None:
        self.unanswered = times

    @event(Refunded)
    def _refunded(self) -> None:
        self.status = PaymentStatus.REFUNDED

    @event(RefundFailed)
    def _refund_failed(self) -> None:
        self.status = PaymentStatus.REFUND_FAILED

    @event(RefundedByHand)
    def _refunded_by_hand(self) -> None:
        self.status = PaymentStatus.REFUNDED

    @event(CallHastened)
    def _call_hastened(self) -> None:
        pass

    @event(OutcomeDisputed)
    def _outcome_disputed(self, error: str) -> None:
        self.disputed_because = error

    @event(DisputeClosed)
    def _dispute_closed(self) -> None:
        self.disputed_because = None
