"""The saga's state machine: forward through the steps, or back through those that were done.

The fulfilment never does the work. It records that the work is wanted; whoever owns the work
follows those records, and its answer comes back as news. News may be repeated, late or out of
order: what does not fit the present state changes nothing.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any, Self, TypeAlias
from uuid import UUID

from eventsourcing.domain import event

from domain.shared.aggregates import Aggregate
from domain.shared.ids import fulfilment_id
from domain.shared.money import Money
from domain.shared.products import ProductQuantity

from . import events
from .meaning import Meaning
from .steps import STEP, STEPS, SagaStatus, StepStatus


class Fulfilment(Aggregate):
    """The way of one order through payment and reservation to confirmation, or back.

    Invariants: steps run one after the other; a step is undone only after it was done, in reverse
    order, each after the one before; the order's cancellation is asked for only when nothing is
    held any more; while the outcome of a step is unknown nothing is undone; after FAILED nothing changes.
    """

    TOPIC = "Fulfilment"

    # Facts: see `events`

    Started: TypeAlias = events.Started
    PaymentRequested: TypeAlias = events.PaymentRequested
    RefundRequested: TypeAlias = events.RefundRequested
    ReservationRequested: TypeAlias = events.ReservationRequested
    ReleaseRequested: TypeAlias = events.ReleaseRequested
    WithdrawalRequested: TypeAlias = events.WithdrawalRequested
    StepAttemptFailed: TypeAlias = events.StepAttemptFailed
    StepUnanswered: TypeAlias = events.StepUnanswered
    StepOverdue: TypeAlias = events.StepOverdue
    StepCompleted: TypeAlias = events.StepCompleted
    StepFailed: TypeAlias = events.StepFailed
    CompensationAttemptFailed: TypeAlias = events.CompensationAttemptFailed
    CompensationUnanswered: TypeAlias = events.CompensationUnanswered
    CompensationOverdue: TypeAlias = events.CompensationOverdue
    StepCompensated: TypeAlias = events.StepCompensated
    CompensationFailed: TypeAlias = events.CompensationFailed
    InterventionMade: TypeAlias = events.InterventionMade
    UnwindingStarted: TypeAlias = events.UnwindingStarted
    ConfirmationRequested: TypeAlias = events.ConfirmationRequested
    CancellationRequested: TypeAlias = events.CancellationRequested
    OrderCancellationNoted: TypeAlias = events.OrderCancellationNoted
    Completed: TypeAlias = events.Completed
    Failed: TypeAlias = events.Failed

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
        """The step is done. While the saga is being compensated, that means it has to be undone as well."""
        if self.step_status(step) is StepStatus.EXECUTING:
            self._note(self.StepCompleted, step)
            self._advance()

    def step_failed(self, step: str, error: str) -> None:
        """The step was refused for good: undo the ones before it."""
        if self.step_status(step) is StepStatus.EXECUTING:
            self._note(self.StepFailed, step, error=error)
            self.compensate(error)

    def step_attempt_failed(self, step: str, attempt: int, error: str, next_at: datetime | None) -> None:
        """An attempt failed, and another will be made: remember why it takes longer."""
        if self.step_status(step) is StepStatus.EXECUTING and attempt >= self.attempts[step]:
            self._note(self.StepAttemptFailed, step, attempt=attempt, error=error, next_at=next_at)

    def step_unanswered(self, step: str, attempt: int, error: str, next_at: datetime) -> None:
        """What became of the attempt is unknown, and will be asked for: it counts as neither outcome."""
        if self.step_status(step) is StepStatus.EXECUTING and next_at != self.next_at.get(step):
            self._note(self.StepUnanswered, step, attempt=attempt, error=error, next_at=next_at)

    def step_overdue(self, step: str, time: datetime) -> None:
        """It is that late, and the deadline of a step has passed. One that is not awaited any more, or not
        yet due, changes nothing. What took too long forward is called off and undone."""
        due_at = self.due_at.get(step)
        if due_at is None or time < due_at:
            return
        is_forward = self.step_status(step) is StepStatus.EXECUTING
        self._note(self.StepOverdue if is_forward else self.CompensationOverdue, step, due_at=due_at)
        if is_forward:
            self.compensate(f"{step} took longer than allowed")

    def step_compensated(self, step: str) -> None:
        """The step is undone, perhaps after all: go on with the one before it."""
        if self.step_status(step) in (StepStatus.COMPENSATING, StepStatus.COMPENSATION_FAILED):
            self._note(self.StepCompensated, step)
            self._advance()

    def compensation_attempt_failed(
        self, step: str, attempt: int, error: str, next_at: datetime | None
    ) -> None:
        """An attempt to undo the step failed, and another will be made."""
        if self.step_status(step) is StepStatus.COMPENSATING and attempt >= self.attempts[step]:
            self._note(self.CompensationAttemptFailed, step, attempt=attempt, error=error, next_at=next_at)

    def compensation_unanswered(self, step: str, attempt: int, error: str, next_at: datetime) -> None:
        """Whether the step is undone is unknown, and will be asked for."""
        if self.step_status(step) is StepStatus.COMPENSATING and next_at != self.next_at.get(step):
            self._note(self.CompensationUnanswered, step, attempt=attempt, error=error, next_at=next_at)

    def compensation_failed(self, step: str, error: str) -> None:
        """The step cannot be undone: stop here until a person has helped."""
        if self.step_status(step) is StepStatus.COMPENSATING:
            self._note(self.CompensationFailed, step, error=error)

    def order_confirmed(self) -> None:
        """The order is confirmed, which was asked for when no step was left: the fulfilment is complete."""
        if self.awaited_step is None and self.status not in _TURNED_OR_OVER:
            self.trigger_event(self.Completed, order_id=self.order_id)

    def order_cancelled(self, reason: str) -> None:
        """The order is cancelled, by a customer or at our request: let go of what is still held."""
        if self.is_order_cancelled:
            return
        self.trigger_event(self.OrderCancellationNoted, order_id=self.order_id, reason=reason)
        self.compensate(reason)

    def compensate(self, reason: str) -> None:
        """From here on go back: call off what is under way, and undo what is done."""
        if self.status is not SagaStatus.COMPENSATING:
            self.trigger_event(self.UnwindingStarted, order_id=self.order_id, reason=reason)
            for name, status in self.step_statuses.items():
                if status is StepStatus.EXECUTING and STEP[name].is_withdrawn:
                    self._note(self.WithdrawalRequested, name, reason=reason)
        self._advance()

    def intervene(self, action: str, step: str | None, reason: str) -> None:
        """A person does something about it, see `interventions`."""
        self.trigger_event(
            self.InterventionMade, order_id=self.order_id, action=action, step=step, reason=reason
        )

    def ask_again(self) -> None:
        """Ask once more for what is awaited, or could not be undone."""
        step = self.awaited_step
        if step is None:
            self._advance()
        elif self.step_status(step) is StepStatus.EXECUTING:
            self._ask(STEP[step].request, step, self.attempts[step] + 1)
        else:
            self._ask(STEP[step].undo, step, self.attempts[step] + 1)

    @property
    def awaited_step(self) -> str | None:
        """The step that everything waits for: under way, being undone, or not to be undone; else None."""
        return next((name for name, status in self.step_statuses.items() if status in _OPEN), None)

    def step_status(self, step: str) -> StepStatus | None:
        """Where a step stands; None when it was not asked for yet."""
        return self.step_statuses.get(step)

    def _note(self, kind: type[events.StepEvent], step: str, **facts: Any) -> None:
        """Record something about a step, at its present attempt where the facts name no other."""
        facts = {"attempt": self.attempts.get(step), **facts}
        self.trigger_event(kind, order_id=self.order_id, step=step, **facts)

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
            self.trigger_event(self.ConfirmationRequested, order_id=self.order_id)
        else:
            self._ask(due.request, due.name)

    def _ask_for_next_undoing(self) -> None:
        if StepStatus.COMPENSATION_FAILED in self.step_statuses.values():
            return
        due = next((s for s in reversed(STEPS) if self.step_status(s.name) is StepStatus.COMPLETED), None)
        if due is not None:
            self._ask(due.undo, due.name)
        elif self.is_order_cancelled:
            self.trigger_event(self.Failed, order_id=self.order_id, reason=self.reason)
        else:
            self.trigger_event(self.CancellationRequested, order_id=self.order_id, reason=self.reason)

    def _ask(self, request: str, step: str, attempt: int = 1) -> None:
        """Record a request of the step table, with the facts that its event class declares."""
        row = STEP[step]
        facts: dict[str, Any] = {
            "due_at": self.modified_on + (row.allowed if request == row.request else row.undo_allowed),
            "payment_method": self.payment_method,
            "currency": self.total.currency,
            "amount": self.total.amount,
            "lines": self.lines,
        }
        event_class = getattr(type(self), request)
        wanted = {name: fact for name, fact in facts.items() if name in event_class.__dataclass_fields__}
        self._note(event_class, step, attempt=attempt, **wanted)

    # Memory: what each fact means stands on its class, see `Meaning`

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
        self.due_at: dict[
            str, datetime
        ] = {}  # of those that are awaited, until it was noted that they passed
        self.next_at: dict[str, datetime | None] = {}  # of a call that was not answered
        self.is_order_cancelled = False

    @event(PaymentRequested)
    def _payment_requested(self, step: str, attempt: int, due_at: datetime | None) -> None:
        self._enter(step, events.PaymentRequested.means, attempt, due_at)

    @event(ReservationRequested)
    def _reservation_requested(self, step: str, attempt: int, due_at: datetime | None) -> None:
        self._enter(step, events.ReservationRequested.means, attempt, due_at)

    @event(RefundRequested)
    def _refund_requested(self, step: str, attempt: int, due_at: datetime | None) -> None:
        self._enter(step, events.RefundRequested.means, attempt, due_at)

    @event(ReleaseRequested)
    def _release_requested(self, step: str, attempt: int, due_at: datetime | None) -> None:
        self._enter(step, events.ReleaseRequested.means, attempt, due_at)

    @event(WithdrawalRequested)
    def _withdrawal_requested(self) -> None:
        pass

    @event(StepAttemptFailed)
    def _step_attempt_failed(self, step: str, attempt: int) -> None:
        self.attempts[step] = attempt + 1

    @event(StepUnanswered)
    def _step_unanswered(self, step: str, next_at: datetime | None) -> None:
        self.next_at[step] = next_at

    @event(StepOverdue)
    def _step_overdue(self, step: str) -> None:
        self.due_at.pop(step, None)

    @event(StepCompleted)
    def _step_completed(self, step: str, attempt: int) -> None:
        self._enter(step, events.StepCompleted.means, attempt)

    @event(StepFailed)
    def _step_failed(self, step: str, attempt: int) -> None:
        self._enter(step, events.StepFailed.means, attempt)

    @event(CompensationAttemptFailed)
    def _compensation_attempt_failed(self, step: str, attempt: int) -> None:
        self.attempts[step] = attempt + 1

    @event(CompensationUnanswered)
    def _compensation_unanswered(self, step: str, next_at: datetime | None) -> None:
        self.next_at[step] = next_at

    @event(CompensationOverdue)
    def _compensation_overdue(self, step: str) -> None:
        self.due_at.pop(step, None)

    @event(StepCompensated)
    def _step_compensated(self, step: str, attempt: int) -> None:
        self._enter(step, events.StepCompensated.means, attempt)

    @event(CompensationFailed)
    def _compensation_failed(self, step: str, attempt: int) -> None:
        self._enter(step, events.CompensationFailed.means, attempt)

    @event(InterventionMade)
    def _intervention_made(self) -> None:
        pass

    @event(UnwindingStarted)
    def _unwinding_started(self, reason: str) -> None:
        self.status = events.UnwindingStarted.means.saga or self.status
        self.reason = reason

    @event(ConfirmationRequested)
    def _confirmation_requested(self) -> None:
        pass

    @event(CancellationRequested)
    def _cancellation_requested(self) -> None:
        pass

    @event(OrderCancellationNoted)
    def _order_cancellation_noted(self) -> None:
        self.is_order_cancelled = True

    @event(Completed)
    def _completed(self) -> None:
        self.status = events.Completed.means.saga or self.status

    @event(Failed)
    def _failed(self) -> None:
        self.status = events.Failed.means.saga or self.status

    def _enter(self, step: str, means: Meaning, attempt: int, due_at: datetime | None = None) -> None:
        """A step stands where a fact says; what was known of the one before counts no more."""
        if means.step is not None:
            self.step_statuses[step] = means.step
        self.attempts[step] = attempt
        self.next_at.pop(step, None)
        self.due_at.pop(step, None)
        if due_at is not None:
            self.due_at[step] = due_at
        if self.status is not SagaStatus.COMPENSATING:
            self.status = means.saga_after(step) or self.status


_TURNED_OR_OVER = (SagaStatus.COMPENSATING, SagaStatus.COMPLETED, SagaStatus.FAILED)
_OPEN = (StepStatus.EXECUTING, StepStatus.COMPENSATING, StepStatus.COMPENSATION_FAILED)
