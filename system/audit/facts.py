"""What an audit has to know of one order: a handful of facts, however they were found out."""

from enum import IntEnum
from typing import NamedTuple


class OrderMark(IntEnum):
    """Where an order stands."""

    MISSING = 0
    CREATED = 1
    CONFIRMED = 2
    CANCELLED = 3


class SagaMark(IntEnum):
    """Where a fulfilment stands, as far as money and stock are concerned."""

    MISSING = 0
    RUNNING = 1
    COMPENSATING = 2
    WAITING = 3  # a compensation failed for good: it is a person's turn
    COMPLETED = 4
    FAILED = 5


class HoldMark(IntEnum):
    """Where that stands which an order holds, for instance its reservation."""

    MISSING = 0
    HELD = 1
    REJECTED = 2
    RELEASED = 3


class PaymentMark(IntEnum):
    """What an event of a payment does to the money."""

    ASKED = 0
    CHARGED = 1
    REFUNDED = 2


class Standing(IntEnum):
    """Whether what is held for an order is settled, on its way, or waits for a person."""

    SETTLED = 0
    IN_PROGRESS = 1
    WAITING = 2


class OrderFacts(NamedTuple):
    """One order with its fulfilment, payment and reservation. Amounts are in minor units.

    `charge` is what one charge takes, None when none was asked for; `charges` and `refunds` count how
    often it was taken and given back. At the end is what it holds, in the order of `meanings.HOLDINGS`.
    """

    order: OrderMark = OrderMark.MISSING
    total: int = 0
    currency: str = ""
    saga: SagaMark = SagaMark.MISSING
    charge: int | None = None
    charge_currency: str = ""
    charges: int = 0
    refunds: int = 0
    reservation: HoldMark = HoldMark.MISSING

    @property
    def captured(self) -> int:
        """Everything that was ever taken for the order."""
        return self.charges * (self.charge or 0)

    @property
    def refunded(self) -> int:
        """Everything that was given back."""
        return self.refunds * (self.charge or 0)

    @property
    def kept(self) -> int:
        """What we have of it."""
        return self.captured - self.refunded

    @property
    def owed(self) -> int:
        """What we may keep once the order is settled: its total when it is confirmed, else nothing."""
        return self.total if self.order == OrderMark.CONFIRMED else 0

    @property
    def standing(self) -> Standing:
        """Where the order stands by its fulfilment alone."""
        if self.saga == SagaMark.WAITING:
            return Standing.WAITING
        if self.saga in (SagaMark.RUNNING, SagaMark.COMPENSATING):
            return Standing.IN_PROGRESS
        is_only_placed = self.saga == SagaMark.MISSING and not self.charges
        return Standing.IN_PROGRESS if is_only_placed else Standing.SETTLED
