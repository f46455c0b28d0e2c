"""A command line to type into, over a store of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from web.cli import main

ROOT = Path(__file__).parents[2]
# A shell starts what it puts into the background with Ctrl-C ignored, and that is inherited.
_RUN = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from web.cli import main; main()"
)


@dataclass(frozen=True)
class Console:
    """Runs commands in a folder, where the store is kept as well."""

    folder: Path
    environment: dict[str, str]
    started: "list[subprocess.Popen[str]]" = field(default_factory=list)

    def __call__(self, *arguments: object, code: int = 0, **environment: str) -> Result:
        """Run a command in this process; it has to end with this exit code."""
        words = [str(argument) for argument in arguments]
        result = CliRunner().invoke(main, words, env=self.environment | environment, prog_name="orderwright")
        assert result.exit_code == code, f"{words} ended with {result.exit_code}: {result.output}"
        return result

    def json(self, *arguments: object, code: int = 0) -> Any:
        """Run a command with ``--json``; what it wrote to standard output, which has to be nothing else."""
        return json.loads(self(*arguments, "--json", code=code).stdout)

    def error(self, *arguments: object, code: int, **environment: str) -> Any:
        """Run a command with ``--json`` that has to fail; the error on standard error."""
        result = self(*arguments, "--json", code=code, **environment)
        assert result.stdout == ""
        return json.loads(result.stderr)

    def start(self, *arguments: object, code: str = _RUN) -> "subprocess.Popen[str]":
        """Run a command in a process of its own, by this code, which does not outlive the test."""
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, **self.environment, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def close(self) -> None:
        """End the processes that are still there."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()
