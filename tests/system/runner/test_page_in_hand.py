"""What a page in hand comes to when the store is away, a lot is damaged, or an earlier event waits."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import IntegrityError, OperationalError, ProgrammingError, StoredEvent

from domain.shared.ids import payment_id, stock_item_id
from system.followers.parking import parking_lot_id
from system.operations.positions import damaged_lots, parked_events
from system.runner.subscription import CONFLICTS_BEFORE_ISOLATION
from tests.support.damage import change, truncated
from tests.support.fixtures import Environment, OpenWay
from tests.support.following import Reader
from tests.support.poison import Poison, short_pauses
from tests.support.running_shop import Shop
from tests.support.ways import ByHand
from tests.system.recovery.dead_letters.at_the_desk import Desk

__all__ = ["short_pauses"]


def waiting(shop: Shop, follower: str) -> list[tuple[str, str]]:
    """What a follower has put aside: the topic, and what it waits for."""
    return [
        (one.event.topic, one.event.sequence)
        for one in parked_events(shop.orderwright)
        if one.follower == follower
    ]


def is_damaged(reader: Reader) -> bool:
    """Whether the lot could not be read in full, as of the latest page."""
    return reader.subscription.lot_is_damaged


# The store is away


def test_a_store_that_is_away_is_asked_once_and_not_again_for_each_half_of_the_page(
    persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time it is asked may last as long as anybody waits for an answer."""
    reader = Reader(open_way(ByHand, persistence), "OrderDashboard", "Orders")
    orders = [reader.shop.order("CD-X1") for _ in range(8)]
    with monkeypatch.context() as patch:
        patch.setattr(reader.application.recorder, "insert_events", _away)
        with pytest.raises(OperationalError):
            reader.advance()
    assert reader.tried == [8]
    assert reader.advance() == 8
    assert reader.done == [str(order) for order in orders]
    assert waiting(reader.shop, "OrderDashboard") == []


def _away(*_: object, **__: object) -> None:
    raise OperationalError("the database is away")


@pytest.mark.parametrize("fault", [OperationalError, ProgrammingError])
def test_an_event_is_not_parked_because_the_store_is_away_when_it_is_tried_again(
    persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch, fault: type[Exception]
) -> None:
    """A reaction failed once, as it may; and just then the store went away."""
    reader = Reader(open_way(ByHand, persistence), "OrderDashboard", "Orders")
    order = reader.shop.order("CD-X1")
    errors = iter([ValueError("a moment of weakness"), fault("away"), fault("away"), fault("away")])
    react = reader.application.handle

    def fails(event: Any, work: Any) -> None:
        if (error := next(errors, None)) is not None:
            raise error
        react(event, work)

    monkeypatch.setattr(reader.application, "handle", fails)
    for _ in range(2):
        with pytest.raises(fault):
            reader.advance()
    with pytest.raises(fault):
        reader.advance()
    assert waiting(reader.shop, "OrderDashboard") == []
    assert reader.advance() == 1
    assert reader.done == [str(order)]


# Commands are faster


def test_after_conflicts_pages_are_smaller_and_then_as_large_as_before(
    in_memory: Environment, open_way: OpenWay
) -> None:
    way = open_way(ByHand, {**in_memory, "ORDERWRIGHT_PAGE_SIZE": "8"})
    reader = Reader(way, "OrderFulfilment", "Orders")
    orders = [reader.shop.order("CD-X1") for _ in range(60)]

    def was_faster() -> None:
        raise IntegrityError("a command was faster")

    assert reader.advance() == 8
    for _ in range(2):
        reader.before_recording(16, was_faster)
    sizes = []
    while size := reader.advance():
        sizes.append(size)
    assert sizes[0] == 8
    assert sizes[1] < 8
    assert 8 in sizes[2:]
    assert max(sizes) == 8
    assert reader.done == [str(order) for order in orders]


def test_an_event_that_met_conflict_after_conflict_by_itself_is_not_the_last_that_is_read(
    in_memory: Environment, open_way: OpenWay
) -> None:
    reader = Reader(open_way(ByHand, in_memory), "OrderDashboard", "Orders")
    first = reader.shop.order("CD-X1")

    def was_faster() -> None:
        raise IntegrityError("a command was faster")

    for _ in range(CONFLICTS_BEFORE_ISOLATION):
        reader.before_recording(1, was_faster)
    reader.advance()
    second = reader.shop.order("CD-X1")
    reader.advance()
    assert reader.done == [str(first), str(second)]
    assert waiting(reader.shop, "OrderDashboard") == []


# What is told of an event that is parked


