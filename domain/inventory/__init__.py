"""Inventory: what is on hand, what is reserved, and for which order."""

from .reservation import Reservation, ReservationStatus, ReservedLine
from .stock_item import StockItem
from .supply import Supply, supply_id

__all__ = ["Reservation", "ReservationStatus", "ReservedLine", "StockItem", "Supply", "supply_id"]
