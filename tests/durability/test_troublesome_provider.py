"""A provider that declines, fails, does not answer and refuses refunds, under a crowd of orders.

``ORDERWRIGHT_TEST_ORDERS=20000`` makes the crowd as large as it is meant to be.
"""

import os
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from hashlib import sha1
from uuid import UUID

import pytest

from application.orders import Item, PlaceOrder
from application.ports import ChargeDeclined, ChargeRequest, GatewayError, GatewayTimeout, RefundRequest
from application.queries import PageRequest
from domain.shared.ids import order_id_from_ref
from system.audit import audit
from system.gateways.simulated import SimulatedGateway
from system.recovery.dead_letters.cases import CaseQuery
from system.recovery.dead_letters.desk import DeadLetterDesk
from tests.support.fixtures import Environment
from tests.support.invariants import assert_charged_at_most_once
from tests.support.running_shop import Shop
from tests.support.ways import UnderOurRunner, Way

ORDERS = int(os.environ.get("ORDERWRIGHT_TEST_ORDERS", "400"))
PATIENCE_SECONDS = 60 + ORDERS / 10


class BadDay(SimulatedGateway):
    """Of a hundred charges declines five, fails at five, and does not answer to five. Until it heals,
    one of five payments cannot be refunded."""

    is_healed = False

    def charge(self, request: ChargeRequest) -> str:
        """Charge, or not; the same key has the same luck, but an answer at the second call."""
        luck = _luck(request.key)
        if luck < 5:
            raise ChargeDeclined("not today")
        if luck < 10:
            raise GatewayError("try again")
        is_first_call = request.key not in self.charges
        reference = super().charge(request)
        if luck < 15 and is_first_call:
            raise GatewayTimeout("no answer")
        return reference

    def refund(self, request: RefundRequest) -> None:
        """Refund, or not."""
        if not self.is_healed and _luck(request.reference) < 20:
            raise GatewayError("no refunds")
        super().refund(request)


def _luck(text: str) -> int:
    return int.from_bytes(sha1(text.encode(), usedforsecurity=False).digest()[:4]) % 100


@pytest.mark.parametrize("store", ["sqlite", "tuned"], indirect=True)
def test_every_order_settles_or_stands_on_the_desk_and_after_it_has_healed_the_desk_is_emptied(
    store: Environment, open_way: Callable[..., Way]
) -> None:
    gateway = BadDay()
    way = open_way(UnderOurRunner, store, gateway)
    assert isinstance(way, UnderOurRunner)
    shop = Shop(way)
    shop.receive("CD-X1", ORDERS * 2 // 3)  # so that many an order is paid and cannot be held
    place(shop)
    assert way.runner.wait_until_settled(PATIENCE_SECONDS)

    waiting = {UUID(case.sequence) for case in DeadLetterDesk(shop.orderwright).matching(CaseQuery())}
    assert len(waiting) >= ORDERS // 50, "the trouble was too small to show anything"
    outcomes = ended(shop, waiting)
    assert min(outcomes["CONFIRMED"], outcomes["CANCELLED"]) > ORDERS // 10
    assert audit(shop.orderwright).is_clean

    gateway.is_healed = True
    report = DeadLetterDesk(shop.orderwright).retry_all(
        CaseQuery(), shop.context("olga"), "the provider is well again"
    )
    assert (report.cured, report.failed) == (len(waiting), 0)
    assert way.runner.wait_until_settled(PATIENCE_SECONDS)
    assert not DeadLetterDesk(shop.orderwright).list(CaseQuery(), PageRequest()).items
    assert sum(ended(shop, set()).values()) == ORDERS
    assert_charged_at_most_once(shop.orderwright)
    after = audit(shop.orderwright)
    assert after.is_clean
    assert (after.orders_in_progress, after.orders_waiting) == (0, 0)


def place(shop: Shop) -> None:
    """Place them all, in portions."""
    for first in range(0, ORDERS, 500):
        commands = [
            PlaceOrder(
                "ada", "USD", "pm_ok", [Item("CD-X1", 1, Decimal("9.50"))], order_ref=f"order-{number}"
            )
            for number in range(first, min(first + 500, ORDERS))
        ]
        shop.orderwright.orders.place_orders(commands, shop.context("ada"))


def ended(shop: Shop, waiting: set[UUID]) -> Counter[str]:
    """How the orders ended, but for those that wait; each of the others has."""
    orders = {order_id_from_ref(f"order-{number}") for number in range(ORDERS)} - waiting
    outcomes = Counter(shop.status(order) for order in orders)
    assert set(outcomes) <= {"CONFIRMED", "CANCELLED"}, outcomes
    assert {shop.saga(order).status for order in orders} <= {"COMPLETED", "FAILED"}
    return outcomes
