"""Ports: what the applications need from the outside world."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol


class GatewayError(Exception):
    """The provider failed, and surely neither charged nor refunded. Another attempt may succeed."""


class GatewayRefusal(Exception):
    """The provider refuses for good, and surely neither charged nor refunded. No attempt will succeed."""


class GatewayTimeout(Exception):
    """The provider did not answer in time: it may or may not have done what was asked."""


class ChargeDeclined(GatewayRefusal):
    """The provider refuses the charge for good. The message is its reason."""


@dataclass(frozen=True)
class ChargeRequest:
    """A charge, under a key: the same key is the same charge, however often it is asked for."""

    key: str
    payment_method: str
    amount: Decimal
    currency: str


@dataclass(frozen=True)
class RefundRequest:
    """A full refund of an earlier charge, under a key as well."""

    key: str
    reference: str
    payment_method: str
    amount: Decimal
    currency: str


class PaymentGateway(Protocol):
    """A payment provider. Calls may take long and are never made inside a transaction."""

    def charge(self, request: ChargeRequest) -> str:
        """Charge, and return the provider's reference.

        Raises `ChargeDeclined`, `GatewayError` or `GatewayTimeout`.
        """
        ...

    def call_off(self, request: ChargeRequest) -> str | None:
        """Make sure that nothing will be charged under this key; the reference when it was already.

        Raises `GatewayError` or `GatewayTimeout`: then nothing is sure yet.
        """
        ...

    def refund(self, request: RefundRequest) -> None:
        """Refund, or raise `GatewayRefusal`, `GatewayError` or `GatewayTimeout`."""
        ...
