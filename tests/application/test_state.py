"""The state of an aggregate as bytes: what comes back is what was there, or nothing was written."""

from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.state import LARGE_DICT, UnkeepableState, aggregate_of, state_of
from application.unread import UnreadDict
from domain.inventory import StockItem
from domain.orders import Order, OrderLine
from domain.shared.causes import Cause, because_of
from domain.shared.money import Money

NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)

texts = st.text(st.characters(codec="utf-8"), max_size=8)
plain = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), texts,
    st.decimals(allow_nan=False, allow_infinity=False), st.uuids(), st.dates(), st.timedeltas(),
    # UTC has no hour that comes twice, so which of the two it is means nothing.
    st.datetimes(timezones=st.just(UTC)).map(lambda time: time.replace(fold=0)), st.binary(max_size=8),
)  # fmt: skip
keys = st.one_of(texts, st.tuples(texts, st.integers(0, 9)), st.uuids())
values = st.recursive(
    plain,
    lambda each: st.one_of(
        st.lists(each, max_size=4),
        st.lists(each, max_size=4).map(tuple),
        st.dictionaries(keys, each, max_size=4),
        st.frozensets(keys, max_size=4),
        st.sets(keys, max_size=4),
        st.lists(st.tuples(texts, st.integers(0, 9)), max_size=80),
        st.lists(texts, min_size=64, max_size=70),
    ),
    max_leaves=12,
)


def item(**state: Any) -> StockItem:
    """A product that has something more in its state, or something else."""
    with because_of(Cause(NOON, "conversation", "cause")):
        made = StockItem.introduce("TEAPOT")
    made.collect_events()
    vars(made).update(state)
    return made


def there_and_back(aggregate: Any) -> dict[str, Any]:
    """Its state after it was written and read."""
    return dict(vars(aggregate_of(type(aggregate), state_of(aggregate))))


@given(values)
def test_what_is_written_comes_back_and_is_of_the_same_types(value: Any) -> None:
    restored = there_and_back(item(reason=value))["reason"]

    assert restored == value
    assert repr(restored) == repr(value) or _has_sets(value)  # 1 is not True, and 1.0 is not 1.00


def _has_sets(value: Any) -> bool:
    return "set" in repr(value) or "{" in repr(value)


def test_the_values_of_its_memory_come_back_even_when_their_rules_are_stricter_by_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with because_of(Cause(NOON, "conversation", "cause")):
        order = Order.place(
            UUID(int=1),
            customer_id="ada",
            currency="USD",
            payment_method="pm_ok",
            items=(a_line("TEAPOT", 2, "5.00"),),
            placed_on=date(1997, 1, 12),
        )
    order.collect_events()
    state = state_of(order)

    def strict(self: Money) -> None:
        raise AssertionError("not today")

    monkeypatch.setattr(Money, "__post_init__", strict)

    assert vars(aggregate_of(Order, state)) == vars(order)


def a_line(sku: str, quantity: int, price: str) -> OrderLine:
    return OrderLine(sku, quantity, Decimal(price))


@dataclass(frozen=True)
class Stranger:
    """A value that no memory of a product makes."""

    name: str


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (Stranger("x"), "a Stranger, which no memory of it makes"),
        (Money(Decimal(5), "USD"), "a Money, which no memory of it makes"),
        (1.5, "a float"),
        (2**63, "beyond 64 bits"),
        ([2**63] * 100, "beyond 64 bits"),
        (print, "a builtin_function_or_method"),
    ],
)
def test_what_could_not_come_back_is_refused(value: Any, why: str) -> None:
    with pytest.raises(UnkeepableState, match=why):
        state_of(item(reason=value))


def test_what_can_be_changed_may_stand_in_one_place_only() -> None:
    """Read back it would be two, and a change of one would leave the other as it was."""
    shared: list[str] = []
    with pytest.raises(UnkeepableState, match="the same list in two places"):
        state_of(item(by_order={"a": shared}, by_event={"b": shared}))


def test_events_that_are_not_recorded_are_no_state() -> None:
    with because_of(Cause(NOON, "conversation", "cause")):
        introduced = StockItem.introduce("TEAPOT")
    with pytest.raises(UnkeepableState, match="not recorded"):
        state_of(introduced)


@given(st.data())
def test_a_state_that_is_cut_or_longer_is_no_state(data: Any) -> None:
    state = state_of(item(receipts={str(number): number for number in range(100)}))
    cut = data.draw(st.integers(0, len(state) - 1))

    for wrong in (state[:cut], state + b"1"):
        with pytest.raises((ValueError, TypeError, LookupError)):
            aggregate_of(StockItem, wrong)


def test_nothing_that_is_stored_is_imported_or_run() -> None:
    head = orjson.dumps(["d", ["=", "reason"], ["*", ["v", "subprocess.Popen", [["true"]]]]])
    with pytest.raises(KeyError):
        aggregate_of(StockItem, b"[%d]\n" % len(head) + head)


# Large dicts


def receipts(count: int = LARGE_DICT) -> dict[str, tuple[str, int]]:
    """Many receipts."""
    return {f"command-{number}": (f"receipt-{number}", number) for number in range(count)}


def unread() -> Any:
    """Many receipts as they come out of a stored state."""
    found = there_and_back(item(receipt_of_command=receipts()))["receipt_of_command"]
    assert type(found) is UnreadDict
    assert dict.__len__(found) == 0, "nobody has looked into it"
    return found


@pytest.mark.parametrize(
    "look",
    [
        lambda found: found == receipts(),
        lambda found: receipts() == found,
        lambda found: (found != receipts()) is False,
        lambda found: len(found) == LARGE_DICT,
        lambda found: "command-7" in found and "command-x" not in found,
        lambda found: found["command-7"] == ("receipt-7", 7),
        lambda found: found.get("command-7") == ("receipt-7", 7),
        lambda found: list(found) == list(receipts()),
        lambda found: list(found.items()) == list(receipts().items()),
        lambda found: next(reversed(found)) == f"command-{LARGE_DICT - 1}",
        lambda found: dict(found) == receipts(),
        lambda found: {**found} == receipts(),
        lambda found: found.copy() == receipts() and type(found.copy()) is dict,
        lambda found: deepcopy(found) == receipts(),
        lambda found: found.pop("command-7") == ("receipt-7", 7) and "command-7" not in found,
        lambda found: found.setdefault("command-7", ("", 0)) == ("receipt-7", 7),
        lambda found: bool(found),
        lambda found: repr(found) == repr(receipts()),
        lambda found: (found | {}) == receipts() and ({} | found) == receipts(),
        lambda found: state_of(item(reason=found)) == state_of(item(reason=receipts())),
    ],
)
def test_a_large_dict_is_read_when_somebody_looks_into_it(look: Any) -> None:
    assert look(unread())


def test_what_is_changed_in_a_large_dict_stays_changed() -> None:
    found = unread()
    found["command-7"] = ("another", 1)
    del found["command-8"]
    found.update({"new": ("one", 1)})

    assert found == {**{k: v for k, v in receipts().items() if k != "command-8"},
                     "command-7": ("another", 1), "new": ("one", 1)}  # fmt: skip


def test_a_large_dict_can_be_emptied() -> None:
    found = unread()
    found.clear()
    assert not found
