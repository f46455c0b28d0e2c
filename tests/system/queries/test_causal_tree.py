"""What caused what: every event of an order stands once below its cause, whatever it says of that."""

from datetime import timedelta
from uuid import UUID, uuid5

import pytest

from application.orders import OrderNotFound
from application.views import FoundEvent
from domain.shared.ids import event_id, fulfilment_id
from system.queries.causal_tree import CausalTree, causal_tree, tree_of
from tests.support.by_hand import clock, gateway, way
from tests.support.clocks import StandingClock
from tests.support.damage import change, truncated
from tests.support.planting import NOBODY
from tests.support.poison import Poison, short_pauses
from tests.support.running_shop import Shop
from tests.support.stories import FRIDAY_NOON
from tests.support.ways import ByHand

__all__ = ["clock", "gateway", "short_pauses", "way"]


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """A shop in memory with five records."""
    shop.receive("CD-X1", 5)
    return shop


def drawn(tree: CausalTree) -> list[str]:
    """The tree, a line each, indented."""
    lines = []
    for root in tree.roots:
        lines.append(f"{root.kind} {root.causation_id}")
        lines += [f"{'  ' * event.depth}{event.type}" for event in root.events]
    return lines


def test_an_order_is_a_tree_below_the_commands_about_it_on_every_store(
    way: ByHand, clock: StandingClock
) -> None:
    shop = Shop(way)
    shop.receive("CD-X1", 5)
    order, another = (shop.order("CD-X1", command_id=f"order-{number}") for number in range(2))
    way.advance("OrderFulfilment")
    way.advance("Payments")
    way.advance("PaymentCalls")
    clock.put_forward(1.5)
    shop.settle()
    shop.cancel(order, command_id="cancel-0")
    shop.settle()

    tree = causal_tree(shop.orderwright, order)

    assert drawn(tree) == [
        "command order-0",
        "  Order.Created",
        "    Fulfilment.Started",
        "    Fulfilment.PaymentRequested",
        "      Payment.Requested",
        "        Payment.Completed",
        "          Fulfilment.StepCompleted",
        "          Fulfilment.ReservationRequested",
        "            Reservation.Made",
        "              Fulfilment.StepCompleted",
        "              Fulfilment.ConfirmationRequested",
        "                Order.Confirmed",
        "                  Fulfilment.Completed",
        "            StockItem.Reserved",
        "command cancel-0",
        "  Order.Cancelled",
        "    Fulfilment.OrderCancellationNoted",
        "    Fulfilment.UnwindingStarted",
        "    Fulfilment.ReleaseRequested",
        "      Reservation.Released",
        "        Fulfilment.StepCompensated",
        "        Fulfilment.RefundRequested",
        "          Payment.RefundRequested",
        "            Payment.Refunded",
        "              Fulfilment.StepCompensated",
        "              Fulfilment.Failed",
        "      StockItem.Released",
    ]
    seconds = {event.type: event.seconds for event in tree.roots[0].events}
    assert (seconds["Order.Created"], seconds["Payment.Completed"]) == (None, 1.5)
    assert seconds["Fulfilment.Started"] == 0.0
    assert [root.user for root in tree.roots] == ["ada", "ada"]
    assert len(drawn(causal_tree(shop.orderwright, another))) == 14


def test_an_order_that_was_never_placed_has_none(shop: Shop) -> None:
    with pytest.raises(OrderNotFound):
        causal_tree(shop.orderwright, NOBODY)


def test_what_waits_for_a_person_is_told_where_it_waits(shop: Shop) -> None:
    poison = Poison(shop.orderwright.fulfilments, lambda event: event.TOPIC == "Payment.Completed")
    order = shop.order("CD-X1")
    shop.settle()
    poison.cure()

    (root,) = causal_tree(shop.orderwright, order).roots

    completed, parked = root.events[-2:]
    assert (completed.type, parked.type) == ("Payment.Completed", "ParkingLot.EventParked")
    assert (parked.depth, parked.application) == (completed.depth + 1, "OrderFulfilment")
    (waiting,) = completed.waits
    assert (waiting.follower, waiting.error) == ("OrderFulfilment", "ValueError: cannot bear Completed")


def test_an_event_that_cannot_be_read_and_what_followed_from_it_stay_in_their_place(shop: Shop) -> None:
    order = shop.order("CD-X1")
    shop.settle()
    change(shop.orderwright, "OrderFulfilment", fulfilment_id(order), 2, state=truncated)

    tree = causal_tree(shop.orderwright, order)

    assert [root.kind for root in tree.roots] == ["untold", "command"]
    assert [event.type for event in tree.roots[0].events][:2] == [
        *("Fulfilment.PaymentRequested", "Payment.Requested")
    ]
    assert tree.roots[0].events[0].error is not None
    assert sum(len(root.events) for root in tree.roots) == tree.events == 13


ORDER = UUID(int=1)


def made(number: int, cause: int | str | None, *, at: float = 0, command: str | None = "c") -> FoundEvent:
    """An event of a conversation: the first of a stream of its own."""
    causation = event_id(_stream(cause), 1) if isinstance(cause, int) else cause
    return FoundEvent(
        event_id=event_id(_stream(number), 1),
        type=f"T.{number}",
        application="Orders",
        stream_id=str(_stream(number)),
        stream_version=1,
        position=number,
        recorded_at=FRIDAY_NOON + timedelta(seconds=at),
        correlation_id=str(ORDER),
        causation_id=causation,
        command_id=command,
        user="ada",
        payload={},
        error=None,
    )


def _stream(number: int) -> UUID:
    return uuid5(ORDER, str(number))


def of(*events: FoundEvent) -> list[str]:
    tree = tree_of(str(ORDER), events)
    assert sum(len(root.events) for root in tree.roots) == tree.events == len(events)
    return drawn(tree)


def test_branches_go_by_time_and_then_by_position() -> None:
    assert of(made(1, "c"), made(4, 1, at=1), made(3, 1, at=2), made(2, 1, at=2), made(5, 4, at=9)) == [
        *("command c", "  T.1", "    T.4", "      T.5", "    T.2", "    T.3")
    ]


def test_what_followed_from_something_that_is_not_there_has_a_root_that_says_so() -> None:
    missing = event_id(_stream(9), 1)
    assert of(made(1, "c"), made(2, 9), made(3, 9), made(4, 2), made(5, None)) == [
        *("command c", "  T.1", f"missing {missing}", "  T.2", "    T.4", "  T.3", "untold None", "  T.5")
    ]


def test_events_that_name_each_other_as_their_cause_are_shown_once_each() -> None:
    assert of(made(1, 2), made(2, 1), made(3, 3), made(4, 2), made(5, "c")) == [
        *("command c", "  T.5"),
        *(f"circle {event_id(_stream(2), 1)}", "  T.1", "    T.2", "      T.4"),
        *(f"circle {event_id(_stream(3), 1)}", "  T.3"),
    ]


def test_a_very_long_chain_is_shown_up_to_a_limit_and_the_rest_is_counted() -> None:
    chain = [made(1, "c"), *(made(number, number - 1, at=number) for number in range(2, 3001))]

    tree = tree_of(str(ORDER), chain)

    (root,) = tree.roots
    assert (tree.events, tree.left_out, len(root.events)) == (3000, 1000, 2000)
    assert root.events[-1].depth == 2000
    assert [one.type for one in root.events] == [f"T.{number}" for number in range(1, 2001)]
