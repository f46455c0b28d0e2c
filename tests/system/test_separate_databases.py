"""Contexts in databases of their own: set by the environment, and as safe as in one."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from system.gateways.simulated import SimulatedGateway
from system.persistence.postgres.recorder import TunedRecorder
from tests.support.agreement import assert_read_models_agree
from tests.support.fixtures import Environment, OpenWay, migrated
from tests.support.invariants import assert_at_rest, assert_stock_balances
from tests.support.postgres import PrivatePostgres
from tests.support.running_shop import Shop
from tests.support.ways import ByHand, UnderOurRunner


@pytest.fixture
def apart(postgres: PrivatePostgres) -> Iterator[Environment]:
    """Orders in one database, stock in another with a schema of its own, everything else in a third."""
    names = {kind: f"{kind}_{uuid4().hex}" for kind in ("orders", "stock", "rest")}
    for name in names.values():
        postgres.create_database(name)
    try:
        yield migrated(
            postgres.environment(names["rest"])
            | {
                "ORDERS_POSTGRES_DBNAME": names["orders"],
                "INVENTORY_POSTGRES_DBNAME": names["stock"],
                "INVENTORY_POSTGRES_SCHEMA": "shelf",
            }
        )
    finally:
        for name in names.values():
            postgres.drop_database(name)


def tables(environment: Environment, database: str) -> set[str]:
    """The event tables of a database."""
    with psycopg.connect(
        host=environment["POSTGRES_HOST"], user=environment["POSTGRES_USER"], dbname=database
    ) as connection:
        rows = connection.execute(
            "SELECT schemaname || '.' || tablename FROM pg_tables WHERE tablename LIKE '%\\_events'"
        )
        return {name for (name,) in rows}


def test_orders_settle_across_databases(apart: Environment, open_way: OpenWay) -> None:
    shop = Shop(open_way(UnderOurRunner, apart))
    shop.receive("CD-X1", 20)
    good = [shop.order("CD-X1", pays=pays) for pays in ("pm_ok", "pm_timeout", "pm_error_once")]
    bad = shop.order("CD-X1", pays="pm_declined")
    shop.settle()

    assert {shop.status(order) for order in good} == {"CONFIRMED"}
    assert shop.status(bad) == "CANCELLED"
    assert_at_rest(shop.orderwright)
    assert_stock_balances(shop.orderwright)
    assert_read_models_agree(shop)
    assert tables(apart, apart["ORDERS_POSTGRES_DBNAME"]) == {"public.orders_events"}
    assert tables(apart, apart["INVENTORY_POSTGRES_DBNAME"]) == {"shelf.inventory_events"}


def test_what_another_database_is_told_is_durable_first(
    apart: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    flush = TunedRecorder.flush

    def noted(recorder: TunedRecorder) -> None:
        flushed.append(recorder.events_table_name)
        flush(recorder)

    monkeypatch.setattr(TunedRecorder, "flush", noted)
    way = open_way(ByHand, apart)
    assert isinstance(way, ByHand)
    shop = Shop(way)
    shop.order("CD-X1", pays="pm_declined")
    way.advance("OrderFulfilment", "Orders")
    assert flushed == ["orders_events"]
    way.advance("SagaLog")
    assert flushed == ["orders_events", "orderfulfilment_events"]  # Orders and Inventory follow it as well


def test_the_provider_is_called_only_when_the_question_is_durable(
    tuned_postgres: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    flush = TunedRecorder.flush

    def noted(recorder: TunedRecorder) -> None:
        flush(recorder)
        happened.append("flushed")

    class Provider(SimulatedGateway):
        def charge(self, request: object) -> str:
            happened.append("called")
            return super().charge(request)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(TunedRecorder, "flush", noted)
    way = open_way(ByHand, tuned_postgres, Provider())
    assert isinstance(way, ByHand)
    shop = Shop(way)
    shop.order("CD-X1")
    way.level()
    assert happened == []
    way.call_gateway()
    assert happened == ["flushed", "called"]
