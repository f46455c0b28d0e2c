"""Any aggregate as it was, on every store, at a version or at a moment, and what changed between two."""

import json
from datetime import timedelta
from uuid import UUID

import pytest

from application.queries import InvalidQuery, StreamNotFound
from application.unreadable import UnreadableEvent
from application.views import to_json
from domain.shared.ids import fulfilment_id, payment_id, reservation_id, stock_item_id
from system.followers.parking import parking_lot_id
from system.gateways.simulated import SimulatedGateway
from system.queries.history import MAX_EVENTS, NotInHistory, history_diff, past_state
from system.queries.state import FieldChange
from system.queries.stream_names import stream_named
from tests.support.by_hand import clock, gateway, way
from tests.support.clocks import StandingClock
from tests.support.damage import change, delete, truncated
from tests.support.poison import Poison, short_pauses
from tests.support.running_shop import Shop
from tests.support.ways import ByHand

__all__ = ["clock", "gateway", "short_pauses", "way"]


@pytest.fixture
def every_shop(way: ByHand) -> Shop:
    """A shop on every store, with five records that came in at noon."""
    shop = Shop(way)
    shop.receive("CD-X1", 5)
    return shop


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """The same in memory."""
    shop.receive("CD-X1", 5)
    return shop


@pytest.fixture
def order(shop: Shop, clock: StandingClock) -> UUID:
    """Two records, ordered a minute after noon and cancelled at two."""
    clock.put_forward(60)
    order = shop.order(("CD-X1", 2, "11.77"), ref="web-1")
    shop.settle()
    clock.put_forward(7140)
    shop.cancel(order)
    shop.settle()
    return order


def test_an_order_is_seen_at_each_version_and_moment_on_every_store(
    every_shop: Shop, clock: StandingClock
) -> None:
    shop, noon = every_shop, clock.now
    clock.put_forward(60)
    order = shop.order(("CD-X1", 2, "11.77"))
    shop.settle()
    clock.put_forward(60)
    cancelled = clock.now
    shop.cancel(order)
    shop.settle()
    system = shop.orderwright

    def status(point: object) -> object:
        return past_state(system, f"order:{order}", point).state["status"]  # type: ignore[arg-type]

    assert [status(version) for version in (1, 2, 3, None)] == [
        *("CREATED", "CONFIRMED", "CANCELLED", "CANCELLED")
    ]
    assert status(cancelled - timedelta(microseconds=1)) == "CONFIRMED"
    assert [status(moment) for moment in (cancelled, cancelled + timedelta(days=999))] == ["CANCELLED"] * 2
    past = past_state(system, f"order:{order}", 2)
    assert (past.aggregate, past.version, past.latest_version, past.is_latest) == ("Order", 2, 3, False)
    assert (past.event.type, past.event.user, past.event.application) == ("Order.Confirmed", "ada", "Orders")
    assert past.state["total"] == {"amount": "23.54", "currency": "USD"}
    assert past.state["items"] == [{"sku": "CD-X1", "quantity": 2, "unit_price": "11.77"}]
    assert past.state["confirmed_at"] == "2024-05-17T12:01:00.000000Z"
    assert past.state["cancelled_at"] is None
    assert past_state(system, f"payment:{order}", noon + timedelta(minutes=1)).state["status"] == "COMPLETED"
    assert past_state(system, "stock:CD-X1", 3).state["reserved"] == 2
    json.dumps(to_json(past), allow_nan=False)
    with pytest.raises(NotInHistory, match="has 3 events, and so no version 4"):
        past_state(system, f"order:{order}", 4)
    with pytest.raises(NotInHistory, match=r"began at 2024-05-17T12:01:00\.000000Z; there was nothing"):
        past_state(system, f"order:{order}", noon)


@pytest.mark.parametrize("version", [0, -1, 10**14])
def test_there_is_nothing_beyond_the_ends_of_a_stream(shop: Shop, order: UUID, version: int) -> None:
    with pytest.raises(NotInHistory) as refused:
        past_state(shop.orderwright, str(order), version)

    assert (refused.value.code, refused.value.field) == ("not_in_history", "/version")


def test_a_stream_goes_by_what_people_have_in_hand(shop: Shop, order: UUID) -> None:
    found = {
        name: stream_named(shop.orderwright, name)
        for name in (
            *(f"order:{order}", f"payment:{order}", f"fulfilment:{order}", f"reservation:{order}"),
            *("order:web-1", "payment:web-1", "web-1", "stock:CD-X1", "CD-X1", str(payment_id(order))),
        )
    }

    ids = [place.stream_id for place in found.values()]
    streams = [order, payment_id(order), fulfilment_id(order), reservation_id(order)]
    stock = stock_item_id("CD-X1")
    assert ids == [*streams, order, payment_id(order), order, stock, stock, payment_id(order)]
    assert found["CD-X1"].application == "Inventory"
    assert found[str(payment_id(order))].application == "Payments"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("payment:web-2", "there is no stream payment:web-2 in Payments"),
        ("stock:CD-X2", "there is no stream stock:CD-X2"),
        ("web-2", "is not an order's reference or a SKU"),
        ("parking:Nobody", "there is no follower 'Nobody'; they are "),
        ("parking:Orders", "there is no stream"),
        ("00000000-0000-5000-8000-000000000001", "is not the stream of an application"),
        ("", "is not an order's reference"),
        ("a\x00b", "no name of a stream"),
        ("a\udc80", "no name of a stream"),
    ],
)
def test_what_is_no_stream_is_told(shop: Shop, order: UUID, name: str, told: str) -> None:
    with pytest.raises(StreamNotFound, match=told):
        past_state(shop.orderwright, name)


