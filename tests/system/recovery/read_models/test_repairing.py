"""The rows of one order or product are put right alone, beside followers that work."""

import json
from typing import Any, cast
from uuid import UUID

import pytest

from domain.payments import Payment
from system.followers import derived
from system.followers.derived import Underivable
from system.followers.projection import Projection
from system.persistence.agreement import KeepsAgreement
from system.persistence.version_notes import VersionNotes
from system.recovery.read_models import repairing
from system.recovery.read_models.repairing import NothingKnown, preview_repair, repair
from tests.support.agreement import live_rows
from tests.support.clocks import StandingClock
from tests.support.damage import spoil_row
from tests.support.fixtures import Environment
from tests.support.planting import let_it_be_heard
from tests.support.poison import Poison
from tests.support.running_shop import Shop
from tests.support.ways import ByHand


@pytest.fixture
def shop(persistence: Environment, open_way: Any) -> Shop:
    """A shop with teapots, on every store."""
    made = Shop(open_way(ByHand, persistence, clock=StandingClock()))
    made.receive("TEAPOT", 100)
    return made


@pytest.fixture
def small(in_memory: Environment, open_way: Any) -> Shop:
    """The same in memory, where it does not matter how rows are stored."""
    made = Shop(open_way(ByHand, in_memory, clock=StandingClock()))
    made.receive("TEAPOT", 100)
    return made


def three_orders(shop: Shop) -> tuple[UUID, UUID, UUID]:
    """Three confirmed orders, of which everybody has heard."""
    orders = shop.order("TEAPOT"), shop.order("TEAPOT"), shop.order("TEAPOT")
    shop.settle()
    let_it_be_heard(shop)
    return orders


def read_model(shop: Shop, name: str) -> Any:
    """A read model."""
    return shop.orderwright.applications[name]


def test_a_wrong_row_is_shown_and_then_put_right_and_no_other_is_touched(shop: Shop) -> None:
    _, order, _ = three_orders(shop)
    before = live_rows(shop.orderwright)
    dashboard = read_model(shop, "OrderDashboard")
    spoil_row(dashboard, "order_dashboard", order, total="1000000.00", payment_status="REFUNDED")
    wrong = live_rows(shop.orderwright)

    shown = preview_repair(shop.orderwright, dashboard, str(order))

    assert live_rows(shop.orderwright) == wrong != before
    (row,) = shown.rows
    assert row.columns == {
        "total": {"from": "1000000.00", "to": "10.00"},
        "payment_status": {"from": "REFUNDED", "to": "COMPLETED"},
    }
    assert (row.table, row.key) == ("order_dashboard", {"order_id": str(order)})
    assert (shown.is_needed, shown.is_done) == (True, False)

    done = repair(shop.orderwright, dashboard, str(order), shop.context("olga"), "ticket 4711")

    assert done.is_done
    assert live_rows(shop.orderwright) == before
    (made,) = VersionNotes(dashboard.recorder).repairs(10)
    assert (made.about, made.made_by, made.reason, made.version) == (str(order), "olga", "ticket 4711", 1)
    assert json.loads(made.what)[0]["columns"]["total"] == {"from": "1000000.00", "to": "10.00"}


def test_rows_that_are_missing_or_too_many_are_put_right(shop: Shop) -> None:
    first, second, _ = three_orders(shop)
    before = live_rows(shop.orderwright)
    saga_log = read_model(shop, "SagaLog")
    store = cast(KeepsAgreement, saga_log.recorder)
    store.transact([("DELETE FROM @saga_log WHERE order_id = :it AND entry = 2", {"it": str(first)})])
    row = {"order_id": str(second), "step": "ProcessPayment", "due_at": None, "status": None}
    store.transact([("INSERT INTO @saga_deadlines VALUES (:order_id, :step, :due_at, :status)", row)])

    (missing,) = preview_repair(shop.orderwright, saga_log, str(first)).rows
    (extra,) = preview_repair(shop.orderwright, saga_log, str(second)).rows
    for order in (first, second):
        assert repair(shop.orderwright, saga_log, str(order), shop.context("olga"), "why not").is_done

    assert (missing.table, missing.is_new, missing.key["entry"]) == ("saga_log", True, 2)
    assert (extra.table, extra.is_removed) == ("saga_deadlines", True)
    assert live_rows(shop.orderwright) == before


