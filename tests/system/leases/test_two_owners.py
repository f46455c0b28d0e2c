"""Two processes at one follower for a while: no event is passed over, none is worked off twice."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from system.persistence.agreement import Checkpoint, LogDisagrees
from tests.support.fixtures import Environment, OpenWay, environment_for
from tests.support.following import Reader
from tests.support.logs import lose_the_end
from tests.support.poison import Poison, short_pauses
from tests.support.ways import ByHand

__all__ = ["short_pauses"]


@pytest.fixture(params=["sqlite", "tuned"])
def a_store(request: pytest.FixtureRequest, quick_folder: Path) -> Environment:
    """The environment of a store of either kind, where the library's module adds nothing."""
    return environment_for(request.param, request, quick_folder)


def two_readers(
    environment: Environment, open_way: OpenWay, follower: str, leader: str, page: int = 500
) -> tuple[Reader, Reader]:
    """The same follower in two processes; the second one reads in pages of that size."""
    smaller = environment | {"ORDERWRIGHT_PAGE_SIZE": str(page)}
    return (
        Reader(open_way(ByHand, environment), follower, leader),
        Reader(open_way(ByHand, smaller), follower, leader),
    )


def four_orders(reader: Reader) -> tuple[list[UUID], Poison]:
    """Four orders, the first of which this process cannot bear."""
    orders = [reader.shop.order("CD-X1") for _ in range(4)]
    return orders, Poison(reader.application, lambda event: event.correlation_id == str(orders[0]))


# A page that is taken in halves because of one event


def test_of_a_page_in_halves_the_second_is_left_alone_when_the_position_was_set_back(
    a_store: Environment, open_way: OpenWay
) -> None:
    """Else the first half would be missing on the dashboard for ever."""
    one, other = two_readers(a_store, open_way, "OrderDashboard", "Orders")
    orders, _ = four_orders(one)
    again = other.application.recorder
    one.before_recording(2, lambda: again.restart(["Orders"], other.application.tables, "read it anew"))

    one.advance()
    assert one.recorded() == 0
    one.shop.settle()
    assert set(one.shop.dashboard()) == {str(order) for order in orders[1:]}, "the first one is parked"


def test_of_a_page_in_halves_the_second_is_left_alone_when_another_process_has_gone_on_with_it(
    a_store: Environment, open_way: OpenWay
) -> None:
    """Else the third order would be worked off twice."""
    one, other = two_readers(a_store, open_way, "OrderDashboard", "Orders", page=2)
    orders, _ = four_orders(one)
    one.before_recording(2, other.advance)

    one.advance()
    assert other.done == [str(order) for order in orders[1:3]]
    assert one.done == []
    assert one.subscription.position == one.recorded() == 3
    one.advance()
    assert one.done == [str(orders[3])]


# A position that somebody else has moved


def test_who_was_overtaken_goes_on_behind_the_other_at_once(a_store: Environment, open_way: OpenWay) -> None:
    one, other = two_readers(a_store, open_way, "OrderDashboard", "Orders", page=2)
    orders = [one.shop.order("CD-X1") for _ in range(3)]
    one.before_recording(3, other.advance)

    one.advance()
    assert other.done == [str(order) for order in orders[:2]]
    assert one.done == []
    assert one.subscription.has_more, "nobody rings for what is left"
    assert one.tried == [3], "the page is not tried once more"
    one.advance()
    assert one.done == [str(orders[2])]
    assert one.tried == [3, 3]


def test_who_was_overtaken_while_it_parks_an_event_leaves_that_to_the_other(
    a_store: Environment, open_way: OpenWay
) -> None:
    """The other process has the fix: there is nothing to be parked."""
    one, other = two_readers(a_store, open_way, "OrderDashboard", "Orders")
    order = one.shop.order("CD-X1")
    Poison(one.application, lambda event: event.correlation_id == str(order))
    one.before_recording(1, other.advance)  # nothing is recorded before it is parked

    assert one.advance() == 1
    assert other.done == [str(order)]
    assert one.tried == [1]
    assert one.application.recorder.max_notification_id() in (None, 0), "nothing is parked"
    assert one.advance() == 0
    late = one.shop.order("CD-X1")
    one.advance()
    assert one.done == [str(late)]


def test_a_command_that_was_faster_is_no_takeover_and_the_page_is_done_again_at_once(
    persistence: Environment, open_way: OpenWay
) -> None:
    """A page that conflicts again and again gets smaller; who took each conflict for a takeover would never
    come to that."""
    one = Reader(open_way(ByHand, persistence), "Inventory", "OrderFulfilment")
    one.shop.receive("CD-X1", 5)
    first = one.shop.order("CD-X1")
    one.shop.settle()
    second = one.shop.order("CD-X1")
    one.before_recording(one.subscription.position + 4, lambda: one.shop.receive("CD-X1", 1))
    one.shop.settle()

    assert not one._meanwhile, "a receipt came in between"
    assert [one.tried.count(position) for position in sorted(set(one.tried))] == [1, 2]
    assert one.done == [str(first), str(second)]


