"""The README's commands work when pasted, and lead to what it says."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.waiting import PATIENCE_SECONDS, wait_until

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
_BLOCK = re.compile(r"<!-- try: [^>]*-->\n```\n(.*?)```", re.S)


DOCUMENTS = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("document", [one for one in DOCUMENTS if "--host 0.0.0.0" in one.read_text()])
def test_whoever_reads_how_to_open_it_to_others_reads_that_there_is_no_authentication(document: Path) -> None:
    sections = re.split(r"^## ", document.read_text(), flags=re.M)
    for section in (one for one in sections if "--host 0.0.0.0" in one):
        assert "There is no authentication yet" in section


@pytest.mark.parametrize("command", ["serve", "api"])
def test_the_help_says_that_there_is_no_authentication(command: str) -> None:
    told = subprocess.run(
        [BIN / "orderwright", command, "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "There is no authentication yet" in " ".join(told.split())


def commands() -> list[str]:
    """The commands that are meant to be pasted, in the README's order."""
    blocks = _BLOCK.findall((ROOT / "README.md").read_text())
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip()]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """The address of a service as `make run` starts it, and the environment it runs in."""
    data = tmp_path_factory.mktemp("readme")
    environment = {
        "PATH": "/usr/bin:/bin",
        "ORDERWRIGHT_DATA": str(data),
        "HOME": str(data),
        "USER": "reader",
    }
    command = [str(BIN / "orderwright"), "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=data) as server:
        assert server.stdout is not None
        ready = server.stdout.readline()
        assert "ready at http://" in ready, ready
        yield ready.split()[-1], environment
        server.terminate()
        assert server.wait(timeout=PATIENCE_SECONDS) == 0


def paste(command: str, address: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command of the README against the service under test."""
    text = command.replace("http://127.0.0.1:8000", address).replace(".venv/bin/", f"{BIN}/")
    return subprocess.run(
        ["/bin/bash", "-c", text],
        capture_output=True,
        text=True,
        env=environment,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@pytest.mark.service
def test_the_readmes_commands_work_when_pasted(service: tuple[str, dict[str, str]]) -> None:
    address, environment = service

    def curl(path: str) -> dict[str, object]:
        answer: dict[str, object] = json.loads(
            paste(f"curl -s {address}/api/v1{path}", address, environment).stdout
        )
        return answer

    def statuses() -> dict[object, object]:
        rows = curl("/orders?limit=500")["items"]
        assert isinstance(rows, list)
        return {
            row["customer_id"]: row["status"] for row in rows if row["customer_id"] in ("ada", "bob", "eve")
        }

    assert len(commands()) >= 12
    for command in commands():
        done = paste(command, address, environment)
        # The demo leaves work for a person, and the doctor says so.
        assert done.returncode == ("doctor" in command), f"{command}\n{done.stdout}\n{done.stderr}"
        assert '"code":' not in done.stdout, f"{command}\n{done.stdout}"
        if "third-order" in command:
            wait_until(lambda: "CREATED" not in statuses().values())
    assert statuses() == {"ada": "CONFIRMED", "bob": "CANCELLED", "eve": "CANCELLED"}
    stock = curl("/stock/CD-X1")
    assert (stock["on_hand"], stock["reserved"]) == (10, 2)


def test_the_make_targets_of_the_readme_exist() -> None:
    targets = set(re.findall(r"\bmake ([a-z]+)", (ROOT / "README.md").read_text()))
    assert targets == {"run", "test", "check", "help", "mutants", "quick", "lint"}
    for target in targets:
        assert (
            subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, check=False).returncode == 0
        )
