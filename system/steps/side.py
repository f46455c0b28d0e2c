"""The system's side of a step, to be filled in once for each step of the saga."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from application.views import FoundEvent
from domain.fulfilment import Fulfilment, StepStatus
from domain.shared.aggregates import Aggregate

from .telling import Telling

News = Callable[[Fulfilment, Any], None]
"""Tells a fulfilment of an event."""

A = TypeVar("A", bound=Aggregate)


@dataclass(frozen=True)
class HeldLine:
    """Pieces of a product that an order holds."""

    sku: str
    quantity: int


@dataclass(frozen=True)
class MoneyAndStock:
    """What waits with an order: money that was captured and not refunded (None without a payment),
    and the stock that is held."""

    money: str | None = None
    currency: str | None = None
    stock: tuple[HeldLine, ...] = ()

    def __add__(self, other: "MoneyAndStock") -> "MoneyAndStock":
        """Both together; the money is that of whichever has a payment."""
        payment = self if self.money is not None else other
        return MoneyAndStock(payment.money, payment.currency, self.stock + other.stock)


@dataclass(frozen=True)
class Awaited:
    """A step that everything waits for: where it stands, the number of the attempt that is under way, or of
    the last one, with what went wrong; `money` is the order's total in words."""

    status: str
    attempt: int
    error: str | None
    is_unwinding: bool
    money: str


class StepSide(ABC, Generic[A]):
    """Who does a step, in which stream of an order, what it holds and misses, and how it is told."""

    step: ClassVar[str]
    """Its name in the saga's table."""
    application: ClassVar[str]
    """The application that does the work."""
    stream_id: Callable[[UUID], UUID]
    """The one stream that the work for an order has there."""
    noun: ClassVar[str]
    """What the work is called in a sentence, for instance "the payment"."""
    not_begun: ClassVar[str]
    """How the work stands that was never asked for."""
    news: ClassVar[Mapping[type[Any], News]]
    """What the saga is told of each event that is news to it."""
    no_news: ClassVar[frozenset[type[Any]]]
    """The events that are none."""
    told: ClassVar[Mapping[str, Telling]]
    """How the story of an order tells the events, by their topics."""
    untold: ClassVar[frozenset[str]]
    """The topics that the story leaves out, because other events say it as well."""
    aggregates: ClassVar[tuple[type[Aggregate], ...]]
    """The aggregates of the application: the first is the one behind the stream of an order."""

    @abstractmethod
    def status(self, work: A) -> StepStatus:
        """Where the step stands in truth."""

    @abstractmethod
    def failure(self, work: A) -> str:
        """Why the step failed, or why it could not be undone."""

    @abstractmethod
    def held(self, work: A) -> str | None:
        """Which money or stock is held, or may be, so that the order cannot be ended as failed; or None."""

    @abstractmethod
    def awaited(self, awaited: Awaited) -> str:
        """What the order waits for, at the end of "waits for ..."."""

    @abstractmethod
    def when_confirmed(self, money: str) -> str:
        """What is so with a confirmed order, in the middle of a sentence."""

    @abstractmethod
    def when_cancelled(self, money: str, *, was_done: bool) -> str:
        """What is so with a cancelled order, in the middle of a sentence."""

    def missing(self, work: A | None) -> str | None:
        """What a confirmed order would need of this step and does not have, or None."""
        if work is not None and self.status(work) is StepStatus.COMPLETED:
            return None
        return f"{self.noun} is {self.not_begun if work is None else work.status}"  # type: ignore[attr-defined]  # each has one

    def money_and_stock(self, work: A) -> MoneyAndStock:  # noqa: ARG002 - there is something to ask for below
        """What it holds of both as of now."""
        return MoneyAndStock()

    def elsewhere(self, event: FoundEvent) -> Iterable[tuple[UUID, int]]:  # noqa: ARG002 - as above
        """The stream and version of each event that one of the step's own says it has recorded beside
        itself in the same application."""
        return ()
