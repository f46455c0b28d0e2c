"""Words for what a person does at the dead-letter desk."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from application.base import CommandContext
from application.queries import PageRequest
from system.bootstrap import Orderwright
from system.recovery.dead_letters.cases import Case, CaseQuery
from system.recovery.dead_letters.desk import DeadLetterDesk, RetryAllReport
from system.recovery.dead_letters.source import ActionReport
from tests.support.fixtures import OpenWay
from tests.support.running_shop import Shop
from tests.support.ways import ByHand


class Desk:
    """The desk of a shop, at which opal sits; each thing she does is a command of its own."""

    def __init__(self, orderwright: Orderwright, user: str = "opal") -> None:
        self._orderwright = orderwright
        self._user = user
        self._commands = 0

    def cases(self, **query: Any) -> list[Case]:
        """What waits."""
        return list(DeadLetterDesk(self._orderwright).list(CaseQuery(**query), PageRequest(limit=500)).items)

    def retry(self, case_id: str, *, sequence: bool = False, command: str | None = None) -> ActionReport:
        """Retry an event, or all of its sequence, because of a fix."""
        return DeadLetterDesk(self._orderwright).retry(
            case_id, self.context(command), "fixed in 1.4", sequence=sequence
        )

    def retry_all(self, *, command: str | None = None, **query: Any) -> RetryAllReport:
        """Retry all that match."""
        return DeadLetterDesk(self._orderwright).retry_all(
            CaseQuery(**query), self.context(command), "fixed in 1.4"
        )

    def discard(self, case_id: str, *, command: str | None = None) -> ActionReport:
        """Give an event up."""
        return DeadLetterDesk(self._orderwright).discard(case_id, self.context(command), "of no use any more")

    def context(self, command: str | None = None) -> CommandContext:
        """The next command."""
        self._commands += 1
        command_id = command or f"{self._user}-{self._commands}"
        return CommandContext(command_id, self._orderwright.clock(), self._user)


def results(report: ActionReport) -> list[str]:
    """What was done, an event a line."""
    return [f"{event.what} {event.result}" for event in report.events]


def shop_by_hand(open_way: OpenWay, persistence: Any, **settings: str) -> tuple[Shop, ByHand, Desk]:
    """A shop with plenty of stock that nobody follows but the test, and its desk."""
    way = open_way(ByHand, {**persistence, **settings})
    assert isinstance(way, ByHand)
    shop = Shop(way)
    shop.receive("CD-X1", 100)
    return shop, way, Desk(shop.orderwright)


def about(order: UUID, *kinds: str) -> Callable[[Any], bool]:
    """Whether an event is about the order, and of one of these kinds if any are named."""
    return lambda event: (
        event.correlation_id == str(order) and (not kinds or type(event).__qualname__ in kinds)
    )
