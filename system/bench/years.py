"""(g) A store with years behind it: every read model is built anew while orders come in."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import quantiles
from typing import Any, cast

from eventsourcing.system import Follower

from system.bootstrap import Orderwright, build
from system.definition import class_of
from system.definition import orderwright as definition
from system.followers.projection import Projection
from system.operations.positions import is_settled
from system.settings.environment import Settings

from .customers import Customers, Sample
from .http import SERVE, serving
from .measurements import OURS, STOCK, Round
from .setting import Setting, as_environment, receive_stock

ORDERS_A_SECOND = 50
BY_ONES_PART = 200
"""One by one, so many times fewer events are read, so that a round ends in time."""
CALM_TIMES = 4
"""So many times the seconds of a load nothing is built before each build."""
DAYS = 3 * 365
PATIENCE_SECONDS = 900.0
READ_MODELS = [name for name in definition.followers if issubclass(class_of(name), Projection)]
KINDS = ("post", "list", "confirmed")
UNITS = {
    "years_fill": ("events/s", True),
    "years_build": ("events/s", True),
    "years_build_by_ones": ("events/s", True),
    "years_build_under_load": ("events/s", True),
    "years_estimate": ("% off, at most", False),
    "years_estimate_under_load": ("% off, at most", False),
    "years_memory": ("MiB", False),
    "years_differences": ("groups", False),
    **{
        f"years_{kind}_{share}{when}": ("ms", False)
        for kind in KINDS
        for share in ("p50", "p99")
        for when in ("", "_building")
    },
}


@dataclass(frozen=True)
class Built:
    """What a process that built one read model told, and the most memory that it had, in MiB."""

    name: str
    version: int
    events: int
    seconds: float
    estimated_seconds: float
    memory: float

    @property
    def percent_off(self) -> float:
        """How far what it took is from what was expected after the first tenth."""
        return 100 * abs(self.seconds / self.estimated_seconds - 1)


class Times:
    """Stretches of time."""

    def __init__(self, *stretches: tuple[float, float]) -> None:
        self._stretches = list(stretches)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """What goes by in here is one of them."""
        began = time.monotonic()
        yield
        self._stretches.append((began, time.monotonic()))

    def include(self, moment: float) -> bool:
        """Whether a moment is in one of them."""
        return any(first <= moment <= last for first, last in self._stretches)


def measure(setting: Setting) -> Round:
    """The same store throughout: filled; every read model built alone, by the command that people use; then
    built again while orders come in, one read model after the other with a calm time before each. What was
    built is compared with what is served meanwhile, and dropped."""
    environment = setting.store(OURS)
    filled = _fill(environment, setting.events)
    alone = []
    for name in READ_MODELS:
        alone.append(_built(environment, name))
        _drop(environment, alone[-1])
    under_load, differences = [], 0
    calm, building = Times(), Times()
    with serving(environment) as port, Customers(port, ORDERS_A_SECOND) as customers:
        for name in READ_MODELS:
            with calm.counted():
                customers.shop_for(CALM_TIMES * setting.seconds)
            with building.counted():
                under_load.append(_built(environment, name))
            differences += len(_run(environment, "projections", "compare", name)[0]["groups"])
            _drop(environment, under_load[-1])
        samples = customers.go_home()
        _wait_until_settled(environment)
    by_ones, pulled = _one_by_one(setting)
    setting.server.drop_database(environment["POSTGRES_DBNAME"])
    every = [*alone, *under_load]
    return {
        "years_fill": {OURS: filled},
        "years_build": {OURS: _rate(alone), STOCK: pulled},
        "years_build_by_ones": {OURS: by_ones},
        "years_build_under_load": {OURS: _rate(under_load)},
        "years_estimate": {OURS: max(one.percent_off for one in alone)},
        "years_estimate_under_load": {OURS: max(one.percent_off for one in under_load)},
        "years_memory": {OURS: max(one.memory for one in every)},
        "years_differences": {OURS: float(differences)},
        **latencies(samples, calm, building),
    }


def _rate(built: Sequence[Built]) -> float:
    return sum(one.events for one in built) / sum(one.seconds for one in built)


def latencies(samples: Sequence[Sample], calm: Times, building: Times) -> Round:
    """Of each kind of request, in milliseconds, of those that were due in a calm time and during a build."""
    found: dict[str, dict[str, float]] = {}
    for kind in KINDS:
        for when, times in (("", calm), ("_building", building)):
            some = [one.seconds for one in samples if one.kind == kind and times.include(one.at)]
            if len(some) < 2:
                raise RuntimeError(f"nobody has seen how long it takes: {kind}{when}")
            cuts = quantiles(some, n=100)
            found[f"years_{kind}_p50{when}"] = {OURS: 1000 * cuts[49]}
            found[f"years_{kind}_p99{when}"] = {OURS: 1000 * cuts[98]}
    return found


def _fill(environment: Mapping[str, str], events: int) -> float:
    """Make the store; how many events a second that were."""
    told, _ = _run(environment, "demo", "--events", str(events), "--days", str(DAYS), "--user", "bench")
    with _opened(environment) as orderwright:
        receive_stock(orderwright)
    return float(told["events_per_second"])


def _built(environment: Mapping[str, str], name: str) -> Built:
    """Build a read model in a process of its own, as a person does."""
    told, memory = _run(environment, "projections", "rebuild", name)
    if not told["is_ready"] or told["failures"]:
        raise RuntimeError(f"{name} was not built: {told}")
    estimated = told["estimated_seconds"] or told["taken_seconds"]
    return Built(name, told["version"], told["events_read"], told["taken_seconds"], estimated, memory)


def _drop(environment: Mapping[str, str], built: Built) -> None:
    _run(environment, "projections", "drop", built.name, "--version", str(built.version), "--yes")


def _run(environment: Mapping[str, str], *words: str) -> tuple[Any, float]:
    """What a command tells as JSON, and the most memory that its process had, in MiB."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE.format(argv=["orderwright", "--json", *words])],
        env=as_environment(environment, os.environ),
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    told = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if not told:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}")
    return json.loads(told), usage.ru_maxrss / 1024


