"""Payments: one charge an order, and its refund."""

from .payment import Payment, PaymentStatus

__all__ = ["Payment", "PaymentStatus"]
