"""Money is exact, has a currency, and never more decimals than that currency."""

from decimal import Decimal

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from domain.shared.currencies import DECIMALS
from domain.shared.money import MAX_MAJOR_UNITS, InvalidAmount, Money, UnknownCurrency, check_new_currency

currencies = st.sampled_from(sorted(DECIMALS))


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("5", "USD", "5.00 USD"),
        ("5.1", "EUR", "5.10 EUR"),
        ("1E+3", "JPY", "1000 JPY"),
        ("0.125", "KWD", "0.125 KWD"),
        ("19.9900", "USD", "19.99 USD"),
        ("-0", "USD", "0.00 USD"),
        ("0E-999999", "USD", "0.00 USD"),
        ("999999999999.99", "USD", "999999999999.99 USD"),
    ],
)
def test_an_amount_has_exactly_the_decimals_of_its_currency(amount: str, currency: str, text: str) -> None:
    assert str(Money(Decimal(amount), currency)) == text


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("0.001", "USD"),
        ("0.5", "JPY"),
        ("1.0000000000000000000000000000000000001", "USD"),
        ("-0.01", "USD"),
        ("NaN", "USD"),
        ("sNaN", "USD"),
        ("Infinity", "USD"),
        ("-Infinity", "USD"),
        ("1000000000000", "USD"),
        ("1E+999999", "USD"),
        ("1E-999999", "USD"),
    ],
)
def test_an_amount_that_money_cannot_have_is_refused(amount: str, currency: str) -> None:
    with pytest.raises(InvalidAmount):
        Money(Decimal(amount), currency)


@pytest.mark.parametrize("code", ["USD", "XCG", "ZWG", "SLE", "JPY", "KWD"])
def test_new_orders_are_in_money_of_today(code: str) -> None:
    assert check_new_currency(code) == code


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("ANG", "ANG was replaced by XCG on 2025-03-31"),
        ("BGN", "BGN was replaced by EUR on 2026-01-01"),
        ("HRK", "HRK was replaced by EUR on 2023-01-01"),
        ("ZWL", "ZWL was replaced by ZWG on 2024-06-25"),
        ("CLF", "CLF is a unit of account or a fund"),
        ("XDR", "XDR is a unit of account or a fund"),
        ("XAU", "XAU is a metal"),
        ("XBA", "XBA is a bond market unit"),
        ("XTS", "XTS is kept for tests"),
        ("XXX", "XXX means that there is no currency"),
        ("USX", "'USX' is not an active ISO 4217 currency code"),
    ],
)
def test_what_nobody_pays_with_is_refused_with_the_reason(code: str, why: str) -> None:
    with pytest.raises(UnknownCurrency, match=why) as refused:
        check_new_currency(code)
    assert refused.value.field == "/currency"


@pytest.mark.parametrize("code", ["ANG", "BGN"])
def test_money_of_old_orders_stays_readable(code: str) -> None:
    assert str(Money(Decimal("5"), code) + Money(Decimal("0.05"), code)) == f"5.05 {code}"


@pytest.mark.parametrize("code", ["", "usd", "USX", "XXX", "XAU", "US", "USD "])
def test_a_currency_is_an_active_iso_code(code: str) -> None:
    with pytest.raises(UnknownCurrency) as refused:
        Money(Decimal(1), code)

    assert refused.value.field == "/currency"


def test_equal_money_is_equal_however_it_was_written() -> None:
    assert Money(Decimal("5"), "USD") == Money(Decimal("5.00"), "USD")
    assert len({Money(Decimal("5"), "USD"), Money(Decimal("5.00"), "USD")}) == 1
    assert Money(Decimal("5"), "USD") != Money(Decimal("5"), "EUR")


def test_dollars_and_yen_cannot_be_added() -> None:
    with pytest.raises(InvalidAmount, match="cannot add JPY to USD"):
        Money(Decimal(1), "USD") + Money(Decimal(1), "JPY")


def test_a_sum_stays_below_the_limit() -> None:
    with pytest.raises(InvalidAmount):
        Money(MAX_MAJOR_UNITS - 1, "USD").times(2)


@settings(max_examples=100, deadline=None)
@forall(minor=st.integers(0, 10**14), currency=currencies)
def test_minor_units_say_the_same_as_the_amount(minor: int, currency: str) -> None:
    if Decimal(minor).scaleb(-DECIMALS[currency]) >= MAX_MAJOR_UNITS:
        with pytest.raises(InvalidAmount):
            Money.of_minor(minor, currency)
        return
    money = Money.of_minor(minor, currency)

    assert money.minor == minor
    assert Money(Decimal(str(money.amount)), currency) == money
    assert money.amount.as_tuple().exponent == -DECIMALS[currency]


@settings(max_examples=100, deadline=None)
@forall(a=st.integers(0, 10**9), b=st.integers(0, 10**9), n=st.integers(0, 1000), currency=currencies)
def test_arithmetic_is_that_of_whole_minor_units(a: int, b: int, n: int, currency: str) -> None:
    one, other = Money.of_minor(a, currency), Money.of_minor(b, currency)

    assert (one + other).minor == a + b
    assert one.times(n).minor == a * n
    assert one + Money.zero(currency) == one
