"""(f) What a thousand orders cost while the store grows."""

import os
import subprocess
import sys
import time
from statistics import median

from system.bootstrap import Orderwright, build
from system.runner.runner import Runner
from system.settings.environment import Settings
from system.steps.streams import STREAM_ID

from .drain import PATIENCE_SECONDS
from .measurements import OURS, Round
from .setting import Setting, as_environment, place, receive_stock

THOUSAND = 1000
TIMES = 5
PLACED_AHEAD = 5000
"""Orders are settled in portions of this size while the store grows."""
EVENTS_OF_AN_ORDER = 14

_BESIDE = "import sys; from system.bench.growth import beside; beside(*map(int, sys.argv[1:]))"


def units(sizes: tuple[int, ...]) -> dict[str, tuple[str, bool]]:
    """The figures for these sizes, in events."""
    return {
        **{f"growth_{size}": ("s for 1,000 orders", False) for size in sizes},
        "growth_ratio": ("last to first", False),
    }


def measure(setting: Setting) -> Round:
    """Seconds for a thousand orders, placed and settled, at each size. The store grows by orders, as it
    does in real life, and the runner runs all the time: what it keeps in memory is warm.

    A machine is not equally fast all the time. So the ratio compares, at the last size, each portion with
    one that a process of its own settles right after it in a fresh store of the first size.

    A portion is a thousand orders, or as many as the plan says where these are fewer.
    """
    portion = min(THOUSAND, setting.orders)
    found: dict[str, dict[str, float]] = {}
    with setting.opened(OURS) as orderwright:
        shop = _GrowingShop(orderwright)
        try:
            for size in setting.sizes:
                shop.grow_to(size)
                is_last = size == setting.sizes[-1]
                took, ratios = [], []
                for _ in range(TIMES):
                    took.append(shop.settle_thousand(portion))
                    if is_last:
                        ratios.append(took[-1] / _beside(setting, portion))
                found[f"growth_{size}"] = {OURS: median(took)}
        finally:
            shop.runner.stop()
        shop.check()
    found["growth_ratio"] = {OURS: median(ratios)}
    return found


def beside(size: int, portion: int) -> None:
    """Grow the store of this process's environment to a size, and print how long a thousand orders take."""
    orderwright = build(Settings.from_environment(os.environ))
    shop = _GrowingShop(orderwright)
    try:
        shop.grow_to(size)
        print(shop.settle_thousand(portion))  # noqa: T201 - this is how it answers
    finally:
        shop.runner.stop()
        orderwright.close()


class _GrowingShop:
    """A shop that settles orders, more and more of them."""

    def __init__(self, orderwright: Orderwright) -> None:
        self._orderwright = orderwright
        self._orders = 0
        receive_stock(orderwright)
        self.runner: Runner = orderwright.runner()
        self.runner.start()

    def grow_to(self, events: int) -> None:
        """Settle orders until there are so many events."""
        while (missing := events - self._events()) > 0:
            self.settle(max(1, min(PLACED_AHEAD, missing // EVENTS_OF_AN_ORDER)))

    def settle(self, more: int) -> float:
        """Place so many orders and wait until they are at rest; the seconds that it took."""
        began = time.monotonic()
        place(self._orderwright, range(self._orders, self._orders + more))
        self._orders += more
        if not self.runner.wait_until_settled(PATIENCE_SECONDS):
            raise RuntimeError("the orders did not come to rest")
        return time.monotonic() - began

    def settle_thousand(self, portion: int) -> float:
        """The seconds for a thousand orders, measured with this many."""
        return self.settle(portion) * THOUSAND / portion

    def check(self) -> None:
        """Raise unless every order was confirmed."""
        counts = self._orderwright.dashboard.count_by_status()
        if counts != {"CONFIRMED": self._orders}:
            raise RuntimeError(f"{self._orders} orders should be confirmed, but there are {counts}")

    def _events(self) -> int:
        applications = self._orderwright.applications
        return sum(applications[name].recorder.max_notification_id() or 0 for name in STREAM_ID)


def _beside(setting: Setting, portion: int) -> float:
    """Seconds for a thousand orders in a fresh store of the first size, in a process of its own: what
    this one keeps in memory would slow it down."""
    environment = setting.store(OURS)
    done = subprocess.run(
        [sys.executable, "-c", _BESIDE, str(setting.sizes[0]), str(portion)],
        env=as_environment(environment, os.environ),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    setting.server.drop_database(environment["POSTGRES_DBNAME"])
    return float(done.stdout)
