"""The state of every kind of aggregate comes back at every version. (In tests/properties as well, of whatever
can happen in a shop.)"""

from decimal import Decimal
from uuid import UUID

from application.orders import Item, PlaceOrder
from application.receiving import Need, Receiving
from domain.shared.aggregates import AGGREGATES
from domain.shared.causes import because_of
from domain.shared.products import ProductQuantity
from system.followers.parked import Pointer
from system.followers.parking import ParkingLot
from system.followers.unit_of_work import UnitOfWork
from tests.history.samples import RINGS
from tests.support.commands import asked
from tests.support.running_shop import Shop
from tests.support.snapshots import assert_states_come_back

AN_ORDER = UUID(int=7)


def pointer(position: int) -> Pointer:
    """An event of one order."""
    return Pointer("order-1", "Orders", position, "Order.Created", AN_ORDER, position)


def test_the_state_and_the_later_events_make_what_a_replay_makes(shop: Shop) -> None:
    receipt = shop.receive("CD-X1", 10)
    shop.correct("CD-X1", receipt, 8)
    for pays in ("pm_ok", "pm_declined", "pm_error_once", "pm_timeout", "pm_refund_fails_once"):
        shop.order("CD-X1", pays=pays, ref=f"web-{pays}", command_id=f"key-{pays}")
    order = shop.order("CD-X1", pays="pm_refund_fails", command_id="cancelled")
    shop.settle()
    shop.cancel(order)
    shop.settle()
    under_a_key = PlaceOrder("ada", "USD", "pm_ok", [Item("CD-X1", 1, Decimal(5))], "web-7", "key-7")
    shop.orderwright.orders.place_order(under_a_key, asked("key-7"))
    take_in(shop, 3)
    take_in(shop, 5)
    park(shop)

    kinds = assert_states_come_back(shop.orderwright)

    assert kinds == {
        kind.__name__ for kind in AGGREGATES.values() if kind.__module__.partition(".")[0] in RINGS
    }


def take_in(shop: Shop, quantity: int) -> None:
    """What an import takes in."""
    receiving = Receiving(shop.orderwright.inventory, lambda _: False)
    need = Need("imported-1", (ProductQuantity("CD-X2", quantity),))
    receiving.receive([need], asked(f"import-{quantity}"))


def park(shop: Shop) -> None:
    """A follower parks an event, holds others back, and somebody deals with them."""
    follower = shop.orderwright.fulfilments
    with because_of(asked("desk").cause("order-1")):
        lot = ParkingLot.open(follower.name)
        lot.park(pointer(1), "no", 3)
        for position in (2, 3, 4):
            lot.hold_back(pointer(position))
        lot.retried(pointer(1), "again")
        lot.retry_failed(pointer(2), "no", "again")
        lot.discard(pointer(2), "never")
    follower.record_work(UnitOfWork(events=list(lot.collect_events())))
