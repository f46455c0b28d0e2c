"""Contexts in databases of their own: set by the environment, and as safe as in one."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from tests.support.agreement import assert_read_models_agree
from tests.support.fixtures import Environment, OpenWay, migrated
from tests.support.invariants import assert_at_rest, assert_stock_balances
from tests.support.postgres import PrivatePostgres
from tests.support.running_shop import Shop
from tests.support.ways import UnderOurRunner


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
