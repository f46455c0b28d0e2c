"""Processes that serve: one for tests that talk to it over raw connections, others with a plain client."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.waiting import PATIENCE_SECONDS
from tests.web.api import API

ROOT = Path(__file__).parents[2]
THREADS = 4
Process = subprocess.Popen[str]

# Its clients may take as long as they like: on a busy machine the usual time is over too soon.
_PATIENT = f"""
from web.cli import main
from web.door import worker
from web.door.limits import Limits

def patient(body_bytes, idle_seconds):
    return Limits(body_bytes, *[{PATIENCE_SECONDS}] * 3)

if __name__ == "__main__":
    worker.Limits = patient
    main()
"""


@dataclass
class Server:
    """A server that is ready, and a client of it."""

    process: subprocess.Popen[str]
    address: str

    def post(self, path: str, body: object) -> Any:
        request = urllib.request.Request(
            self.address + API + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:
            return json.load(response)

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.address + path, timeout=PATIENCE_SECONDS) as response:
            return json.load(response)

    def status_of(self, order_id: str) -> str:
        try:
            return str(self.get(f"{API}/orders/{order_id}")["status"])
        except OSError:  # the worker is being replaced
            return "away"

    def worker(self) -> int | None:
        """The worker's process id, while there is one."""
        children = children_of(self.process.pid)
        return children[0] if len(children) == 1 else None


def children_of(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def lives(pid: int) -> bool:
    """Whether there is such a process, other than one that only waits to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def ready(process: Process) -> Server:
    """The server that a process is, once it is ready."""
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    found = re.fullmatch(r"Orderwright is ready at (http://127\.0\.0\.1:\d+)\n", line)
    assert found, line or process.stderr.read()
    return Server(process, found[1])


@contextmanager
def processes() -> Iterator[Callable[..., Process]]:
    """Starts Python processes with their output in pipes, and ends them."""
    started: list[Process] = []

    def start(code: str, *words: str, environment: Mapping[str, str]) -> Process:
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", code, *words],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], **environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    try:
        yield start
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
            process.communicate()


@dataclass(frozen=True)
class Serving:
    """A server that is ready: it takes orders that nobody follows, over SQLite files in a folder."""

    process: subprocess.Popen[str]
    port: int
    folder: Path

    @property
    def log(self) -> str:
        """What it has logged, a JSON object a line."""
        return (self.folder / "log").read_text()


@contextmanager
def served(folder: Path, **environment: str) -> Iterator[Serving]:
    """A server with few threads."""
    variables = {
        "PATH": os.environ["PATH"],
        "ORDERWRIGHT_DATA": str(folder / "var"),
        "ORDERWRIGHT_LOG_STYLE": "json",
        "ORDERWRIGHT_API_THREADS": str(THREADS),
        **environment,
    }
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-c", _PATIENT, "api", "--port", "0"],
            cwd=ROOT,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.fullmatch(r"Orderwright is ready at http://127\.0\.0\.1:(\d+)\n", line)
            assert found, (folder / "log").read_text()
            yield Serving(process, int(found[1]), folder)
        finally:
            process.terminate()
            try:
                process.wait(timeout=PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
