"""Files of the store are their owner's alone, whatever the umask is; what was there stays as it was."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from system.operations.doctor import Verdict, examine

ROOT = Path(__file__).parents[3]


def run(folder: Path, *words: str) -> None:
    """A command in a process of its own that lets everybody do everything, if it can."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ORDERWRIGHT_DATA": str(folder)}
    code = "import os; os.umask(0); from web.cli import main; main()"
    subprocess.run([sys.executable, "-c", code, *words], cwd=folder.parent, env=environment, check=True)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("words", [("demo", "--orders", "3"), ("stock", "receive", "TEA-1", "5")])
def test_a_new_folder_and_its_files_are_private(tmp_path: Path, words: tuple[str, ...]) -> None:
    folder = tmp_path / "shop" / "var"
    folder.parent.mkdir()
    run(folder, *words)
    assert mode(folder) == 0o700
    files = {path.name: mode(path) for path in folder.iterdir()}
    assert {"Orders.sqlite", "OrderDashboard.sqlite", "OrderFulfilment.lock"} <= files.keys()
    assert set(files.values()) == {0o600}


def test_a_folder_that_was_there_stays_as_it_is_and_the_doctor_tells(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    folder.mkdir()
    folder.chmod(0o755)
    run(folder, "stock", "receive", "TEA-1", "5")
    assert mode(folder) == 0o755
    assert {mode(path) for path in folder.glob("*.sqlite")} == {0o600}

    (folder / "Orders.sqlite").chmod(0o644)
    run(folder, "stock", "receive", "TEA-1", "5")
    assert mode(folder / "Orders.sqlite") == 0o644
    environment = {"ORDERWRIGHT_DATA": str(folder)}
    (told,) = [check for check in examine(environment).checks if check.name == "privacy"]
    assert told.status is Verdict.WARNING
    assert "Orders.sqlite" in told.detail
    assert f"chmod -R go= {folder}" in told.detail

    folder.chmod(0o700)
    (told,) = [check for check in examine(environment).checks if check.name == "privacy"]
    assert told.status is Verdict.OK


def test_so_is_the_report_of_an_import(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    header = "order_ref,customer_id,placed_on,sku,quantity,unit_price,currency"
    (tmp_path / "orders.csv").write_text(f"{header}\nA-1,ada,2024-05-17,TEA-1,0,4.50,USD\n")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        run(folder, "import", "orders.csv", "--quiet")
    assert refused.value.returncode == 1
    assert mode(tmp_path / "orders.csv.refused.csv") == 0o600
