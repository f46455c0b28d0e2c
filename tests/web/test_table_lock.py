"""A foreign session holds a lock on the table of the orders: commands are put off in time."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.fixtures import Environment, on_postgres
from tests.support.postgres import PrivatePostgres
from tests.support.ways import ByHand, Way
from tests.web.api import Answer, Api, an_order
from web.api.app import create_app

__all__ = ["on_postgres"]

NO_LONGER_THAN_SECONDS = 7.5  # five are promised; the rest is for a slow machine
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

            def order(number: int) -> tuple[Answer, float]:
                began = time.monotonic()
                api = Api(app.test_client(), way.orderwright)
                answer = api.post("/orders", an_order(), Idempotency_Key=f"order-{number}")
                return answer, time.monotonic() - began

            answered = list(customers.map(order, range(AT_ONCE), timeout=60))
        for answer, seconds in answered:
            assert (answer.status, answer.code) == (503, "store_unavailable")
            assert seconds < NO_LONGER_THAN_SECONDS
        assert {answer.status for answer, _ in customers.map(order, range(AT_ONCE))} == {201}
