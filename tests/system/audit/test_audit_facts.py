"""What the audit concludes from a handful of facts: which rules are broken, and where an order stands."""

from itertools import product

import pytest

from system.audit.facts import HoldMark, OrderFacts, OrderMark, SagaMark, Standing
from system.audit.report import Rule
from system.audit.rules import breaches, money_text

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
CANCELLED = CONFIRMED._replace(
    order=OrderMark.CANCELLED, saga=SagaMark.FAILED, refunds=1, reservation=HoldMark.RELEASED
)
PLACED = OrderFacts(order=OrderMark.CREATED, total=1000, currency="USD")


def broken(facts: OrderFacts, *, is_at_rest: bool = True) -> set[Rule]:
    """The rules that are broken."""
    return {breach.rule for breach in breaches(facts, is_at_rest=is_at_rest)}


@pytest.mark.parametrize("facts", [OrderFacts(), PLACED, CONFIRMED, CANCELLED])
def test_what_went_as_it_should_breaks_no_rule(facts: OrderFacts) -> None:
    assert broken(facts) == set()


@pytest.mark.parametrize(("order", "saga"), list(product(OrderMark, SagaMark)))
def test_order_and_fulfilment_agree_when_both_can_be_true(order: OrderMark, saga: SagaMark) -> None:
    undoing = {SagaMark.COMPENSATING, SagaMark.WAITING}
    can_be = {
        OrderMark.MISSING: {SagaMark.MISSING},
        OrderMark.CREATED: {SagaMark.MISSING, SagaMark.RUNNING} | undoing,
        OrderMark.CONFIRMED: {SagaMark.COMPLETED} | undoing,
        OrderMark.CANCELLED: {SagaMark.FAILED} | undoing,
    }
    facts = PLACED._replace(order=order, saga=saga)

    assert (Rule.SAGA_AGREES in broken(facts)) is (saga not in can_be[order])
    assert broken(facts, is_at_rest=False) == set()


def test_the_breach_says_what_could_be_true_and_what_is() -> None:
    facts = CONFIRMED._replace(saga=SagaMark.RUNNING)

    (breach,) = breaches(facts, is_at_rest=True)
    assert breach.expected == "a fulfilment that is COMPENSATING or WAITING or COMPLETED"
    assert breach.found == "the order is CONFIRMED, its fulfilment RUNNING"


@pytest.mark.parametrize("is_at_rest", [True, False])
def test_a_second_charge_is_wrong_at_every_moment_even_when_both_were_given_back(is_at_rest: bool) -> None:
    facts = CANCELLED._replace(charges=2, refunds=2)

    (breach,) = breaches(facts, is_at_rest=is_at_rest)
    assert breach == (Rule.ONE_CHARGE, "at most one charge", "2 charges")


@pytest.mark.parametrize(
    ("charge", "currency", "found"),
    [(999, "USD", "9.99 USD"), (1001, "USD", "10.01 USD"), (1000, "JPY", "1000 JPY")],
)
def test_a_charge_is_of_the_total_also_before_it_is_taken(charge: int, currency: str, found: str) -> None:
    facts = PLACED._replace(saga=SagaMark.RUNNING, charge=charge, charge_currency=currency)

    (breach,) = breaches(facts, is_at_rest=False)
    assert breach.rule == Rule.CHARGE_IS_TOTAL
    assert breach.expected == "a charge of the order's total, 10.00 USD"
    assert breach.found == f"a charge of {found}"


def test_a_charge_that_was_taken_needs_an_order_and_a_fulfilment() -> None:
    paid = OrderFacts(charge=1000, charge_currency="USD", charges=1)

    assert [one.found for one in breaches(paid, is_at_rest=False)] == [
        "10.00 USD charged, and there is no order"
    ]
    of_no_fulfilment = CONFIRMED._replace(order=OrderMark.CREATED, saga=SagaMark.MISSING)
    assert broken(of_no_fulfilment, is_at_rest=False) == {Rule.PAYMENT_HAS_ORDER}
    assert broken(paid._replace(charges=0), is_at_rest=False) == set(), "one that is asked for was not taken"


@pytest.mark.parametrize("mark", HoldMark)
def test_stock_is_held_for_an_order_that_there_is(mark: HoldMark) -> None:
    is_held = mark == HoldMark.HELD

    expected = {Rule.RESERVATION_HAS_ORDER} if is_held else set()
    assert broken(OrderFacts(reservation=mark), is_at_rest=False) == expected
    assert broken(CANCELLED._replace(reservation=mark)) == expected
    assert broken(CONFIRMED._replace(reservation=mark)) == (
        set() if is_held else {Rule.CONFIRMED_IS_RESERVED}
    )


