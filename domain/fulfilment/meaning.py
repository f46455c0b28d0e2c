"""What a fact of the fulfilment means: said once, on its class, and looked up there by all who read it."""

from dataclasses import dataclass

from .steps import STEP, Asked, SagaStatus, StepStatus


@dataclass(frozen=True)
class Meaning:
    """What a fact does. Nothing of all this is a meaning, too: then it is only kept for those who look.

    `step` is where its step stands after it; every such fact is an entry in the log of the saga, with
    `note` beside it, a text in which ``{error}`` stands for what the event says under that name. An
    entry with a note is a setback, one without it is progress. `saga` is where the saga stands after
    it; when a step is completed, the table of steps says that. `asks` says whose work it asks for.
    `ends_waiting` says that the deadline of the step counts no more.
    """

    step: StepStatus | None = None
    saga: SagaStatus | None = None
    asks: Asked | None = None
    ends_waiting: bool = False
    note: str | None = None

    @property
    def moves_saga(self) -> bool:
        """Whether the saga stands somewhere else after it."""
        return self.saga is not None or self.step is StepStatus.COMPLETED

    def saga_after(self, step: str | None) -> SagaStatus | None:
        """Where such a fact about a step leads the saga, or None when it stays where it is. (One that is
        being compensated is led on by FAILED alone; that is held by who keeps its status.)"""
        if step is not None and self.step is StepStatus.COMPLETED:
            return STEP[step].status_when_completed
        return self.saga
