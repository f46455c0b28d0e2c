"""Change the code one spot at a time, see whether a test notices, and tell the score."""

import os
import subprocess
import sys
from pathlib import Path

from .score import chosen, mutants_of, report, scores_of
from .workspace import ROOT, Workspace, settings

BIN = Path(sys.executable).parent
HOW_TO_LOOK = "(cd mutants && ../.venv/bin/mutmut show NAME)"


def main(patterns: list[str]) -> int:
    """The exit code: 0 when all was tried and no package is below its floor."""
    workspace = Workspace(ROOT)
    workspace.bring_up_to_date()
    is_finished = _run_mutmut(workspace.path, patterns)
    mutants = chosen(mutants_of(_results(workspace.path)), patterns)
    scores = scores_of(mutants, settings()["mutants"]["floors"])
    print(report(mutants, scores, HOW_TO_LOOK))
    if not is_finished:
        print("It did not come to its end. `make mutants` goes on from here.", file=sys.stderr)
        return 1
    too_low = [one.package for one in scores if one.is_too_low]
    if too_low:
        print(f"Tests notice too little of what changes in {', '.join(too_low)}.", file=sys.stderr)
    return int(bool(too_low))


def _run_mutmut(workspace: Path, patterns: list[str]) -> bool:
    # It calls mypy by its name alone.
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    try:
        done = subprocess.run([BIN / "mutmut", "run", *patterns], cwd=workspace, env=environment, check=False)
    except KeyboardInterrupt:
        return False
    return done.returncode == 0


def _results(workspace: Path) -> str:
    command = [str(BIN / "mutmut"), "results", "--all", "true"]
    return subprocess.run(command, cwd=workspace, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
