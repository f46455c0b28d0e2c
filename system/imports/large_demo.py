"""A shop with years behind it: as many events as are asked for, made as fast as the store takes them.

The orders come in waves that are spread over the time up to now. A wave is over, and shown by the read
models, before the next begins; so little is in memory at a time, and whoever interrupts it loses nothing:
the next run goes on within the wave.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, count
from uuid import UUID

from domain.fulfilment import Fulfilment
from domain.orders import Order
from domain.payments import Payment
from domain.shared.ids import fulfilment_id, payment_id
from system.bootstrap import Orderwright
from system.definition import orderwright as definition
from system.leases.alone import alone

from .demo import DemoCommands, Recorded
from .demo_orders import DemoOrder, DemoOrders
from .importing import patiently
from .simulation import SimulatedTime, Simulation

WAVE = 500
"""So many orders are in a wave: what it leads to in one application is still in memory when the read
models come to it."""
AT_ONCE = 50
BETWEEN_PLACING = timedelta(seconds=2)
CUSTOMERS = 5000


@dataclass(frozen=True)
class Wave:
    """Orders that come within half a minute. Stock is received for those of the `whole` wave, also when
    fewer are placed because there are events enough; a larger shop then goes on with the same wave."""

    number: int
    whole: Sequence[DemoOrder]
    placed: Sequence[DemoOrder]
    events_before: int
    events: int
    is_last: bool

    @property
    def order_ids(self) -> list[UUID]:
        """Its orders."""
        return [order.command.order_id for order in self.placed]


@dataclass(frozen=True)
class LargeDemoReport:
    """The shop that was made: its orders and events, and how many events this run recorded in how long."""

    orders: int
    events: int
    recorded: Recorded
    recorded_events: int
    seconds: float
    events_per_second: int


class LargeDemo:
    """The shop with a seed and so many events, or up to thirty more."""

    def __init__(
        self, orderwright: Orderwright, *, seed: int, events: int, days: int, user: str | None
    ) -> None:
        self._outside = orderwright
        self._events = events
        self._days = days
        self._user = user
        self._shop = DemoOrders(seed, shop="large-demo", suffix=f"-{seed}", customers=CUSTOMERS)

    def make(self, progress: Callable[[int, int], object] = lambda *_: None) -> LargeDemoReport:
        """Make what is not there yet. `progress` is told how many events the shop has, and how many of them
        are new. Raises `FollowedElsewhere` when another process follows the store."""
        began, before = time.monotonic(), self._stored()
        with alone(self._outside.leases()) as mine:
            first = self._first_to_do()
            to_do = (wave for wave in self.waves() if wave.number >= first or wave.is_last)
            first_wave = next(to_do)
            work, already = self._begin(first_wave), first_wave.events_before
            for wave in chain([first_wave], to_do):
                mine.check()
                work.make(wave, self._events)
                done = wave.events_before + wave.events
                progress(done, done - already)
        seconds, recorded_events = time.monotonic() - began, self._stored() - before
        return LargeDemoReport(
            orders=wave.number * WAVE + len(wave.placed),
            events=wave.events_before + wave.events,
            recorded=work.commands.recorded,
            recorded_events=recorded_events,
            seconds=round(seconds, 3),
            events_per_second=round(recorded_events / seconds),
        )

    def waves(self) -> Iterator[Wave]:
        """The waves of this shop, from the first one, with as many orders as make the events."""
        total = 2  # the product that is always short is introduced and received
        introduced: set[str] = set()
        for number in count():
            whole = [self._shop.order(each) for each in range(number * WAVE, (number + 1) * WAVE)]
            received = {
                item.sku for order in whole if not order.outcome.is_short for item in order.command.items
            }
            before = total if number else 0
            total += len(received) + len(received - introduced)
            introduced |= received
            placed = []
            for order in whole:
                if total >= self._events:
                    break
                placed.append(order)
                total += order.events
            is_last = total >= self._events
            yield Wave(number, whole, placed, before, total - before, is_last)
            if is_last:
                return

    def _first_to_do(self) -> int:
        """The last wave that has begun. All before it are over."""

        def is_new(number: int) -> bool:
            order_id = self._shop.order(number * WAVE).command.order_id
            return not patiently(self._outside.orders.present, [order_id])

        return max(bisect_left(range(self._events), True, key=is_new) - 1, 0)

    def _begin(self, wave: Wave) -> "_Work":
        real = self._outside.clock
        now = real()
        last = self._last_time(wave)
        simulated = SimulatedTime(now - timedelta(days=self._days) if last is None else last, real)
        return _Work(Simulation(self._outside, simulated), simulated, now, self._shop, self._user)

    def _last_time(self, wave: Wave) -> datetime | None:
        """When the latest thing happened to an order of a wave that was interrupted."""
        ids = wave.order_ids
        found = [
            *self._outside.orders.find_all(Order, ids).values(),
            *self._outside.fulfilments.find_all(Fulfilment, map(fulfilment_id, ids)).values(),
            *self._outside.payments.find_all(Payment, map(payment_id, ids)).values(),
        ]
        return max((aggregate.modified_on for aggregate in found), default=None)

    def _stored(self) -> int:
        applications = self._outside.applications
        return sum(applications[name].recorder.max_notification_id() or 0 for name in definition.leaders)


class _Work:
    """Makes one wave after the other, and puts the time forward between them."""

    def __init__(
        self,
        simulation: Simulation,
        now: SimulatedTime,
        end: datetime,
        shop: DemoOrders,
        user: str | None,
    ) -> None:
        self._simulation = simulation
        self._now = now
        self._end = end
        self.commands = DemoCommands(simulation.orderwright, shop, user)
        simulation.remember_calls()
        self.commands.receive_rare()

    def make(self, wave: Wave, events: int) -> None:
        """Do what is left of this wave, of a shop that will have so many events."""
        began = self._now()
        self.commands.receive(wave.whole, f"wave {wave.number}")
        there = self._simulation.orderwright.orders.present(wave.order_ids)
        for first in range(0, len(wave.placed), AT_ONCE):
            some = wave.placed[first : first + AT_ONCE]
            if some[-1].command.order_id not in there:
                self._now.wait_until(self._now() + BETWEEN_PLACING)
                self.commands.place(some)
        self._simulation.settle()
        self.commands.cancel(wave.placed)
        self._simulation.settle()
        self._simulation.show()
        share = wave.events / (events - wave.events_before)
        self._now.wait_until(min(began + (self._end - began) * share, self._end))