def test_what_can_mean_two_streams_is_not_guessed(shop: Shop, order: UUID) -> None:
    shop.receive("web-1", 1)

    with pytest.raises(InvalidQuery, match="'web-1' can mean order:web-1 and stock:web-1: say which"):
        past_state(shop.orderwright, "web-1")
    assert past_state(shop.orderwright, "stock:web-1").aggregate == "StockItem"


def test_of_two_versions_the_fields_that_differ_are_told_and_the_events_between(
    shop: Shop, order: UUID
) -> None:
    found = history_diff(shop.orderwright, "order:web-1", 1, 2)

    assert found.changes == (
        FieldChange("status", "changed", "CREATED", "CONFIRMED"),
        FieldChange("confirmed_at", "changed", None, "2024-05-17T12:01:00.000000Z"),
    )
    assert [event.type for event in found.events] == ["Order.Confirmed"]
    assert (found.from_version, found.to_version, found.latest_version) == (1, 2, 3)


def test_a_difference_between_two_moments(shop: Shop, order: UUID, clock: StandingClock) -> None:
    found = history_diff(shop.orderwright, "CD-X1", clock.now - timedelta(hours=1), clock.now)

    assert found.changes == (FieldChange("reserved", "changed", 2, 0),)
    assert [event.type for event in found.events] == ["StockItem.Released"]


def test_what_came_and_went_is_told_by_its_path(shop: Shop, order: UUID) -> None:
    found = {
        change.field: change.change
        for change in history_diff(shop.orderwright, f"fulfilment:{order}", 2, 4).changes
    }

    assert found["step_statuses.ProcessPayment"] == "changed"
    assert found["step_statuses.ReserveInventory"] == "added"
    assert found["due_at.ProcessPayment"] == "removed"


def test_the_same_version_twice_is_no_difference_and_the_later_first_is_refused(
    shop: Shop, order: UUID
) -> None:
    same = history_diff(shop.orderwright, str(order), 2, 2)
    assert (same.changes, same.events, same.events_left_out) == ((), (), 0)
    with pytest.raises(InvalidQuery, match="version 3 is later than version 1"):
        history_diff(shop.orderwright, str(order), 3, 1)


def test_of_very_many_events_between_some_are_listed_and_all_counted(shop: Shop) -> None:
    for number in range(MAX_EVENTS + 3):
        shop.receive("CD-X2", 1, command_id=f"receipt-{number}")

    found = history_diff(shop.orderwright, "CD-X2", 1, MAX_EVENTS + 4)

    assert (len(found.events), found.events_left_out) == (MAX_EVENTS, 3)
    assert [found.events[0].stream_version, found.events[-1].stream_version] == [2, MAX_EVENTS + 1]
    assert FieldChange("on_hand", "changed", 0, MAX_EVENTS + 3) in found.changes


def test_a_damaged_event_stops_what_needs_it_and_is_named(every_shop: Shop) -> None:
    shop, system = every_shop, every_shop.orderwright
    order = shop.order("CD-X1")
    shop.settle()
    stream = fulfilment_id(order)
    change(system, "OrderFulfilment", stream, 4, state=truncated)

    assert past_state(system, str(stream), 3).state["status"] == "PAYMENT_COMPLETED"
    for point in (4, 5):
        with pytest.raises(UnreadableEvent) as damage:
            past_state(system, str(stream), point)
        assert (damage.value.version, damage.value.position) == (4, 4)
    with pytest.raises(UnreadableEvent, match="version 4"):
        past_state(system, str(stream), shop.orderwright.clock())


@pytest.mark.parametrize("version", [1, 3])
def test_a_missing_event_stops_what_needs_it_and_is_named(
    durable_persistence: dict[str, str], version: int
) -> None:
    way = ByHand(durable_persistence, SimulatedGateway(), StandingClock())
    shop = Shop(way)
    shop.receive("CD-X1", 5)
    order = shop.order("CD-X1")
    shop.settle()
    delete(way.orderwright, "OrderFulfilment", fulfilment_id(order), version)

    for point in (version, 5, way.orderwright.clock()):
        with pytest.raises(UnreadableEvent, match=f"does not follow on version {version - 1}"):
            past_state(way.orderwright, f"fulfilment:{order}", point)
    way.close()


def test_every_aggregate_of_every_application_can_be_seen(shop: Shop, order: UUID) -> None:
    """The lot of a follower as well, which remembers in shapes of its own."""
    poison = Poison(shop.orderwright.fulfilments, lambda event: event.TOPIC == "Payment.Completed")
    parked = shop.order("CD-X1")
    shop.settle()
    poison.cure()

    lot = past_state(shop.orderwright, "parking:OrderFulfilment")

    assert (lot.aggregate, lot.stream_id) == ("ParkingLot", str(parking_lot_id("OrderFulfilment")))
    assert lot.state["parked"][str(parked)][0]["topic"] == "Payment.Completed"
    assert list(lot.state["sequences"].values()) == [str(parked)]
    assert all(":" in place for place in lot.state["sequences"])
    json.dumps(to_json(lot), allow_nan=False)
