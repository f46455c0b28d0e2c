"""Orders: what was ordered, and whether it still stands."""

from .order import Order, OrderLine, OrderStatus

__all__ = ["Order", "OrderLine", "OrderStatus"]
