"""What CONTRIBUTING.md says about the tree is so, and CHANGELOG.md keeps its form."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from .commands import ROOT

DOCUMENT = (ROOT / "CONTRIBUTING.md").read_text()
RINGS = ("web", "system", "application", "domain")
_PATH = re.compile(r"`([\w.][\w./-]*(?:/[\w./-]*|\.(?:py|md|toml|txt)))`")
_TEST = re.compile(r"`(test_\w+)`")


def folders_of_the_system() -> Iterator[str]:
    """The folders and modules of the ring, from the top, as the import contract has them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["id"] == "system-layers")
    for layer in layers:
        yield from layer.split(" | ")


def first_sentence(module: Path) -> str:
    """How the docstring of a package or a module begins."""
    source = module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
    text = " ".join((ast.get_docstring(ast.parse(source.read_text())) or "").split())
    found = re.match(r".*?[.?](?=\s|$)", text)
    assert found, f"{source} does not begin with a sentence"
    return found[0]


def rows_below(heading: str) -> list[tuple[str, str]]:
    """The rows of the table with this heading."""
    table = DOCUMENT.split(f"| {heading} | in one sentence |\n|---|---|\n")[1].split("\n\n")[0]
    return [(name, said) for name, said in re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.M)]


def test_the_map_says_of_each_ring_what_it_says_itself() -> None:
    assert rows_below("ring") == [(ring, first_sentence(ROOT / ring)) for ring in RINGS]


def test_the_map_says_of_each_folder_of_the_system_what_it_says_itself() -> None:
    told = [(name, first_sentence(ROOT / "system" / name)) for name in folders_of_the_system()]
    assert rows_below("in `system`") == told


def test_every_folder_of_the_system_begins_with_a_sentence() -> None:
    found = {path.parent.name for path in (ROOT / "system").glob("*/__init__.py")}
    assert found <= {name for name, _ in rows_below("in `system`")}


@pytest.mark.parametrize("path", sorted({*_PATH.findall(DOCUMENT)}))
def test_a_path_leads_somewhere(path: str) -> None:
    known = path.split("NAME")[0]  # what stands behind it is to be added
    assert (ROOT / known).exists(), f"{path} is nowhere"


def test_a_test_that_is_named_exists() -> None:
    named = set(_TEST.findall(DOCUMENT))
    there = {name for path in (ROOT / "tests").rglob("test_*.py") for name in _tests_in(path)}
    assert named - there == set()
    assert len(named) > 5


def test_every_target_that_is_named_exists() -> None:
    for target in set(re.findall(r"`?make ([a-z]+)\b`?", " ".join(re.findall(r"`+[^`]+`+", DOCUMENT)))):
        made = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, check=False)
        assert made.returncode == 0, f"make {target}"


def _tests_in(path: Path) -> list[str]:
    return re.findall(r"^def (test_\w+)", path.read_text(), re.M)


CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


def test_the_changelog_has_what_comes_next_and_the_version_that_is_installed() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    headings = re.findall(r"^## \[(.+?)\]", CHANGELOG, re.M)
    assert headings[0] == "Unreleased"
    assert version in headings


def test_the_changelog_is_sorted_by_kinds_of_change() -> None:
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", CHANGELOG, re.M)) <= kinds
