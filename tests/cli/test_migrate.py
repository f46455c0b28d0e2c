"""`orderwright migrate` brings a store of an earlier release up to this one, its references included."""

from collections.abc import Callable

import pytest

from application.orders import PlaceOrder
from application.references import ALL_CLAIMED
from tests.support.agreement import events_of
from tests.support.commands import an_order, asked
from tests.support.fixtures import (
    Environment,
    emptied_postgres,
    open_way,
    quick_folder,
    shared_database,
    tuned_postgres,
)
from tests.support.ways import ByHand, Way

from .console import Console

__all__ = ["emptied_postgres", "open_way", "quick_folder", "shared_database", "tuned_postgres"]


def test_the_references_of_earlier_orders_are_claimed_when_the_store_is_migrated(
    console: Console,
    tuned_postgres: Environment,
    open_way: Callable[..., Way],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    orders = open_way(ByHand, tuned_postgres).orderwright.orders
    with monkeypatch.context() as patched:
        patched.setattr(PlaceOrder, "claims_reference", False)
        orders.place_order(an_order(ref="web-1", key="checkout-1"), asked("a"))
    orders.recorder.rows(
        "DELETE FROM @orders_tracking WHERE application_name = :name RETURNING 1", {"name": ALL_CLAIMED}
    )

    for _ in range(2):
        Console(console.folder, tuned_postgres)("migrate")

    (claim,) = events_of(orders, "OrderReference.Claimed")
    assert claim.order_ref == "web-1"
