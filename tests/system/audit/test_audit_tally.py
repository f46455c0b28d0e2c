"""Everything is entered, counted and summed up, and the first of each kind are named."""

from uuid import UUID

from domain.shared.ids import payment_id
from system.audit.books import Books
from system.audit.facts import HoldMark, OrderFacts, OrderMark, SagaMark, Standing
from system.audit.report import MAX_LISTED, Offender, Rule
from system.audit.tally import Findings, Tally

ADA, BOB, EVE = UUID(int=1), UUID(int=2), UUID(int=3)
CONFIRMED = OrderFacts(
    order=OrderMark.CONFIRMED,
    total=1000,
    currency="USD",
    saga=SagaMark.COMPLETED,
    charge=1000,
    charge_currency="USD",
    charges=1,
    reservation=HoldMark.HELD,
)


def test_each_offender_counts_under_its_rule() -> None:
    findings = Findings()
    for rule in (Rule.ONE_CHARGE, Rule.MONEY_BALANCES, Rule.ONE_CHARGE, Rule.ONE_CHARGE):
        findings.add(Offender(rule, "an order", None, "", ""))

    counted = {result.rule: result.offenders for result in findings.by_rule() if result.offenders}
    assert counted == {Rule.ONE_CHARGE: 3, Rule.MONEY_BALANCES: 1}
    assert findings.found == 4
    assert [result.rule for result in findings.by_rule()] == list(Rule)


def test_of_too_many_offenders_the_first_are_named_and_all_are_counted() -> None:
    findings = Findings()
    for number in range(MAX_LISTED + 3):
        findings.add(Offender(Rule.ONE_CHARGE, str(number), None, "", ""))

    assert [one.order_id for one in findings.offenders] == [str(number) for number in range(MAX_LISTED)]
    assert findings.found == MAX_LISTED + 3


def test_of_too_many_orders_that_wait_the_first_are_named_and_all_are_counted() -> None:
    tally = Tally()
    tally.add("settled", CONFIRMED, Standing.SETTLED)
    tally.add("on its way", CONFIRMED, Standing.IN_PROGRESS)
    for number in range(MAX_LISTED + 3):
        tally.add(number, CONFIRMED, Standing.WAITING)

    assert tally.waiting == [str(number) for number in range(MAX_LISTED)]
    assert tally.in_progress_and_waiting() == (1, MAX_LISTED + 3)
    assert tally.orders == tally.payments == tally.reservations == MAX_LISTED + 5


def test_what_is_not_settled_is_held_and_not_owed() -> None:
    tally = Tally()
    tally.add(1, CONFIRMED, Standing.SETTLED)
    tally.add(2, CONFIRMED, Standing.SETTLED)
    tally.add(3, CONFIRMED, Standing.IN_PROGRESS)
    tally.add(4, CONFIRMED._replace(refunds=1), Standing.WAITING)
    tally.add(5, CONFIRMED._replace(charges=2), Standing.WAITING)

    (dollars,) = tally.money()
    assert (dollars.captured, dollars.refunded) == ("60.00", "10.00")
    assert (dollars.owed, dollars.held_in_progress, dollars.held_waiting) == ("20.00", "10.00", "20.00")
    assert dollars.difference == "0.00"


def test_each_currency_has_sums_of_its_own_in_its_own_decimals() -> None:
    tally = Tally()
    tally.add(1, CONFIRMED, Standing.SETTLED)
    tally.add(2, CONFIRMED._replace(currency="JPY", charge_currency="JPY"), Standing.SETTLED)
    tally.add(3, CONFIRMED._replace(charge_currency="JPY"), Standing.SETTLED)

    yen, dollars = tally.money()
    assert (yen.currency, yen.captured, yen.owed, yen.difference) == ("JPY", "2000", "1000", "1000")
    assert (dollars.captured, dollars.owed, dollars.difference) == ("10.00", "20.00", "-10.00")


def test_money_of_an_order_that_is_missing_is_a_difference_and_nothing_held() -> None:
    tally = Tally()
    tally.add(1, CONFIRMED._replace(order=OrderMark.MISSING), Standing.IN_PROGRESS)

    (dollars,) = tally.money()
    assert (tally.orders, tally.payments) == (0, 1)
    assert tally.in_progress_and_waiting() == (0, 0)
    assert (dollars.held_in_progress, dollars.difference) == ("0.00", "10.00")


def test_each_order_has_a_row_of_its_own() -> None:
    books = Books()
    rows = [books.open(ADA, 1000, "USD"), books.open(BOB, 500, "JPY"), books.open(EVE, 7, "USD")]
    books.order[1], books.saga[1] = OrderMark.CONFIRMED, SagaMark.COMPLETED
    books.ask_charge(1, 500, "JPY")
    books.count_charge(1)
    books.holds["reservation"][1] = HoldMark.HELD
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
        reservation=HoldMark.HELD,
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
