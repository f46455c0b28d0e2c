"""The stage that the stories of the matrix are played on: a shop that is advanced by hand."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from application.queries import PageRequest
from domain.fulfilment import STEP
from system.audit import audit
from system.recovery.dead_letters.cases import CaseQuery
from system.recovery.dead_letters.desk import DeadLetterDesk
from tests.support.clocks import StandingClock
from tests.support.gateways import TroublesomeGateway
from tests.support.invariants import assert_at_rest, assert_charged_at_most_once, assert_stock_balances
from tests.support.running_shop import Shop
from tests.support.ways import ByHand

SKU = "CD-X1"
IN_STOCK = 5


class Stage(Shop):
    """A shop with five records, a provider that has trouble when told to, and a clock that stands still."""

    way: ByHand

    def __init__(self, way: ByHand, gateway: TroublesomeGateway) -> None:
        super().__init__(way)
        self.provider = gateway
        self.scanner = way.orderwright.deadline_scanner()
        self.receive(SKU, IN_STOCK)

    def advance_to(self, *followers: str) -> None:
        """Let these followers work, one after the other, and nobody else."""
        for follower in followers:
            self.way.advance(follower)

    def charge(self, order: UUID) -> None:
        """Let the order be charged, and the saga ask for its stock."""
        self.way.level()
        self.way.call_gateway()
        self.advance_to("OrderFulfilment")
        assert self.log(order)[-1] == "ReserveInventory EXECUTING 1"

    def pass_deadline(self, step: str) -> None:
        """Let the time that a step is allowed pass, and the scanner watch it."""
        self.advance_to("SagaLog")
        assert self.scanner.step() == 0
        clock = self.orderwright.clock
        assert isinstance(clock, StandingClock)
        clock.put_forward((STEP[step].allowed + timedelta(seconds=1)).total_seconds())
        assert self.scanner.step() == 1, "the step is overdue"

    def check(self, order: UUID, ends: str) -> None:
        """The order ended like that, or stands on the desk; no money or stock is lost; one charge at most."""
        cases = DeadLetterDesk(self.orderwright).list(CaseQuery(), PageRequest()).items
        report = audit(self.orderwright)
        assert report.is_clean, report.offenders
        assert_charged_at_most_once(self.orderwright)
        assert_stock_balances(self.orderwright)
        assert len({key.rpartition(":")[0] for key in self.provider.charges}) <= 1
        if ends == DESK:
            assert [case.order_id for case in cases] == [str(order)]
            return
        assert not cases, cases
        assert self.status(order) == ends
        assert_at_rest(self.orderwright)
        assert (report.orders_in_progress, report.orders_waiting) == (0, 0)
        assert self.reserved(SKU) == (1 if ends == CONFIRMED else 0)


CONFIRMED, CANCELLED, DESK = "CONFIRMED", "CANCELLED", "DESK"


def times(number: int, error: Exception) -> Callable[[object], None]:
    """Raises the first so many times, then never again."""
    left = [error] * number

    def maybe_raise(_: object) -> None:
        if left:
            raise left.pop()

    return maybe_raise
