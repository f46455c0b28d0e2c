"""What is so with an order in truth: from the work of each step itself, whatever its fulfilment has heard."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.fulfilment import Fulfilment, StepStatus
from system.bootstrap import Orderwright
from system.steps.side import StepSide
from system.steps.table import SIDES

_WAS_DONE = (
    StepStatus.COMPLETED,
    StepStatus.COMPENSATING,
    StepStatus.COMPENSATED,
    StepStatus.COMPENSATION_FAILED,
)


@dataclass(frozen=True)
class Truth:
    """The work for an order, by the step that asks for it; None where there is none."""

    work: Mapping[str, Any]

    @property
    def missing(self) -> str | None:
        """What a confirmed order would need and does not have, or None."""
        return next((why for side in SIDES if (why := side.missing(self.work[side.step]))), None)

    @property
    def held(self) -> str | None:
        """Which money or stock is held, or may be, or None."""
        return next((why for side in SIDES if (why := self._held(side))), None)

    def tell(self, fulfilment: Fulfilment) -> None:
        """Tell a fulfilment what it may have missed. What it knows already changes nothing."""
        for side in SIDES:
            status = self._status(side)
            if status is StepStatus.COMPLETED:
                fulfilment.step_completed(side.step)
            elif status is StepStatus.FAILED:
                fulfilment.step_failed(side.step, side.failure(self.work[side.step]))
            elif status is StepStatus.COMPENSATED:
                fulfilment.step_compensated(side.step)

    def tell_how_far_it_came(self, fulfilment: Fulfilment) -> None:
        """Tell a fulfilment that may know nothing which steps were done, or failed; the first step first."""
        for side in SIDES:
            status = self._status(side)
            if status in _WAS_DONE:
                fulfilment.step_completed(side.step)
            elif status is StepStatus.FAILED:
                fulfilment.step_failed(side.step, side.failure(self.work[side.step]))

    def tell_what_was_undone(self, fulfilment: Fulfilment) -> None:
        """And then which of them were undone, or could not be; the last step first."""
        for side in reversed(SIDES):
            status = self._status(side)
            if status is StepStatus.COMPENSATED:
                fulfilment.step_compensated(side.step)
            elif status is StepStatus.COMPENSATION_FAILED:
                fulfilment.compensation_failed(side.step, side.failure(self.work[side.step]))

    def _status(self, side: StepSide[Any]) -> StepStatus | None:
        work = self.work[side.step]
        return None if work is None else side.status(work)

    def _held(self, side: StepSide[Any]) -> str | None:
        work = self.work[side.step]
        return None if work is None else side.held(work)


def truth_about(orderwright: Orderwright, order_id: UUID) -> Truth:
    """What is so with an order as of now. Raises `UnreadableEvent`."""
    return Truth(
        {
            side.step: orderwright.applications[side.application].find(
                side.aggregates[0], side.stream_id(order_id)
            )
            for side in SIDES
        }
    )
