"""One round of a follower through the logs that it reads: none of them starves, and no more is begun than
has to be."""

from collections.abc import Sequence

import pytest

from system.concurrency.wakeup import Wakeup
from system.persistence.agreement import LogDisagrees
from system.runner.loop import FollowerLoop
from tests.support.fixtures import Environment, OpenWay
from tests.support.logs import lose_the_end
from tests.support.running_shop import Shop
from tests.support.ways import ByHand


def opened(open_way: OpenWay, environment: Environment, page: int = 500) -> tuple[Shop, ByHand]:
    """A shop with goods, whose followers move by hand."""
    way = open_way(ByHand, {**environment, "ORDERWRIGHT_PAGE_SIZE": str(page)})
    assert isinstance(way, ByHand)
    shop = Shop(way)
    shop.receive("CD-X1", 100)
    return shop, way


def positions(loop: FollowerLoop) -> Sequence[int]:
    """How far each log is read."""
    return [subscription.position for subscription in loop.subscriptions]


def test_a_busy_log_starves_no_other_that_the_same_follower_reads(
    in_memory: Environment, open_way: OpenWay
) -> None:
    shop, way = opened(open_way, in_memory, page=1)
    for _ in range(3):
        shop.order("CD-X1")
    way.level()
    way.call_gateway()
    shop.receive("CD-X2", 5)
    loop = way.runner.loops["OrderFulfilment"]
    payments, goods, orders = positions(loop)
    loop.advance()
    assert positions(loop) == [payments + 1, goods + 1, orders], "new orders wait, and nobody else"


def test_what_is_left_of_one_log_is_not_forgotten_over_another_that_is_empty(
    in_memory: Environment, open_way: OpenWay
) -> None:
    shop, way = opened(open_way, in_memory, page=1)
    for _ in range(3):
        shop.order("CD-X1")
    loop = way.runner.loops["OrderDashboard"]
    assert loop.subscriptions[0].leader.name == "Orders", "two that are empty come after it"
    rounds = []
    while loop.advance():
        rounds.append(loop.has_more)
    assert rounds == [True] * 3
    assert not loop.has_more, "then it waits until somebody rings"


def test_who_is_told_to_stop_begins_no_further_page(in_memory: Environment, open_way: OpenWay) -> None:
    shop, way = opened(open_way, in_memory)
    order = shop.order("CD-X1")
    loop = way.runner.loops["OrderFulfilment"]
    loop.wakeup.stop()
    assert loop.advance() == 0
    assert set(positions(loop)) == {0}
    assert shop.saga(order).status is None


def test_workers_are_woken_when_there_was_something_and_only_then(
    in_memory: Environment, open_way: OpenWay
) -> None:
    shop, way = opened(open_way, in_memory)
    loop, worker = way.runner.loops["PaymentCalls"], Wakeup()
    loop.on_progress.append(worker)
    loop.advance()
    assert not worker._bell.is_set()
    shop.order("CD-X1")
    way.advance("OrderFulfilment")
    way.advance("Payments")
    loop.advance()
    assert worker._bell.is_set()


def test_nothing_is_done_about_any_log_before_all_are_found_to_be_right(
    on_sqlite: Environment, open_way: OpenWay
) -> None:
    """Else a saga would go on with one log while what it knows from another is not there any more."""
    shop, way = opened(open_way, on_sqlite)
    shop.order("CD-X1")
    shop.settle()
    for each in way.runner.loops.values():
        each.carry_forward()
    late = shop.order("CD-X1")
    way.level()
    way.call_gateway()
    lose_the_end(on_sqlite, "Inventory", 1)

    again, way = opened_as_it_is(open_way, on_sqlite)
    loop = way.runner.loops["OrderFulfilment"]
    assert [subscription.leader.name for subscription in loop.subscriptions][-1] == "Orders"
    before = [
        subscription.position for subscription in loop.subscriptions if subscription.leader.name == "Payments"
    ]
    with pytest.raises(LogDisagrees):
        loop.advance()
    assert [
        subscription.position for subscription in loop.subscriptions if subscription.leader.name == "Payments"
    ] == before
    assert again.saga(late).status == "PAYMENT_PENDING"


def opened_as_it_is(open_way: OpenWay, environment: Environment) -> tuple[Shop, ByHand]:
    """The same shop in another process."""
    way = open_way(ByHand, environment)
    assert isinstance(way, ByHand)
    return Shop(way), way