def test_a_page_of_another_log_is_not_recorded_although_its_position_is_the_same(
    a_store: Environment, open_way: OpenWay
) -> None:
    """While this process had a page in hand, the log was replaced, and read anew up to the same position."""
    one, other = two_readers(a_store, open_way, "OrderDashboard", "Orders")
    one.shop.order("CD-X1")
    one.advance()
    one.shop.order("CD-X1")
    store: Any = other.application.recorder

    def reads_another_log() -> None:
        store.restart(["Orders"], (), "read it anew")
        store.insert_tracking(Checkpoint("Orders", 1, f"1 {uuid4()} 1 ", "read it anew"))

    one.before_recording(2, reads_another_log)
    one.advance()
    assert one.recorded() == 1
    with pytest.raises(LogDisagrees):
        one.advance()


def test_where_a_log_has_lost_what_was_read_nothing_is_trusted_that_was_remembered(
    on_sqlite: Environment, open_way: OpenWay
) -> None:
    one = Reader(open_way(ByHand, on_sqlite), "OrderFulfilment", "Orders")
    for _ in range(2):
        one.shop.order("CD-X1")
        one.advance()
    assert one.subscription._identity_map._kept
    lose_the_end(on_sqlite, "Orders", 1)

    with pytest.raises(LogDisagrees):
        one.advance()
    assert not one.subscription._identity_map._kept
    assert not one.subscription._log._entries


def test_a_position_that_was_set_back_has_log_and_aggregates_read_anew(
    a_store: Environment, open_way: OpenWay
) -> None:
    """Perhaps the log is another one as well: nothing that was remembered of it is to be trusted."""
    one, other = two_readers(a_store, open_way, "OrderFulfilment", "Orders")
    one.shop.order("CD-X1")
    one.advance()
    late = one.shop.order("CD-X1")
    again = other.application.recorder
    one.before_recording(2, lambda: again.restart(["Orders"], (), "read it anew"))
    log, known = one.subscription._log, one.subscription._identity_map._kept
    assert log._entries
    assert known

    one.advance()
    assert not log._entries
    assert not known
    one.advance()
    assert one.done[-1] == str(late)


# A position that moved without effect


def a_saga_has_begun(reader: Reader) -> UUID:
    """An order whose saga asks for the payment, which is nothing for the inventory."""
    order = reader.shop.order("CD-X1")
    way = reader.shop.way
    assert isinstance(way, ByHand)
    way.advance("OrderFulfilment")
    return order


def test_a_position_without_effect_is_carried_forward_once_and_the_next_page_follows_it(
    persistence: Environment, open_way: OpenWay
) -> None:
    one = Reader(open_way(ByHand, persistence), "Inventory", "OrderFulfilment")
    one.shop.receive("CD-X1", 5)
    a_saga_has_begun(one)
    one.advance()
    assert one.subscription.is_ahead_of_its_record
    assert one.recorded() == 0
    writes, insert = [], one.application.recorder.insert_tracking

    def counted(tracking: object) -> None:
        writes.append(tracking)
        insert(tracking)

    one.application.recorder.insert_tracking = counted
    for _ in range(3):
        one.subscription.carry_forward()
    assert one.recorded() == one.subscription.position > 0
    assert len(writes) == 1, "who idles does not write"
    one.shop.settle()
    assert len(one.tried) == len(set(one.tried)), "no page met a conflict with what was carried forward"


def test_a_position_that_moved_far_without_effect_is_recorded_by_whoever_is_busy(
    persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is never idle carries nothing forward; after a restart it would read all of it again."""
    monkeypatch.setattr("system.runner.subscription.CARRY_FORWARD_AFTER", 4)
    one = Reader(open_way(ByHand, persistence), "Inventory", "OrderFulfilment")
    a_saga_has_begun(one)
    assert one.advance() == 2
    assert one.recorded() == 0
    a_saga_has_begun(one)
    assert one.advance() == 2
    assert one.recorded() == 4


def test_who_carries_its_position_forward_too_late_begins_from_where_the_other_is(
    a_store: Environment, open_way: OpenWay
) -> None:
    one, other = two_readers(a_store, open_way, "Inventory", "OrderFulfilment")
    a_saga_has_begun(one)
    one.advance()
    a_saga_has_begun(one)
    other.advance()
    other.subscription.carry_forward()

    one.subscription.carry_forward()
    assert not one.subscription.is_ahead_of_its_record
    assert one.subscription.position == one.recorded() == other.subscription.position
    one.shop.receive("CD-X1", 5)
    one.shop.settle()
    assert len(one.tried) == len(set(one.tried)), "the next page followed the other's"


def test_who_carries_a_position_forward_that_was_set_back_begins_from_there(
    a_store: Environment, open_way: OpenWay
) -> None:
    one, other = two_readers(a_store, open_way, "Inventory", "OrderFulfilment")
    a_saga_has_begun(one)
    one.advance()
    other.application.recorder.restart(["OrderFulfilment"], (), "read it anew")

    one.subscription.carry_forward()
    assert one.subscription.position == one.recorded() == 0
