"""Ids are derived: the same question gives the same id, on every machine and in every release."""

from collections.abc import Callable
from uuid import UUID, uuid5

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from domain.shared import ids
from tests.support.stories import ORDER_ID


@pytest.mark.parametrize(
    ("derive", "stored"),
    [
        (lambda: ids.order_id_from_key("checkout-42"), "6b7bc545-812e-5ca7-8b10-6a64b6f9e89b"),
        (lambda: ids.order_id_from_ref("cdnow-17"), "aeb94f85-3016-5e4c-80ab-5d088a842c65"),
        (lambda: ids.fulfilment_id(ORDER_ID), "c1feb122-e2ec-5e5e-84a8-585d74787268"),
        (lambda: ids.payment_id(ORDER_ID), "4f84c5d1-06af-5bd5-97f1-941f14d8da7a"),
        (lambda: ids.reservation_id(ORDER_ID), "a5c4fbdd-eb99-5649-85b2-887740794462"),
        (lambda: ids.stock_item_id("TEAPOT"), "a1049c8d-e8e7-55f4-825d-b6fb09048c6a"),
        (lambda: UUID(ids.event_id(ORDER_ID, 3)), "2bd81a19-ac06-5b1c-8c5c-d312621f7d0a"),
    ],
    ids=["key", "ref", "fulfilment", "payment", "reservation", "stock", "event"],
)
def test_derived_ids_stay_what_they_are_in_stored_history(derive: Callable[[], UUID], stored: str) -> None:
    # These were computed once. A change here orphans every stream that was ever stored.
    assert str(derive()) == stored


def test_a_key_and_a_reference_with_the_same_text_are_different_orders() -> None:
    assert ids.order_id_from_key("42") != ids.order_id_from_ref("42")


def test_the_streams_of_one_order_are_different_streams() -> None:
    streams = {ids.fulfilment_id(ORDER_ID), ids.payment_id(ORDER_ID), ids.reservation_id(ORDER_ID), ORDER_ID}

    assert len(streams) == 4


parts = st.lists(st.text(st.characters(exclude_characters="\x1f", exclude_categories=["Cs"])), max_size=4)


@settings(max_examples=100, deadline=None)
@forall(one=parts, other=parts)
def test_other_parts_or_another_order_of_them_make_another_id(one: list[str], other: list[str]) -> None:
    same_question = one == other or (one or [""]) == (other or [""])
    assert (ids.derive(*one) == ids.derive(*other)) is same_question


def test_each_version_of_a_stream_has_an_event_id_of_its_own() -> None:
    assert len({ids.event_id(ORDER_ID, version) for version in range(1, 200)}) == 199
    assert ids.event_id(ORDER_ID, 1) != ids.event_id(ids.payment_id(ORDER_ID), 1)


@settings(max_examples=200, deadline=None)
@forall(stream=st.uuids(), version=st.integers(1, 10**9))
def test_an_event_id_is_a_uuid_of_version_five_like_any_other(stream: UUID, version: int) -> None:
    assert ids.event_id(stream, version) == str(uuid5(stream, str(version)))


@pytest.mark.parametrize("spoilt", [slice(0, 8), slice(24, 36)], ids=["its beginning", "its end"])
def test_an_id_that_is_right_in_one_half_is_not_the_id_of_the_event(spoilt: slice) -> None:
    right = ids.event_id(ORDER_ID, 3)
    wrong = right.replace(right[spoilt], ids.event_id(ORDER_ID, 4)[spoilt])

    assert ids.is_event_id(right, ORDER_ID, 3)
    assert not ids.is_event_id(wrong, ORDER_ID, 3)
