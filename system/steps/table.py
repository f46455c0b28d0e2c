"""The system's side of every step, in the order of the saga."""

from typing import Any

from domain.fulfilment import STEPS

from .payment import PaymentSide
from .reservation import ReservationSide
from .side import StepSide

_SIDES: dict[str, StepSide[Any]] = {side.step: side for side in (PaymentSide(), ReservationSide())}


def _side_of(step: str) -> StepSide[Any]:
    if step not in _SIDES:
        raise LookupError(f"nothing is known of the step {step}: give it a side in {__name__}")
    return _SIDES[step]


SIDES = tuple(_side_of(step.name) for step in STEPS)
SIDE = {side.step: side for side in SIDES}
