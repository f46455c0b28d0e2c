"""A shop whose time is told: what takes it hours, or waits for the second attempt of a call, is over at once.

Nothing is made up. The commands, the followers, their pages and the worker that calls the payment provider
are those of every shop; only they work one after the other here, in the thread of the caller and by a
clock that is set. So the same orders lead to the same events in the same order, whenever that is
interrupted and goes on.
"""

import contextlib
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ParamSpec, TypeVar

from application.ports import ChargeRequest, GatewayTimeout
from system.bootstrap import Clock, Orderwright
from system.concurrency.memory import collect_garbage_less_often
from system.definition import PaymentCalls
from system.definition import orderwright as definition
from system.gateways.simulated import SimulatedGateway
from system.workers.payment_caller import GatewayWorker

from .importing import patiently

PAGE_SIZE = 1000
BOTH_DUE = timedelta(seconds=1)
"""Calls that failed together are made again together: the pauses differ by less."""

P = ParamSpec("P")
T = TypeVar("T")


class SimulatedTime:
    """A clock that stands where it was put. It is never put back, and never ahead of the real one."""

    def __init__(self, now: datetime, real: Clock) -> None:
        self._now = now
        self._real = real

    def __call__(self) -> datetime:
        """The moment at which it stands."""
        return self._now

    def seconds(self) -> float:
        """The same as seconds that only rise."""
        return self._now.timestamp()

    def wait_until(self, moment: datetime) -> None:
        """Put it to a later moment. Where that has not come yet it is waited for."""
        self._now = max(self._now, moment)
        time.sleep(max((self._now - self._real()).total_seconds(), 0.0))


class Simulation:
    """A system that works by a simulated time, driven by its caller.

    Nobody else may follow its store meanwhile: a runner would find its steps overdue.
    """

    def __init__(self, orderwright: Orderwright, now: SimulatedTime) -> None:
        self._now = now
        self._gateway = SimulatedGateway()
        self.orderwright = replace(
            orderwright,
            settings=orderwright.settings.model_copy(update={"page_size": PAGE_SIZE}),
            gateway=self._gateway,
            clock=now,
            monotonic=now.seconds,
        )
        self._loops = self.orderwright.runner().loops
        self._worker = self._new_worker()
        self._doers = (*definition.leaders, PaymentCalls.name)
        self._read_models = [name for name in definition.followers if name not in self._doers]
        collect_garbage_less_often()

    def remember_calls(self) -> None:
        """Have the provider know of the charges that it did not answer: another process has asked for
        them, and a provider forgets nothing when one of ours dies."""
        self._work([PaymentCalls.name])
        for call in self.orderwright.payment_calls.due_calls(self._now() + timedelta(days=1), 10**6):
            if call.unanswered and call.amount is not None and call.payment_method is not None:
                amount = call.amount
                with contextlib.suppress(GatewayTimeout):
                    self._gateway.charge(
                        ChargeRequest(call.key, call.payment_method, amount.amount, amount.currency)
                    )

    def settle(self) -> None:
        """Let everything come to rest that was ordered, but for the read models."""
        calls = self.orderwright.payment_calls
        while True:
            if self._work(self._doers) + patiently(self._worker.step):
                continue
            next_at = calls.next_call_after(self._now())
            if next_at is None:
                return
            self._now.wait_until(next_at + BOTH_DUE)

    def show(self) -> None:
        """Bring the read models up to date, and forget the calls that were made: no more come of them."""
        while self._work(self._read_models):
            pass
        for loop in self._loops.values():
            patiently(loop.carry_forward)
        self._gateway.charges.clear()
        self._gateway.refunds.clear()
        self._worker = self._new_worker()

    def _new_worker(self) -> GatewayWorker:
        return self.orderwright.gateway_worker(pool=AtOnce())

    def _work(self, names: Iterable[str]) -> int:
        """Have each of these read all there is for it; how many events that were."""
        count = 0
        for name in names:
            while read := patiently(self._loops[name].advance):
                count += read
        return count


class AtOnce(Executor):
    """Makes each call when it is handed in, so that calls are over in the order in which they were made."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """See `Executor`."""
        done: Future[T] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # whoever asks for the result gets it
            done.set_exception(error)
        return done
