"""A state as plain data, whatever stands in it."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.shared.money import Money
from system.queries.state import DEEPEST, FieldChange, changes, leaves, state_of


class Colour(StrEnum):
    RED = "RED"


@dataclass(frozen=True)
class Line:
    sku: str
    price: Decimal


class Odd:
    """Something that nobody foresaw."""

    def __str__(self) -> str:
        return "odd"


class Thing:
    """An aggregate with everything in it."""

    def __init__(self, **values: Any) -> None:
        self._version = 3
        self.last_command_id = "c-1"
        vars(self).update(values)


def test_every_value_becomes_json() -> None:
    nested: list[Any] = []
    nested.append(nested)
    state = state_of(
        Thing(
            total=Money(Decimal("5"), "USD"),
            at=datetime(2024, 5, 17, 12, tzinfo=UTC),
            day=date(2024, 5, 17),
            id=UUID(int=1),
            colour=Colour.RED,
            lines=(Line("a", Decimal("1.50")),),
            names=frozenset({"b", "a"}),
            places={("Orders", 5): True, Colour.RED: None},
            raw=b"\x00\xff",
            odd=Odd(),
            nested=nested,
        )
    )

    assert json.loads(json.dumps(state, allow_nan=False))["total"] == {"amount": "5.00", "currency": "USD"}
    assert state["at"] == "2024-05-17T12:00:00.000000Z"
    assert (state["day"], state["id"]) == ("2024-05-17", str(UUID(int=1)))
    assert (state["colour"], type(state["colour"])) == ("RED", str)
    assert state["lines"] == [{"sku": "a", "price": "1.50"}]
    assert state["names"] == ["a", "b"]
    assert state["places"] == {"Orders:5": True, "RED": None}
    assert state["odd"] == "odd"
    assert {"_version", "last_command_id"}.isdisjoint(state)
    assert len(json.dumps(state["nested"])) < 100 * DEEPEST


def test_fields_are_told_by_their_paths() -> None:
    state = {"items": [{"quantity": 2}], "of": {"a.b": 1, "c-d": 2}, "none": [], "empty": {}}

    assert dict(leaves(state)) == {
        "items[0].quantity": 2,
        'of["a.b"]': 1,
        "of.c-d": 2,
        "none": [],
        "empty": {},
    }


def test_what_differs_is_told_in_the_order_of_the_fields() -> None:
    before = {"a": 1, "list": [1, 2], "gone": {"x": 1}, "same": "s"}
    after = {"a": 2, "list": [1], "same": "s", "new": None}

    assert changes(before, after) == [
        FieldChange("a", "changed", 1, 2),
        FieldChange("list[1]", "removed", 2, None),
        FieldChange("gone.x", "removed", 1, None),
        FieldChange("new", "added", None, None),
    ]
