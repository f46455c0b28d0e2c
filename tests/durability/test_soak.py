"""A day in small: orders at an even pace, and what the processes take stays the same.

``ORDERWRIGHT_TEST_SOAK_SECONDS=900`` makes it long enough to tell something about memory; its figures are
printed (``pytest -s``).
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.fixtures import Environment, migrated
from tests.support.invariants import assert_at_rest, assert_stock_balances
from tests.support.postgres import PrivatePostgres
from tests.support.running_shop import Shop
from tests.support.waiting import PATIENCE_SECONDS, wait_until
from tests.support.ways import ByHand, Way

from .service import METHODS, Service, order
from .test_anything_dies import settled

SECONDS = float(os.environ.get("ORDERWRIGHT_TEST_SOAK_SECONDS", "9"))
ORDERS_A_SECOND = 15
WARM_UP = 2 / 3
"""This part of the time is for caches to fill and pools to find their size."""


@dataclass(frozen=True)
class Footprint:
    """What the processes of a service take: resident memory in MB, open files, sessions of the database."""

    memory: float
    descriptors: int
    sessions: int

    @classmethod
    def of(cls, pids: Sequence[int], server: PrivatePostgres) -> "Footprint":
        """Look at the processes, and at the server's sessions."""
        with server.connected("postgres") as connection:
            ((sessions,),) = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop'"
            ).fetchall()
        return cls(
            memory=sum(_resident_mb(pid) for pid in pids),
            descriptors=sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids),
            sessions=sessions,
        )

    @classmethod
    def largest(cls, looks: Sequence["Footprint"]) -> "Footprint":
        """The most of each."""
        return cls(
            max(look.memory for look in looks),
            max(look.descriptors for look in looks),
            max(look.sessions for look in looks),
        )


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.fixture
def server() -> Iterator[PrivatePostgres]:
    """A database server of this test's own."""
    with PrivatePostgres(fsync=True) as server:
        yield server


def test_memory_sessions_and_open_files_stay_the_same(
    server: PrivatePostgres, open_way: Callable[..., Way]
) -> None:
    server.create_database("shop")
    environment: Environment = migrated(
        server.environment("shop") | {"ORDERWRIGHT_GATEWAY_RETRY_SECONDS": "0.01"}
    )
    shop = Shop(open_way(ByHand, environment))
    shop.receive("CD-X1", 900_000)
    with Service(environment) as service:
        for arguments in (("api", "--workers", "2"), ("runner",), ("runner",)):
            service.start(*arguments)
        service.wait_until_ready()
        looks = _looks(service, server)
        wait_until(lambda: settled(shop), what="everything settled by itself")
    assert_at_rest(shop.orderwright)
    assert_stock_balances(shop.orderwright)

    warm = [look for at, look in looks if at >= SECONDS * WARM_UP]
    before, after = (Footprint.largest(part) for part in (warm[: len(warm) // 2], warm[len(warm) // 2 :]))
    print(f"\nfirst {looks[0][1]}\nwarm  {before}\nend   {after}")  # noqa: T201 - figures of a long run
    assert after.memory <= before.memory * 1.03 + 6
    assert after.descriptors <= before.descriptors + 8
    assert after.sessions <= before.sessions + 4


def _looks(service: Service, server: PrivatePostgres) -> list[tuple[float, Footprint]]:
    """Order all the time; what the processes take meanwhile, each with its second."""
    stop, taken = threading.Event(), list[int]()
    customer = threading.Thread(target=_order, args=(service, stop, taken))
    customer.start()
    began, looks = time.monotonic(), []
    try:
        while (at := time.monotonic() - began) < SECONDS:
            looks.append((at, Footprint.of(_processes(service), server)))
            stop.wait(min(5.0, SECONDS / 30))
    finally:
        stop.set()
        customer.join(PATIENCE_SECONDS)
    assert sum(status == 201 for status in taken) > SECONDS, "there were hardly any orders"
    return looks


def _order(service: Service, stop: threading.Event, taken: list[int]) -> None:
    number = 0
    while not stop.wait(1 / ORDERS_A_SECOND):
        number += 1
        pays = "pm_timeout" if number % 50 == 0 else METHODS[number % len(METHODS)]
        with suppress(OSError):  # a machine that is busy may answer too late
            taken.append(service.ask("POST", "/api/v1/orders", order(pays), f"soak-{number}").status)
            if number % 10 == 0:
                service.ask("GET", "/api/v1/orders")
                service.ask("GET", "/readyz")


def _processes(service: Service) -> list[int]:
    """Every process of the service, with those that they started."""
    found = [process.pid for process in service.processes]
    for pid in found:
        found += [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found
