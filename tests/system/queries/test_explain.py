"""The story of an order, word by word, for each of its possible ends and where it may stand between."""

from uuid import UUID, uuid4

import pytest

from application.errors import NotFound
from domain.payments import Payment
from domain.shared.aggregates import EVENT_TYPES
from domain.shared.ids import payment_id
from system.queries.explain import TOLD, UNTOLD, explain
from tests.support.clocks import StandingClock
from tests.support.running_shop import Shop
from tests.support.ways import ByHand


@pytest.fixture
def tell(shop: Shop) -> "Storyteller":
    return Storyteller(shop)


class Storyteller:
    """Tells the story of an order; the reference of a charge is shortened to ``ch_..``."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def __call__(self, order: UUID) -> list[str]:
        reference = f"ch_{self._reference(order)}"
        return [
            sentence.replace(reference, "ch_..")
            for sentence in explain(self._shop.orderwright, order).sentences
        ]

    def _reference(self, order: UUID) -> str:
        payment = self._shop.orderwright.payments.find(Payment, payment_id(order))
        return (payment.reference or "ch_").removeprefix("ch_") if payment else ""


ORDERED = (
    "On 17 May 2024 at 12:00:00 UTC customer ada ordered 2 × CD-X1 at 11.77, for 23.54 USD, "
    "to be paid with {} (entered by ada)."
)
CHARGED = "At 12:00:00 UTC the payment provider charged 23.54 USD at attempt 1 (its ch_..)."
RESERVED = "At 12:00:00 UTC the inventory reserved 2 × CD-X1."
SHORT = "not enough stock: CD-X1 (asked 2, available 1)"
CONFIRMED = "Now the order is confirmed, 23.54 USD are paid and its stock is reserved; it waits for nothing."
REFUNDED = "Now the order is cancelled, 23.54 USD are refunded and nothing is reserved; it waits for nothing."


def an_order(shop: Shop, pays: str = "pm_ok", *, in_stock: int = 10) -> UUID:
    shop.receive("CD-X1", in_stock)
    return shop.order(("CD-X1", 2, "11.77"), pays=pays)


def test_an_order_that_goes_well(shop: Shop, tell: Storyteller) -> None:
    order = an_order(shop)
    shop.settle()
    assert tell(order) == [
        ORDERED.format("pm_ok"),
        CHARGED,
        RESERVED,
        "At 12:00:00 UTC the order was confirmed.",
        CONFIRMED,
    ]


def test_a_declined_payment(shop: Shop, tell: Storyteller) -> None:
    order = an_order(shop, "pm_declined")
    shop.settle()
    assert tell(order) == [
        ORDERED.format("pm_declined"),
        "At 12:00:00 UTC the payment provider declined to charge 23.54 USD: the card was declined.",
        "At 12:00:00 UTC the order was cancelled: payment declined: the card was declined.",
        "Now the order is cancelled, nothing was charged and nothing is reserved; it waits for nothing.",
    ]


def test_a_payment_that_fails_once(shop: Shop, tell: Storyteller) -> None:
    order = an_order(shop, "pm_error_once")
    shop.settle()
    assert tell(order) == [
        ORDERED.format("pm_error_once"),
        (
            "At 12:00:00 UTC the payment provider failed at attempt 1 without charging "
            "(the provider is temporarily unavailable), so it had to be asked again."
        ),
        "At 12:01:00 UTC the payment provider charged 23.54 USD at attempt 2 (its ch_..).",
        "At 12:01:00 UTC the inventory reserved 2 × CD-X1.",
        "At 12:01:00 UTC the order was confirmed.",
        CONFIRMED,
    ]


def test_a_payment_that_times_out(shop: Shop, tell: Storyteller) -> None:
    order = an_order(shop, "pm_timeout")
    shop.settle()
    assert tell(order)[1] == (
        "At 12:00:00 UTC the payment provider did not answer at attempt 1 (the provider did not answer in "
        "time): it may have charged or not, so it had to be asked again about the same charge."
    )
    assert tell(order)[-1] == CONFIRMED


def test_too_little_stock(shop: Shop, tell: Storyteller) -> None:
    order = an_order(shop, in_stock=1)
    shop.settle()
    assert tell(order) == [
        ORDERED.format("pm_ok"),
        CHARGED,
        f"At 12:00:00 UTC the inventory reserved nothing: {SHORT}.",
        "At 12:00:00 UTC a refund of 23.54 USD was asked for.",
        "At 12:00:00 UTC the payment provider refunded 23.54 USD at attempt 1.",
        f"At 12:00:00 UTC the order was cancelled: {SHORT}.",
        REFUNDED,
    ]


def test_a_refund_that_fails_once(shop: Shop, tell: Storyteller) -> None:
    order = an_order(shop, "pm_refund_fails_once", in_stock=1)
    shop.settle()
    assert tell(order)[4:] == [
        (
            "At 12:00:00 UTC attempt 1 to refund failed (the provider is temporarily unavailable), "
            "so it had to be tried again."
        ),
        "At 12:01:00 UTC the payment provider refunded 23.54 USD at attempt 2.",
        f"At 12:01:00 UTC the order was cancelled: {SHORT}.",
        REFUNDED,
    ]


def test_a_refund_that_fails_for_good_waits_for_a_person(shop: Shop, tell: Storyteller) -> None:
    order = an_order(shop, "pm_refund_fails", in_stock=1)
    shop.settle()
    assert tell(order)[7:] == [
        (
            "At 12:03:00 UTC attempt 4 to refund failed (the provider refuses refunds), "
            "so it had to be tried again."
        ),
        "At 12:04:00 UTC attempt 5 to refund failed (the provider refuses refunds), and it was the last.",
        (
            "Now the order is created, and waits for a person: "
            "the refund of 23.54 USD failed 5 times (the provider refuses refunds)."
        ),
    ]


def test_a_customer_who_cancels_a_confirmed_order_a_day_later(
    shop: Shop, tell: Storyteller, clock: StandingClock
) -> None:
    order = an_order(shop)
    shop.settle()
    clock.put_forward(24 * 3600)
    shop.cancel(order, "found it cheaper")
    assert tell(order)[4:] == [
        "On 18 May 2024 at 12:00:00 UTC ada cancelled the order: found it cheaper.",
        "Now the order is cancelled, and waits for its fulfilment to take notice of that.",
    ]
    shop.settle()
    assert tell(order)[5:] == [
        "At 12:00:00 UTC the inventory released 2 × CD-X1.",
        "At 12:00:00 UTC a refund of 23.54 USD was asked for.",
        "At 12:00:00 UTC the payment provider refunded 23.54 USD at attempt 1.",
        REFUNDED,
    ]


def test_what_an_order_waits_for_on_its_way(
    shop: Shop, tell: Storyteller, by_hand: ByHand, clock: StandingClock
) -> None:
    order = an_order(shop, "pm_error_once")
    assert tell(order)[-1] == "Now the order is created, and waits for its fulfilment to begin."

    by_hand.advance("OrderFulfilment")
    charge = "Now the order is created, and waits for the payment provider to charge 23.54 USD (attempt {})."
    assert tell(order)[-1] == charge.format(1)

    by_hand.level()
    by_hand.call_gateway()
    by_hand.advance("OrderFulfilment")
    assert tell(order)[-1] == charge.format(2)

    by_hand.level()
    clock.put_forward(60)
    by_hand.call_gateway()
    by_hand.advance("OrderFulfilment")
    assert tell(order)[-1] == "Now the order is created, and waits for the inventory to reserve its stock."

    by_hand.advance("Inventory")
    by_hand.advance("OrderFulfilment")
    assert tell(order)[-1] == "Now the order is created, and waits for its confirmation."


def test_what_a_cancelled_order_waits_for_on_its_way_back(
    shop: Shop, tell: Storyteller, by_hand: ByHand
) -> None:
    order = an_order(shop)
    shop.settle()
    shop.cancel(order)
    by_hand.advance("OrderFulfilment")
    assert tell(order)[-1] == "Now the order is cancelled, and waits for the inventory to release its stock."

    by_hand.advance("Inventory")
    by_hand.advance("OrderFulfilment")
    assert tell(order)[-1] == (
        "Now the order is cancelled, and waits for the payment provider to refund 23.54 USD (attempt 1)."
    )


def test_a_parked_event_is_told_and_waits_for_a_person(
    shop: Shop,
    tell: Storyteller,
    by_hand: ByHand,
    clock: StandingClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order = an_order(shop)

    def break_down(*_: object) -> None:
        raise ValueError("the shelves are gone")

    monkeypatch.setattr(shop.orderwright.inventory, "reserve", break_down)
    by_hand.level()
    by_hand.call_gateway()
    clock.put_forward(1)
    shop.settle()
    assert tell(order)[2:] == [
        (
            "At 12:00:01 UTC Fulfilment.ReservationRequested at position 4 of OrderFulfilment was parked "
            "after 3 attempts to process it (ValueError: the shelves are gone)."
        ),
        (
            "Now the order is created, and waits for a person: Inventory has parked "
            "Fulfilment.ReservationRequested at position 4 of OrderFulfilment."
        ),
    ]


def test_an_order_with_many_lines_that_a_shop_had_taken_is_told_briefly(
    shop: Shop, tell: Storyteller
) -> None:
    order = shop.order(*[(f"CD-{n}", n, "1.00") for n in range(1, 8)], ref="r-7")
    assert tell(order)[0] == (
        "On 17 May 2024 at 12:00:00 UTC customer ada ordered 1 × CD-1 at 1.00, 2 × CD-2 at 1.00, "
        "3 × CD-3 at 1.00, 4 × CD-4 at 1.00 and 3 more, for 28.00 USD, to be paid with pm_ok, "
        "under the reference r-7 (entered by ada)."
    )


def test_an_order_that_does_not_exist_has_no_story(shop: Shop) -> None:
    with pytest.raises(NotFound):
        explain(shop.orderwright, uuid4())


def test_every_kind_of_event_is_told_or_left_out_on_purpose() -> None:
    rings = ("domain", "system")
    ours = {topic for topic, event in EVENT_TYPES.items() if event.__module__.split(".")[0] in rings}
    assert ours - TOLD.keys() - UNTOLD == set()
    assert TOLD.keys() & UNTOLD == set()
