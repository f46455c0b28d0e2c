"""What a person may do about a fulfilment that does not go on by itself, and when it is refused.

Each is recorded as an intervention with its reason; what follows from it are ordinary facts.
"""

from collections.abc import Callable

from domain.shared.errors import Contradiction, InvalidValue

from .fulfilment import Fulfilment
from .steps import STEP, STEPS, SagaStatus

News = Callable[[Fulfilment], None]


class FulfilmentOver(Contradiction):
    """The fulfilment has come to its end; there is nothing to intervene in."""

    code = "fulfilment_over"


class StepNotAwaited(Contradiction):
    """Nothing waits for this step: asking for it again would do it twice."""

    code = "step_not_awaited"


class UnknownStep(InvalidValue):
    """A fulfilment has no such step."""

    code = "unknown_step"


class InterventionRefused(Contradiction):
    """It would break money or stock."""

    code = "intervention_refused"


def retry(fulfilment: Fulfilment, reason: str, news: News) -> None:
    """Ask once more for whatever is awaited, also for what could not be undone before.

    `news` tells the fulfilment what it may have missed; if there was something, nothing is asked.
    """
    _check_open(fulfilment)
    _go_on(fulfilment, "retry", reason, news)


def resume_from(fulfilment: Fulfilment, step: str, reason: str, news: News) -> None:
    """The same, when the step is the one that everything waits for; else it is refused."""
    if step not in STEP:
        raise UnknownStep(f"there is no step {step!r}; the steps are {', '.join(STEP)}", field="/step")
    _check_open(fulfilment)
    if fulfilment.awaited_step != step:
        status = fulfilment.step_status(step) or "not begun"
        waits_for = fulfilment.awaited_step or "the end of the order"
        raise StepNotAwaited(
            f"{step} is {status}; the fulfilment waits for {waits_for}, and can be resumed from there only",
            field="/step",
        )
    _go_on(fulfilment, "resume-from", reason, news)


def force_complete(fulfilment: Fulfilment, reason: str, *, missing: str | None) -> None:
    """Take every step as done and have the order confirmed.

    `missing` says what is not so in truth: then it is refused.
    """
    _check_open(fulfilment)
    if fulfilment.status is SagaStatus.COMPENSATING:
        raise InterventionRefused(
            "the fulfilment is being undone already, so it cannot be completed any more"
        )
    if missing is not None:
        raise InterventionRefused(f"it cannot be completed: {missing}")
    noted = _intervene(fulfilment, "force-complete", reason)
    for step in STEPS:
        fulfilment.step_completed(step.name)
    _ask_if_nothing_followed(fulfilment, noted)


def force_fail(fulfilment: Fulfilment, reason: str, *, held: str | None) -> None:
    """Take every step as undone and have the order cancelled.

    `held` says which money or stock is still held in truth, or may be: then it is refused.
    """
    _check_open(fulfilment)
    if held is not None:
        raise InterventionRefused(f"it cannot be ended as failed: {held}")
    _intervene(fulfilment, "force-fail", reason)
    waiting = fulfilment.awaited_step
    if waiting is None:
        fulfilment.compensate(reason)
    else:
        fulfilment.step_failed(waiting, reason)
    for step in reversed(STEPS):
        fulfilment.step_compensated(step.name)


def _go_on(fulfilment: Fulfilment, action: str, reason: str, news: News) -> None:
    noted = _intervene(fulfilment, action, reason)
    news(fulfilment)
    _ask_if_nothing_followed(fulfilment, noted)


def _intervene(fulfilment: Fulfilment, action: str, reason: str) -> int:
    """Record the intervention; its version, after which something is to follow."""
    fulfilment.intervene(action, fulfilment.awaited_step, reason)
    return fulfilment.version


def _ask_if_nothing_followed(fulfilment: Fulfilment, noted: int) -> None:
    """Ask once more for what is awaited; where all steps are done, that the order is confirmed, and where
    all are undone, that it is cancelled."""
    if fulfilment.version == noted:
        fulfilment.ask_again()


def _check_open(fulfilment: Fulfilment) -> None:
    if fulfilment.status in (SagaStatus.COMPLETED, SagaStatus.FAILED):
        raise FulfilmentOver(f"the fulfilment of order {fulfilment.order_id} is {fulfilment.status}")
