"""Several versions of a read model beside each other: each consistent by itself, one of them in use."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from domain.inventory import StockItem
from system.definition import orderwright as definition
from system.followers import versions as followers_versions
from system.followers.agreement import Standing, standing_of
from system.followers.builder import Builder, VersionGone
from system.followers.marks import Mark
from system.followers.projection import Projection
from system.followers.versions import shape_of
from system.persistence.agreement import Checkpoint
from system.persistence.tables import Table
from system.persistence.versions import State, key_at
from system.projections.stock_levels import STOCK_LEVELS
from tests.support.agreement import PROJECTIONS, live_rows
from tests.support.clocks import StandingClock
from tests.support.fixtures import Environment
from tests.support.running_shop import Shop
from tests.support.ways import ByHand, Way
from tests.system.runner.test_batching import a_day

OpenWay = Callable[..., Way]
AT = "2026-11-27T12:00:00.000000Z"


def builder_of(shop: Shop, name: str, version: int, page_size: int = 4000) -> Builder:
    """What builds a version of a read model."""
    leaders = [shop.orderwright.applications[leader] for leader in definition.follows[name]]
    return Builder(projection(shop, name), leaders, version, page_size)


def projection(shop: Shop, name: str) -> Projection:
    """A read model."""
    return cast(Projection, shop.orderwright.applications[name])


def begun(shop: Shop, name: str) -> int:
    """A new version, of which nothing is built yet."""
    return projection(shop, name).versions.begin(AT, "olga").number


def built(shop: Shop, name: str, page_size: int = 4000) -> int:
    """A new version that is ready."""
    number = begun(shop, name)
    builder = builder_of(shop, name, number, page_size)
    while builder.advance():
        pass
    projection(shop, name).versions.make_indexes(number)
    projection(shop, name).versions.complete(number, AT, builder.taken_seconds, builder.events_read)
    return number


def rows(shop: Shop, name: str, version: int) -> dict[str, list[dict[str, Any]]]:
    """All rows of a version, by the plain names of its tables."""
    kept = projection(shop, name)
    return {
        table.name: kept.recorder.rows(
            f"SELECT * FROM @{table.at(version).name} ORDER BY {', '.join(table.key)}", {}
        )
        for table in kept.tables
    }


def a_shop(environment: Environment, open_way: OpenWay) -> Shop:
    """A shop with orders that ended in every way, and one under way."""
    made = Shop(open_way(ByHand, environment, clock=StandingClock()))
    a_day(made)
    made.order("TEAPOT", ref="B-0")  # is waiting for its payment
    cast(ByHand, made.way).level()
    return made


@pytest.fixture
def shop(on_sqlite: Environment, open_way: OpenWay) -> Shop:
    """A shop where it does not matter on which store."""
    return a_shop(on_sqlite, open_way)


@pytest.fixture
def anywhere(persistence: Environment, open_way: OpenWay) -> Shop:
    """A shop on every store."""
    return a_shop(persistence, open_way)


def check_builds(shop: Shop, page_size: int) -> None:
    """What is built is what the followers have kept."""
    expected = live_rows(shop.orderwright)
    assert {name for name, found in expected.items() if not found} == {"payment_disputes"}
    for name in PROJECTIONS:
        version = built(shop, name, page_size)
        found = rows(shop, name, version)
        assert found == {table: expected[table] for table in found}, name


def test_what_is_built_in_bulk_is_what_followers_have_kept_page_by_page(anywhere: Shop) -> None:
    check_builds(anywhere, 4000)


@pytest.mark.parametrize("page_size", [7, 1])
def test_small_pages_build_the_same_rows(shop: Shop, page_size: int) -> None:
    check_builds(shop, page_size)


def test_a_build_goes_on_from_where_it_stopped_whoever_goes_on(shop: Shop) -> None:
    version = begun(shop, "OrderDashboard")
    for _ in range(9):
        builder_of(shop, "OrderDashboard", version, 5).advance()
    builder = builder_of(shop, "OrderDashboard", version)
    assert builder.events_read == 45

    while builder.advance():
        pass
    assert builder.events_read == builder.events
    assert rows(shop, "OrderDashboard", version) == rows(shop, "OrderDashboard", 1)


def test_of_every_log_about_the_same_share_is_read(shop: Shop) -> None:
    builder = builder_of(shop, "OrderDashboard", begun(shop, "OrderDashboard"), 5)
    while builder.events_read < builder.events / 2:
        builder.advance()
    shares = [place.share for place in builder._places]
    assert max(shares) - min(shares) < 0.25


def test_two_who_build_the_same_version_take_nothing_in_twice(anywhere: Shop) -> None:
    version = begun(anywhere, "SagaLog")
    one, other = (builder_of(anywhere, "SagaLog", version, 11) for _ in range(2))
    while one.advance() | other.advance():
        pass
    assert rows(anywhere, "SagaLog", version) == rows(anywhere, "SagaLog", 1)


def test_an_event_that_cannot_be_taken_in_is_noted_and_the_others_are_taken_in(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels = projection(shop, "StockLevels")
    handle = levels.handle

    def fails(event: Any, work: Any) -> None:
        handle(event, work)
        if isinstance(event, StockItem.Corrected):
            raise ValueError("a shelf cannot be corrected")

    monkeypatch.setattr(levels, "handle", fails)
    version = built(shop, "StockLevels")

    (failed,) = levels.versions.registry.failures_of(version, 10)
    assert (failed.leader, failed.topic) == ("Inventory", "StockItem.Corrected")
    assert failed.error == "ValueError: a shelf cannot be corrected"
    event = shop.orderwright.inventory.recorder.select_notifications(failed.position, 1)[0]
    assert (event.topic, str(event.originator_id)) == (failed.topic, failed.stream_id)
    assert levels.versions.registry.count_failures() == {version: 1}
    assert {row["sku"] for row in rows(shop, "StockLevels", version)["stock_levels"]} == {"CD-X1", "TEAPOT"}


def test_a_row_that_the_store_does_not_take_is_the_fault_of_its_event_alone(
    anywhere: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = projection(anywhere, "PaymentLedger")
    handle, bad = ledger.handle, list[str]()

    def spoils(event: Any, work: Any) -> None:
        handle(event, work)
        if event.TOPIC == "Payment.Requested" and (not bad or bad == [str(event.order_id)]):
            bad[:] = [str(event.order_id)]
            work.put(ledger.tables[0], order_id=bad[0], currency=None)

    monkeypatch.setattr(ledger, "handle", spoils)
    version = built(anywhere, "PaymentLedger")

    failures = ledger.versions.registry.failures_of(version, 10)
    assert [(one.topic, one.order_id) for one in failures] == [("Payment.Requested", bad[0])]
    expected = [
        row for row in rows(anywhere, "PaymentLedger", 1)["payment_ledger"] if row["order_id"] != bad[0]
    ]
    assert rows(anywhere, "PaymentLedger", version)["payment_ledger"] == expected


def test_after_a_switch_the_follower_goes_on_with_the_other_version_and_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers_versions, "ASK_EVERY_SECONDS", 0.0)
    versions = projection(shop, "OrderDashboard").versions
    second = built(shop, "OrderDashboard")
    before = rows(shop, "OrderDashboard", 1)

    versions.switch(second, AT, "olga", "a column more")
    shop.order("TEAPOT", ref="B-1")
    shop.settle()
    assert rows(shop, "OrderDashboard", 1) == before
    assert len(shop.dashboard()) == len(before["order_dashboard"]) + 1
    assert (
        rows(shop, "OrderDashboard", second)["order_dashboard"]
        == live_rows(shop.orderwright)["order_dashboard"]
    )

    versions.switch(1, AT, "olga", "it was slower")
    shop.order("TEAPOT", ref="B-2")
    shop.settle()
    builder = builder_of(shop, "OrderDashboard", second)
    while builder.advance():
        pass
    assert versions.used == 1
    assert rows(shop, "OrderDashboard", 1) == rows(shop, "OrderDashboard", second)
    assert [(one.version, one.made_by, one.reason) for one in versions.registry.latest_switches()] == [
        (1, "olga", "it was slower"),
        (second, "olga", "a column more"),
    ]


def test_who_builds_a_version_that_is_dropped_meanwhile_is_told_so_and_leaves_nothing(anywhere: Shop) -> None:
    saga_log = projection(anywhere, "SagaLog")
    version = begun(anywhere, "SagaLog")
    fresh, builder = (builder_of(anywhere, "SagaLog", version, 20) for _ in range(2))
    builder.advance()
    saga_log.versions.drop(version, definition.follows["SagaLog"], AT, "olga")

    for one in (builder, fresh):
        with pytest.raises(VersionGone):
            one.advance()
    assert saga_log.recorder.checkpoint(f"OrderFulfilment@{version}")[0] == 0
    assert saga_log.versions.registry.get(version).state is State.DROPPED  # type: ignore[union-attr]
    assert begun(anywhere, "SagaLog") == version + 1, "numbers are not given twice"


def test_queries_that_meet_a_version_that_was_just_dropped_are_answered_from_the_served_one(
    anywhere: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels = projection(anywhere, "StockLevels")
    second = built(anywhere, "StockLevels")
    levels.versions.switch(second, AT, "olga", "to try it")
    elsewhere = levels.versions
    levels.versions = followers_versions.Versions(elsewhere._store, levels.tables, levels.shape())
    levels.versions.switch(1, AT, "olga", "back")
    elsewhere.drop(second, ["Inventory"], AT, "olga")
    monkeypatch.setattr(levels, "versions", elsewhere)
    monkeypatch.setattr(elsewhere, "_used", second)

    assert anywhere.stock("TEAPOT").on_hand == 1000


LEVELS_WITH_PRICE = replace(STOCK_LEVELS, columns={**STOCK_LEVELS.columns, "price": "BIGINT"})


def test_two_releases_use_each_a_version_of_its_own(shop: Shop) -> None:
    """The next release keeps a column more. Before somebody switches to what it has built both use what there
    was; after that the release before goes on with that."""
    levels = projection(shop, "StockLevels")
    levels.versions.registry.note_first(levels.shape())
    tables: tuple[Table, ...] = (LEVELS_WITH_PRICE,)
    ours = levels.versions
    theirs = followers_versions.Versions(ours._store, tables, shape_of(tables, 1))
    second = theirs.begin(AT, "olga").number
    theirs.complete(second, AT, 1.0, 5)
    assert (ours.ask(), theirs.ask()) == (1, 1)
    assert (ours.kept(), theirs.kept()) == ([], [second])

    theirs.switch(second, AT, "olga", "the next release")
    assert (ours.ask(), theirs.ask()) == (1, second)
    assert (ours.kept(), theirs.kept()) == ([], [])

    theirs.switch(1, AT, "olga", "back")
    assert (ours.ask(), theirs.ask()) == (1, 1)
    assert (ours.kept(), theirs.kept()) == ([], [second])


def test_a_store_of_the_release_before_serves_its_only_version(shop: Shop) -> None:
    levels = projection(shop, "StockLevels")
    registry = levels.versions.registry
    levels.versions._store.transact([(f"DELETE FROM @{registry.versions.name}", {})])

    assert levels.versions.ask() == 1
    assert shop.stock("TEAPOT").on_hand == 1000
    version = built(shop, "StockLevels")
    assert [(one.number, one.state) for one in registry.all()[0]] == [
        (1, State.READY),
        (version, State.READY),
    ]
    assert levels.versions.kept() == [version]


def test_when_a_log_is_read_anew_every_version_begins_anew(shop: Shop) -> None:
    versions = projection(shop, "StockLevels").versions
    second = built(shop, "StockLevels")
    before = rows(shop, "StockLevels", 1)
    versions.restart(["Inventory"], "realigned")
    assert rows(shop, "StockLevels", 1) == rows(shop, "StockLevels", second) == {"stock_levels": []}

    builder = builder_of(shop, "StockLevels", second)
    while builder.advance():
        pass
    cast(ByHand, shop.way).restart()
    cast(ByHand, shop.way).level()
    assert rows(shop, "StockLevels", 1) == rows(shop, "StockLevels", second) == before


@pytest.mark.parametrize("number", [1, 2])
def test_a_log_that_lacks_what_any_version_has_read_is_found(shop: Shop, number: int) -> None:
    levels = projection(shop, "StockLevels")
    built(shop, "StockLevels")
    inventory = shop.orderwright.inventory
    head = inventory.recorder.max_notification_id() or 0
    place = Mark.of(head + 5, inventory.recorder.select_notifications(head, 1)[0], inventory.mapper)
    key = key_at("Inventory", number)
    _, mark = levels.recorder.checkpoint(key)
    levels.recorder.insert_tracking(Checkpoint(key, head + 5, str(place), mark))

    assert standing_of(inventory, levels)[2] is Standing.WRONG


def test_a_version_is_level_also_where_something_new_comes_in_after_every_page(shop: Shop) -> None:
    builder = builder_of(shop, "StockLevels", begun(shop, "StockLevels"))
    for pages, _ in enumerate(builder.pages_until_level()):
        shop.receive("TEAPOT", 1, command_id=f"after-page-{pages}")
        assert pages < 100
    assert builder.behind < 10
