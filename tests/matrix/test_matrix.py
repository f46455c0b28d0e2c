"""Each step in each trouble: how it ends, and that nothing is left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.fulfilment import RESERVE_INVENTORY
from domain.shared.ids import order_id_from_ref
from system.processes.inventory import InventoryProcess
from system.processes.payments import PaymentsProcess
from tests.durability.provider import ProviderAcrossTheStreet
from tests.support.clocks import StandingClock
from tests.support.fixtures import Environment, environment_for
from tests.support.gateways import TroublesomeGateway
from tests.support.invariants import assert_at_rest, assert_charged_at_most_once
from tests.support.running_shop import Shop
from tests.support.waiting import PATIENCE_SECONDS
from tests.support.ways import ByHand, Way

from .cells import CELLS, COORDINATES, CRASHES, Cell, NoCell
from .dying import ORDER_REF
from .render import DOCUMENT, document
from .stage import Stage

ROOT = Path(__file__).parents[2]
STORIES = [where for where in COORDINATES if getattr(CELLS.get(where), "story", None) is not None]
DEATHS = [where for where in COORDINATES if where[1] in CRASHES and isinstance(CELLS.get(where), Cell)]

OpenWay = Callable[..., Way]


@pytest.fixture(params=["sqlite", "tuned"])
def store(request: pytest.FixtureRequest, quick_folder: Path) -> Environment:
    """An empty store on SQLite, and one on PostgreSQL."""
    return environment_for(request.param, request, quick_folder)


@pytest.fixture
def stage(store: Environment, open_way: OpenWay) -> Stage:
    """The stage on each store."""
    gateway = TroublesomeGateway()
    way = open_way(ByHand, store, gateway, StandingClock())
    assert isinstance(way, ByHand)
    return Stage(way, gateway)


def test_every_step_is_in_every_trouble() -> None:
    assert set(CELLS) == set(COORDINATES)
    told = {where for where in COORDINATES if isinstance(CELLS[where], NoCell)}
    assert {*STORIES, *DEATHS, *told} == set(COORDINATES), "a cell without a story"


@pytest.mark.parametrize("where", STORIES, ids=" ".join)
def test_a_step_in_trouble(stage: Stage, where: tuple[str, str]) -> None:
    play(stage, where)


@pytest.mark.parametrize("where", DEATHS, ids=" ".join)
def test_a_process_is_killed(
    store: Environment, tmp_path: Path, open_way: OpenWay, where: tuple[str, str]
) -> None:
    cell = CELLS[where]
    assert isinstance(cell, Cell)
    killed = subprocess.run(
        [sys.executable, "-m", "tests.matrix.dying", str(tmp_path), *where],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **store},
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    provider = ProviderAcrossTheStreet(tmp_path / "provider")
    shop = Shop(open_way(ByHand, store, provider))
    order = order_id_from_ref(ORDER_REF)
    assert shop.status(order) == "CREATED"
    shop.settle()

    assert shop.status(order) == cell.ends
    assert_at_rest(shop.orderwright)
    assert_charged_at_most_once(shop.orderwright)
    assert len(provider.lines()) == 1


@pytest.mark.parametrize(
    ("where", "follower", "undo"),
    [
        ((RESERVE_INVENTORY, "declined"), PaymentsProcess, "request_refund"),
        ((RESERVE_INVENTORY, "customer cancels meanwhile"), InventoryProcess, "release"),
    ],
    ids=["no refund", "no release"],
)
def test_without_one_compensation_a_cell_turns_red(
    stage: Stage,
    where: tuple[str, str],
    follower: type,
    undo: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(follower, undo, lambda *_, **__: None if undo == "request_refund" else [])
    with pytest.raises(AssertionError):
        play(stage, where)


def play(stage: Stage, where: tuple[str, str]) -> None:
    """Play the story of a cell, and look how it ended."""
    cell = CELLS[where]
    assert isinstance(cell, Cell)
    assert cell.story is not None
    stage.check(cell.story(stage), cell.ends)


def test_the_document_tells_what_the_matrix_says() -> None:
    assert DOCUMENT.read_text() == document(), "run python -m tests.matrix.render"
