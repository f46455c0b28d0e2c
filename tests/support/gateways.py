"""Payment providers that a test can hold, break and question."""

import threading
from collections import Counter
from collections.abc import Callable

from application.ports import ChargeRequest, RefundRequest
from system.gateways.simulated import SimulatedGateway

from .waiting import PATIENCE_SECONDS


class GatedGateway(SimulatedGateway):
    """The simulated provider behind a gate: while it is shut, calls that were made do not return."""

    def __init__(self) -> None:
        super().__init__()
        self._gate = threading.Event()
        self._gate.set()
        self.waiting = 0

    def shut(self) -> None:
        """From now on no call returns."""
        self._gate.clear()

    def open(self) -> None:
        """Let every call through again."""
        self._gate.set()

    def charge(self, request: ChargeRequest) -> str:
        """Charge when the gate is open."""
        self._pass()
        return super().charge(request)

    def refund(self, request: RefundRequest) -> None:
        """Refund when the gate is open."""
        self._pass()
        super().refund(request)

    def _pass(self) -> None:
        self.waiting += 1
        if not self._gate.wait(timeout=PATIENCE_SECONDS):
            raise AssertionError("nobody opened the gate")
        self.waiting -= 1


class TroublesomeGateway(SimulatedGateway):
    """The simulated provider, with trouble that a test adds, and a count of the calls for each key.

    `before` runs before and `after` after the provider has done its work; what they raise is what
    the caller sees.
    """

    def __init__(
        self,
        before: Callable[[ChargeRequest | RefundRequest], object] = lambda _: None,
        after: Callable[[ChargeRequest | RefundRequest], object] = lambda _: None,
    ) -> None:
        super().__init__()
        self.before = before
        self.after = after
        self.before_call_off: Callable[[ChargeRequest], object] = lambda _: None
        self.calls: Counter[str] = Counter()

    def charge(self, request: ChargeRequest) -> str:
        """Charge, with trouble."""
        self.calls[request.key] += 1
        self.before(request)
        reference = super().charge(request)
        self.after(request)
        return reference

    def call_off(self, request: ChargeRequest) -> str | None:
        """Call a charge off, with trouble."""
        self.before_call_off(request)
        return super().call_off(request)

    def refund(self, request: RefundRequest) -> None:
        """Refund, with trouble."""
        self.calls[request.key] += 1
        self.before(request)
        super().refund(request)
        self.after(request)
