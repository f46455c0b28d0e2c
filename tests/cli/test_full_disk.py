"""A full disk is told as that, wherever a command or a service writes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from system.bootstrap import build
from system.runner.service import RunnerService
from system.settings.environment import Settings
from tests.support.small_disks import SmallDisk, small_disk
from tests.support.waiting import wait_until
from tests.web.api import Answer, Api
from web.api.app import create_app

from .console import Console
from .files import SMALL, write_orders

FULL = Path("/dev/full")
TOLD = "standard output cannot be written: the disk is full"
Run = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="this system has no full device")


@pytest.fixture
def into_full(console: Console) -> Run:
    """Runs a command whose output, or what it complains, goes to a full disk."""

    def run(*words: str, stdout: bool = True, stderr: bool = False, unbuffered: str = "") -> object:
        with FULL.open("w") as full:
            return subprocess.run(
                [sys.executable, "-c", "from web.cli import main; main()", *words],
                cwd=console.folder,
                env={
                    **os.environ,
                    **console.environment,
                    "PYTHONPATH": str(Path(__file__).parents[2]),
                    "PYTHONUNBUFFERED": unbuffered,
                },
                stdout=full if stdout else subprocess.PIPE,
                stderr=full if stderr else subprocess.PIPE,
                text=True,
                check=False,
            )

    return run  # type: ignore[return-value]


OUTPUTS = [("--help", ""), ("settings", "1"), ("settings --json", "")]


@pytest.mark.parametrize(("words", "unbuffered"), OUTPUTS)
def test_output_that_finds_no_room(into_full: Run, words: str, unbuffered: str) -> None:
    ended = into_full(*words.split(), unbuffered=unbuffered)
    assert ended.returncode == 74
    (line,) = ended.stderr.splitlines()
    assert TOLD in line
    assert ("--json" in words) == line.startswith("{")


def test_what_a_command_did_is_done_although_it_could_not_say_so(into_full: Run, console: Console) -> None:
    ended = into_full("stock", "receive", "CD-X1", "5", "--json")
    assert ended.returncode == 74
    assert json.loads(ended.stderr)["code"] == "unwritable_output"
    assert "what was recorded is kept" in ended.stderr
    assert console.json("stock", "list")["items"][0]["available"] == 5


def test_a_complaint_that_finds_no_room_leaves_the_exit_code(into_full: Run) -> None:
    assert into_full("orders", "show", "nonsense", stdout=False, stderr=True).returncode == 2


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 8) as disk:
        yield disk


def test_a_report_that_finds_no_room(console: Console, tmp_path: Path, disk: SmallDisk) -> None:
    """An earlier one is kept; when there is room again, the next run writes it."""
    file = write_orders(tmp_path / "orders.csv", *SMALL, *(f"b-{n},ada" for n in range(300)))
    path = disk.folder / "report.csv"
    path.write_text("line,order_ref,code,reason\nan earlier one")
    disk.fill()
    error = console.error("import", file, "--report", path, code=74)
    assert error["code"] == "unwritable_output"
    assert f"the report {path} cannot be written: the disk is full" in error["detail"]
    assert path.read_text().endswith("an earlier one")
    assert {found.name for found in disk.folder.iterdir()} == {"report.csv", "filler"}
    disk.make_room()
    console("import", file, "--report", path, code=1)
    assert len(path.read_text().splitlines()) == 303


def test_a_store_that_finds_no_room(console: Console, disk: SmallDisk) -> None:
    console.environment["ORDERWRIGHT_DATA"] = str(disk.folder / "var")
    console("stock", "receive", "CD-X1", 5)
    disk.fill()
    for words in ("stock receive CD-X1 5", "orders list"):
        error = console.error(*words.split(), code=3)
        assert error["code"] == "store_full"
        assert "the disk of the store is full" in error["detail"]
    assert "its disk is full" in console("doctor", code=1).stdout
    disk.make_room()
    assert console.json("stock", "list")["items"][0]["available"] == 5


def test_a_service_whose_store_finds_no_room(disk: SmallDisk) -> None:
    environment = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "ORDERWRIGHT_DATA": str(disk.folder / "var")}
    orderwright, runner = (build(Settings.from_environment(environment)) for _ in range(2))
    service = RunnerService(runner)
    service.start()
    try:
        api = Api(create_app(orderwright).test_client(), orderwright)
        api.placed()
        disk.fill()
        wait_until(lambda: api.place().status == 503, what="no order is taken")
        answer = api.place()
        assert (answer.status, answer.code) == (503, "store_full")
        assert answer.header("Retry-After") == "1"
        assert str(disk.folder) not in answer.response.text
        wait_until(lambda: "is full" in _ready(api).response.text, what="readiness says what is the matter")
        assert _ready(api).status == 503
        disk.make_room()
        wait_until(lambda: _ready(api).status == 200, what="it is ready again")
        api.placed()
    finally:
        service.stop()
        runner.close()
        orderwright.close()


def _ready(api: Api) -> Answer:
    return Answer(api.client.get("/readyz"))
