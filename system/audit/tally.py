"""Adds up what was found about each order."""

from collections import Counter, defaultdict

from .facts import HoldMark, OrderFacts, OrderMark, Standing
from .report import MAX_LISTED, PROMISES, MoneyTotals, Offender, Rule, RuleResult
from .rules import decimal_text


class Tally:
    """Counts and sums. Amounts are in minor units, by currency."""

    def __init__(self) -> None:
        self.orders = 0
        self.payments = 0
        self.reservations = 0
        self._standings: Counter[Standing] = Counter()
        self.waiting: list[str] = []
        self._sums: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, order_id: object, facts: OrderFacts, standing: Standing) -> None:
        """Count an order. `order_id` is only asked for its text, when it waits for a person."""
        if facts.order != OrderMark.MISSING:
            self.orders += 1
            self._standings[standing] += 1
            if standing == Standing.WAITING and len(self.waiting) < MAX_LISTED:
                self.waiting.append(str(order_id))
            self._sums[facts.currency]["owed"] += facts.owed if standing == Standing.SETTLED else 0
        self.reservations += facts.reservation != HoldMark.MISSING
        if facts.charge is None:
            return
        self.payments += 1
        sums = self._sums[facts.charge_currency]
        sums["captured"] += facts.captured
        sums["refunded"] += facts.refunded
        if standing != Standing.SETTLED and facts.order != OrderMark.MISSING:
            sums["waiting" if standing == Standing.WAITING else "in progress"] += facts.kept

    def in_progress_and_waiting(self) -> tuple[int, int]:
        """How many orders are in progress, and how many wait for a person."""
        return self._standings[Standing.IN_PROGRESS], self._standings[Standing.WAITING]

    def money(self) -> tuple[MoneyTotals, ...]:
        """The totals of each currency."""
        return tuple(_totals(currency, sums) for currency, sums in sorted(self._sums.items()))


def _totals(currency: str, sums: Counter[str]) -> MoneyTotals:
    held = sums["in progress"] + sums["waiting"]
    amounts = (
        sums["captured"],
        sums["refunded"],
        sums["owed"],
        sums["in progress"],
        sums["waiting"],
        sums["captured"] - sums["refunded"] - sums["owed"] - held,
    )
    return MoneyTotals(currency, *(decimal_text(amount, currency) for amount in amounts))


class Findings:
    """The offenders: all are counted, the first of them are named."""

    def __init__(self) -> None:
        self.found = 0
        self.offenders: list[Offender] = []
        self._by_rule: Counter[Rule] = Counter()

    def add(self, offender: Offender) -> None:
        """One more."""
        self.found += 1
        self._by_rule[offender.rule] += 1
        if len(self.offenders) < MAX_LISTED:
            self.offenders.append(offender)

    def by_rule(self) -> tuple[RuleResult, ...]:
        """How many there are of each rule."""
        return tuple(RuleResult(rule, PROMISES[rule], self._by_rule[rule]) for rule in Rule)