def test_an_event_is_tried_three_times_and_parked_with_the_last_error(
    in_memory: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(open_way(ByHand, in_memory), "OrderDashboard", "Orders")
    reader.shop.order("CD-X1")
    tried = []

    def fails(event: Any, work: Any) -> None:
        tried.append(event)
        raise ValueError(f"failed {len(tried)} times")

    monkeypatch.setattr(reader.application, "handle", fails)
    reader.advance()
    (case,) = parked_events(reader.shop.orderwright)
    assert (case.event.attempts, case.event.error) == (3, "ValueError: failed 3 times")
    assert len(tried) == 3


def test_an_event_that_nobody_can_read_is_tried_once_since_that_does_not_pass(
    in_memory: Environment, open_way: OpenWay
) -> None:
    reader = Reader(open_way(ByHand, in_memory), "OrderDashboard", "Orders")
    order = reader.shop.order("CD-X1")
    change(reader.shop.orderwright, "Orders", order, 1, state=truncated)
    reader.advance()
    (case,) = parked_events(reader.shop.orderwright)
    assert case.event.attempts == 1


# What is read


def test_what_a_page_needs_is_read_at_once_and_to_park_an_event_nothing_is_read_but_the_lot(
    persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an event needs may be the very thing that it cannot be processed for."""
    reader = Reader(open_way(ByHand, persistence), "Payments", "OrderFulfilment")
    shop, lot = reader.shop, parking_lot_id("Payments")
    way, recorder = shop.way, reader.application.recorder
    assert isinstance(way, ByHand)
    select, asked = recorder.select_streams, []

    def counted(after: Mapping[UUID, int], at_most: int | None = None) -> Any:
        asked.append(set(after))
        return select(after, at_most)

    orders = [shop.order("CD-X1") for _ in range(3)]
    way.advance("OrderFulfilment")
    monkeypatch.setattr(recorder, "select_streams", counted)
    reader.advance()
    assert reader.done == [str(order) for order in orders]
    assert asked == [{lot, *(payment_id(order) for order in orders)}]

    bad = shop.order("CD-X1")
    Poison(reader.application, lambda event: event.correlation_id == str(bad))
    way.advance("OrderFulfilment")
    reader.advance()
    assert [sequence for _, sequence in waiting(shop, "Payments")] == [str(bad)]
    assert payment_id(bad) in asked[1]
    assert asked[-1] == {lot}


# Of one page some events are put aside, and others change what is shown


def test_of_one_page_events_are_held_back_and_rows_written_and_its_position_moves_with_both(
    persistence: Environment, open_way: OpenWay
) -> None:
    reader = Reader(open_way(ByHand, persistence), "OrderDashboard", "Orders")
    shop = reader.shop
    bad = shop.order("CD-X1")
    fault = Poison(reader.application, lambda event: event.correlation_id == str(bad))
    reader.advance()
    shop.cancel(bad)
    good = shop.order("CD-X1")
    assert reader.advance() == 2

    assert waiting(shop, "OrderDashboard") == [("Order.Created", str(bad)), ("Order.Cancelled", str(bad))]
    assert set(shop.dashboard()) == {str(good)}
    assert reader.recorded() == reader.subscription.position == 3
    fault.cure()
    assert Desk(shop.orderwright).retry_all().failed == 0
    assert shop.dashboard()[str(bad)].status == "CANCELLED"
    assert reader.recorded() == 3


def test_an_event_is_parked_in_the_same_round_although_somebody_at_the_desk_was_faster_with_the_lot(
    persistence: Environment, open_way: OpenWay
) -> None:
    reader = Reader(open_way(ByHand, persistence), "OrderDashboard", "Orders")
    shop = reader.shop
    first, second = shop.order("CD-X1"), shop.order("CD-X1")
    Poison(reader.application, lambda event: event.correlation_id in (str(first), str(second)))
    reader.advance()
    third = shop.order("CD-X1")
    Poison(reader.application, lambda event: event.correlation_id == str(third))
    case = next(case for case in Desk(shop.orderwright).cases() if case.sequence == str(first))
    reader.before_recording(3, lambda: Desk(shop.orderwright, "olga").discard(case.case_id))

    assert reader.advance() == 1
    assert reader.tried[-2:] == [3, 3]
    assert reader.recorded() == 3
    assert waiting(shop, "OrderDashboard") == [("Order.Created", str(second)), ("Order.Created", str(third))]


# A lot that is damaged is read anew each time, so that a repair is seen


def test_a_lot_that_was_repaired_holds_nobody_back_any_longer_and_nothing_has_to_be_restarted(
    persistence: Environment, open_way: OpenWay
) -> None:
    reader = Reader(open_way(ByHand, persistence), "OrderDashboard", "Orders")
    shop, lot = reader.shop, parking_lot_id("OrderDashboard")
    bad = shop.order("CD-X1")
    fault = Poison(reader.application, lambda event: event.correlation_id == str(bad))
    reader.advance()
    fault.cure()
    repair = change(shop.orderwright, "OrderDashboard", lot, 2, state=truncated)
    shop.cancel(bad)
    reader.advance()  # it waits, since it cannot be told whether anything waits before it
    assert is_damaged(reader)

    repair()
    assert damaged_lots(shop.orderwright) == ()
    assert Desk(shop.orderwright).retry_all().failed == 0
    good = shop.order("CD-X1")
    reader.advance()
    assert not is_damaged(reader)
    shop.settle()
    assert waiting(shop, "OrderDashboard") == []
    assert shop.dashboard()[str(bad)].status == "CANCELLED"
    assert str(good) in shop.dashboard()


def test_an_event_is_parked_although_the_lot_is_damaged_and_a_repair_is_seen_all_the_same(
    persistence: Environment, open_way: OpenWay
) -> None:
    reader = Reader(open_way(ByHand, persistence), "OrderDashboard", "Orders")
    shop, lot = reader.shop, parking_lot_id("OrderDashboard")
    bad, worse = shop.order("CD-X1"), UUID(int=0)
    fault = Poison(reader.application, lambda event: event.correlation_id in {str(bad), str(worse)})
    reader.advance()
    repair = change(shop.orderwright, "OrderDashboard", lot, 2, state=truncated)
    worse = shop.order("CD-X1")
    reader.advance()
    fault.cure()

    repair()
    assert Desk(shop.orderwright).retry_all().failed == 0
    shop.cancel(bad)
    reader.advance()
    assert waiting(shop, "OrderDashboard") == []
    assert not is_damaged(reader)


# What an event of a stream waits for whose earlier event could not be read


def test_what_an_order_reserved_waits_behind_the_receipt_that_nobody_can_read(
    persistence: Environment, open_way: OpenWay
) -> None:
    """Not even its command is known, so it waits as its stream, and whatever follows in that stream with it:
    also where it belongs to an order, even one that waits itself with another product."""
    reader = Reader(open_way(ByHand, persistence), "StockLevels", "Inventory")
    shop, way, product = reader.shop, reader.shop.way, stock_item_id("CD-X1")
    assert isinstance(way, ByHand)
    shop.receive("CD-X1", 5)
    shop.receive("CD-X2", 7)
    shop.order("CD-X1")
    both = shop.order("CD-X2", "CD-X1")
    for _ in range(2):
        for follower in ("OrderFulfilment", "Payments", "PaymentCalls", "OrderFulfilment", "Inventory"):
            way.advance(follower)
        way.call_gateway()
        way.advance("OrderFulfilment")
        way.advance("Inventory")
    assert shop.reserved("CD-X1") == 2
    repair = change(shop.orderwright, "Inventory", product, 2, state=lambda _: b"\xff\xfe")
    reader.subscription._log.forget()  # others of this process have read it while it was whole
    other = stock_item_id("CD-X2")
    fault = Poison(
        reader.application,
        lambda event: event.correlation_id == str(both) and event.originator_id == other,
    )
    reader.advance()
    assert sorted(waiting(shop, "StockLevels")) == sorted(
        [
            ("StockItem.Received", str(product)),
            ("StockItem.Reserved", str(product)),
            ("StockItem.Reserved", str(product)),
            ("StockItem.Reserved", str(both)),
        ]
    )
    assert shop.stock("CD-X1").on_hand == 0
    assert shop.stock("CD-X2").on_hand == 7

    fault.cure()
    repair()
    reader.subscription._log.forget()
    assert Desk(shop.orderwright).retry_all().failed == 0
    assert (shop.stock("CD-X1").on_hand, shop.stock("CD-X1").reserved) == (5, 2)
    assert shop.stock("CD-X2").reserved == 1


def test_an_event_of_a_newer_release_holds_back_its_own_order_where_it_tells_which_one_that_is(
    persistence: Environment, open_way: OpenWay
) -> None:
    reader = Reader(open_way(ByHand, persistence), "OrderFulfilment", "Payments")
    shop, way = reader.shop, reader.shop.way
    assert isinstance(way, ByHand)
    order = shop.order("CD-X1")
    way.level()
    way.call_gateway()
    change(shop.orderwright, "Payments", payment_id(order), 2, state=newer)
    way.level()
    shop.cancel(order)
    way.level()
    assert waiting(shop, "OrderFulfilment") == [
        ("Payment.Completed", str(order)),
        ("Order.Cancelled", str(order)),
    ]


@pytest.mark.parametrize("told", ["x" * 10_000, "", "a\\u0000b"])
def test_what_an_event_tells_of_its_order_is_not_taken_where_it_cannot_be_true(
    in_memory: Environment, open_way: OpenWay, told: str
) -> None:
    reader = Reader(open_way(ByHand, in_memory), "OrderDashboard", "Orders")
    stream, state = uuid4(), b'{"correlation_id": "%s"}' % told.encode()
    reader.shop.orderwright.orders.recorder.insert_events([StoredEvent(stream, 1, "Order.Teleported", state)])
    reader.advance()
    assert waiting(reader.shop, "OrderDashboard") == [("Order.Teleported", str(stream))]


def newer(state: bytes) -> bytes:
    """As a newer release would write it."""
    return json.dumps({**json.loads(state), "class_version": 99}).encode()