@pytest.mark.parametrize("saga", [SagaMark.RUNNING, SagaMark.COMPENSATING, SagaMark.WAITING])
@pytest.mark.parametrize("reservation", HoldMark)
def test_while_something_is_still_to_be_done_money_and_stock_may_be_anywhere(
    saga: SagaMark, reservation: HoldMark
) -> None:
    facts = CONFIRMED._replace(order=OrderMark.CREATED, saga=saga, reservation=reservation)

    assert broken(facts) == broken(facts._replace(refunds=1)) == set()


def test_a_fulfilment_that_failed_holds_nothing_whatever_the_order_says() -> None:
    facts = CONFIRMED._replace(order=OrderMark.CREATED, saga=SagaMark.FAILED, refunds=1)

    assert broken(facts) == {Rule.SAGA_AGREES, Rule.RESERVATION_HAS_ORDER}


@pytest.mark.parametrize(
    ("facts", "expected", "found"),
    [
        (CONFIRMED._replace(charges=0), "10.00 USD", "0.00 USD kept: 0.00 USD captured, 0.00 USD refunded"),
        (CONFIRMED._replace(refunds=1), "10.00 USD", "0.00 USD kept: 10.00 USD captured, 10.00 USD refunded"),
        (CANCELLED._replace(refunds=0), "0.00 USD", "10.00 USD kept: 10.00 USD captured, 0.00 USD refunded"),
        (
            CANCELLED._replace(refunds=2),
            "0.00 USD",
            "-10.00 USD kept: 10.00 USD captured, 20.00 USD refunded",
        ),
    ],
    ids=["never charged", "given back", "kept", "given back twice"],
)
def test_at_the_end_we_keep_the_total_of_a_confirmed_order_and_nothing_else(
    facts: OrderFacts, expected: str, found: str
) -> None:
    (breach,) = breaches(facts, is_at_rest=True)

    assert breach.rule == Rule.MONEY_BALANCES
    assert breach.expected == f"{expected} kept of an order that is {facts.order.name}"
    assert breach.found == found


def test_money_of_an_order_that_was_never_charged_is_told_in_its_own_currency() -> None:
    (breach,) = breaches(CONFIRMED._replace(charge=None, charge_currency="", charges=0), is_at_rest=True)

    assert breach.found == "0.00 USD kept: 0.00 USD captured, 0.00 USD refunded"


def test_the_same_number_in_another_currency_is_not_the_same_money() -> None:
    assert Rule.MONEY_BALANCES in broken(CONFIRMED._replace(charge_currency="JPY"))


def test_what_was_given_back_in_another_currency_is_nothing_kept() -> None:
    facts = CANCELLED._replace(charge_currency="JPY")

    assert broken(facts) == {Rule.CHARGE_IS_TOTAL}


@pytest.mark.parametrize(
    ("saga", "standing"),
    [
        (SagaMark.RUNNING, Standing.IN_PROGRESS),
        (SagaMark.COMPENSATING, Standing.IN_PROGRESS),
        (SagaMark.WAITING, Standing.WAITING),
        (SagaMark.COMPLETED, Standing.SETTLED),
        (SagaMark.FAILED, Standing.SETTLED),
    ],
)
def test_an_order_stands_where_its_fulfilment_stands(saga: SagaMark, standing: Standing) -> None:
    assert CONFIRMED._replace(saga=saga).standing == standing


def test_an_order_without_a_fulfilment_is_on_its_way_unless_it_was_charged() -> None:
    assert PLACED.standing == Standing.IN_PROGRESS
    assert PLACED._replace(charge=1000, charges=1).standing == Standing.SETTLED


def test_what_was_taken_given_back_and_kept() -> None:
    facts = CONFIRMED._replace(charges=3, refunds=1)
    assert (facts.captured, facts.refunded, facts.kept, facts.owed) == (3000, 1000, 2000, 1000)

    assert facts._replace(charge=None).captured == facts._replace(charge=None).refunded == 0
    nothing = PLACED
    assert (nothing.captured, nothing.refunded, nothing.kept, nothing.owed) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (1, "USD", "0.01 USD"),
        (-1234, "EUR", "-12.34 EUR"),
        (5, "JPY", "5 JPY"),
        (10**13, "KWD", "10000000000.000 KWD"),
    ],
)
def test_amounts_have_the_decimals_of_their_currency_also_below_zero(
    minor: int, currency: str, text: str
) -> None:
    assert money_text(minor, currency) == text
