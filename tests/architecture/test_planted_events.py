"""A kind of event about which nobody decided is an error at start, with its name, wherever it is read."""

import json
import subprocess
import sys
from pathlib import Path
from shutil import copytree
from typing import cast

import pytest

from .sources import ROOT

RINGS = ("domain", "application", "system", "web")

CLASS = '''

class StepEnchanted(StepEvent):
    """Nobody knows what it means."""

    TOPIC = "Fulfilment.StepEnchanted"
{means}
'''
MEANS = '    means = Meaning(step=StepStatus.EXECUTING, note="it is enchanted")'
NAME = "    StepEnchanted: TypeAlias = events.StepEnchanted\n"
MEMORY = """    @event(StepEnchanted)
    def _step_enchanted(self) -> None:
        pass

"""
IN_PAYMENT = '''    class Frozen(Aggregate.Event):
        """Nobody may touch it."""

        TOPIC = "Payment.Frozen"
        order_id: UUID

'''
MEMORY_IN_PAYMENT = """
    @event(Frozen)
    def _frozen(self) -> None:
        pass
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the product, to plant something in."""
    for ring in RINGS:
        copytree(ROOT / ring, tmp_path / ring)
    return tmp_path


def plant(tree: Path, *, means: str = MEANS, memory: str = MEMORY) -> None:
    """Plant a new fact of the fulfilment."""
    events = tree / "domain/fulfilment/events.py"
    events.write_text(events.read_text() + CLASS.format(means=means))
    plant_before(tree / "domain/fulfilment/fulfilment.py", "    # Decisions\n", NAME)
    plant_before(tree / "domain/fulfilment/fulfilment.py", "    @event(InterventionMade)\n", memory)


def plant_before(path: Path, place: str, text: str) -> None:
    """Put a text before a place of a file."""
    before, found, after = path.read_text().partition(place)
    assert found
    path.write_text(before + text + found + after)


def told_at_start(tree: Path, *modules: str) -> dict[str, str]:
    """What is told when these modules of the copy are imported in turn; nothing when it works."""
    program = f"""
import importlib, json, domain
told = {{}}
for name in {modules}:
    told[name] = ""
    try:
        importlib.import_module(name)
    except TypeError as error:
        told[name] = str(error)
print(domain.__file__)
print(json.dumps(told))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tree, capture_output=True, text=True, timeout=120, check=True
    )
    where, told = done.stdout.splitlines()
    assert where.startswith(str(tree))
    return cast(dict[str, str], json.loads(told))


def test_nothing_starts_with_a_fact_that_does_not_say_what_it_means(tree: Path) -> None:
    plant(tree, means="")

    told = told_at_start(
        tree,
        "domain.fulfilment",
        "system.projections.saga_log.follower",
        "system.projections.order_dashboard.follower",
        "system.queries.explain",
        "system.audit",
        "system.bootstrap",
        "web.api.app",
    )
    assert {one.partition(" (")[0] for one in told.values()} == {
        "Fulfilment.StepEnchanted does not say what it means"
    }


def test_nothing_starts_with_a_fact_of_which_the_aggregate_has_no_memory(tree: Path) -> None:
    plant(tree, memory="")

    told = told_at_start(tree, "domain.fulfilment")["domain.fulfilment"]
    assert told.startswith("Fulfilment.StepEnchanted has no memory")


def test_the_story_and_the_audit_decide_for_themselves(tree: Path) -> None:
    plant(tree)

    told = told_at_start(tree, "system.bootstrap", "system.audit", "system.queries.explain", "web.api.app")
    undecided = "has not decided about Fulfilment.StepEnchanted"
    of_audit = f"the audit (system/audit/meanings.py) {undecided}"
    of_story = f"the story of an order (system/queries/explain.py) {undecided}"
    assert told["system.bootstrap"] == ""  # all that derives from what it means has enough
    assert told["system.audit"] == of_audit
    assert told["system.queries.explain"] == of_story
    assert told["web.api.app"] in (of_audit, of_story)


def test_no_follower_starts_that_neither_handles_nor_ignores_an_event(tree: Path) -> None:
    payment = tree / "domain/payments/payment.py"
    plant_before(payment, "    # Decisions\n", IN_PAYMENT)
    payment.write_text(payment.read_text() + MEMORY_IN_PAYMENT)

    told = told_at_start(tree, "system.bootstrap")["system.bootstrap"]
    assert "the follower " in told
    assert told.endswith("has not decided about Payment.Frozen")


def test_nothing_starts_with_a_gap_between_the_versions_of_an_event(tree: Path) -> None:
    order = tree / "domain/orders/order.py"
    order.write_text(order.read_text().replace("class_version = 2", "class_version = 3"))

    told = told_at_start(tree, "system.bootstrap")["system.bootstrap"]
    assert told.startswith(
        "Order.Created is in version 3 and has no upcast_v2_v3: what was stored in version 2"
    )
