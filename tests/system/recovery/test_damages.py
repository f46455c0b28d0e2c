"""Damage done to stored rows, and who has to see it. What nobody sees yet is listed as `LATER`, with why.

Whoever finds a damage that is called clean adds it here first.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.shared.ids import fulfilment_id, payment_id, reservation_id, stock_item_id
from system.audit import audit, audit_order
from system.followers.parking import parking_lot_id
from system.operations.doctor import examine
from tests.support.damage import change, delete, rewrite, row_at, set_columns, truncated
from tests.support.fixtures import Environment, OpenWay, environment_for
from tests.support.planting import let_it_be_heard
from tests.support.poison import Poison, short_pauses
from tests.support.running_shop import Shop
from tests.support.ways import ByHand

__all__ = ["short_pauses"]

AUDIT, DOCTOR, LATER = "audit", "doctor", "later"


@dataclass(frozen=True)
class Store:
    """A store at rest: two orders that are confirmed, and one of which an event is parked."""

    shop: Shop
    order: UUID
    other: UUID

    def damage(self, application: str, stream: UUID, version: int, **changes: Any) -> None:
        change(self.shop.orderwright, application, stream, version, **changes)

    def delete(self, application: str, stream: UUID, version: int) -> None:
        delete(self.shop.orderwright, application, stream, version)

    def swap(self, application: str, one: UUID, other: UUID, version: int) -> None:
        """Exchange what two rows hold."""
        orderwright = self.shop.orderwright
        first, second = (row_at(orderwright, application, stream, version) for stream in (one, other))
        change(orderwright, application, one, version, state=second.state)
        change(orderwright, application, other, version, state=first.state)

    def move(self, application: str, stream: UUID, version: int, to: UUID, to_version: int) -> None:
        """Put a row into another stream."""
        old = row_at(self.shop.orderwright, application, stream, version)
        new = type(old)(to, to_version, old.topic, old.state)
        rewrite(self.shop.orderwright, application, old, new)


def facts(**changed: Any) -> Callable[[bytes], bytes]:
    """The same state with other facts."""
    return lambda state: json.dumps({**json.loads(state), **changed}).encode()


def without(name: str) -> Callable[[bytes], bytes]:
    """The same state without a fact."""
    return lambda state: json.dumps({key: v for key, v in json.loads(state).items() if key != name}).encode()


Place = tuple[str, Callable[[Store], UUID]]
"""The application, and the stream."""

ORDER: Place = ("Orders", lambda store: store.order)
SAGA: Place = ("OrderFulfilment", lambda store: fulfilment_id(store.order))
RESERVATION: Place = ("Inventory", lambda store: reservation_id(store.order))
TEA: Place = ("Inventory", lambda _: stock_item_id("TEA"))
LOT: Place = ("SagaLog", lambda _: parking_lot_id("SagaLog"))


def row(place: Place, version: int, **changes: Any) -> Callable[[Store], None]:
    """Damage done to a row."""
    return lambda store: store.damage(place[0], place[1](store), version, **changes)


def no_row(place: Place, version: int) -> Callable[[Store], None]:
    """A row that is gone."""
    return lambda store: store.delete(place[0], place[1](store), version)


DAMAGES: dict[str, tuple[str, Callable[[Store], None]]] = {
    # An event in the middle of a saga
    "saga event truncated": (
        AUDIT,
        row(SAGA, 3, state=truncated),
    ),
    "saga event deleted": (AUDIT, no_row(SAGA, 3)),
    "saga event of an unknown kind": (
        AUDIT,
        row(SAGA, 3, topic="Fulfilment.Teleported"),
    ),
    "saga event of another kind": (
        AUDIT,
        lambda s: s.damage(
            "OrderFulfilment", fulfilment_id(s.order), 3, topic="Fulfilment.ReservationRequested"
        ),
    ),
    "saga version 2 became 70": (
        AUDIT,
        row(SAGA, 2, to_version=70),
    ),
    # Confirmations and orders
    "confirmation null": (AUDIT, row(ORDER, 2, state=b"null")),
    "confirmation empty": (AUDIT, row(ORDER, 2, state=b"")),
    "confirmation an empty object": (AUDIT, row(ORDER, 2, state=b"{}")),
    "confirmation became version 7": (AUDIT, row(ORDER, 2, to_version=7)),
    "order truncated": (AUDIT, row(ORDER, 1, state=truncated)),
    "order deleted": (AUDIT, no_row(ORDER, 1)),
    "items a number": (AUDIT, row(ORDER, 1, state=facts(items=5))),
    "customer missing": (AUDIT, row(ORDER, 1, state=without("customer_id"))),
    "class version of the future": (
        AUDIT,
        row(ORDER, 1, state=facts(class_version=9)),
    ),
    "event id missing": (AUDIT, row(ORDER, 2, state=without("event_id"))),
    "time without a zone": (
        AUDIT,
        lambda s: s.damage(
            "Orders",
            s.order,
            2,
            state=facts(timestamp={"_type_": "datetime_iso", "_data_": "2024-01-01T00:00:00"}),
        ),
    ),
    # What belongs elsewhere
    "two orders exchanged": (AUDIT, lambda s: s.swap("Orders", s.order, s.other, 1)),
    "two confirmations exchanged": (AUDIT, lambda s: s.swap("Orders", s.order, s.other, 2)),
    "two payments exchanged": (
        AUDIT,
        lambda s: s.swap("Payments", payment_id(s.order), payment_id(s.other), 1),
    ),
    "two outcomes of payments exchanged": (
        AUDIT,
        lambda s: s.swap("Payments", payment_id(s.order), payment_id(s.other), 2),
    ),
    "payment event in another's stream": (
        AUDIT,
        lambda s: s.move("Payments", payment_id(s.order), 2, payment_id(s.other), 3),
    ),
    # Products and reservations
    "receipt truncated": (AUDIT, row(TEA, 2, state=truncated)),
    "receipt deleted": (AUDIT, no_row(TEA, 2)),
    "receipt a text": (
        AUDIT,
        row(TEA, 2, state=facts(quantity="ten")),
    ),
    "two receipts exchanged": (
        AUDIT,
        lambda s: s.swap("Inventory", stock_item_id("TEA"), stock_item_id("CUP"), 2),
    ),
    "reservation truncated": (
        AUDIT,
        row(RESERVATION, 1, state=truncated),
    ),
    # Parking lots
    "lot truncated (doctor)": (DOCTOR, row(LOT, 2, state=truncated)),
    "lot truncated (audit)": (AUDIT, row(LOT, 2, state=truncated)),
    "lot opened no more": (DOCTOR, no_row(LOT, 1)),
    # What only a look at whole logs and tables together can tell, which is no audit's business
    "last event of a saga deleted": (LATER, no_row(SAGA, 9)),
    "class version lowered": (
        LATER,
        row(ORDER, 1, state=without("class_version")),
    ),
    "user changed": (LATER, row(ORDER, 2, state=facts(user="nobody"))),
    "customer changed": (LATER, row(ORDER, 1, state=facts(customer_id="eve"))),
    "a tuned table's columns contradict the event": (
        LATER,
        lambda s: set_columns(
            s.shop.orderwright, "Orders", s.order, 2, user_id="nobody", correlation_id="another"
        ),
    ),
    "conversation changed": (
        LATER,
        row(ORDER, 2, state=facts(correlation_id="x")),
    ),
}


@pytest.fixture(params=["sqlite", "tuned"])
def environment(request: pytest.FixtureRequest, quick_folder: Path) -> Environment:
    return environment_for(request.param, request, quick_folder)


@pytest.fixture
def store(environment: Environment, open_way: OpenWay) -> Store:
    shop = Shop(open_way(ByHand, environment))
    for sku in ("TEA", "CUP"):
        shop.receive(sku, 10)
    order, other, parked = shop.order("TEA"), shop.order("CUP"), shop.order("TEA")
    fault = Poison(
        shop.orderwright.saga_log,
        lambda event: type(event).__qualname__ == "Fulfilment.PaymentRequested" and event.order_id == parked,
    )
    let_it_be_heard(shop)
    fault.cure()
    return Store(shop, order, other)


def test_without_damage_all_is_clean_but_what_is_parked(store: Store, environment: Environment) -> None:
    assert audit(store.shop.orderwright).is_clean
    assert problems(environment) == ["parked events"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_seen(store: Store, environment: Environment, damage: str) -> None:
    who, do = DAMAGES[damage]
    do(store)
    report = audit(store.shop.orderwright)
    seen = {AUDIT: not report.is_clean, DOCTOR: "parking lots" in problems(environment)}
    if who == LATER:  # when somebody sees it, it is to be said here who
        assert seen == {AUDIT: False, DOCTOR: False}
        return
    assert seen[who]
    if who == AUDIT:
        assert report.offenders_found <= 6
        named = {offender.order_id for offender in report.offenders}
        if str(store.order) in named:
            assert not audit_order(store.shop.orderwright, store.order).is_clean


def problems(environment: Environment) -> list[str]:
    """The checks at which the doctor finds a problem."""
    return [check.name for check in examine(environment).checks if check.status == "problem"]
