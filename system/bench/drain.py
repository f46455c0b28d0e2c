"""(b) Draining a backlog of orders to all read models: charged, reserved, confirmed, shown."""

import os
import subprocess
import sys
import time
from contextlib import ExitStack

from eventsourcing.system import MultiThreadedRunner, SingleThreadedRunner

from system.bootstrap import Orderwright, build, snapshot_keeper, utc_now
from system.definition import orderwright as definition
from system.gateways.simulated import SimulatedGateway
from system.operations.positions import is_settled
from system.settings.environment import Settings
from system.stores import application_environment

from .measurements import LIMIT, OURS, STOCK, Round
from .setting import EVENTS_TABLE, INSERT_EVENTS, Setting, as_environment, check_settled, place, receive_stock

UNITS = {"drain": ("orders/s", True), "drain_two_processes": ("orders/s", True)}
EVENTS_OF_AN_ORDER = 14  # two products: two stock items
STOCK_PART = 10
"""The library settles so many times fewer orders, so that a round ends in time."""
PATIENCE_SECONDS = 900.0
RUNNER = "import sys; sys.argv = ['orderwright', 'runner']; from web.cli import main; main()"

_AN_ORDER = (
    "BEGIN;\n"
    + INSERT_EVENTS.format(events=EVENTS_OF_AN_ORDER)
    + "INSERT INTO rows SELECT gen_random_uuid(), 'a', 'b', 1, repeat('d', 100) FROM generate_series(1, 9);\n"
    + "COMMIT;\n"
)
"""The rows of one order: its events, and one write for each row of the read models."""


def measure(setting: Setting) -> Round:
    """Orders a second, from a backlog that was placed before to everything at rest."""
    found = {
        "drain": {OURS: _ours(setting), STOCK: max(_library(setting, kind) for kind in _LIBRARY_RUNNERS)},
        "drain_two_processes": {OURS: _two_processes(setting)},
    }
    limit = setting.pgbench(EVENTS_TABLE, _AN_ORDER, 2)
    if limit is not None:
        found["drain"][LIMIT] = limit
    return found


def settle(orderwright: Orderwright) -> float:
    """Run our runner in this process until everything is at rest; how many seconds it took."""
    runner = orderwright.runner()
    began = time.monotonic()
    orderwright.snapshots.start()
    runner.start()
    is_at_rest = runner.wait_until_settled(PATIENCE_SECONDS)
    took = time.monotonic() - began
    runner.stop()
    if not is_at_rest:
        raise RuntimeError("the backlog did not come to rest")
    return took


def _ours(setting: Setting) -> float:
    with setting.opened(OURS) as orderwright:
        receive_stock(orderwright)
        place(orderwright, range(setting.orders))
        took = settle(orderwright)
        check_settled(orderwright, setting.orders)
        return setting.orders / took


def _two_processes(setting: Setting) -> float:
    """The same by two processes, which share the followers; without the time that they take to start."""
    environment = setting.store(OURS)
    orderwright = build(Settings.from_environment(environment))
    with ExitStack() as processes:
        processes.callback(orderwright.close)
        receive_stock(orderwright)
        for _ in range(2):
            process = subprocess.Popen(
                [sys.executable, "-c", RUNNER],
                env=as_environment(environment, os.environ),
                stderr=subprocess.DEVNULL,
            )
            processes.callback(_end, process)
        leases = orderwright.leases()
        _wait(lambda: len(set(leases.owners().values()) - {None}) == 2)
        _wait(lambda: is_settled(orderwright))
        began = time.monotonic()
        place(orderwright, range(setting.orders))
        _wait(lambda: sum(orderwright.dashboard.count_by_status().values()) == setting.orders)
        _wait(lambda: is_settled(orderwright))
        took = time.monotonic() - began
        check_settled(orderwright, setting.orders)
        return setting.orders / took


def _library(setting: Setting, kind: type) -> float:
    """The library's runner does not catch up, so it runs while the orders are placed; placing counts."""
    orders = max(20, setting.orders // STOCK_PART)
    environment = setting.store(STOCK)
    settings = Settings.from_environment(environment)
    runner = kind(definition, application_environment(settings))
    runner.start()
    applications = dict(runner.apps)
    snapshots = snapshot_keeper(settings, applications, utc_now)
    orderwright = Orderwright(settings, applications, SimulatedGateway(), utc_now, snapshots)
    worker = orderwright.gateway_worker()
    try:
        receive_stock(orderwright)
        began = time.monotonic()
        place(orderwright, range(orders), at_once=100)
        deadline = began + PATIENCE_SECONDS
        while not (is_settled(orderwright) or _all_confirmed(orderwright, orders)):
            if not worker.step():
                time.sleep(0.005)
            if time.monotonic() > deadline:
                raise RuntimeError(f"{kind.__name__} did not settle the orders")
        took = time.monotonic() - began
        check_settled(orderwright, orders)
        return orders / took
    finally:
        runner.stop()


def _all_confirmed(orderwright: Orderwright, orders: int) -> bool:
    # Its positions only move for events with an effect, so they do not tell that it is level.
    return orderwright.dashboard.count_by_status() == {"CONFIRMED": orders}


def _wait(holds: object) -> None:
    assert callable(holds)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError("the processes did not come to rest")
        time.sleep(0.02)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait(30)


_LIBRARY_RUNNERS = (SingleThreadedRunner, MultiThreadedRunner)
