"""Stock that is held for nobody is released by a person; stock that somebody needs never is."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import IntegrityError

from application.base import CommandContext, ConcurrentChanges
from application.inventory import ReservationNotFound
from domain.shared.ids import order_id_from_ref, reservation_id
from system.audit import audit
from system.queries.explain import explain
from system.queries.trail import order_events
from system.recovery.releasing import ReservationInUse, preview_release, release_reservation
from tests.support.fixtures import Environment
from tests.support.planting import NOBODY, pass_over, plant_reservation
from tests.support.running_shop import Shop, stocked
from tests.support.stories import FRIDAY_NOON
from tests.support.waiting import wait_until
from tests.support.ways import ByHand, UnderOurRunner, Way

WHY = "the shelf was counted"


@pytest.fixture
def shop(persistence: Environment, open_way: Callable[..., Way]) -> Shop:
    """A shop with five records that is advanced by hand."""
    return stocked(open_way(ByHand, persistence), 5)


@pytest.fixture
def small_shop(in_memory: Environment, open_way: Callable[..., Way]) -> Shop:
    """The same in memory, where it does not matter where events are kept."""
    return stocked(open_way(ByHand, in_memory), 5)


def hold(shop: Shop, order: UUID) -> None:
    """Have stock held for an order past its fulfilment, which every follower has read."""
    reserve(shop, order)
    pass_over(shop.orderwright)


def reserve(shop: Shop, order: UUID) -> None:
    """Have stock held for an order past its fulfilment."""
    plant_reservation(shop.orderwright, order, "CD-X1", 2)


def olga() -> CommandContext:
    """The next command of an operator."""
    return CommandContext(str(uuid4()), FRIDAY_NOON, "olga")


def reserved(shop: Shop) -> int:
    shop.settle()
    return shop.orderwright.stock_levels.stock("CD-X1").reserved


def test_what_is_held_for_a_cancelled_order_is_released_and_tells_who_and_why(shop: Shop) -> None:
    order = shop.order("CD-X1", pays="pm_declined")
    shop.settle()
    hold(shop, order)
    assert not audit(shop.orderwright).is_clean
    assert preview_release(shop.orderwright, order).can_be_released
    assert reserved(shop) == 2

    report = release_reservation(shop.orderwright, order, olga(), WHY)

    assert (report.released, report.status) == (True, "RELEASED")
    assert [(line.sku, line.quantity) for line in report.lines] == [("CD-X1", 2)]
    assert reserved(shop) == 0
    assert audit(shop.orderwright).is_clean
    events = order_events(shop.orderwright, order)
    told = [(event.type, event.user) for event in events if "Released" in event.type]
    assert set(told) == {("StockItem.Released", "olga"), ("Reservation.ReleasedByHand", "olga")}
    story = " ".join(explain(shop.orderwright, order).sentences)
    assert f"olga released 2 × CD-X1 by hand: {WHY}" in story
    assert shop.status(order) == "CANCELLED"


def test_what_is_held_for_no_order_is_released(shop: Shop) -> None:
    hold(shop, NOBODY)
    assert release_reservation(shop.orderwright, NOBODY, olga(), WHY).released
    assert reserved(shop) == 0
    assert audit(shop.orderwright).is_clean


def test_asked_again_it_changes_nothing(shop: Shop) -> None:
    hold(shop, NOBODY)
    release_reservation(shop.orderwright, NOBODY, olga(), WHY)
    before = shop.orderwright.inventory.recorder.max_notification_id()

    again = release_reservation(shop.orderwright, NOBODY, olga(), "once more")

    assert (again.released, again.status, again.why) == (False, "RELEASED", "it is released")
    assert shop.orderwright.inventory.recorder.max_notification_id() == before


def test_a_look_changes_nothing(small_shop: Shop) -> None:
    hold(small_shop, NOBODY)
    before = small_shop.orderwright.inventory.recorder.max_notification_id()
    preview_release(small_shop.orderwright, NOBODY)
    assert small_shop.orderwright.inventory.recorder.max_notification_id() == before


def test_the_stock_of_an_order_is_never_taken_from_it(small_shop: Shop) -> None:
    """Whatever its fulfilment does, from the first event to the last: only what is over is given away."""
    shop = small_shop
    order = shop.order(("CD-X1", 2, "10.00"))
    assert isinstance(shop.way, ByHand)
    seen = set()
    for _ in range(20):
        for follower in shop.way.runner.loops:
            shop.way.advance(follower)
            try:
                release_reservation(shop.orderwright, order, olga(), WHY)
            except (ReservationInUse, ReservationNotFound) as refusal:
                seen.add(str(refusal).partition(";")[0])
        shop.way.call_gateway()
    assert shop.status(order) == "CONFIRMED"
    assert any("its fulfilment is still RUNNING" in each for each in seen)
    assert any("the order is CONFIRMED and needs it" in each for each in seen)
    assert reserved(shop) == 2


def test_sagas_at_full_speed_lose_nothing_to_it(
    persistence: Environment, open_way: Callable[..., Way]
) -> None:
    """Somebody asks for the release of every order all the time, while orders are fulfilled and cancelled."""
    shop = Shop(open_way(UnderOurRunner, persistence))
    shop.receive("CD-X1", 100)
    orders: list[UUID] = []
    answers: Counter[str] = Counter()
    is_over = Event()

    def release_everything() -> str | None:
        while not is_over.is_set():
            for order in [*orders]:
                try:
                    if release_reservation(shop.orderwright, order, olga(), WHY).released:
                        return f"stock was taken from {order}"
                except (ReservationInUse, ReservationNotFound, ConcurrentChanges) as refusal:
                    answers[refusal.code] += 1
        return None

    with ThreadPoolExecutor(1) as pool:
        releasing = pool.submit(release_everything)
        try:
            for number in range(9):
                orders.append(shop.order("CD-X1", pays="pm_declined" if number % 3 == 0 else "pm_ok"))
                if number % 3 == 1:
                    shop.cancel(orders[-1])
            shop.settle()
            wait_until(lambda: answers["reservation_in_use"] or releasing.done(), what="it was refused")
        finally:
            is_over.set()
        assert releasing.result() is None

    assert [shop.status(order) for order in orders] == ["CANCELLED", "CANCELLED", "CONFIRMED"] * 3
    assert shop.reserved("CD-X1") == 3
    assert audit(shop.orderwright).is_clean


def test_an_order_that_was_cancelled_is_left_to_its_fulfilment(small_shop: Shop) -> None:
    shop = small_shop
    order = shop.order(("CD-X1", 2, "10.00"))
    shop.settle()
    shop.cancel(order)  # and nobody has heard of it yet
    with pytest.raises(ReservationInUse, match="something about the order has still to be processed"):
        release_reservation(shop.orderwright, order, olga(), WHY)
    shop.settle()
    assert reserved(shop) == 0
    assert not release_reservation(shop.orderwright, order, olga(), WHY).released


def test_what_nobody_has_read_of_a_lost_order_comes_first(small_shop: Shop) -> None:
    """Else it would be told to the fulfilment of an order that is placed again under the same reference."""
    shop = small_shop
    reserve(shop, NOBODY)
    with pytest.raises(ReservationInUse, match="has still to be processed"):
        release_reservation(shop.orderwright, NOBODY, olga(), WHY)
    shop.settle()
    with pytest.raises(ReservationInUse, match=f"dead-letters list --order {NOBODY}"):
        release_reservation(shop.orderwright, NOBODY, olga(), WHY)


def test_a_lost_order_that_is_placed_again_after_the_release_does_not_wait_for_ever(shop: Shop) -> None:
    order = order_id_from_ref("web-1")
    hold(shop, order)
    release_reservation(shop.orderwright, order, olga(), WHY)
    assert shop.order("CD-X1", ref="web-1") == order
    shop.settle()

    assert (shop.status(order), shop.payment(order).status) == ("CANCELLED", "REFUNDED")
    assert f"its stock was released by hand: {WHY}" in shop.errors(order)
    assert reserved(shop) == 0
    assert audit(shop.orderwright).is_clean
    assert "the inventory reserved nothing" in " ".join(explain(shop.orderwright, order).sentences)


def test_a_lost_order_that_is_placed_again_during_the_release_does_not_wait_for_ever(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is placed, charged, and asks for its stock between the look at it and the record of the release."""
    shop = small_shop
    order = order_id_from_ref("web-1")
    hold(shop, order)
    inventory = shop.orderwright.inventory
    save = inventory.save

    def slow(*aggregates: object, **more: object) -> object:
        monkeypatch.undo()
        shop.order("CD-X1", ref="web-1")
        shop.settle()
        assert shop.saga(order).status == "PAYMENT_COMPLETED"
        return save(*aggregates, **more)

    monkeypatch.setattr(inventory, "save", slow)
    assert release_reservation(shop.orderwright, order, olga(), WHY).released
    shop.settle()

    assert (shop.status(order), shop.payment(order).status) == ("CANCELLED", "REFUNDED")
    assert reserved(shop) == 0


