"""Before a commit runs what `make lint` runs, and nothing that would have to be fetched."""

import re
import subprocess

import pytest

from .sources import ROOT

CONFIGURATION = ROOT / ".pre-commit-config.yaml"
_LINE = re.compile(r"(?P<indent> *)(?:- )?(?P<key>[a-z_]+):(?: (?P<value>\S.*))?")


def keys_of(text: str) -> list[tuple[str, str]]:
    """Every key with its value. The file is as plain as this, so that nothing is needed to read it."""
    found = []
    for line in (line for line in text.splitlines() if line and not line.startswith("#")):
        match = _LINE.fullmatch(line)
        assert match, f"no `key: value`: {line}"
        found.append((match["key"], match["value"] or ""))
    return found


def check(text: str) -> None:
    """Raise what is wrong with a configuration."""
    keys = keys_of(text)
    assert {value for key, value in keys if key == "repo"} == {"local"}
    assert {value for key, value in keys if key == "language"} == {"system"}
    entries = [value for key, value in keys if key == "entry"]
    assert "make lint" in entries
    for entry in entries:
        make, target = entry.split()
        assert make == "make", f"{entry} is not of the Makefile"
        assert (
            subprocess.run([make, "-n", target], cwd=ROOT, capture_output=True, check=False).returncode == 0
        ), f"{entry} is no target of the Makefile"


def test_the_hooks_are_targets_of_the_makefile() -> None:
    check(CONFIGURATION.read_text())


@pytest.mark.parametrize(
    ("as_it_is", "wrong"),
    [
        ("make lint", "make lint-all"),
        ("make lint", "ruff check"),
        ("repo: local", "repo: https://example.org/hooks"),
        ("language: system", "language: python"),
        ("hooks:", "hooks"),
    ],
)
def test_a_hook_that_would_disagree_is_noticed(as_it_is: str, wrong: str) -> None:
    text = CONFIGURATION.read_text().split("repos:")
    with pytest.raises(AssertionError):
        check("repos:" + text[1].replace(as_it_is, wrong))
