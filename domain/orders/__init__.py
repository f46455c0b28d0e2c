"""Orders: what was ordered, and whether it still stands."""

from .lines import OrderLine, check_new, priced
from .order import Order, OrderStatus
from .reference import OrderReference

__all__ = ["Order", "OrderLine", "OrderReference", "OrderStatus", "check_new", "priced"]
