"""A server process for tests that talk to it over raw connections."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
THREADS = 4

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
