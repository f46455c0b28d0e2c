"""A version is compared with the one that is served, row by row, while both are kept up to date."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from uuid import UUID

import pytest

from system.definition import orderwright as definition
from system.followers.builder import Builder
from system.followers.projection import Projection
from system.persistence.agreement import KeepsAgreement
from system.persistence.version_notes import VersionNotes
from system.recovery.read_models import comparing, side_by_side
from system.recovery.read_models.comparing import Comparison, StandsStill
from system.recovery.read_models.parity import NotComparable, UnexplainedDifferences, compare, last_comparison
from system.recovery.read_models.repairing import repair
from system.recovery.read_models.switching import SwitchReport, switch
from tests.scenarios.test_read_models import busy_day
from tests.support.agreement import PROJECTIONS
from tests.support.clocks import StandingClock
from tests.support.fixtures import Environment
from tests.support.planting import let_it_be_heard
from tests.support.running_shop import Shop
from tests.support.ways import ByHand, UnderOurRunner

AT = "2026-11-27T12:00:00.000000Z"


def projection_of(shop: Shop, name: str) -> Projection:
    """A read model."""
    return cast(Projection, shop.orderwright.applications[name])


def builder_of(shop: Shop, name: str, version: int) -> Builder:
    """What builds a version of it."""
    leaders = [shop.orderwright.applications[leader] for leader in definition.follows[name]]
    return Builder(projection_of(shop, name), leaders, version)


def built(shop: Shop, name: str) -> int:
    """A second version of a read model, which is ready."""
    versions = projection_of(shop, name).versions
    number = versions.begin(AT, "olga").number
    builder = builder_of(shop, name, number)
    while builder.advance():
        pass
    versions.complete(number, AT, builder.taken_seconds, builder.events_read)
    return number


def spoil(shop: Shop, name: str, statement: str, **values: Any) -> None:
    """Have the rows of a read model say something else."""
    cast(KeepsAgreement, projection_of(shop, name).recorder).transact([(statement, values)])


def compared(shop: Shop, name: str, version: int) -> Comparison:
    """How a version compares with the one that is served."""
    return compare(shop.orderwright, projection_of(shop, name), version)


def shapes(found: Comparison) -> dict[str, tuple[int, tuple[str, ...]]]:
    """How many rows each group has, and whom it names."""
    return {group.id: (group.rows, group.first) for group in found.groups}


@pytest.fixture
def shop(persistence: Environment, open_way: Any) -> Shop:
    """A shop in the evening of a busy day, on every store."""
    made = Shop(open_way(ByHand, persistence, clock=StandingClock()))
    busy_day(made)
    let_it_be_heard(made)
    return made


@pytest.fixture
def small(in_memory: Environment, open_way: Any) -> Shop:
    """A shop with five orders, in memory."""
    made = Shop(open_way(ByHand, in_memory, clock=StandingClock()))
    made.receive("TEAPOT", 100)
    for _ in range(5):
        made.order("TEAPOT")
    made.settle()
    let_it_be_heard(made)
    return made


def orders_in(shop: Shop) -> list[str]:
    """The orders of the dashboard, by id."""
    return sorted(shop.dashboard())


def test_what_the_same_code_builds_of_the_same_events_is_equal(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_by_side, "PAGE", 4)
    for name in PROJECTIONS:
        found = compared(shop, name, built(shop, name))

        assert found.groups == ()
        tables = projection_of(shop, name).tables
        counts = [projection_of(shop, name).rows(f"SELECT count(*) AS n FROM @{t.name}") for t in tables]
        assert found.rows == sum(count[0]["n"] for count in counts)


def test_a_planted_wrong_total_is_caught_with_the_order(shop: Shop) -> None:
    version, order = built(shop, "OrderDashboard"), orders_in(shop)[3]
    wrong = "UPDATE @order_dashboard_v2 SET total = '999.99' WHERE order_id = :it"
    spoil(shop, "OrderDashboard", wrong, it=order)

    found = compared(shop, "OrderDashboard", version)

    (group,) = found.groups
    assert (group.id, group.rows, group.first) == ("changed:total", 1, (order,))
    assert (group.example.key, group.example.after) == ({"order_id": order}, "999.99")
    assert last_comparison(projection_of(shop, "OrderDashboard"), version) == found


def test_every_way_to_differ_is_a_group_of_its_own(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "PAGE", 4)
    version, orders = built(shop, "SagaLog"), orders_in(shop)
    for statement, values in (
        ("DELETE FROM @fulfilments_v2 WHERE order_id = :it", {"it": orders[0]}),
        ("DELETE FROM @saga_log WHERE order_id = :it AND entry = 2", {"it": orders[1]}),
        ("UPDATE @saga_log_v2 SET error = 'no' WHERE order_id >= :it AND entry = 2", {"it": orders[2]}),
        ("UPDATE @fulfilments SET started_at = ''", {}),
    ):
        spoil(shop, "SagaLog", statement, **values)

    found = shapes(compared(shop, "SagaLog", version))

    second = projection_of(shop, "SagaLog").rows(
        "SELECT order_id FROM @saga_log WHERE entry = 2 AND order_id >= :it ORDER BY order_id", it=orders[2]
    )
    assert found == {
        "missing:fulfilments": (1, (orders[0],)),
        "changed:fulfilments.started_at": (len(orders) - 1, tuple(orders[1:11])),
        "extra:saga_log": (1, (orders[1],)),
        "changed:saga_log.error": (len(second), tuple(row["order_id"] for row in second)[:10]),
    }


def test_a_column_that_the_old_version_does_not_have_is_new_and_hides_nothing(shop: Shop) -> None:
    version, orders = built(shop, "PaymentLedger"), orders_in(shop)
    spoil(shop, "PaymentLedger", "UPDATE @payment_ledger SET reference = NULL")
    paid = "SELECT order_id FROM @payment_ledger_v2 WHERE reference IS NOT NULL ORDER BY order_id"
    with_one = [row["order_id"] for row in projection_of(shop, "PaymentLedger").recorder.rows(paid, {})]
    wrong = "UPDATE @payment_ledger_v2 SET currency = 'EUR' WHERE order_id = :it"
    spoil(shop, "PaymentLedger", wrong, it=orders[2])

    found = shapes(compared(shop, "PaymentLedger", version))

    assert found == {
        "new:reference": (len(with_one), tuple(with_one[:10])),
        "changed:currency": (1, (orders[2],)),
    }


def test_a_row_that_is_only_further_on_in_one_version_does_not_differ(
    small: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = built(small, "OrderDashboard")
    pages, placed = side_by_side.SideBySide.pages, []

    def while_they_are_read(self: Any, table: Any) -> Iterator[Any]:
        placed.append(small.order("TEAPOT"))
        cast(ByHand, small.way).advance("OrderDashboard")
        yield from pages(self, table)

    monkeypatch.setattr(side_by_side.SideBySide, "pages", while_they_are_read)

    found = compared(small, "OrderDashboard", version)

    assert (len(placed), found.rows, found.groups) == (1, 6, ())


def test_a_column_that_gets_its_first_value_meanwhile_is_no_new_one(
    small: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = built(small, "OrderDashboard")
    builder = builder_of(small, "OrderDashboard", version)
    page = side_by_side.SideBySide._page
    cancelled: list[object] = []

    def cancel_first(self: Any, table: Any, *bounds: Any) -> Any:
        if not cancelled and table.name == "order_dashboard_v2":  # the old rows are read already
            cancelled.append(small.cancel(UUID(orders_in(small)[0])))
            cast(ByHand, small.way).advance("OrderDashboard")
            while builder.advance():
                pass
        return page(self, table, *bounds)

    monkeypatch.setattr(side_by_side.SideBySide, "_page", cancel_first)

    assert compared(small, "OrderDashboard", version).groups == ()


def test_a_version_that_nobody_moves_is_moved_here(small: Shop) -> None:
    version = built(small, "OrderDashboard")
    small.order("TEAPOT")
    small.settle()
    let_it_be_heard(small)

    found = compared(small, "OrderDashboard", version)

    assert (found.rows, found.groups) == (6, ())
    assert (
        found.positions["Orders"] == projection_of(small, "OrderDashboard").recorder.checkpoint("Orders")[0]
    )


def test_one_that_does_not_move_at_all_is_given_up(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    version = built(small, "OrderDashboard")
    small.order("TEAPOT")
    small.settle()
    let_it_be_heard(small)
    monkeypatch.setattr(comparing, "PATIENCE_SECONDS", 1.1)
    monkeypatch.setattr(Builder, "advance", lambda _: 0)

    with pytest.raises(StandsStill, match="version 2 of OrderDashboard has stood at position"):
        compared(small, "OrderDashboard", version)


def test_a_row_that_never_comes_to_rest_is_told(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    version, number = built(small, "StockLevels"), iter(range(10_000))
    pairs = side_by_side.SideBySide.pairs

    def changing(self: Any, table: Any, keys: Any) -> Any:
        spoil(small, "StockLevels", "UPDATE @stock_levels_v2 SET reserved = :n", n=next(number) + 100)
        return pairs(self, table, keys)

    monkeypatch.setattr(side_by_side.SideBySide, "pairs", changing)
    spoil(small, "StockLevels", "UPDATE @stock_levels_v2 SET reserved = 99")

    (group,) = compared(small, "StockLevels", version).groups

    assert (group.id, group.first) == ("unsettled", ("TEAPOT",))


def test_many_differences_are_looked_at_again_in_batches(
    small: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "BATCH", 2)
    monkeypatch.setattr(side_by_side, "PAGE", 1)
    monkeypatch.setattr(side_by_side, "KEYS_AT_ONCE", 1)
    version = built(small, "OrderDashboard")
    spoil(small, "OrderDashboard", "UPDATE @order_dashboard_v2 SET total = '1'")
    told: list[tuple[str, int, int]] = []

    found = compare(
        small.orderwright,
        projection_of(small, "OrderDashboard"),
        version,
        lambda *one: told.append(one),
    )

    assert shapes(found) == {"changed:total": (5, tuple(orders_in(small)))}
    assert told[-1] == ("order_dashboard", 5, 5)


def test_what_is_kept_of_a_comparison_tells_nothing_after_a_repair(small: Shop) -> None:
    version, order = built(small, "OrderDashboard"), orders_in(small)[0]
    dashboard = projection_of(small, "OrderDashboard")
    assert last_comparison(dashboard, version) is None
    spoil(small, "OrderDashboard", "UPDATE @order_dashboard SET total = '1' WHERE order_id = :it", it=order)
    found = compared(small, "OrderDashboard", version)
    assert last_comparison(dashboard, version) == found

    repair(small.orderwright, dashboard, order, small.context("olga"), "it was wrong")

    assert last_comparison(dashboard, version) is None
    assert compared(small, "OrderDashboard", version).is_equal


def test_a_switch_is_refused_until_every_difference_is_accepted_by_its_name(small: Shop) -> None:
    built(small, "OrderDashboard")
    dashboard, olga = projection_of(small, "OrderDashboard"), small.context("olga")
    spoil(small, "OrderDashboard", "UPDATE @order_dashboard_v2 SET total = '1', currency = 'EUR'")

    def switched(*accept: str) -> SwitchReport:
        return switch(small.orderwright, "OrderDashboard", olga, "in euros now", accept=accept)

    with pytest.raises(UnexplainedDifferences, match="--accept changed:total --reason") as refused:
        switched("changed:currency")
    assert orders_in(small)[0] in str(refused.value)
    with pytest.raises(UnexplainedDifferences, match="has no difference changed:teapot"):
        switched("changed:teapot")
    assert dashboard.versions.registry.all()[1] == 1

    assert switched("changed:currency", "changed:total").version == 2

    notes = VersionNotes(cast(KeepsAgreement, dashboard.recorder))
    assert {(one.difference, one.concerned, one.made_by, one.reason) for one in notes.acceptances(2)} == {
        ("changed:currency", 5, "olga", "in euros now"),
        ("changed:total", 5, "olga", "in euros now"),
    }
    back = switch(small.orderwright, "OrderDashboard", olga, "oh no", 1)
    assert (back.version, back.before, back.accepted) == (1, 2, ())
    assert switched().version == 2  # it was served before


def test_a_switch_compares_by_itself_where_nobody_has(small: Shop) -> None:
    version = built(small, "OrderDashboard")
    told: list[str] = []

    done = switch(
        small.orderwright,
        "OrderDashboard",
        small.context("olga"),
        "",
        progress=lambda table, *_: told.append(table),
    )

    assert (done.version, done.accepted, set(told)) == (version, (), {"order_dashboard"})


def test_a_version_cannot_be_compared_with_itself_or_before_it_is_built(small: Shop) -> None:
    dashboard = projection_of(small, "OrderDashboard")
    number = dashboard.versions.begin(AT, "olga").number

    with pytest.raises(NotComparable, match="orderwright projections rebuild"):
        compared(small, "OrderDashboard", number)
    with pytest.raises(NotComparable, match="the one in use"):
        compared(small, "OrderDashboard", 1)


def test_while_orders_come_in_only_what_is_wrong_differs(
    durable_persistence: Environment, open_way: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(open_way(UnderOurRunner, durable_persistence))
    shop.receive("TEAPOT", 10_000)
    first = [str(shop.order("TEAPOT")) for _ in range(20)]
    shop.settle()
    monkeypatch.setattr(side_by_side, "PAGE", 5)
    versions = {name: built(shop, name) for name in ("OrderDashboard", "StockLevels")}
    total = "UPDATE @order_dashboard_v2 SET total = '999.99' WHERE order_id = :it"
    spoil(shop, "OrderDashboard", total, it=first[3])

    with business(shop) as placed:
        found = {name: shapes(compared(shop, name, version)) for name, version in versions.items()}

    assert placed, "nobody ordered anything meanwhile"
    assert found == {"OrderDashboard": {"changed:total": (1, (first[3],))}, "StockLevels": {}}


@contextmanager
def business(shop: Shop) -> Iterator[list[UUID]]:
    """Orders come in all the time, and are cancelled. The runner keeps every version up to date."""
    placed: list[UUID] = []
    is_over = threading.Event()

    def order() -> None:
        while not is_over.is_set():
            placed.append(shop.order("TEAPOT"))
            if len(placed) % 3 == 0:
                shop.cancel(placed[-2])
            is_over.wait(0.02)

    customers = threading.Thread(target=order)
    customers.start()
    try:
        yield placed
    finally:
        is_over.set()
        customers.join()
