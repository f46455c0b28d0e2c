"""The books of a scan give back what was entered, whatever else was entered beside it."""

from uuid import UUID

from domain.shared.ids import payment_id
from system.operations.audit.books import Books
from system.operations.audit.facts import OrderFacts, OrderMark, ReservationMark, SagaMark

ADA, BOB, EVE = UUID(int=1), UUID(int=2), UUID(int=3)


def test_each_order_has_a_row_of_its_own() -> None:
    books = Books()
    rows = [books.open(ADA, 1000, "USD"), books.open(BOB, 500, "JPY"), books.open(EVE, 7, "USD")]
    books.order[1], books.saga[1] = OrderMark.CONFIRMED, SagaMark.COMPLETED
    books.ask_charge(1, 500, "JPY")
    books.count_charge(1)
    books.reservation[1] = ReservationMark.HELD
    books.ask_charge(2, 8, "EUR")
    books.count_refund(2)

    assert rows == list(books) == [0, 1, 2]
    assert [books.order_id(row) for row in books] == [ADA, BOB, EVE]
    assert books.facts(0) == OrderFacts(total=1000, currency="USD")
    assert books.facts(1) == OrderFacts(
        order=OrderMark.CONFIRMED,
        total=500,
        currency="JPY",
        saga=SagaMark.COMPLETED,
        charge=500,
        charge_currency="JPY",
        charges=1,
        reservation=ReservationMark.HELD,
    )
    assert books.facts(2) == OrderFacts(total=7, currency="USD", charge=8, charge_currency="EUR", refunds=1)


def test_charges_and_refunds_are_counted_as_often_as_they_happened() -> None:
    books = Books()
    row = books.open(ADA, 1000, "USD")
    books.ask_charge(row, 1000, "USD")
    for _ in range(3):
        books.count_charge(row)
    for _ in range(2):
        books.count_refund(row)

    assert (books.facts(row).charges, books.facts(row).refunds) == (3, 2)


def test_what_happened_far_too_often_is_still_far_too_often() -> None:
    books = Books()
    row = books.open(ADA, 1000, "USD")
    for _ in range(300):
        books.count_charge(row)
        books.count_refund(row)

    assert (books.facts(row).charges, books.facts(row).refunds) == (255, 255)


def test_a_row_is_found_by_the_id_of_another_stream_of_its_order() -> None:
    books = Books()
    for order_id in (ADA, BOB):
        books.open(order_id, 1000, "USD")

    assert books.streams(payment_id) == {payment_id(ADA).int: 0, payment_id(BOB).int: 1}
    assert books.streams(lambda order_id: order_id) == {ADA.int: 0, BOB.int: 1}
