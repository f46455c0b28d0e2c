"""The rules about one order. They know facts alone, so that a scan and a second look judge alike."""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from domain.shared.currencies import DECIMALS

from .facts import HoldMark, OrderFacts, OrderMark, SagaMark
from .meanings import HOLDINGS
from .report import Rule

_UNDER_WAY = frozenset({SagaMark.COMPENSATING, SagaMark.WAITING})
_AGREEING = {
    OrderMark.MISSING: frozenset({SagaMark.MISSING}),
    OrderMark.CREATED: _UNDER_WAY | {SagaMark.MISSING, SagaMark.RUNNING},
    OrderMark.CONFIRMED: _UNDER_WAY | {SagaMark.COMPLETED},
    OrderMark.CANCELLED: _UNDER_WAY | {SagaMark.FAILED},
}
_ENDED = frozenset({SagaMark.COMPLETED, SagaMark.FAILED})


class Breach(NamedTuple):
    """A rule that is broken: what was expected, and what was found."""

    rule: Rule
    expected: str
    found: str


def breaches(facts: OrderFacts, *, is_at_rest: bool) -> list[Breach]:
    """The rules that an order breaks.

    `is_at_rest` says that nobody has anything to read or to repair about it. Before, it is only asked
    for what holds at every moment.
    """
    found = [*_about_the_charge(facts), *_about_a_missing_order(facts)]
    if is_at_rest:
        found += [*_about_the_end(facts), *_about_the_money(facts), *_about_what_is_held(facts)]
    return found


def _about_the_charge(facts: OrderFacts) -> Iterator[Breach]:
    if facts.charges > 1:
        yield Breach(Rule.ONE_CHARGE, "at most one charge", f"{facts.charges} charges")
    if facts.charge is None or facts.order == OrderMark.MISSING:
        return
    if (facts.charge, facts.charge_currency) != (facts.total, facts.currency):
        yield Breach(
            Rule.CHARGE_IS_TOTAL,
            f"a charge of the order's total, {money_text(facts.total, facts.currency)}",
            f"a charge of {money_text(facts.charge, facts.charge_currency)}",
        )


def _about_a_missing_order(facts: OrderFacts) -> Iterator[Breach]:
    order_is_missing = facts.order == OrderMark.MISSING
    missing = "order" if order_is_missing else "fulfilment"
    if facts.charges and facts.charge is not None and (order_is_missing or facts.saga == SagaMark.MISSING):
        paid = money_text(facts.charge, facts.charge_currency)
        yield Breach(
            Rule.PAYMENT_HAS_ORDER,
            "a payment that the fulfilment of an order asked for",
            f"{paid} charged, and there is no {missing}",
        )
    if not order_is_missing:
        return
    for holding in HOLDINGS:
        if getattr(facts, holding.fact) == HoldMark.HELD:
            expected = f"{holding.held} that is held for an order"
            yield Breach(holding.with_order, expected, f"{holding.noun} without an order")


def _about_the_end(facts: OrderFacts) -> Iterator[Breach]:
    if facts.saga not in _AGREEING[facts.order]:
        agreeing = sorted(_AGREEING[facts.order])
        yield Breach(
            Rule.SAGA_AGREES,
            f"a fulfilment that is {' or '.join(mark.name for mark in agreeing)}",
            f"the order is {facts.order.name}, its fulfilment {facts.saga.name}",
        )


def _about_the_money(facts: OrderFacts) -> Iterator[Breach]:
    if facts.saga not in _ENDED or facts.order == OrderMark.MISSING:
        return
    currency = facts.charge_currency or facts.currency
    if facts.kept != facts.owed or (facts.kept and currency != facts.currency):
        yield Breach(
            Rule.MONEY_BALANCES,
            f"{money_text(facts.owed, facts.currency)} kept of an order that is {facts.order.name}",
            f"{money_text(facts.kept, currency)} kept: {money_text(facts.captured, currency)} captured, "
            f"{money_text(facts.refunded, currency)} refunded",
        )


def _about_what_is_held(facts: OrderFacts) -> Iterator[Breach]:
    is_over = facts.saga in _ENDED and facts.order == OrderMark.CANCELLED
    needs_nothing = is_over or (facts.saga == SagaMark.FAILED and facts.order != OrderMark.MISSING)
    needs_all = (facts.order, facts.saga) == (OrderMark.CONFIRMED, SagaMark.COMPLETED)
    for holding in HOLDINGS:
        mark: HoldMark = getattr(facts, holding.fact)
        if mark == HoldMark.HELD and needs_nothing:
            yield Breach(
                holding.with_order,
                "nothing held for an order whose fulfilment has ended",
                f"{holding.noun} that is HELD; the order is {facts.order.name}, "
                f"its fulfilment {facts.saga.name}",
            )
        if mark != HoldMark.HELD and needs_all and holding.when_confirmed is not None:
            yield Breach(
                holding.when_confirmed,
                f"{holding.noun} that is HELD for a confirmed order",
                f"{holding.noun} that is {mark.name}",
            )


def money_text(minor: int, currency: str) -> str:
    """An amount in minor units for people; also one below zero."""
    return f"{decimal_text(minor, currency)} {currency}"


def decimal_text(minor: int, currency: str) -> str:
    """An amount in minor units as a decimal string; also one below zero."""
    return f"{Decimal(minor).scaleb(-DECIMALS[currency]):f}"
