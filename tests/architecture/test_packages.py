"""What is installed is the whole of every ring, with its types."""

import tomllib
from fnmatch import fnmatch, fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from .sources import RINGS, ROOT, sources


def shipped(project: dict[str, Any]) -> set[str]:
    """The packages of this repository that an installation has, as pyproject.toml says."""
    patterns = project["tool"]["setuptools"]["packages"]["find"]["include"]
    packages = {".".join(source.path.parent.parts) for source in sources(*RINGS, "tests")}
    return {name for name in packages if any(fnmatchcase(name, pattern) for pattern in patterns)}


@pytest.fixture
def project() -> dict[str, Any]:
    """What pyproject.toml says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_package_of_the_rings_is_shipped_and_nothing_else(project: dict[str, Any]) -> None:
    packages = {".".join(source.path.parent.parts) for source in sources(*RINGS)}

    assert shipped(project) == packages
    assert {name.partition(".")[0] for name in packages} == set(RINGS)


def test_what_is_not_included_is_noticed(project: dict[str, Any]) -> None:
    project["tool"]["setuptools"]["packages"]["find"]["include"].remove("system.*")

    assert "system.runner" not in shipped(project)


@pytest.mark.parametrize("ring", RINGS)
def test_a_ring_says_that_it_is_typed(ring: str, project: dict[str, Any]) -> None:
    assert (ROOT / ring / "py.typed").is_file()
    assert "py.typed" in project["tool"]["setuptools"]["package-data"]["*"]


def test_every_file_that_is_no_code_is_shipped(project: dict[str, Any]) -> None:
    patterns = project["tool"]["setuptools"]["package-data"]["*"]
    for path in (path for ring in RINGS for path in (ROOT / ring).rglob("*")):
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            assert any(fnmatch(_below_package(path), pattern) for pattern in patterns), path


def _below_package(path: Path) -> str:
    package = path.parent
    while not (package / "__init__.py").exists():
        package = package.parent
    return str(path.relative_to(package))
