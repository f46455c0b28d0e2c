"""Rows that are derived in memory from the events of one order are those that its follower has kept."""

from typing import Any, cast

import pytest

from domain.payments import Payment
from system.definition import orderwright as definition
from system.followers.derived import Derivation, Underivable, derived_rows, stored_rows
from system.followers.event_log import Entry, EventLog
from system.followers.follower import Follower
from system.followers.projection import Projection
from system.followers.unit_of_work import UnitOfWork
from system.projections.payment_ledger.follower import PaymentLedger
from tests.scenarios.test_read_models import busy_day
from tests.support.agreement import PROJECTIONS
from tests.support.fixtures import (
    Environment,
    emptied_postgres,
    open_way,
    persistence,
    quick_folder,
    shared_database,
)
from tests.support.planting import let_it_be_heard
from tests.support.running_shop import Shop
from tests.support.ways import ByHand

__all__ = ["emptied_postgres", "open_way", "persistence", "quick_folder", "shared_database"]


def of_this_shop(shop: Shop, name: str) -> tuple[Projection, dict[str, Follower], dict[str, int]]:
    """A read model, its leaders, and how far it has read each."""
    applications = shop.orderwright.applications
    projection = cast(Projection, applications[name])
    leaders = {leader: applications[leader] for leader in definition.follows[name]}
    return projection, leaders, {one: projection.recorder.checkpoint(one)[0] for one in leaders}


def undecodable(entry: Entry) -> Entry:
    """The same event under a topic that nobody knows."""
    where = entry.originator_id, entry.originator_version
    return Entry((*where, "Teapot.Broken", entry.state, entry.position), entry.mapper)


@pytest.mark.parametrize("name", PROJECTIONS)
def test_every_table_begins_its_key_with_what_its_rows_are_about(name: str) -> None:
    projection = cast(type[Projection], definition.get_app_cls(name))

    assert {table.key[0] for table in projection.tables} == {projection.subject.column}


def test_of_every_order_and_product_they_are_what_is_stored(persistence: Environment, open_way: Any) -> None:
    shop = Shop(open_way(ByHand, persistence))
    busy_day(shop)
    let_it_be_heard(shop)

    for name in PROJECTIONS:
        projection, leaders, positions = of_this_shop(shop, name)
        column = projection.subject.column
        keys = {row[column] for row in projection.rows(f"SELECT {column} FROM @{projection.tables[0].name}")}
        with Derivation(type(projection)) as derivation:
            for key in keys:
                derived = derived_rows(derivation, leaders, key, positions)
                assert derived == stored_rows(projection, key), name


def test_of_a_moment_before_they_are_what_was_stored_then(on_memory: Shop) -> None:
    order = on_memory.order("CD-X1")
    on_memory.settle()
    projection, leaders, positions = of_this_shop(on_memory, "OrderDashboard")

    with Derivation(type(projection)) as derivation:
        before = derived_rows(derivation, leaders, str(order), {**positions, "Orders": 1, "Payments": 0})
        nothing = derived_rows(derivation, leaders, str(order), {})

    (row,) = before["order_dashboard"]
    assert (row["status"], row["payment_status"], row["fulfilment_status"]) == ("CREATED", None, "FAILED")
    assert nothing == {"order_dashboard": []}


def test_each_event_says_which_order_or_product_it_is_about(on_memory: Shop) -> None:
    on_memory.receive("TEAPOT", 3)
    order = str(on_memory.order("TEAPOT"))
    on_memory.settle()

    for name in PROJECTIONS:
        projection, leaders, _ = of_this_shop(on_memory, name)
        expected = {"TEAPOT"} if name == "StockLevels" else {order}
        entries = [
            (leader, entry)
            for leader, application in leaders.items()
            for entry in EventLog(application).page(0, 100)[0]
            if projection.concerns(entry.topic)
        ]
        assert {projection.subject.of(leader, entry) for leader, entry in entries} == expected
        # What cannot be decoded is told by what can be read of the row.
        broken = [(leader, undecodable(entry)) for leader, entry in entries]
        assert {projection.subject.of(leader, entry) for leader, entry in broken} == expected


def test_an_event_that_cannot_be_handled_is_named(on_memory: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    order = on_memory.order("CD-X1")
    on_memory.settle()
    projection, leaders, positions = of_this_shop(on_memory, "PaymentLedger")
    handle = PaymentLedger.handle

    def cannot(self: PaymentLedger, event: Any, work: UnitOfWork) -> None:
        if isinstance(event, Payment.Completed):
            raise KeyError("reference")
        handle(self, event, work)

    monkeypatch.setattr(PaymentLedger, "handle", cannot)

    with Derivation(type(projection)) as derivation, pytest.raises(Underivable) as told:
        derived_rows(derivation, leaders, str(order), positions)

    assert "Payment.Completed of Payments (version 2" in str(told.value)
    assert "KeyError: 'reference'" in str(told.value)


@pytest.fixture
def on_memory(quick_folder: Any, open_way: Any) -> Shop:
    """A shop whose events are kept in memory, moved by hand."""
    return Shop(open_way(ByHand, {"PERSISTENCE_MODULE": "eventsourcing.popo"}))
