"""Fulfilment: the saga that takes an order from placed to confirmed, or undoes it."""

from .fulfilment import Fulfilment
from .steps import PROCESS_PAYMENT, RESERVE_INVENTORY, STEP, STEPS, Asked, SagaStatus, StepStatus

__all__ = [
    "PROCESS_PAYMENT",
    "RESERVE_INVENTORY",
    "STEP",
    "STEPS",
    "Asked",
    "Fulfilment",
    "SagaStatus",
    "StepStatus",
]
