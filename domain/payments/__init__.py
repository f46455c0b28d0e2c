"""Payments: one charge an order, and its refund."""

from .payment import Payment, PaymentStatus
from .trouble import Trouble

__all__ = ["Payment", "PaymentStatus", "Trouble"]
