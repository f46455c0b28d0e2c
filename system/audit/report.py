"""What an audit found: totals, and each offender by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

MAX_LISTED = 1000
"""How many offenders, and how many orders that wait for a person, a report names. All are counted."""


class Rule(StrEnum):
    """The rules of conservation. What each one demands is in `PROMISES`."""

    ONE_CHARGE = "one_charge"
    CHARGE_IS_TOTAL = "charge_is_total"
    MONEY_BALANCES = "money_balances"
    PAYMENT_HAS_ORDER = "payment_has_order"
    RESERVATION_HAS_ORDER = "reservation_has_order"
    CONFIRMED_IS_RESERVED = "confirmed_is_reserved"
    SAGA_AGREES = "saga_agrees"
    ON_HAND_IS_RECEIVED = "on_hand_is_received"
    RESERVED_IS_HELD = "reserved_is_held"
    STOCK_NOT_NEGATIVE = "stock_not_negative"
    STOCK_ADDS_UP = "stock_adds_up"
    READABLE = "readable"


PROMISES: Mapping[Rule, str] = {
    Rule.ONE_CHARGE: "an order is charged at most once",
    Rule.CHARGE_IS_TOTAL: "what is charged is the total of the order",
    Rule.MONEY_BALANCES: "captured - refunded is the total of a confirmed order, zero of a cancelled one",
    Rule.PAYMENT_HAS_ORDER: "a completed payment belongs to an order whose fulfilment asked for it",
    Rule.RESERVATION_HAS_ORDER: "a reservation that is held belongs to a living order",
    Rule.CONFIRMED_IS_RESERVED: "a confirmed order holds its reservation",
    Rule.SAGA_AGREES: "a fulfilment is COMPLETED when its order is CONFIRMED, FAILED when it is CANCELLED",
    Rule.ON_HAND_IS_RECEIVED: "on hand is the sum of the receipts, as corrected",
    Rule.RESERVED_IS_HELD: "reserved is the sum of the reservations that are held",
    Rule.STOCK_NOT_NEGATIVE: "neither on hand, nor reserved, nor available is ever below zero",
    Rule.STOCK_ADDS_UP: "every balance in the events is the one before it and the change",
    Rule.READABLE: "the events can be read",
}


@dataclass(frozen=True)
class Offender:
    """An order or a product that breaks a rule, with what was expected and found, in words."""

    rule: Rule
    order_id: str | None
    sku: str | None
    expected: str
    found: str


@dataclass(frozen=True)
class RuleResult:
    """How many break a rule."""

    rule: Rule
    promise: str
    offenders: int


@dataclass(frozen=True)
class MoneyTotals:
    """The money of all orders in one currency, as decimal strings.

    `difference` is captured - refunded - owed - held; it is zero unless a rule about money is broken.
    """

    currency: str
    captured: str
    refunded: str
    owed: str
    held_in_progress: str
    held_waiting: str
    difference: str


@dataclass(frozen=True)
class StockTotals:
    """The stock of all products. `held` is the sum of the reservations that are held, and `received`
    that of the receipts, as corrected."""

    on_hand: int
    available: int
    reserved: int
    received: int
    held: int


@dataclass(frozen=True)
class AuditReport:
    """An audit. `positions` is up to where each log was read, and `seconds` how long it took.

    `examined_again` counts orders that were looked at closely: those that seemed wrong in the scan. `stock`
    is None when only one order was audited.
    """

    is_clean: bool
    seconds: float
    positions: Mapping[str, int]
    events: int
    orders: int
    orders_in_progress: int
    orders_waiting: int
    payments: int
    reservations: int
    products: int
    examined_again: int
    money: tuple[MoneyTotals, ...]
    stock: StockTotals | None
    rules: tuple[RuleResult, ...]
    offenders_found: int
    offenders: tuple[Offender, ...]
    waiting: tuple[str, ...]
