"""The codec writes what the library's transcoder writes, to the byte; what would not come back it refuses."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.persistence import (
    DatetimeAsISO,
    DecimalAsStr,
    JSONTranscoder,
    TranscodingNotRegisteredError,
    UUIDAsHex,
)
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from application.codec import Codec, UnstorableValue
from application.mapping import register_value_types
from application.orders import Orders
from domain.inventory import ReservedLine
from domain.orders import OrderLine
from domain.shared.products import ProductQuantity
from tests.history.frozen import Frozen, all_frozen
from tests.support.commands import an_order, asked


def with_all_types(transcoder: JSONTranscoder) -> JSONTranscoder:
    for transcoding in (UUIDAsHex(), DecimalAsStr(), DatetimeAsISO()):
        transcoder.register(transcoding)
    register_value_types(transcoder)
    return transcoder


OURS, THEIRS = with_all_types(Codec()), with_all_types(JSONTranscoder())

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
quantities = st.integers(1, 10**6)
atoms = (
    texts
    | st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.uuids()
    | st.datetimes(timezones=st.just(UTC))
    | st.dates()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.builds(ProductQuantity, st.just("TEAPOT"), quantities)
    | st.builds(ReservedLine, st.just("TEAPOT"), quantities, quantities)
    | st.builds(OrderLine, st.just("CUP"), quantities, st.decimals("0", "9999", places=2))
)
names = texts.filter(lambda name: name not in ("_type_", "_data_"))
values = st.recursive(
    atoms, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4)
)


@settings(max_examples=300, deadline=None)
@forall(state=st.dictionaries(names, values, max_size=6))
def test_both_write_the_same_bytes_and_read_the_same_values(state: dict[str, Any]) -> None:
    written = OURS.encode(state)
    assert written == THEIRS.encode(state)
    assert OURS.decode(written) == THEIRS.decode(written) == state


@pytest.mark.parametrize("frozen", list(all_frozen()), ids=lambda frozen: frozen.path.stem)
def test_every_payload_that_was_ever_written_reads_the_same(frozen: Frozen) -> None:
    state = frozen.stored_event.state
    assert OURS.decode(state) == THEIRS.decode(state)


@pytest.mark.parametrize(
    "hostile",
    [
        {"_type_": "uuid_hex", "_data_": "00"},
        {"_type_": "no_such_type"},
        {"_data_": 1},
        float("nan"),
        1.5,
        2**63,
        -(2**63) - 1,
        "\ud800",
        "before\x00after",
        {"\x00": 1},
        {1: "not a text"},
    ],
    ids=str,
)
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"deep": [{"er": v}]}])
def test_what_would_not_come_back_is_refused(hostile: Any, wrap: Any) -> None:
    with pytest.raises(UnstorableValue):
        OURS.encode({"note": wrap(hostile)})


def test_a_type_that_nobody_registered_is_refused() -> None:
    with pytest.raises(TranscodingNotRegisteredError):
        OURS.encode({"what": object()})


@pytest.mark.parametrize("customer", ["a\x00da", "\ud800"])
def test_a_command_with_such_a_value_stores_nothing(customer: str) -> None:
    orders = Orders({"PERSISTENCE_MODULE": "eventsourcing.popo"})
    with pytest.raises(UnstorableValue):
        orders.place_order(an_order(customer=customer), asked("hostile"))
    assert not orders.recorder.max_notification_id()


def test_a_stored_event_says_what_it_can_be_searched_by() -> None:
    orders = Orders({"PERSISTENCE_MODULE": "eventsourcing.popo"})
    placed = orders.place_order(an_order(), asked("command-1", user="bob"))
    (created,) = orders.events.get(UUID(placed.view.order_id))
    stored: Any = orders.mapper.to_stored_event(created)
    assert (stored.correlation_id, stored.user) == (placed.view.order_id, "bob")
    assert isinstance(stored.recorded_at, datetime)
    assert Decimal("66.90") == created.total  # type: ignore[attr-defined]  # of the order
