"""A payment provider for development and tests, which decides by the payment method.

============================  ==========================================================
``pm_ok``                     charges, refunds
``pm_declined``               declines
``pm_error_once``             fails at the first attempt without charging, then charges
``pm_timeout``                charges, but does not answer the first call with a key
``pm_refund_fails``           charges; every refund fails
``pm_refund_fails_once``      charges; the first refund fails
============================  ==========================================================

Any other payment method is declined as unknown. The same key gives the same answer, always.
"""

import threading
import time
from uuid import NAMESPACE_URL, uuid5

from application.ports import ChargeDeclined, ChargeRequest, GatewayError, GatewayTimeout, RefundRequest

PAYMENT_METHODS = (
    "pm_ok",
    "pm_declined",
    "pm_error_once",
    "pm_timeout",
    "pm_refund_fails",
    "pm_refund_fails_once",
)


class SimulatedGateway:
    """Keeps the charges and refunds it made, each once a key. Safe to call from many threads."""

    def __init__(self, latency_seconds: float = 0.0) -> None:
        self._latency_seconds = latency_seconds
        self._lock = threading.Lock()
        self.charges: dict[str, ChargeRequest] = {}
        self.called_off: set[str] = set()
        self.refunds: dict[str, RefundRequest] = {}

    def charge(self, request: ChargeRequest) -> str:
        """See `PaymentGateway.charge`."""
        self._take_time()
        if request.payment_method == "pm_declined":
            raise ChargeDeclined("the card was declined")
        if request.payment_method not in PAYMENT_METHODS:
            raise ChargeDeclined(f"unknown payment method {request.payment_method!r}")
        if request.payment_method == "pm_error_once" and _attempt(request.key) == 1:
            raise GatewayError("the provider is temporarily unavailable")
        with self._lock:
            if request.key in self.called_off:
                raise ChargeDeclined("the charge was called off")
            is_first_call = request.key not in self.charges
            self.charges[request.key] = request
        if request.payment_method == "pm_timeout" and is_first_call:
            raise GatewayTimeout("the provider did not answer in time")
        return _reference(request.key)

    def call_off(self, request: ChargeRequest) -> str | None:
        """See `PaymentGateway.call_off`."""
        self._take_time()
        with self._lock:
            if request.key in self.charges:
                return _reference(request.key)
            self.called_off.add(request.key)
            return None

    def refund(self, request: RefundRequest) -> None:
        """See `PaymentGateway.refund`."""
        self._take_time()
        if request.payment_method == "pm_refund_fails":
            raise GatewayError("the provider refuses refunds")
        if request.payment_method == "pm_refund_fails_once" and _attempt(request.key) == 1:
            raise GatewayError("the provider is temporarily unavailable")
        with self._lock:
            self.refunds[request.key] = request

    def _take_time(self) -> None:
        if self._latency_seconds:
            time.sleep(self._latency_seconds)


def _reference(key: str) -> str:
    return f"ch_{uuid5(NAMESPACE_URL, key).hex}"


def _attempt(key: str) -> int:
    return int(key.rpartition(":")[2])