def test_the_stock_of_a_product_is_put_right(small: Shop) -> None:
    three_orders(small)
    before = live_rows(small.orderwright)
    levels = read_model(small, "StockLevels")
    wrong = "UPDATE @stock_levels SET reserved = 99, version = 77"  # and a version that would keep it so
    cast(KeepsAgreement, levels.recorder).transact([(wrong, {})])

    done = repair(small.orderwright, levels, "TEAPOT", small.context("olga"), "counted")

    assert done.rows[0].columns["reserved"] == {"from": 99, "to": 3}
    assert live_rows(small.orderwright) == before


def test_where_all_is_right_nothing_is_done(small: Shop) -> None:
    order, _, _ = three_orders(small)
    dashboard = read_model(small, "OrderDashboard")

    found = repair(small.orderwright, dashboard, str(order), small.context("olga"), "just so")

    assert (found.rows, found.is_needed, found.is_done) == ((), False, False)
    assert VersionNotes(dashboard.recorder).count_repairs() == 0


def test_what_nobody_knows_is_told(small: Shop) -> None:
    three_orders(small)
    unknown = "00000000-0000-4000-8000-000000000000"

    with pytest.raises(NothingKnown, match=unknown):
        preview_repair(small.orderwright, read_model(small, "OrderDashboard"), unknown)
    with pytest.raises(NothingKnown, match="COFFEEPOT"):
        preview_repair(small.orderwright, read_model(small, "StockLevels"), "COFFEEPOT")


def test_a_follower_that_moves_meanwhile_is_not_undone(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    order = shop.order("TEAPOT")
    shop.settle()
    let_it_be_heard(shop)
    ledger = read_model(shop, "PaymentLedger")
    spoil_row(ledger, "payment_ledger", order, status="DECLINED")
    derive, looked = derived.derived_rows, []

    def derives(*arguments: Any) -> Any:
        found = derive(*arguments)
        looked.append(found["payment_ledger"][0]["status"])
        if len(looked) == 1:  # it happens between looking and writing
            shop.cancel(order)
            shop.settle()
            let_it_be_heard(shop)
        return found

    monkeypatch.setattr(repairing, "derived_rows", derives)
    repair(shop.orderwright, ledger, str(order), shop.context("olga"), "declined?")

    assert looked == ["COMPLETED", "REFUNDED"]
    assert shop.payment(order).status == "REFUNDED"


def test_an_event_that_cannot_be_handled_keeps_the_rows_as_they_are(
    small: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, _, _ = three_orders(small)
    ledger = read_model(small, "PaymentLedger")
    spoil_row(ledger, "payment_ledger", order, status="DECLINED")
    wrong = live_rows(small.orderwright)
    reaction = type(ledger).handle

    def fails(self: Projection, event: Any, work: Any) -> None:
        reaction(self, event, work)
        if isinstance(event, Payment.Completed):
            raise ValueError("no such teapot")

    monkeypatch.setattr(type(ledger), "handle", fails)

    with pytest.raises(Underivable, match=r"Payment\.Completed of Payments"):
        repair(small.orderwright, ledger, str(order), small.context("olga"), "declined?")
    assert live_rows(small.orderwright) == wrong


def test_events_that_wait_in_the_parking_lot_are_counted(small: Shop) -> None:
    ledger = read_model(small, "PaymentLedger")
    poison = Poison(ledger, lambda event: isinstance(event, Payment.Completed))
    order = small.order("TEAPOT")
    small.settle()
    let_it_be_heard(small)
    poison.cure()

    found = preview_repair(small.orderwright, ledger, str(order))

    assert found.parked == 1
    assert found.rows[0].columns["status"] == {"from": "REQUESTED", "to": "COMPLETED"}
