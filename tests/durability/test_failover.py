"""The primary dies for good and its standby takes over: docs/procedures/failover.md, step by step."""

from collections.abc import Callable
from uuid import UUID

from system.operations.positions import is_settled, positions
from tests.support.agreement import all_orders, live_rows, rebuilt_rows
from tests.support.fixtures import Environment, migrated
from tests.support.invariants import assert_at_rest, assert_charged_at_most_once, assert_stock_balances
from tests.support.postgres import PrivatePostgres
from tests.support.running_shop import Shop
from tests.support.standby import promote, standby_of
from tests.support.waiting import wait_until
from tests.support.ways import ByHand, Way

from .service import Customers, Service


def test_after_a_failover_no_acknowledged_order_is_missing_and_work_goes_on(
    open_way: Callable[..., Way],
) -> None:
    quick = {"ORDERWRIGHT_GATEWAY_RETRY_SECONDS": "0.01"}
    with PrivatePostgres(fsync=True) as primary, standby_of(primary) as standby:
        primary.create_database("shop")
        environment: Environment = migrated(primary.environment("shop") | quick)
        Shop(open_way(ByHand, environment)).receive("CD-X1", 100_000)
        with Service(environment) as service:
            service.start("serve")
            service.wait_until_ready()
            with Customers(service) as customers:
                customers.wait_for_more(100)
                primary.stop("immediate")
                before = dict(customers.acknowledged)
                promote(standby)
                service.end_all()
                service.point_at(environment | standby.environment("shop"))
                service.start("serve")
                service.wait_until_ready()
                customers.wait_for_more(40)

            shop = Shop(open_way(ByHand, environment | standby.environment("shop")))
            wait_until(lambda: is_settled(shop.orderwright), what="everything settled")
            stored = {order.id for order in all_orders(shop.orderwright)}
            assert {UUID(order) for order in before.values()} <= stored, "an acknowledged order is missing"
            assert {UUID(order) for order in customers.acknowledged.values()} <= stored
            assert [position for position in positions(shop.orderwright) if position.is_ahead] == []
            assert_at_rest(shop.orderwright)
            assert_stock_balances(shop.orderwright)
            assert_charged_at_most_once(shop.orderwright)
            live, rebuilt = live_rows(shop.orderwright), rebuilt_rows(shop.orderwright)
            for table, rows in live.items():
                assert rows == rebuilt[table], table
