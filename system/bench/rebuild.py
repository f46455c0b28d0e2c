"""(d) Rebuilding the order dashboard from the first event."""

import time
from typing import Any, cast

from eventsourcing.system import Follower

from system.bootstrap import Orderwright, build
from system.definition import OrderDashboard
from system.definition import orderwright as definition
from system.followers.builder import Builder
from system.settings.environment import Settings

from .drain import settle
from .measurements import OURS, STOCK, Round
from .setting import Setting, check_settled, place, receive_stock

_RECORDER = "PROCESS_RECORDER_TOPIC"
UNITS = {"rebuild": ("events/s", True), "rebuild_bulk": ("events/s", True)}


def measure(setting: Setting) -> Round:
    """Events a second. The store is filled by our runner. Then ours builds another version in bulk; and rows
    and positions are dropped, and the dashboard follows again: by our pages, or by the library's way to
    pull and process."""
    found: dict[str, float] = {}
    bulk = 0.0
    for contender in (OURS, STOCK):
        environment = setting.store(contender)
        _fill({name: v for name, v in environment.items() if name != _RECORDER}, setting.orders)
        orderwright = build(Settings.from_environment(environment))
        if contender == OURS:
            bulk = _build(orderwright)
        with setting.server.connected(environment["POSTGRES_DBNAME"]) as connection:
            connection.execute("TRUNCATE order_dashboard")
            connection.execute(
                "DELETE FROM orderdashboard_tracking WHERE application_name <> '__migration__'"
            )
        events = sum(
            orderwright.applications[leader].recorder.max_notification_id() or 0
            for leader in definition.follows[OrderDashboard.name]
        )
        began = time.monotonic()
        (_follow if contender == OURS else _pull)(orderwright)
        took = time.monotonic() - began
        check_settled(orderwright, setting.orders)
        orderwright.close()
        found[contender] = events / took
    return {"rebuild": found, "rebuild_bulk": {OURS: bulk, STOCK: found[STOCK]}}


def _fill(environment: dict[str, str], orders: int) -> None:
    """Settle orders with our runner and our recorders, whoever reads them afterwards."""
    orderwright = build(Settings.from_environment(environment))
    receive_stock(orderwright)
    place(orderwright, range(orders))
    settle(orderwright)
    orderwright.close()


def _build(orderwright: Orderwright) -> float:
    """Build another version; how many events a second, indexes included."""
    versions = orderwright.dashboard.versions
    number = versions.begin("", "bench").number
    builder = Builder(orderwright.dashboard, orderwright.leaders_of(OrderDashboard.name), number)
    while builder.advance():
        pass
    versions.make_indexes(number)
    return builder.events_read / builder.taken_seconds


def _follow(orderwright: Orderwright) -> None:
    loop = orderwright.runner().loops[OrderDashboard.name]
    while loop.advance():
        pass


def _pull(orderwright: Orderwright) -> None:
    follower = cast(Follower[Any], orderwright.dashboard)
    for leader in definition.follows[OrderDashboard.name]:
        follower.follow(leader, orderwright.applications[leader].notification_log)
        follower.pull_and_process(leader)
