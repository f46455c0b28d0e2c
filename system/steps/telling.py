"""How an event of an order is told: from its payload, the order's total, and the person who asked for it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Facts = Mapping[str, Any]
Telling = Callable[[Facts, str, str | None], str]
"""The sentence for an event, without a full stop. The person is None where it followed from another event."""

_TIMES = "\u00d7"
_LINES_TOLD = 5


def items(facts: Facts) -> str:
    """The products that an event is about."""
    return listed([pieces(line["quantity"], line["sku"]) for line in facts["lines"]])


def pieces(quantity: int, sku: str) -> str:
    """So many of a product."""
    return f"{quantity} {_TIMES} {sku}"


def listed(parts: Sequence[str]) -> str:
    """The parts with commas and an "and"; of many the first few, and how many more there are."""
    if len(parts) > _LINES_TOLD:
        parts = [*parts[: _LINES_TOLD - 1], f"{len(parts) - _LINES_TOLD + 1} more"]
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)
