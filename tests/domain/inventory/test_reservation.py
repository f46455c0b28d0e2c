"""An order holds all of its products, or nothing."""

from contextlib import AbstractContextManager
from datetime import timedelta
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain.inventory import Reservation, ReservationStatus, ReservedLine, StockItem
from domain.shared.causes import Cause, because_of
from domain.shared.ids import reservation_id
from domain.shared.products import ProductQuantity
from tests.support.stories import FRIDAY_NOON, ORDER_ID, facts, given, new_events, replayed, state

TEAPOT = ProductQuantity("TEAPOT", 1)
CUPS = ProductQuantity("CUP", 6)


def stocked(**quantities: int) -> dict[str, StockItem]:
    stock = {}
    for sku, quantity in quantities.items():
        stock[sku] = StockItem.introduce(sku)
        if quantity:
            stock[sku].receive(quantity, f"delivery of {sku}")
        given(stock[sku])
    return stock


def test_an_order_holds_everything_when_everything_is_there() -> None:
    stock = stocked(TEAPOT=3, CUP=6)

    reservation = Reservation.decide(ORDER_ID, [TEAPOT, CUPS], stock)

    (made,) = new_events(reservation)
    assert made.TOPIC == "Reservation.Made"
    assert made.lines == (ReservedLine("TEAPOT", 1, 3), ReservedLine("CUP", 6, 3))
    assert reservation.id == reservation_id(ORDER_ID)
    assert reservation.status is ReservationStatus.HELD
    assert [item.available for item in stock.values()] == [2, 0]
    assert [facts(item) for item in stock.values()] == [["Reserved"], ["Reserved"]]


def test_one_missing_product_rejects_the_whole_order_and_holds_nothing() -> None:
    stock = stocked(TEAPOT=3, CUP=5)

    reservation = Reservation.decide(ORDER_ID, [TEAPOT, CUPS], stock)

    (rejected,) = new_events(reservation)
    assert rejected.TOPIC == "Reservation.Rejected"
    assert rejected.reason == "not enough stock: CUP (asked 6, available 5)"
    assert reservation.status is ReservationStatus.REJECTED
    assert [facts(item) for item in stock.values()] == [[], []]


def test_the_reason_names_every_shortage_and_products_that_were_never_stocked() -> None:
    reservation = Reservation.decide(ORDER_ID, [TEAPOT, CUPS], stocked(CUP=0))

    assert reservation.reject_reason == (
        "not enough stock: TEAPOT (asked 1, available 0), CUP (asked 6, available 0)"
    )


def test_what_is_held_is_released_once() -> None:
    stock = stocked(TEAPOT=3, CUP=6)
    reservation = given(Reservation.decide(ORDER_ID, [TEAPOT, CUPS], stock))
    for item in stock.values():
        given(item)

    reservation.release(stock)
    reservation.release(stock)

    (released,) = new_events(reservation)
    assert released.lines == (ReservedLine("TEAPOT", 1, 4), ReservedLine("CUP", 6, 4))
    assert reservation.status is ReservationStatus.RELEASED
    assert [facts(item) for item in stock.values()] == [["Released"], ["Released"]]
    assert [item.available for item in stock.values()] == [3, 6]


def test_what_is_held_is_released_by_hand_once_and_says_why() -> None:
    stock = stocked(TEAPOT=3, CUP=6)
    reservation = given(Reservation.decide(ORDER_ID, [TEAPOT, CUPS], stock))
    for item in stock.values():
        given(item)

    reservation.release_by_hand(stock, "counted")
    reservation.release_by_hand(stock, "counted again")
    reservation.release(stock)

    (released,) = new_events(reservation)
    assert released.TOPIC == "Reservation.ReleasedByHand"
    assert released.reason == "counted"
    assert released.lines == (ReservedLine("TEAPOT", 1, 4), ReservedLine("CUP", 6, 4))
    assert reservation.status is ReservationStatus.RELEASED
    assert [item.available for item in stock.values()] == [3, 6]


