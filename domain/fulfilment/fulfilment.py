"""The saga's state machine: forward through the steps, or back through those that were done.

The fulfilment never does the work. It records that the work is wanted; whoever owns the work
follows those records, and its answer comes back as news. News may be repeated, late or out of
order: what does not fit the present state changes nothing.
"""

from decimal import Decimal
from typing import Any, Self
from uuid import UUID

from eventsourcing.domain import AggregateCreated, event

from domain.shared.aggregates import Aggregate
from domain.shared.ids import fulfilment_id
from domain.shared.money import Money
from domain.shared.products import ProductQuantity

from .steps import STEP, STEPS, SagaStatus, StepStatus


class StepEvent(Aggregate.Event):
    """What every fact about a step says. `attempt` counts from 1."""

    order_id: UUID
    step: str
    attempt: int


class Fulfilment(Aggregate):
    """The way of one order through payment and reservation to confirmation, or back.

    Invariants: steps run one after the other; a step is undone only after it was done, in reverse
    order, each after the one before; the order's cancellation is asked for only when nothing is
    held any more; after FAILED nothing changes.
    """

    TOPIC = "Fulfilment"

    class Started(Aggregate.Event, AggregateCreated):
        """An order was placed and is on its way."""

        TOPIC = "Fulfilment.Started"
        order_id: UUID
        payment_method: str
        currency: str
        amount: Decimal
        lines: tuple[ProductQuantity, ...]

    class PaymentRequested(StepEvent):
        """The order's total is to be charged."""

        TOPIC = "Fulfilment.PaymentRequested"
        payment_method: str
        currency: str
        amount: Decimal

    class RefundRequested(StepEvent):
        """The charge is to be given back."""

        TOPIC = "Fulfilment.RefundRequested"

    class ReservationRequested(StepEvent):
        """The order's products are to be held."""

        TOPIC = "Fulfilment.ReservationRequested"
        lines: tuple[ProductQuantity, ...]

    class ReleaseRequested(StepEvent):
        """What is held for the order is to be released."""

        TOPIC = "Fulfilment.ReleaseRequested"

    class StepAttemptFailed(StepEvent):
        """An attempt did not succeed; the step goes on with the next one."""

        TOPIC = "Fulfilment.StepAttemptFailed"
        error: str

    class StepCompleted(StepEvent):
        """The step is done."""

        TOPIC = "Fulfilment.StepCompleted"

    class StepFailed(StepEvent):
        """The step was refused for good; there is nothing of it to undo."""

        TOPIC = "Fulfilment.StepFailed"
        error: str

    class CompensationAttemptFailed(StepEvent):
        """An attempt to undo the step did not succeed; it goes on with the next one."""

        TOPIC = "Fulfilment.CompensationAttemptFailed"
        error: str

    class StepCompensated(StepEvent):
        """The step is undone."""

        TOPIC = "Fulfilment.StepCompensated"

    class CompensationFailed(StepEvent):
        """The step could not be undone as often as it was tried. A person has to help."""

        TOPIC = "Fulfilment.CompensationFailed"
        error: str

    class UnwindingStarted(Aggregate.Event):
        """From here on it goes back, for this reason."""

        TOPIC = "Fulfilment.UnwindingStarted"
        order_id: UUID
        reason: str

    class ConfirmationRequested(Aggregate.Event):
        """Everything is done: the order is to be confirmed."""

        TOPIC = "Fulfilment.ConfirmationRequested"
        order_id: UUID

    class CancellationRequested(Aggregate.Event):
        """Everything is undone: the order is to be cancelled."""

        TOPIC = "Fulfilment.CancellationRequested"
        order_id: UUID
        reason: str

    class OrderCancellationNoted(Aggregate.Event):
        """The order is cancelled, whoever did it."""

        TOPIC = "Fulfilment.OrderCancellationNoted"
        order_id: UUID
        reason: str

    class Completed(Aggregate.Event):
        """The order is confirmed."""

        TOPIC = "Fulfilment.Completed"
        order_id: UUID

    class Failed(Aggregate.Event):
        """The order is cancelled and nothing is held for it."""

        TOPIC = "Fulfilment.Failed"
        order_id: UUID
        reason: str

    # Decisions

    @classmethod
    def start(
        cls, order_id: UUID, *, payment_method: str, total: Money, lines: tuple[ProductQuantity, ...]
    ) -> Self:
        """Begin with an order, and ask for the first step."""
        fulfilment = cls.begin(
            cls.Started,
            fulfilment_id(order_id),
            order_id=order_id,
            payment_method=payment_method,
            currency=total.currency,
            amount=total.amount,
            lines=lines,
        )
        fulfilment._advance()
        return fulfilment

    def step_completed(self, step: str) -> None:
        """The step is done. While unwinding, that means it has to be undone as well."""
        if self.step_status(step) is StepStatus.EXECUTING:
            self._step_completed(order_id=self.order_id, step=step, attempt=self.attempts[step])
            self._advance()

    def step_failed(self, step: str, error: str) -> None:
        """The step was refused for good: undo the ones before it."""
        if self.step_status(step) is StepStatus.EXECUTING:
            self._step_failed(order_id=self.order_id, step=step, attempt=self.attempts[step], error=error)
            self._unwind(error)

    def step_attempt_failed(self, step: str, attempt: int, error: str) -> None:
        """An attempt failed, and another will be made: remember why it takes longer."""
        if self.step_status(step) is StepStatus.EXECUTING and attempt >= self.attempts[step]:
            self._step_attempt_failed(order_id=self.order_id, step=step, attempt=attempt, error=error)

    def step_compensated(self, step: str) -> None:
        """The step is undone, perhaps after all: go on with the one before it."""
        if self.step_status(step) in (StepStatus.COMPENSATING, StepStatus.COMPENSATION_FAILED):
            self._step_compensated(order_id=self.order_id, step=step, attempt=self.attempts[step])
            self._advance()

    def compensation_attempt_failed(self, step: str, attempt: int, error: str) -> None:
        """An attempt to undo the step failed, and another will be made."""
        if self.step_status(step) is StepStatus.COMPENSATING and attempt >= self.attempts[step]:
            self._compensation_attempt_failed(order_id=self.order_id, step=step, attempt=attempt, error=error)

    def compensation_failed(self, step: str, error: str) -> None:
        """The step cannot be undone: stop here until a person has helped."""
        if self.step_status(step) is StepStatus.COMPENSATING:
            self._compensation_failed(
                order_id=self.order_id, step=step, attempt=self.attempts[step], error=error
            )

    def order_confirmed(self) -> None:
        """The order is confirmed: the fulfilment is complete."""
        if self.status is SagaStatus.INVENTORY_RESERVED:
            self._complete(order_id=self.order_id)

    def order_cancelled(self, reason: str) -> None:
        """The order is cancelled, by a customer or at our request: let go of what is still held."""
        if self.is_order_cancelled:
            return
        self._note_order_cancellation(order_id=self.order_id, reason=reason)
        self._unwind(reason)

    def step_status(self, step: str) -> StepStatus | None:
        """Where a step stands; None when it was not asked for yet."""
        return self.step_statuses.get(step)

    def _unwind(self, reason: str) -> None:
        if self.status is not SagaStatus.COMPENSATING:
            self._start_unwinding(order_id=self.order_id, reason=reason)
        self._advance()

    def _advance(self) -> None:
        """Ask for whatever is due next, unless an answer is still awaited."""
        statuses = self.step_statuses.values()
        if StepStatus.EXECUTING in statuses or StepStatus.COMPENSATING in statuses:
            return
        if self.status is SagaStatus.COMPENSATING:
            self._ask_for_next_undoing()
        else:
            self._ask_for_next_step()

    def _ask_for_next_step(self) -> None:
        due = next((step for step in STEPS if step.name not in self.step_statuses), None)
        if due is None:
            self._request_confirmation(order_id=self.order_id)
        else:
            self._ask(due.request, due.name)

    def _ask_for_next_undoing(self) -> None:
        if StepStatus.COMPENSATION_FAILED in self.step_statuses.values():
            return
        due = next((s for s in reversed(STEPS) if self.step_status(s.name) is StepStatus.COMPLETED), None)
        if due is not None:
            self._ask(due.undo, due.name)
        elif self.is_order_cancelled:
            self._fail(order_id=self.order_id, reason=self.reason)
        elif not self.is_cancellation_requested:
            self._request_cancellation(order_id=self.order_id, reason=self.reason)

    def _ask(self, request: str, step: str) -> None:
        """Record a request of the step table, with the facts that its event class declares."""
        facts: dict[str, Any] = {
            "payment_method": self.payment_method,
            "currency": self.total.currency,
            "amount": self.total.amount,
            "lines": self.lines,
        }
        event_class = getattr(type(self), request)
        wanted = {name: fact for name, fact in facts.items() if name in event_class.__dataclass_fields__}
        self.trigger_event(event_class, order_id=self.order_id, step=step, attempt=1, **wanted)

    # Memory

    @event(Started)
    def __init__(
        self,
        *,
        order_id: UUID,
        payment_method: str,
        currency: str,
        amount: Decimal,
        lines: tuple[ProductQuantity, ...],
    ) -> None:
        self.order_id = order_id
        self.payment_method = payment_method
        self.total = Money(amount, currency)
        self.lines = tuple(lines)
        self.status = SagaStatus.STARTED
        self.reason = ""
        self.step_statuses: dict[str, StepStatus] = {}
        self.attempts: dict[str, int] = {}
        self.is_order_cancelled = False
        self.is_cancellation_requested = False

    @event(PaymentRequested)
    def _request_payment(
        self, order_id: UUID, step: str, attempt: int, payment_method: str, currency: str, amount: Decimal
    ) -> None:
        self._remember_request(step, attempt)

    @event(ReservationRequested)
    def _request_reservation(
        self, order_id: UUID, step: str, attempt: int, lines: tuple[ProductQuantity, ...]
    ) -> None:
        self._remember_request(step, attempt)

    @event(RefundRequested)
    def _request_refund(self, order_id: UUID, step: str, attempt: int) -> None:
        self._remember(step, StepStatus.COMPENSATING, attempt)

    @event(ReleaseRequested)
    def _request_release(self, order_id: UUID, step: str, attempt: int) -> None:
        self._remember(step, StepStatus.COMPENSATING, attempt)

    @event(StepAttemptFailed)
    def _step_attempt_failed(self, order_id: UUID, step: str, attempt: int, error: str) -> None:
        self._remember(step, StepStatus.EXECUTING, attempt + 1)

    @event(StepCompleted)
    def _step_completed(self, order_id: UUID, step: str, attempt: int) -> None:
        self._remember(step, StepStatus.COMPLETED, attempt)
        if self.status is not SagaStatus.COMPENSATING:
            self.status = STEP[step].status_when_completed

    @event(StepFailed)
    def _step_failed(self, order_id: UUID, step: str, attempt: int, error: str) -> None:
        self._remember(step, StepStatus.FAILED, attempt)

    @event(CompensationAttemptFailed)
    def _compensation_attempt_failed(self, order_id: UUID, step: str, attempt: int, error: str) -> None:
        self._remember(step, StepStatus.COMPENSATING, attempt + 1)

    @event(StepCompensated)
    def _step_compensated(self, order_id: UUID, step: str, attempt: int) -> None:
        self._remember(step, StepStatus.COMPENSATED, attempt)

    @event(CompensationFailed)
    def _compensation_failed(self, order_id: UUID, step: str, attempt: int, error: str) -> None:
        self._remember(step, StepStatus.COMPENSATION_FAILED, attempt)

    @event(UnwindingStarted)
    def _start_unwinding(self, order_id: UUID, reason: str) -> None:
        self.status = SagaStatus.COMPENSATING
        self.reason = reason

    @event(ConfirmationRequested)
    def _request_confirmation(self, order_id: UUID) -> None:
        pass

    @event(CancellationRequested)
    def _request_cancellation(self, order_id: UUID, reason: str) -> None:
        self.is_cancellation_requested = True

    @event(OrderCancellationNoted)
    def _note_order_cancellation(self, order_id: UUID, reason: str) -> None:
        self.is_order_cancelled = True

    @event(Completed)
    def _complete(self, order_id: UUID) -> None:
        self.status = SagaStatus.COMPLETED

    @event(Failed)
    def _fail(self, order_id: UUID, reason: str) -> None:
        self.status = SagaStatus.FAILED

    def _remember_request(self, step: str, attempt: int) -> None:
        self._remember(step, StepStatus.EXECUTING, attempt)
        self.status = STEP[step].status_when_requested or self.status

    def _remember(self, step: str, status: StepStatus, attempt: int) -> None:
        self.step_statuses[step] = status
        self.attempts[step] = attempt
