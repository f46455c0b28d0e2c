"""The fingerprint of a state is another one as soon as the memory of an aggregate makes another state,
without anybody saying so; and only then."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TELL = """
import json, application.mapping, domain.fulfilment, domain.payments
from application.fingerprint import shape_of
from domain.shared.aggregates import AGGREGATES
print(json.dumps({topic: shape_of(kind).fingerprint for topic, kind in AGGREGATES.items()}))
"""
Fingerprints = dict[str, str]


def fingerprints_of(folder: Path, seed: str = "1") -> Fingerprints:
    """As a process of its own tells them that has the code in a folder."""
    done = subprocess.run(
        [sys.executable, "-c", TELL],
        cwd=folder,
        env={"PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    found: Fingerprints = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def present() -> Fingerprints:
    """Those of the code as it is."""
    return fingerprints_of(ROOT)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A copy of the code, for another release."""
    for ring in ("domain", "application"):
        shutil.copytree(ROOT / ring, tmp_path / ring, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def change(release: Path, file: str, old: str, new: str) -> None:
    """Change a spot of the code."""
    path = release / file
    text = path.read_text()
    assert text.count(old) == 1, f"{file} has {text.count(old)} times {old!r}"
    path.write_text(text.replace(old, new))


def test_every_process_has_the_same_and_every_aggregate_another(present: Fingerprints) -> None:
    assert fingerprints_of(ROOT, seed="2") == present
    assert len(set(present.values())) == len(present) >= 7


@pytest.mark.parametrize(
    ("file", "old", "new", "of"),
    [
        pytest.param(
            "domain/inventory/stock_item.py",
            "        self.reserved = 0\n",
            "        self.reserved = 0\n        self.is_discontinued = False\n",
            {"StockItem"},
            id="an attribute is added",
        ),
        pytest.param(
            "domain/inventory/stock_item.py",
            "        self.receipts[corrects] = quantity\n",
            "        self.receipts[corrects] += quantity\n",
            {"StockItem"},
            id="a memory remembers something else",
        ),
        pytest.param(
            "domain/fulfilment/fulfilment.py",
            "        self.attempts[step] = attempt\n        self.next_at.pop(step, None)\n",
            "        self.next_at.pop(step, None)\n",
            {"Fulfilment"},
            id="what a memory calls does something else",
        ),
        pytest.param(
            "domain/orders/lines.py",
            "    unit_price: Decimal\n\n    def",
            "    unit_price: Decimal\n    is_gift: bool = False\n\n    def",
            {"Order"},
            id="a value type gets a field",
        ),
        pytest.param(
            "domain/payments/payment.py",
            '            state["attempt"] = 1\n',
            '            state["attempt"] = 0\n',
            {"Payment"},
            id="old events are brought up to date in another way",
        ),
        pytest.param(
            "domain/fulfilment/events.py",
            "    means = Meaning(step=StepStatus.COMPENSATED, ends_waiting=True)",
            "    means = Meaning(step=StepStatus.FAILED, ends_waiting=True)",
            {"Fulfilment"},
            id="a constant is another one",
        ),
        pytest.param(
            "domain/inventory/reservation.py",
            '    RELEASED = "RELEASED"\n',
            '    RELEASED = "GIVEN_BACK"\n',
            {"Reservation"},
            id="a member of an enum is another one",
        ),
        pytest.param(
            "domain/shared/aggregates.py",
            "            aggregate.modified_on = self.timestamp\n",
            "            aggregate.modified_on = max(aggregate.modified_on, self.timestamp)\n",
            {"StockItem", "Order", "Payment", "Fulfilment", "Reservation", "Supply", "OrderReference"},
            id="every event is applied in another way",
        ),
        pytest.param(
            "domain/inventory/stock_item.py",
            "        check_quantity(quantity)\n        if command_id in self.receipt_of_command:",
            "        # Not more than a ship holds.\n        if command_id in self.receipt_of_command:",
            set(),
            id="a decision is another one",
        ),
        pytest.param(
            "domain/inventory/stock_item.py",
            "# a receipt's event id: what it counts for at present\n",
            "# what each counts for\n",
            set(),
            id="a comment is another one",
        ),
    ],
)
def test_it_changes_with_what_is_remembered(
    present: Fingerprints, release: Path, file: str, old: str, new: str, of: set[str]
) -> None:
    change(release, file, old, new)

    other = fingerprints_of(release)

    assert {topic for topic in present if other[topic] != present[topic]} == of
