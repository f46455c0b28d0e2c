"""Orders: what was ordered, and whether it still stands."""

from .lines import OrderLine
from .order import Order, OrderStatus

__all__ = ["Order", "OrderLine", "OrderStatus"]
