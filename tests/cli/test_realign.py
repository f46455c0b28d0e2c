"""The way out when a log lacks what was read of it, as an operator takes it: look, then do it, then go on."""

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.durability.service import Service, order
from tests.durability.test_anything_dies import children
from tests.support.fixtures import Environment, quick_folder
from tests.support.logs import lose_the_end
from tests.support.waiting import wait_until

from .console import Console

__all__ = ["quick_folder"]

WHAT_CAN_HAPPEN = ("an older backup of one file", "files copied while it ran", "the write-ahead file deleted")


@pytest.fixture
def console(quick_folder: Path) -> Console:
    """A console over SQLite files, where the disk costs nothing."""
    environment = {
        "PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "ORDERWRIGHT_DATA": str(quick_folder / "var"),
        "ORDERWRIGHT_GATEWAY_RETRY_SECONDS": "0.01",
        "USER": "ada",
    }
    return Console(quick_folder, environment)


def place(service: Service, count: int) -> None:
    """Place orders, and wait until each of them is confirmed."""
    placed = {service.ask("POST", "/api/v1/orders", order()).body["order_id"] for _ in range(count)}

    def all_confirmed() -> bool:
        listed = service.ask("GET", "/api/v1/orders?status=CONFIRMED&limit=500").body["items"]
        return placed <= {one["order_id"] for one in listed}

    wait_until(all_confirmed, what="the orders are confirmed")


def let_it_happen(what: str, environment: Environment, service: Service, folder: Path) -> None:
    """Stop the service, and do to the file of the orders what people do."""
    data = Path(environment["ORDERWRIGHT_DATA"])
    service.start("serve")
    service.wait_until_ready()
    assert service.ask("POST", "/api/v1/stock/CD-X1/receipts", {"quantity": 100}).status == 201
    place(service, 2)
    if what == "the write-ahead file deleted":
        service.end_all()  # what there is by now gets into the file itself
        process = service.start("serve")
        service.wait_until_ready()
        place(service, 3)
        for pid in (process.pid, *children(process)):
            os.kill(pid, signal.SIGKILL)
        process.wait()
        service.processes.clear()
        wait_until(lambda: not is_up(service), what="its worker is gone as well")
        (data / "Orders.sqlite-wal").unlink()
        (data / "Orders.sqlite-shm").unlink(missing_ok=True)
        return
    backup = folder / "backup"
    backup.mkdir()
    if what == "an older backup of one file":
        service.end_all()
        shutil.copy(data / "Orders.sqlite", backup)
        service.start("serve")
        service.wait_until_ready()
        place(service, 3)
        service.end_all()
        shutil.copy(backup / "Orders.sqlite", data)
        return
    for part in data.glob("Orders.sqlite*"):  # the first of the files, and then it takes a while
        shutil.copy(part, backup)
    place(service, 3)
    for part in data.glob("*.sqlite*"):
        if not part.name.startswith("Orders.") and not part.name.endswith("-shm"):
            shutil.copy(part, backup)
    service.end_all()
    shutil.rmtree(data)
    (backup / "Orders.sqlite-shm").unlink(missing_ok=True)
    shutil.move(backup, data)


@pytest.mark.parametrize("what", WHAT_CAN_HAPPEN)
def test_files_that_do_not_belong_together(what: str, console: Console, tmp_path: Path) -> None:
    with Service(console.environment) as service:
        let_it_happen(what, console.environment, service, tmp_path)
        service.start("serve")
        wait_until(lambda: is_up(service), what="the service answers")

        ready = service.ask("GET", "/readyz")
        assert ready.status == 503
        logs = next(check for check in ready.body["checks"] if check["name"] == "logs")
        assert "OrderFulfilment" in logs["detail"]
        refused = service.ask("POST", "/api/v1/orders", order())
        assert (refused.status, refused.body["code"]) == (503, "log_disagrees")
        assert "Retry-After" in refused.headers
        assert service.ask("POST", "/api/v1/stock/CD-X1/receipts", {"quantity": 1}).status == 201
        told = console("doctor", code=1).stdout
        assert "OrderFulfilment has read Orders up to position" in told
        assert "positions short" in told

        shown = console.json("store", "realign", code=1)
        (log,) = shown["logs"]
        assert (shown["is_done"], log["log"], log["orders"]["count"]) == (False, "Orders", 3)
        assert "Nothing was changed" in console("store", "realign", code=1).stdout
        assert not service.is_ready()

        done = console("store", "realign", "--yes", "--reason", "the backup of tuesday").stdout
        assert "Done." in done
        service.wait_until_ready()
        assert service.ask("POST", "/api/v1/orders", order()).status == 201
        wait_until(lambda: newest(service)["status"] == "CONFIRMED", what="work goes on")
        assert console.json("store", "realign")["logs"] == []
        (earlier,) = console.json("store", "realign")["earlier"]
        assert (earlier["made_by"], earlier["reason"]) == ("ada", "the backup of tuesday")
        assert len(json.loads(console("audit", "--quiet", "--json", code=1).stdout)["offenders"]) >= 3


def is_up(service: Service) -> bool:
    """Whether it answers at all."""
    try:
        return service.ask("GET", "/livez").status == 200
    except OSError:
        return False


def newest(service: Service) -> Any:
    """The latest order of the dashboard."""
    listed = service.ask("GET", "/api/v1/orders?limit=1").body["items"]
    return listed[0] if listed else {"status": None}


def test_to_do_it_takes_a_reason(console: Console) -> None:
    assert "--reason" in console("store", "realign", "--yes", code=2).stderr


def test_where_nothing_disagrees_there_is_nothing_to_do(console: Console) -> None:
    assert "nothing to do" in console("store", "realign").stdout
    assert console.json("store", "realign", "--yes", "--reason", "just so") == {
        "is_done": True,
        "logs": [],
        "earlier": [],
    }


def test_a_command_that_is_refused_says_what_to_do(console: Console) -> None:
    console("stock", "receive", "CD-X1", "5")
    lose_the_end(console.environment, "Inventory", 1)

    assert console.error("stock", "receive", "CD-X1", "5", code=3)["code"] == "log_disagrees"
    assert "orderwright store realign" in console("stock", "receive", "CD-X1", "5", code=3).stderr
