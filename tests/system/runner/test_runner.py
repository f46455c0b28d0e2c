"""The runner in threads: catches up, wakes, polls, stops, and shares a store without harm."""

import threading
from collections.abc import Callable

from system.gateways.simulated import SimulatedGateway
from system.operations.positions import is_settled, positions
from tests.support.agreement import assert_read_models_agree
from tests.support.fixtures import Environment
from tests.support.gateways import GatedGateway
from tests.support.invariants import assert_at_rest, assert_charged_at_most_once, assert_stock_balances
from tests.support.running_shop import Shop
from tests.support.waiting import PATIENCE_SECONDS, wait_until
from tests.support.ways import ByHand, UnderOurRunner, Way

OpenWay = Callable[..., Way]


def test_at_start_it_catches_up_with_what_was_recorded_while_nobody_followed(
    persistence: Environment, open_way: OpenWay
) -> None:
    shop = Shop(open_way(ByHand, persistence))
    shop.receive("CD-X1", 5)
    orders = [shop.order("CD-X1") for _ in range(3)]

    runner = shop.orderwright.runner()
    assert runner.backlog() > 0
    runner.start()
    assert runner.wait_until_settled(PATIENCE_SECONDS)
    runner.stop()

    assert {shop.status(order) for order in orders} == {"CONFIRMED"}
    assert runner.backlog() == 0


def test_it_goes_on_where_another_process_left_off(
    durable_persistence: Environment, open_way: OpenWay
) -> None:
    gateway = SimulatedGateway()
    before = open_way(ByHand, durable_persistence, gateway)
    assert isinstance(before, ByHand)
    shop = Shop(before)
    shop.receive("CD-X1", 5)
    order = shop.order("CD-X1")
    before.advance("OrderFulfilment")
    before.advance("Payments")

    after = Shop(open_way(UnderOurRunner, durable_persistence, gateway))
    after.settle()

    assert after.status(order) == "CONFIRMED"
    assert_charged_at_most_once(after.orderwright)


def test_what_is_recorded_in_this_process_wakes_its_followers(
    persistence: Environment, open_way: OpenWay
) -> None:
    shop = Shop(open_way(UnderOurRunner, {**persistence, "ORDERWRIGHT_POLL_SECONDS": "60"}))
    shop.receive("CD-X1", 5)
    orders = [shop.order("CD-X1") for _ in range(3)]
    shop.settle()

    assert {shop.status(order) for order in orders} == {"CONFIRMED"}


def test_what_another_process_records_is_found_by_polling(
    durable_persistence: Environment, open_way: OpenWay
) -> None:
    followed = Shop(open_way(UnderOurRunner, {**durable_persistence, "ORDERWRIGHT_POLL_SECONDS": "0.01"}))
    writer = Shop(open_way(ByHand, durable_persistence))
    writer.receive("CD-X1", 5)
    order = writer.order("CD-X1")

    wait_until(lambda: followed.status(order) == "CONFIRMED")
    wait_until(lambda: is_settled(writer.orderwright))
    assert_read_models_agree(writer)


def test_after_stop_nothing_runs_and_every_position_is_recorded(
    persistence: Environment, open_way: OpenWay
) -> None:
    shop = Shop(open_way(ByHand, persistence))
    threads = set(threading.enumerate())
    runner = shop.orderwright.runner()
    runner.start()
    shop.receive("CD-X1", 5)
    shop.order("CD-X1")
    assert runner.wait_until_settled(PATIENCE_SECONDS)
    runner.stop()

    late = shop.order("CD-X1")
    assert not any(loop.is_alive() for loop in runner.loops.values())
    assert not [thread for thread in set(threading.enumerate()) - threads if thread.name.startswith("follow")]
    assert {position.head - position.position for position in positions(shop.orderwright)} <= {
        0,
        1,
    }  # one: the late order
    assert shop.status(late) == "CREATED"
    again = shop.orderwright.runner()
    again.start()
    assert again.wait_until_settled(PATIENCE_SECONDS)
    again.stop()
    assert shop.status(late) == "CONFIRMED"


def test_it_stops_while_the_provider_keeps_it_waiting_and_asks_again_later(
    in_memory: Environment, open_way: OpenWay
) -> None:
    gateway = GatedGateway()
    shop = Shop(open_way(ByHand, in_memory, gateway))
    shop.receive("CD-X1", 5)
    runner = shop.orderwright.runner()
    runner.start()
    gateway.shut()
    order = shop.order("CD-X1")
    wait_until(lambda: gateway.waiting)
    runner.stop()

    assert not any(loop.is_alive() for loop in runner.loops.values())
    gateway.open()
    wait_until(lambda: not gateway.waiting)
    assert shop.saga(order).status == "PAYMENT_PENDING"  # nobody is there any more to record the answer
    shop.settle()
    assert shop.status(order) == "CONFIRMED"
    assert len(gateway.charges) == 1


