"""A foreign session holds a lock on the table of the orders: commands are put off while it lasts."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.fixtures import Environment, on_postgres
from tests.support.postgres import PrivatePostgres
from tests.support.waiting import PATIENCE_SECONDS
from tests.support.ways import ByHand, Way
from tests.web.api import Answer, Api, an_order
from web.api.app import create_app

__all__ = ["on_postgres"]

AT_ONCE = 6


@pytest.mark.parametrize("mode", ["EXCLUSIVE", "ACCESS EXCLUSIVE"])
def test_orders_are_put_off_while_a_table_is_locked_and_taken_afterwards(
    on_postgres: Environment, postgres: PrivatePostgres, open_way: Callable[..., Way], mode: str
) -> None:
    way = open_way(ByHand, on_postgres)
    app = create_app(way.orderwright)
    with ThreadPoolExecutor(AT_ONCE) as customers:
        with postgres.connected(on_postgres["POSTGRES_DBNAME"]) as foreign:
            foreign.execute("BEGIN")
            foreign.execute(f"LOCK TABLE orders_events IN {mode} MODE".encode())

            def order(number: int) -> Answer:
                api = Api(app.test_client(), way.orderwright)
                return api.post("/orders", an_order(), Idempotency_Key=f"order-{number}")

            answered = list(customers.map(order, range(AT_ONCE), timeout=PATIENCE_SECONDS))
        for answer in answered:
            assert (answer.status, answer.code) == (503, "store_unavailable")
        assert {answer.status for answer in customers.map(order, range(AT_ONCE))} == {201}