def test_who_asks_for_what_was_released_by_hand_is_refused() -> None:
    stock = stocked(TEAPOT=3)
    reservation = given(Reservation.decide(ORDER_ID, [TEAPOT], stock))
    reservation.ask_again()
    assert facts(reservation) == []

    reservation.release_by_hand(stock, "counted")
    given(reservation)
    reservation.ask_again()

    (refused,) = new_events(reservation)
    assert (refused.TOPIC, refused.reason) == (
        "Reservation.Refused",
        "its stock was released by hand: counted",
    )
    assert reservation.status is ReservationStatus.RELEASED


def test_releasing_a_rejected_reservation_changes_nothing() -> None:
    stock = stocked(TEAPOT=0)
    reservation = given(Reservation.decide(ORDER_ID, [TEAPOT], stock))

    reservation.release(stock)
    reservation.release_by_hand(stock, "counted")

    assert facts(reservation) == []
    assert facts(stock["TEAPOT"]) == []


SKUS = ("TEAPOT", "CUP", "TRAY")
baskets = st.dictionaries(st.sampled_from((*SKUS, "UNKNOWN")), st.integers(1, 8), min_size=1).map(
    lambda basket: [ProductQuantity(sku, quantity) for sku, quantity in basket.items()]
)


class Shop(RuleBasedStateMachine):
    """Orders come and go, goods come in; what is reserved is what the held orders hold."""

    def __init__(self) -> None:
        super().__init__()
        self.time = FRIDAY_NOON
        self.orders = 0
        self.reservations: list[Reservation] = []
        with self.because("opening"):
            self.stock = {sku: StockItem.introduce(sku) for sku in SKUS}

    def because(self, command: str) -> AbstractContextManager[None]:
        self.time += timedelta(seconds=1)
        return because_of(Cause(self.time, "shop", command, command))

    @rule(sku=st.sampled_from(SKUS), quantity=st.integers(1, 12))
    def receive(self, sku: str, quantity: int) -> None:
        """Goods come in."""
        command = f"delivery {self.time}"
        with self.because(command):
            self.stock[sku].receive(quantity, command)

    @rule(wanted=baskets)
    def order(self, wanted: list[ProductQuantity]) -> None:
        """An order holds everything, or nothing at all."""
        self.orders += 1
        before = {sku: item.available for sku, item in self.stock.items()}
        with self.because("order"):
            reservation = Reservation.decide(UUID(int=self.orders), wanted, self.stock)
        self.reservations.append(reservation)
        is_there = all(line.quantity <= before.get(line.sku, 0) for line in wanted)
        assert (reservation.status is ReservationStatus.HELD) is is_there
        taken = {line.sku: line.quantity for line in wanted} if is_there else {}
        after = {sku: item.available for sku, item in self.stock.items()}
        assert after == {sku: available - taken.get(sku, 0) for sku, available in before.items()}

    @rule(which=st.integers(0, 50))
    def release(self, which: int) -> None:
        """Some order lets go, perhaps once more."""
        if self.reservations:
            with self.because("release"):
                self.reservations[which % len(self.reservations)].release(self.stock)

    @invariant()
    def reserved_is_what_held_orders_hold(self) -> None:
        """Nothing is oversold, nothing is left behind."""
        held = dict.fromkeys(SKUS, 0)
        for reservation in self.reservations:
            if reservation.status is ReservationStatus.HELD:
                for line in reservation.lines:
                    held[line.sku] += line.quantity
        assert {sku: item.reserved for sku, item in self.stock.items()} == held
        assert all(0 <= item.reserved <= item.on_hand for item in self.stock.values())

    def teardown(self) -> None:
        """Each reservation was decided once, and its events alone give it back."""
        for reservation in self.reservations:
            events = new_events(reservation)
            assert len(events) <= 2
            assert state(replayed(events)) == state(reservation)


Shop.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestShop = Shop.TestCase
