"""An order is cancelled once; a version that is not the current one is refused; the past can be looked up."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from application.orders import IdempotencyKeyReused, OrderNotFound, Orders
from domain.orders.order import OrderAlreadyCancelled
from domain.shared.errors import VersionConflict
from tests.support.commands import an_order, asked, minutes_later
from tests.support.stories import FRIDAY_NOON


@pytest.fixture
def orders() -> Orders:
    return Orders({"PERSISTENCE_MODULE": "eventsourcing.popo"})


@pytest.fixture
def order_id(orders: Orders) -> UUID:
    """An order of Friday noon."""
    return UUID(orders.place_order(an_order(key="checkout-1"), asked("checkout-1")).view.order_id)


def stored(orders: Orders) -> int:
    return orders.recorder.max_notification_id() or 0


def test_an_order_is_cancelled_with_its_reason(orders: Orders, order_id: UUID) -> None:
    written = orders.cancel_order(order_id, "too dear", asked("cancel-1", minutes=3))

    assert (written.position, written.replayed) == (2, False)
    assert (written.view.status, written.view.cancel_reason) == ("CANCELLED", "too dear")
    assert written.view.cancelled_at == minutes_later(3)


def test_cancelling_twice_is_a_contradiction(orders: Orders, order_id: UUID) -> None:
    orders.cancel_order(order_id, "too dear", asked("cancel-1"))

    with pytest.raises(OrderAlreadyCancelled, match="too dear"):
        orders.cancel_order(order_id, "still too dear", asked("cancel-2"))

    assert stored(orders) == 2


def test_the_same_cancellation_sent_again_records_nothing_and_is_no_error(
    orders: Orders, order_id: UUID
) -> None:
    first = orders.cancel_order(order_id, "too dear", asked("cancel-1"), expected_version=1)

    again = orders.cancel_order(order_id, "too dear", asked("cancel-1", minutes=9), expected_version=1)

    assert again.replayed
    assert again.view == first.view
    assert stored(orders) == 2


def test_the_same_command_for_another_reason_is_a_contradiction(orders: Orders, order_id: UUID) -> None:
    orders.cancel_order(order_id, "too dear", asked("cancel-1"))

    with pytest.raises(IdempotencyKeyReused):
        orders.cancel_order(order_id, "not tea", asked("cancel-1"))
    assert stored(orders) == 2


def test_of_two_equal_cancellations_at_the_same_time_one_records_and_both_succeed(
    orders: Orders, order_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_save = orders.save

    def overtaken(*objs: Any, **kwargs: Any) -> Any:
        """The other request commits between our load and our save."""
        monkeypatch.setattr(orders, "save", first_save)
        orders.cancel_order(order_id, "too dear", asked("cancel-1"))
        return first_save(*objs, **kwargs)

    monkeypatch.setattr(orders, "save", overtaken)
    written = orders.cancel_order(order_id, "too dear", asked("cancel-1"), expected_version=1)

    assert (written.replayed, written.view.status) == (True, "CANCELLED")
    assert stored(orders) == 2


def test_of_two_different_cancellations_at_the_same_time_the_second_is_refused(
    orders: Orders, order_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_save = orders.save

    def overtaken(*objs: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(orders, "save", first_save)
        orders.cancel_order(order_id, "bob was faster", asked("cancel-bob", user="bob"))
        return first_save(*objs, **kwargs)

    monkeypatch.setattr(orders, "save", overtaken)
    with pytest.raises(OrderAlreadyCancelled, match="bob was faster"):
        orders.cancel_order(order_id, "too dear", asked("cancel-1"))

    assert stored(orders) == 2


@pytest.mark.parametrize("expected", [0, 2, 99])
def test_another_version_than_expected_is_refused_with_both_and_nothing_is_stored(
    orders: Orders, order_id: UUID, expected: int
) -> None:
    with pytest.raises(VersionConflict) as refused:
        orders.cancel_order(order_id, "too dear", asked("cancel-1"), expected_version=expected)

    assert (refused.value.expected, refused.value.current) == (expected, 1)
    assert f"expected version {expected}" in refused.value.message
    assert "current version is 1" in refused.value.message
    assert stored(orders) == 1
    assert orders.order(order_id).status == "CREATED"


def test_the_expected_version_is_accepted(orders: Orders, order_id: UUID) -> None:
    assert orders.cancel_order(order_id, "too dear", asked("c"), expected_version=1).view.version == 2


def test_an_order_that_does_not_exist_is_not_found(orders: Orders) -> None:
    with pytest.raises(OrderNotFound):
        orders.order(uuid4())
    with pytest.raises(OrderNotFound):
        orders.cancel_order(uuid4(), "too dear", asked("cancel-1"))
    assert stored(orders) == 0


def test_an_order_is_shown_as_it_was_at_a_version(orders: Orders, order_id: UUID) -> None:
    orders.cancel_order(order_id, "too dear", asked("cancel-1"))

    assert orders.order_at_version(order_id, 1).status == "CREATED"
    assert orders.order_at_version(order_id, 2).status == "CANCELLED"


@pytest.mark.parametrize("version", [-1, 0, 3, 99])
def test_a_version_that_never_was_is_not_found(orders: Orders, order_id: UUID, version: int) -> None:
    orders.cancel_order(order_id, "too dear", asked("cancel-1"))

    with pytest.raises(OrderNotFound) as refused:
        orders.order_at_version(order_id, version)

    assert refused.value.field == "/version"


def test_an_order_is_shown_as_it_was_at_a_moment(orders: Orders, order_id: UUID) -> None:
    orders.cancel_order(order_id, "too dear", asked("cancel-1", minutes=10))

    assert orders.order_as_of(order_id, FRIDAY_NOON).status == "CREATED"
    assert orders.order_as_of(order_id, minutes_later(10) - timedelta(microseconds=1)).status == "CREATED"
    assert orders.order_as_of(order_id, minutes_later(10)).status == "CANCELLED"
    assert orders.order_as_of(order_id, minutes_later(9999)).status == "CANCELLED"


def test_before_its_first_moment_there_was_no_order(orders: Orders, order_id: UUID) -> None:
    with pytest.raises(OrderNotFound):
        orders.order_as_of(order_id, minutes_later(-1))
    with pytest.raises(OrderNotFound):
        orders.order_as_of(uuid4(), FRIDAY_NOON)
