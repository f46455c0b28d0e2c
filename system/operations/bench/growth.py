"""(f) What a thousand orders cost while the store grows."""

import time
from statistics import median

from system.bootstrap import Orderwright

from .drain import PATIENCE_SECONDS
from .figures import OURS, Round
from .setting import Setting, place, receive_stock

MEASURED = 1000
TIMES = 3
PLACED_AHEAD = 5000
"""Orders are settled in portions of this size while the store grows."""


def units(sizes: tuple[int, ...]) -> dict[str, tuple[str, bool]]:
    """The figures for these sizes, in events."""
    return {
        **{f"growth_{size}": ("s for 1,000 orders", False) for size in sizes},
        "growth_ratio": ("last to first", False),
    }


def measure(setting: Setting) -> Round:
    """Seconds for a thousand orders, placed and settled, at each size. The store grows by orders, as it
    does in real life, and the runner runs all the time: what it keeps in memory is warm."""
    found: dict[str, dict[str, float]] = {}
    with setting.opened(OURS) as orderwright:
        receive_stock(orderwright)
        runner = orderwright.runner()
        runner.start()
        orders = 0

        def settle(more: int) -> float:
            nonlocal orders
            began = time.monotonic()
            place(orderwright, range(orders, orders + more))
            orders += more
            if not runner.wait_until_settled(PATIENCE_SECONDS):
                raise RuntimeError("the orders did not come to rest")
            return time.monotonic() - began

        try:
            for size in setting.sizes:
                while (missing := size - _events(orderwright)) > 0:
                    settle(max(1, min(PLACED_AHEAD, missing // 14)))
                took = [settle(MEASURED) for _ in range(TIMES)]
                found[f"growth_{size}"] = {OURS: median(took)}
        finally:
            runner.stop()
        counts = orderwright.dashboard.count_by_status()
        if counts != {"CONFIRMED": orders}:
            raise RuntimeError(f"{orders} orders should be confirmed, but there are {counts}")
    first, last = (found[f"growth_{size}"][OURS] for size in (setting.sizes[0], setting.sizes[-1]))
    found["growth_ratio"] = {OURS: last / first}
    return found


def _events(orderwright: Orderwright) -> int:
    applications = orderwright.applications
    logs = ("Orders", "Payments", "Inventory", "OrderFulfilment")
    return sum(applications[name].recorder.max_notification_id() or 0 for name in logs)