def test_two_runners_on_one_store_do_no_harm(durable_persistence: Environment, open_way: OpenWay) -> None:
    gateway = SimulatedGateway()
    one = Shop(open_way(UnderOurRunner, durable_persistence, gateway))
    two = Shop(open_way(UnderOurRunner, durable_persistence, gateway))
    one.receive("CD-X1", 20)
    for number in range(30):
        shop, pays = (one, "pm_ok") if number % 2 else (two, "pm_timeout")
        shop.order("CD-X1", pays=pays)
    wait_until(lambda: is_settled(one.orderwright))

    assert_at_rest(one.orderwright)
    assert_stock_balances(one.orderwright)
    assert_charged_at_most_once(one.orderwright)
    assert_read_models_agree(one)
    statuses = [row.status for row in one.dashboard().values()]
    assert (statuses.count("CONFIRMED"), statuses.count("CANCELLED")) == (20, 10)


def test_it_reads_on_at_once_while_pages_are_full(in_memory: Environment, open_way: OpenWay) -> None:
    shop = Shop(
        open_way(ByHand, {**in_memory, "ORDERWRIGHT_PAGE_SIZE": "3", "ORDERWRIGHT_POLL_SECONDS": "60"})
    )
    shop.receive("CD-X1", 100)
    orders = [shop.order("CD-X1") for _ in range(20)]
    runner = shop.orderwright.runner()
    runner.start()
    assert runner.wait_until_settled(PATIENCE_SECONDS)
    runner.stop()

    assert {shop.status(order) for order in orders} == {"CONFIRMED"}


def test_it_follows_what_it_is_told_to_and_begins_anew_after_a_pause(
    persistence: Environment, open_way: OpenWay
) -> None:
    shop = Shop(open_way(ByHand, persistence))
    shop.receive("CD-X1", 5)
    first = shop.order("CD-X1")
    runner = shop.orderwright.runner()
    names = frozenset(runner.loops)
    runner.follow(names - {"OrderFulfilment"})
    wait_until(lambda: runner.is_settled(), what="what it follows is settled")
    assert runner.running() == set(runner.loops) == names - {"OrderFulfilment"}
    assert not is_settled(shop.orderwright), "the saga has not begun"

    runner.follow(names)
    wait_until(lambda: shop.status(first) == "CONFIRMED")
    before = runner.loops["OrderFulfilment"]
    runner.follow(names - {"OrderFulfilment"})
    wait_until(lambda: not before.is_alive(), what="the saga has stopped")
    second = shop.order("CD-X1")
    runner.follow(names)
    assert runner.loops["OrderFulfilment"] is not before
    assert runner.wait_until_settled(PATIENCE_SECONDS)
    assert shop.status(second) == "CONFIRMED"

    runner.follow(())
    wait_until(lambda: not runner.running(), what="all have stopped")
    runner.stop()
    assert_at_rest(shop.orderwright)


def test_the_provider_is_called_where_the_calls_are_kept_and_nowhere_else(
    in_memory: Environment, open_way: OpenWay
) -> None:
    gateway = GatedGateway()
    gateway.shut()
    shop = Shop(open_way(ByHand, in_memory, gateway))
    shop.receive("CD-X1", 5)
    shop.order("CD-X1")
    runner = shop.orderwright.runner()
    names = frozenset(runner.loops)
    runner.follow(names)
    wait_until(lambda: gateway.waiting, what="the provider is called")
    runner.follow(names - {"PaymentCalls"})
    wait_until(
        lambda: "PaymentCalls" not in runner.running(), what="their follower and its worker have ended"
    )
    assert not any(thread.name == "payment-gateway" for thread in threading.enumerate())
    gateway.open()
    wait_until(lambda: runner.is_settled(), what="the others are level")
    assert shop.orderwright.payment_calls.count_due_calls() == 1

    runner.follow(names)
    assert runner.wait_until_settled(PATIENCE_SECONDS)
    assert shop.orderwright.payment_calls.count_due_calls() == 0
    runner.stop()
    assert_charged_at_most_once(shop.orderwright)
    assert_at_rest(shop.orderwright)


def test_one_that_is_slow_to_stop_is_running_until_it_has(in_memory: Environment, open_way: OpenWay) -> None:
    shop = Shop(open_way(ByHand, in_memory))
    runner = shop.orderwright.runner()
    runner.start()
    with runner.turn:  # nobody finishes a page meanwhile
        shop.order("CD-X1")
        wait_until(lambda: len(runner.turn._waiting) >= 2, what="some are in the middle of a page")
        runner.follow(())
        slow = runner.running()
        assert slow
        runner.follow(slow)
        assert not set(runner.loops) & slow, "what has not stopped does not begin"
        assert slow <= runner.running()
    wait_until(lambda: not runner.running(), what="they have stopped")
    runner.follow(slow)
    assert set(runner.loops) == slow == runner.running()
    runner.stop()