def _one_by_one(setting: Setting) -> tuple[float, float]:
    """Events a second when each is a page and a transaction of its own: by our loops, and by the library's
    way to pull and process. On a smaller store with the same mixture."""
    events = max(500, setting.events // BY_ONES_PART)
    rates = []
    for contender, follow in ((OURS, _follow), (STOCK, _pull)):
        environment = setting.store(contender, ORDERWRIGHT_PAGE_SIZE="1")
        recorder = environment.pop("PROCESS_RECORDER_TOPIC", None)
        _fill(environment, events)
        if recorder is not None:
            environment["PROCESS_RECORDER_TOPIC"] = recorder
        with _opened(environment) as orderwright:
            with setting.server.connected(environment["POSTGRES_DBNAME"]) as connection:
                for name in READ_MODELS:
                    for table in class_of(name).tables:
                        connection.execute(f"TRUNCATE {table.name}".encode())
                    connection.execute(
                        f"DELETE FROM {name.lower()}_tracking "
                        "WHERE application_name <> '__migration__'".encode()
                    )
            began = time.monotonic()
            count = sum(follow(orderwright, name) for name in READ_MODELS)
            rates.append(count / (time.monotonic() - began))
        setting.server.drop_database(environment["POSTGRES_DBNAME"])
    return rates[0], rates[1]


def _follow(orderwright: Orderwright, name: str) -> int:
    loop = orderwright.runner().loops[name]
    while loop.advance():
        pass
    return _events_for(orderwright, name)


def _pull(orderwright: Orderwright, name: str) -> int:
    follower = cast(Follower[Any], orderwright.applications[name])
    for leader in definition.follows[name]:
        follower.follow(leader, orderwright.applications[leader].notification_log)
        follower.pull_and_process(leader)
    return _events_for(orderwright, name)


def _events_for(orderwright: Orderwright, name: str) -> int:
    leaders = definition.follows[name]
    return sum(orderwright.applications[leader].recorder.max_notification_id() or 0 for leader in leaders)


def _wait_until_settled(environment: Mapping[str, str]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    with _opened(environment) as orderwright:
        while not is_settled(orderwright):
            if time.monotonic() > deadline:
                raise RuntimeError("the orders did not come to rest")
            time.sleep(0.1)


@contextmanager
def _opened(environment: Mapping[str, str]) -> Iterator[Orderwright]:
    orderwright = build(Settings.from_environment(environment))
    try:
        yield orderwright
    finally:
        orderwright.close()
