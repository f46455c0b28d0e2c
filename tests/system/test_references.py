"""One order a reference: in races, and in stores of earlier releases, whose orders claimed nothing."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from eventsourcing.persistence import OperationalError

from application import references
from application.orders import OrderRefTaken, Orders, PlaceOrder
from application.queries import EventQuery, PageRequest
from system.bootstrap import build
from system.operations.doctor import Verdict, examine
from system.queries.events import find_events
from system.queries.trail import order_events
from system.settings.environment import Settings
from tests.support.agreement import all_orders, events_of
from tests.support.commands import TEAPOT, an_order, asked
from tests.support.fixtures import Environment, OpenWay
from tests.support.invariants import assert_at_rest, assert_charged_at_most_once
from tests.support.running_shop import Shop
from tests.support.waiting import PATIENCE_SECONDS
from tests.support.ways import ByHand

RACERS = 6


def test_of_many_who_place_a_reference_at_the_same_moment_one_does(
    persistence: Environment, open_way: OpenWay
) -> None:
    shop = Shop(open_way(ByHand, persistence))
    start = threading.Barrier(RACERS)
    keys: list[str | None] = [None, *(f"checkout-{number}" for number in range(1, RACERS))]

    def place(key: str | None) -> list[str]:
        found = []
        for number in range(5):
            start.wait(PATIENCE_SECONDS)
            command = an_order(ref=f"web-{number}", key=key and f"{key}-{number}")
            found.append(shop.orderwright.orders.place_order(command, asked(key or "none")).view.order_id)
        return found

    with ThreadPoolExecutor(RACERS) as racers:
        answered = list(racers.map(place, keys))

    assert len({tuple(order_ids) for order_ids in answered}) == 1, "all are told of the same orders"
    assert {str(order.id) for order in all_orders(shop.orderwright)} == set(answered[0])
    shop.settle()
    assert_charged_at_most_once(shop.orderwright)
    assert_at_rest(shop.orderwright)


def an_earlier_release(
    environment: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch, *commands: PlaceOrder
) -> list[str]:
    """A store that an earlier release left behind, where these orders are done; their ids."""
    way = open_way(ByHand, environment)
    shop = Shop(way)
    shop.receive("TEAPOT", 100)
    shop.receive("CUP", 100)
    with monkeypatch.context() as patched:
        patched.setattr(PlaceOrder, "claims_reference", False)
        orders = [shop.orderwright.orders.place_order(one, asked("a")).view.order_id for one in commands]
    shop.settle()
    way.close()
    forget_what_is_noted(environment)
    return orders


def forget_what_is_noted(environment: Environment) -> None:
    """Take back what this release noted when it opened the store."""
    if "POSTGRES_DBNAME" not in environment:
        with sqlite3.connect(Path(environment["ORDERWRIGHT_DATA"]) / "Orders.sqlite") as connection:
            connection.execute("DELETE FROM tracking WHERE application_name LIKE 'OrderReferences.%'")
        connection.close()
        return
    with psycopg.connect(
        host=environment["POSTGRES_HOST"],
        user=environment["POSTGRES_USER"],
        dbname=environment["POSTGRES_DBNAME"],
    ) as connection_:
        connection_.execute("DELETE FROM orders_tracking WHERE application_name LIKE 'OrderReferences.%'")


def claims(orders: Orders) -> dict[str, str]:
    """Whose each claimed reference is."""
    return {event.order_ref: str(event.order_id) for event in events_of(orders, "OrderReference.Claimed")}


def keyed(*numbers: int) -> list[PlaceOrder]:
    """Orders with keys and references."""
    return [an_order(ref=f"web-{number}", key=f"checkout-{number}") for number in numbers]


def test_an_order_of_an_earlier_release_is_found_under_its_reference_however_it_is_sent_again(
    durable_persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    (earlier,) = an_earlier_release(durable_persistence, open_way, monkeypatch, *keyed(1))

    shop = Shop(open_way(ByHand, durable_persistence))

    orders = shop.orderwright.orders
    for key in ("checkout-1", "checkout-2", None):
        again = orders.place_order(an_order(ref="web-1", key=key), asked("b"))
        assert (again.replayed, again.view.order_id) == (True, earlier)
    assert orders.place_orders([an_order(ref="web-1")], asked("load")) == [None]
    with pytest.raises(OrderRefTaken):
        orders.place_order(an_order(TEAPOT, ref="web-1"), asked("c"))
    assert str(orders.order_id_of("web-1")) == earlier
    shop.settle()
    assert_charged_at_most_once(shop.orderwright)
    assert_at_rest(shop.orderwright)


def test_a_store_is_read_for_it_once_and_new_stores_never(
    durable_persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_earlier_release(durable_persistence, open_way, monkeypatch, *keyed(1, 2))
    told: list[tuple[int, int]] = []
    settings = Settings.from_environment(durable_persistence)

    def tell(read: int, whole: int) -> None:
        told.append((read, whole))

    for _ in range(2):
        build(settings, upgrading=tell).close()

    assert told == [(4, 4)], "four events of Orders, read once"
    forget_what_is_noted(durable_persistence)
    build(settings, upgrading=tell).close()
    orders = open_way(ByHand, durable_persistence).orderwright.orders
    assert len(list(events_of(orders, "OrderReference.Claimed"))) == 2, "nothing is claimed twice"


def test_stopped_half_way_it_goes_on_where_it_was(
    durable_persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = an_earlier_release(durable_persistence, open_way, monkeypatch, *keyed(*range(7)))
    monkeypatch.setattr(references, "PAGE_SIZE", 2)
    settings = Settings.from_environment(durable_persistence)
    told: list[int] = []

    def die_at_the_second_page(read: int, _: int) -> None:
        told.append(read)
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(settings, upgrading=die_at_the_second_page)
    build(settings, upgrading=lambda read, _: told.append(read)).close()

    orders = open_way(ByHand, durable_persistence).orderwright.orders
    assert claims(orders) == {f"web-{number}": order for number, order in enumerate(earlier)}
    assert told == sorted(set(told)), "no page was read twice"


def test_several_processes_that_begin_at_the_same_moment_claim_everything_once(
    durable_persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = an_earlier_release(durable_persistence, open_way, monkeypatch, *keyed(*range(9)))
    monkeypatch.setattr(references, "PAGE_SIZE", 2)
    settings = Settings.from_environment(durable_persistence)
    with ThreadPoolExecutor(3) as starters:
        for started in starters.map(lambda _: build(settings), range(3)):
            started.close()

    orders = open_way(ByHand, durable_persistence).orderwright.orders
    assert claims(orders) == {f"web-{number}": order for number, order in enumerate(earlier)}


def test_what_can_never_be_claimed_ends_the_start_instead_of_going_on_for_ever(
    on_sqlite: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_earlier_release(on_sqlite, open_way, monkeypatch, *keyed(1), an_order(ref="web-1"))
    monkeypatch.setattr(Orders, "present", lambda *_: set())  # so it does not see that it is taken

    with pytest.raises(OperationalError, match="cannot be claimed"):
        build(Settings.from_environment(on_sqlite))
    assert "cannot be claimed" in next(c.detail for c in examine(on_sqlite).checks if c.name == "store")


def test_pairs_that_an_earlier_release_took_are_kept_and_the_doctor_lists_them(
    durable_persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other, third, alone = an_earlier_release(
        durable_persistence,
        open_way,
        monkeypatch,
        an_order(ref="web-1", key="checkout-1"),
        an_order(ref="web-1", key="checkout-2"),
        an_order(ref="web-2", key="checkout-3"),
        an_order(ref="web-2"),
    )

    way = open_way(ByHand, durable_persistence)
    orders = way.orderwright.orders

    assert claims(orders) == {"web-1": one}, "the first one's, and what has an order of its own needs none"
    for key, order in (("checkout-1", one), ("checkout-2", other), ("checkout-9", one), (None, one)):
        assert orders.place_order(an_order(ref="web-1", key=key), asked("b")).view.order_id == order
    for key, order in (("checkout-3", third), ("checkout-9", alone), (None, alone)):
        assert orders.place_order(an_order(ref="web-2", key=key), asked("b")).view.order_id == order
    told = [{event.type for event in order_events(way.orderwright, UUID(order))} for order in (one, other)]
    assert told[0] - told[1] == {"OrderReference.Claimed"}
    way.settle()
    (check,) = (check for check in examine(durable_persistence).checks if check.name == "references")
    assert check.status is Verdict.WARNING
    assert check.detail.startswith("2 references are carried by several orders")
    assert all(order in check.detail for order in (one, other, third, alone))


def test_of_many_pairs_the_doctor_tells_some_and_how_many(
    in_memory: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = open_way(ByHand, in_memory)
    with monkeypatch.context() as patched:
        patched.setattr(PlaceOrder, "claims_reference", False)
        for number in range(16):
            command = an_order(ref=f"web-{number // 2}", key=f"checkout-{number}")
            way.orderwright.orders.place_order(command, asked("a"))
    way.settle()

    count, some = way.orderwright.dashboard.shared_references(5)

    assert count == 8
    assert [one.order_ref for one in some] == [f"web-{number}" for number in range(5)]


def test_an_order_that_cannot_be_read_keeps_nobody_from_starting(
    on_sqlite: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged, sound = an_earlier_release(on_sqlite, open_way, monkeypatch, *keyed(1, 2))
    with sqlite3.connect(Path(on_sqlite["ORDERWRIGHT_DATA"]) / "Orders.sqlite") as connection:
        connection.execute(
            "UPDATE stored_events SET state = substr(state, 1, 40) WHERE originator_id = ?",
            (UUID(damaged).hex,),
        )
    connection.close()

    orders = open_way(ByHand, on_sqlite).orderwright.orders

    assert claims(orders) == {"web-2": sound}


def test_a_claim_stands_in_the_trail_of_its_order_and_nowhere_else(
    persistence: Environment, open_way: OpenWay
) -> None:
    shop = Shop(open_way(ByHand, persistence))
    shop.receive("TEAPOT", 10)
    shop.receive("CUP", 10)
    command = an_order(ref="web-1", key="checkout-1")
    order_id = UUID(shop.orderwright.orders.place_order(command, asked("checkout-1")).view.order_id)
    shop.settle()

    trail = order_events(shop.orderwright, order_id)

    assert [event.type for event in trail][:3] == [
        "OrderReference.Claimed",
        "Order.Created",
        "Fulfilment.Started",
    ]
    query = EventQuery(correlation_id=str(order_id))
    found = find_events(shop.orderwright, query, PageRequest(100)).items
    assert {event.event_id for event in trail} == {event.event_id for event in found}
    assert shop.status(order_id) == "CONFIRMED"