def test_who_is_faster_releases_it_once(small_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else releases it between the look and the record: what was decided is looked at again."""
    shop = small_shop
    hold(shop, NOBODY)
    inventory = shop.orderwright.inventory
    save = inventory.save
    conflicts: list[int] = []

    def slow(*aggregates: object, **more: object) -> object:
        if not conflicts:
            conflicts.append(1)
            assert release_reservation(shop.orderwright, NOBODY, olga(), "the other one").released
            with pytest.raises(IntegrityError):
                save(*aggregates, **more)
            raise IntegrityError
        return save(*aggregates, **more)

    monkeypatch.setattr(inventory, "save", slow)
    assert not release_reservation(shop.orderwright, NOBODY, olga(), WHY).released
    monkeypatch.undo()

    assert reserved(shop) == 0
    stored = [type(event).__name__ for event in inventory.events.get(reservation_id(NOBODY))]
    assert stored == ["Made", "ReleasedByHand"]


def test_an_order_that_never_held_anything(small_shop: Shop) -> None:
    with pytest.raises(ReservationNotFound):
        preview_release(small_shop.orderwright, NOBODY)
    order = small_shop.order(("CD-X1", 6, "10.00"))
    small_shop.settle()
    report = release_reservation(small_shop.orderwright, order, olga(), WHY)
    assert (report.released, report.status, report.can_be_released) == (False, "REJECTED", False)
    assert "not enough stock" in report.why
