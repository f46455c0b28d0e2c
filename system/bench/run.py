"""Runs measurements in rounds, and says what was measured on what."""

import os
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

from system.bench.private_postgres import PrivatePostgres

from . import append, drain, growth, http, load, rebuild, years
from .measurements import Measurement, Round, measurements_of
from .setting import Setting

Measure = Callable[[Setting], Round]

MEASUREMENTS: Mapping[str, Measure] = {
    "append": append.measure,
    "drain": drain.measure,
    "http": http.measure,
    "rebuild": rebuild.measure,
    "load": load.measure,
    "growth": growth.measure,
    "years": years.measure,
}
_SHOWN_SETTINGS = (
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_level",
    "shared_buffers",
    "max_wal_size",
    "wal_compression",
    "max_connections",
)
MOST_SHARED_BUFFERS_MIB = 4096


def server_settings() -> dict[str, str]:
    """How PostgreSQL is set up for the measurements, for everybody alike: as docs/stores.md advises."""
    quarter = max(128, min(MOST_SHARED_BUFFERS_MIB, _memory_gib() * 1024 // 4))
    return {"shared_buffers": f"{quarter}MB", "max_wal_size": "8GB", "wal_compression": "on"}


@dataclass(frozen=True)
class Plan:
    """How much is measured: rounds, orders of a backlog, seconds under load, sizes of the growing store,
    events of the store with years behind it."""

    runs: int = 3
    orders: int = 3000
    seconds: float = 4.0
    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    events: int = 1_000_000


QUICK = Plan(runs=1, orders=100, seconds=0.5, sizes=(500, 1000), events=2000)
TAKES_ONE_ROUND = ("growth", "years")
"""Each is one long run."""


@dataclass(frozen=True)
class BenchReport:
    """What was measured, when, and on what."""

    at: datetime
    conditions: Mapping[str, str]
    figures: Sequence[Measurement]


def run(
    names: Iterable[str],
    plan: Plan,
    clock: Callable[[], datetime],
    progress: Callable[[str, int], object],
) -> BenchReport:
    """Measure these, each in so many rounds, on a PostgreSQL that exists for this alone.

    Those of `TAKES_ONE_ROUND` take no more, however many the others take.
    """
    units = {
        **append.UNITS,
        **drain.UNITS,
        **http.UNITS,
        **rebuild.UNITS,
        **load.UNITS,
        **growth.units(plan.sizes),
        **years.UNITS,
    }
    rounds: list[Round] = []
    with PrivatePostgres(fsync=True, settings=server_settings()) as server:
        setting = Setting(server, plan.orders, plan.seconds, plan.sizes, plan.events)
        conditions = _conditions(server, plan)
        for name in names:
            for number in range(1 if name in TAKES_ONE_ROUND else plan.runs):
                progress(name, number)
                rounds.append(MEASUREMENTS[name](setting))
    return BenchReport(clock(), conditions, measurements_of(rounds, units))


def _conditions(server: PrivatePostgres, plan: Plan) -> dict[str, str]:
    with server.connected("postgres") as connection:
        ask = partial(connection.execute, binary=False)
        row = ask("SHOW server_version").fetchone()
        shown = {name: ask(f"SHOW {name}".encode()).fetchone() for name in _SHOWN_SETTINGS}
    return {
        "machine": f"{os.cpu_count()} cores ({_cpu()}), {_memory_gib()} GiB; clients, service and "
        "database share it",
        "versions": ", ".join(
            [
                f"Python {platform.python_version()}",
                f"PostgreSQL {row[0] if row else '?'}",
                *(f"{name} {version(name)}" for name in ("eventsourcing", "psycopg", "orjson")),
            ]
        ),
        "PostgreSQL": ", ".join(f"{name}={value[0]}" for name, value in shown.items() if value)
        + "; a unix socket",
        "amounts": f"{plan.runs} rounds, backlog of {plan.orders:,} orders of two products, "
        f"{plan.seconds:g} s under load, {http.CLIENTS} HTTP clients",
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory_gib() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
