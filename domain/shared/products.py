"""How products are named and counted, in every context."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import InvalidValue

MAX_QUANTITY = 1_000_000
SKU_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._/:-]{0,63}"
_SKU = re.compile(SKU_PATTERN)
_TAKEN_FOR_ANOTHER = frozenset({".", ".."})


class InvalidSku(InvalidValue):
    """A SKU has 1 to 64 letters, digits and ``. _ / : -``, and starts with a letter or digit. No part
    between its slashes is ``.`` or ``..``."""

    code = "invalid_sku"


class InvalidQuantity(InvalidValue):
    """A quantity is a whole number from 1 to 1,000,000."""

    code = "invalid_quantity"


def check_sku(sku: str) -> str:
    """Return the SKU when it is well formed, as it ever was allowed to be, else raise `InvalidSku`."""
    if not _SKU.fullmatch(sku):
        raise InvalidSku(
            f"{sku!r} is not a SKU: 1 to 64 letters, digits and . _ / : - that start with a letter or digit",
            field="/sku",
        )
    return sku


def check_new_sku(sku: str) -> str:
    """Return the SKU when something new may be recorded about it, else raise `InvalidSku`.

    Clients take ``A/../B`` for ``B`` in an address, and would book on another product. Such SKUs stay
    readable where they were taken before.
    """
    if not set(check_sku(sku).split("/")).isdisjoint(_TAKEN_FOR_ANOTHER):
        raise InvalidSku(
            f"{sku!r} is not a SKU: in an address it would be taken for another one; no part between slashes "
            "is . or ..",
            field="/sku",
        )
    return sku


def check_quantity(quantity: int, *, least: int = 1) -> int:
    """Return the quantity when it is within the limits, else raise `InvalidQuantity`."""
    if not least <= quantity <= MAX_QUANTITY:
        raise InvalidQuantity(
            f"a quantity is a whole number from {least} to {MAX_QUANTITY}", field="/quantity"
        )
    return quantity


@dataclass(frozen=True)
class ProductQuantity:
    """So many of one product, at least one. There is no upper limit: it can be the sum of many lines."""

    sku: str
    quantity: int

    def __post_init__(self) -> None:
        check_sku(self.sku)
        if self.quantity < 1:
            raise InvalidQuantity(f"{self.quantity} of {self.sku} is not a quantity", field="/quantity")


def per_product(lines: Iterable[tuple[str, int]]) -> tuple[ProductQuantity, ...]:
    """Add up the quantities of each SKU, in the order in which the SKUs first appear."""
    sums: dict[str, int] = {}
    for sku, quantity in lines:
        sums[sku] = sums.get(sku, 0) + quantity
    return tuple(ProductQuantity(sku, quantity) for sku, quantity in sums.items())
