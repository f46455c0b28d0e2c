"""What can be wrong with a store, a verdict each, and where it is: in what is sealed, and in what is new."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import pytest

from domain.shared.ids import fulfilment_id, payment_id, stock_item_id
from system.snapshots.rows import row_of
from system.snapshots.tables import PUT
from system.verification.kept import seals_of
from system.verification.report import Finding, Verdict, VerificationReport
from system.verification.run import verify
from tests.support.damage import (
    change,
    cut_off,
    delete,
    delete_position,
    move_position,
    row_at,
    set_columns,
    spoil_row,
)
from tests.support.fixtures import Environment, OpenWay
from tests.support.running_shop import Shop
from tests.support.snapshots import sell_well
from tests.support.stories import FRIDAY_NOON
from tests.support.ways import ByHand


@dataclass(frozen=True)
class Store:
    """A store at rest: two orders that are confirmed."""

    shop: Shop
    order: UUID
    other: UUID

    def position(self, application: str, stream: UUID, version: int) -> int:
        """Where an event is."""
        (found,) = self.shop.orderwright.applications[application].recorder.select_stream(
            stream, version, version
        )
        return found.id

    def swap(self, application: str, one: UUID, other: UUID, version: int) -> None:
        """Exchange what two rows hold."""
        orderwright = self.shop.orderwright
        first, second = (row_at(orderwright, application, stream, version) for stream in (one, other))
        change(orderwright, application, one, version, state=second.state)
        change(orderwright, application, other, version, state=first.state)

    def verify(self, *, is_full: bool = False) -> VerificationReport:
        return verify(self.shop.orderwright, is_full=is_full)

    def the_finding(self) -> Finding:
        """The only thing that is wrong with events and positions. (What is shown may be wrong with it.)"""
        found = [one for one in self.verify().findings if one.table is None]
        assert len(found) == 1, found
        return found[0]


@pytest.fixture
def store(durable_persistence: Environment, open_way: OpenWay) -> Store:
    shop = Shop(open_way(ByHand, durable_persistence))
    for sku in ("TEA", "CUP"):
        shop.receive(sku, 10)
    order, other = shop.order("TEA"), shop.order("CUP")
    shop.settle()
    return Store(shop, order, other)


@pytest.fixture
def sealed(store: Store) -> Store:
    """The same store, of which all is sealed."""
    report = store.verify()
    assert report.is_clean
    assert {log.log: log.sealed_to for log in report.logs} == {log.log: log.head for log in report.logs}
    return store


def facts(**changed: object) -> Callable[[bytes], bytes]:
    """The same state with other facts."""
    return lambda state: json.dumps({**json.loads(state), **changed}).encode()


def one_byte(state: bytes) -> bytes:
    """The same state with another customer, of the same length."""
    assert b'"ada"' in state
    return state.replace(b'"ada"', b'"adb"')


# One row deleted


@pytest.mark.parametrize("version", [1, 3, 7])
def test_of_a_row_that_was_deleted_the_place_is_named(sealed: Store, version: int) -> None:
    saga = fulfilment_id(sealed.order)
    position = sealed.position("OrderFulfilment", saga, version)
    delete(sealed.shop.orderwright, "OrderFulfilment", saga, version)

    found = sealed.the_finding()
    assert (found.verdict, found.application) == (Verdict.EVENT_MISSING, "OrderFulfilment")
    assert (found.position, found.last_position) == (position, position)
    if version < 7:  # what comes after it tells which event it was
        assert (found.stream_id, found.version) == (str(saga), version)
    assert "backup" in found.advice


def test_one_that_was_deleted_before_it_was_sealed_is_missed_by_the_next_of_its_stream(store: Store) -> None:
    saga = fulfilment_id(store.order)
    delete(store.shop.orderwright, "OrderFulfilment", saga, 3)

    found = store.the_finding()
    assert found.verdict is Verdict.EVENT_MISSING
    assert (found.stream_id, found.version) == (str(saga), 3)
    assert not store.verify().is_clean  # and is not sealed as it is


# Two payloads swapped


@pytest.mark.parametrize("is_sealed", [True, False])
def test_rows_whose_contents_were_exchanged_are_named_both(store: Store, is_sealed: bool) -> None:
    if is_sealed:
        assert store.verify().is_clean
    places = [(payment_id(one), 2) for one in (store.order, store.other)]
    store.swap("Payments", places[0][0], places[1][0], 2)

    found = store.the_finding()
    first, second = sorted(store.position("Payments", *place) for place in places)
    assert (found.verdict, found.application, found.position) == (Verdict.EVENTS_SWAPPED, "Payments", first)
    assert f"position {second}" in found.what


# One byte changed


def test_a_row_of_which_a_byte_was_changed_is_named(sealed: Store) -> None:
    change(sealed.shop.orderwright, "Orders", sealed.order, 1, state=one_byte)

    found = sealed.the_finding()
    assert (found.verdict, found.application) == (Verdict.EVENT_ALTERED, "Orders")
    assert (found.stream_id, found.version) == (str(sealed.order), 1)
    assert found.position == sealed.position("Orders", sealed.order, 1)


def test_a_byte_that_was_changed_before_it_was_sealed_shows_in_what_was_made_of_it(store: Store) -> None:
    change(store.shop.orderwright, "Orders", store.order, 1, state=one_byte)

    (found,) = [one for one in store.verify().findings if one.table == "order_dashboard"]
    assert (found.verdict, found.key) == (Verdict.ROW_DIFFERS, str(store.order))
    assert "customer_id is 'ada', the events say 'adb'" in found.what


def test_one_that_cannot_be_read_any_more_is_named_without_a_seal(store: Store) -> None:
    change(store.shop.orderwright, "Orders", store.order, 2, state=lambda state: state[:-1])

    found = store.the_finding()
    assert (found.verdict, found.stream_id, found.version) == (
        Verdict.EVENT_UNREADABLE,
        str(store.order),
        2,
    )


def test_an_event_that_begins_another_stream_than_its_own_is_named(store: Store) -> None:
    tea = stock_item_id("TEA")
    change(store.shop.orderwright, "Inventory", tea, 1, state=facts(sku="COFFEE"))

    found = store.the_finding()
    assert (found.verdict, found.stream_id) == (Verdict.BEGINS_WRONG, str(tea))


def test_columns_that_say_something_else_than_their_event_are_named(
    tuned_postgres: Environment, open_way: OpenWay
) -> None:
    shop = Shop(open_way(ByHand, tuned_postgres))
    order = shop.order("TEA")
    assert verify(shop.orderwright).is_clean
    set_columns(shop.orderwright, "Orders", order, 1, user_id="nobody")

    (found,) = verify(shop.orderwright).findings
    assert (found.verdict, found.stream_id, found.version) == (Verdict.METADATA_DIFFERS, str(order), 1)
    assert "user_id says nobody, the event says ada" in found.what


# Positions


@pytest.mark.parametrize(
    ("follower", "leader"),
    [
        ("OrderDashboard", "Orders"),
        ("OrderDashboard", "Payments"),
        ("StockLevels", "Inventory"),
        ("Payments", "OrderFulfilment"),
        ("OrderFulfilment", "Orders"),
        ("OrderFulfilment", "Inventory"),
        ("Orders", "OrderFulfilment"),
    ],
)
def test_a_position_that_is_gone_is_missed(store: Store, follower: str, leader: str) -> None:
    delete_position(store.shop.orderwright, follower, leader)

    found = store.the_finding()
    assert (found.verdict, found.application, found.follower) == (Verdict.POSITION_MISSING, leader, follower)


@pytest.mark.parametrize("follower", ["OrderDashboard", "OrderFulfilment"])
def test_a_position_that_was_moved_ahead_is_named(store: Store, follower: str) -> None:
    recorder = store.shop.orderwright.applications[follower].recorder
    position = recorder.max_tracking_id("Payments") or 0
    store.shop.order("TEA")
    move_position(store.shop.orderwright, follower, "Payments", position + 1)

    found = store.the_finding()
    assert (found.verdict, found.application, found.follower) == (
        Verdict.POSITION_AHEAD,
        "Payments",
        follower,
    )
    assert (found.position, found.last_position) == (position + 1, position + 1)


def test_a_position_that_was_moved_back_is_named(store: Store) -> None:
    move_position(store.shop.orderwright, "OrderDashboard", "Orders", 1)

    found = store.the_finding()
    assert (found.verdict, found.follower) == (Verdict.POSITION_BEHIND, "OrderDashboard")


# An older copy


def test_an_older_copy_of_a_log_under_younger_followers_is_named(store: Store) -> None:
    cut_off(store.shop.orderwright, "Orders", 2)

    found = [one for one in store.verify().findings if one.table is None]
    assert {one.verdict for one in found} == {Verdict.LOG_OLDER}
    assert {one.follower for one in found} == {"OrderDashboard", "OrderFulfilment"}
    assert {(one.application, one.position, one.last_position) for one in found} == {("Orders", 3, 4)}


def test_an_older_copy_of_a_log_is_known_by_its_seals_also_when_it_has_grown(
    durable_persistence: Environment, open_way: OpenWay
) -> None:
    shop = Shop(open_way(ByHand, durable_persistence))
    shop.order("TEA", ref="first")
    for number in range(3):
        shop.order("TEA", ref=f"lost-{number}")
    assert verify(shop.orderwright).is_clean
    cut_off(shop.orderwright, "Orders", 1)

    (found,) = verify(shop.orderwright).findings
    assert (found.verdict, found.application) == (Verdict.LOG_OLDER, "Orders")
    assert (found.position, found.last_position) == (2, 4)

    for number in range(4):
        shop.order("CUP", ref=f"new-{number}")
    (found,) = verify(shop.orderwright).findings
    assert (found.verdict, found.application, found.position) == (Verdict.LOG_OLDER, "Orders", 2)


# Rows of read models


def test_a_row_that_was_changed_is_named(sealed: Store) -> None:
    spoil_row(sealed.shop.orderwright.payment_ledger, "payment_ledger", sealed.order, status="REFUNDED")

    (found,) = sealed.verify().findings
    assert (found.verdict, found.application, found.table) == (
        Verdict.ROW_DIFFERS,
        "PaymentLedger",
        "payment_ledger",
    )
    assert found.key == str(sealed.order)


# Snapshots


@pytest.fixture
def with_snapshot(environment: Environment, open_way: OpenWay) -> Shop:
    """A shop with a product of 200 events, and a snapshot of it."""
    shop = Shop(open_way(ByHand, environment))
    sell_well(shop.orderwright, "TEAPOT", 200)
    shop.orderwright.snapshots.taker.finish(within=60)
    report = verify(shop.orderwright)
    assert (report.findings, report.snapshots) == ((), 1)
    return shop


def test_a_snapshot_that_was_altered_is_named(with_snapshot: Shop) -> None:
    store = with_snapshot.orderwright.snapshots.store
    (row,) = store.rows("SELECT state FROM @orderwright_snapshots", {})
    state = bytearray(row["state"])
    state[-1] ^= 1
    store.transact([("UPDATE @orderwright_snapshots SET state = :state", {"state": bytes(state)})])

    (found,) = verify(with_snapshot.orderwright).findings
    assert (found.verdict, found.application) == (Verdict.SNAPSHOT_DIFFERS, "Inventory")
    assert (found.stream_id, found.version) == (str(stock_item_id("TEAPOT")), 200)
    assert "its digest is another one" in found.what


def test_a_snapshot_with_a_right_digest_is_compared_with_its_events(with_snapshot: Shop) -> None:
    orderwright = with_snapshot.orderwright
    loaded = orderwright.inventory.repository.load(stock_item_id("TEAPOT"), replay=True)
    assert loaded is not None
    loaded.aggregate.on_hand += 1
    row = row_of(orderwright.inventory, loaded, FRIDAY_NOON)
    orderwright.snapshots.store.transact([(PUT, row)])

    (found,) = verify(orderwright, is_full=True).findings
    assert found.verdict is Verdict.SNAPSHOT_DIFFERS
    assert "its on_hand differ" in found.what


def test_a_snapshot_of_a_version_that_is_not_there_is_named(with_snapshot: Shop) -> None:
    delete(with_snapshot.orderwright, "Inventory", stock_item_id("TEAPOT"), 200)

    found = verify(with_snapshot.orderwright).findings
    assert {one.verdict for one in found} >= {Verdict.SNAPSHOT_AHEAD}


# The seals


def test_seals_that_were_changed_are_not_believed(sealed: Store) -> None:
    with seals_of(sealed.shop.orderwright) as seals:
        seals.transact([("UPDATE @seal_ranges SET events = 3 WHERE log = 'Orders'", {})])

    found = sealed.the_finding()
    assert (found.verdict, found.application) == (Verdict.SEALS_ALTERED, "Orders")
