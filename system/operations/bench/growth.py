"""(f) What a thousand orders cost while the store grows."""

from system.bootstrap import Orderwright

from .drain import settle
from .figures import OURS, Round
from .setting import Setting, place, receive_stock

MEASURED = 1000
PLACED_AHEAD = 5000
"""Orders are settled in portions of this size while the store grows."""


def units(sizes: tuple[int, ...]) -> dict[str, tuple[str, bool]]:
    """The figures for these sizes, in events."""
    return {
        **{f"growth_{size}": ("s for 1,000 orders", False) for size in sizes},
        "growth_ratio": ("last to first", False),
    }


def measure(setting: Setting) -> Round:
    """Seconds for a thousand orders, at each size. The store grows by orders, as it does in real life."""
    found: dict[str, dict[str, float]] = {}
    with setting.opened(OURS) as orderwright:
        receive_stock(orderwright)
        orders = 0
        for size in setting.sizes:
            while (missing := size - _events(orderwright)) > 0:
                more = max(1, min(PLACED_AHEAD, missing // 14))
                place(orderwright, range(orders, orders + more))
                orders += more
                settle(orderwright)
            place(orderwright, range(orders, orders + MEASURED))
            orders += MEASURED
            found[f"growth_{size}"] = {OURS: settle(orderwright)}
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
