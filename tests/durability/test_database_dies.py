"""PostgreSQL itself dies while orders are on their way: everybody pauses, and goes on when it is back."""

from collections.abc import Callable, Iterator

import pytest
from eventsourcing.persistence import PersistenceError

from system.concurrency import background
from tests.support.invariants import assert_at_rest, assert_charged_at_most_once, assert_stock_balances
from tests.support.postgres import PrivatePostgres
from tests.support.running_shop import Shop
from tests.support.waiting import PATIENCE_SECONDS, wait_until
from tests.support.ways import UnderOurRunner, Way


@pytest.fixture
def mortal_postgres() -> Iterator[PrivatePostgres]:
    """A server of this test's own."""
    with PrivatePostgres() as server:
        yield server


def test_a_crash_of_the_database_is_a_pause(
    mortal_postgres: PrivatePostgres, open_way: Callable[..., Way], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "LONGEST_PAUSE", 0.2)
    mortal_postgres.create_database("shop")
    environment = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "ORDERWRIGHT_GATEWAY_RETRY_SECONDS": "0.01",
        **mortal_postgres.environment("shop"),
    }
    way = open_way(UnderOurRunner, environment)
    assert isinstance(way, UnderOurRunner)
    shop = Shop(way)
    shop.receive("CD-X1", 100)
    orders = [shop.order("CD-X1", pays=pays) for pays in ("pm_ok", "pm_timeout", "pm_error_once") * 5]

    mortal_postgres.stop("immediate")
    wait_until(lambda: any(each.fault for each in way.runner.loops.values()))
    with pytest.raises(PersistenceError):
        shop.order("CD-X1")
    mortal_postgres.start()

    assert way.runner.wait_until_settled(PATIENCE_SECONDS)
    assert {shop.status(order) for order in orders} == {"CONFIRMED"}
    assert {each.fault for each in way.runner.loops.values()} == {None}
    assert_at_rest(shop.orderwright)
    assert_stock_balances(shop.orderwright)
    assert_charged_at_most_once(shop.orderwright)
