"""What was found out stays known until something changes that could have told otherwise."""

import json
from pathlib import Path

import pytest

from .workspace import FOLDER, Workspace

KILLED, SURVIVED, NO_TESTS, NOT_TYPED = 1, 0, 33, 37
PROJECT = """
[tool.mutmut]
only_mutate = [{only}]

[tool.mutants.floors]
domain = {floor}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project that was tried before."""
    (tmp_path / "domain").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "domain/money.py").write_text(
        "class Money:\n    @property\n    def minor(self):\n        return 1\n"
    )
    (tmp_path / "tests/test_money.py").write_text("def test_it(): pass\n")
    (tmp_path / "tests/sample.bin").write_bytes(b"\xff")
    (tmp_path / "pyproject.toml").write_text(PROJECT.format(only='"domain/*"', floor=90))
    Workspace(tmp_path).bring_up_to_date()
    meta = tmp_path / FOLDER / FOLDER / "domain/money.py.meta"
    meta.parent.mkdir(parents=True)
    codes = {"a": KILLED, "b": SURVIVED, "c": NO_TESTS, "d": NOT_TYPED}
    meta.write_text(json.dumps({"exit_code_by_key": codes}))
    return tmp_path


def untried(project: Path) -> list[str]:
    """The mutants that are to be tried (again)."""
    meta = project / FOLDER / FOLDER / "domain/money.py.meta"
    codes: dict[str, int | None] = json.loads(meta.read_text())["exit_code_by_key"]
    return [name for name, code in codes.items() if code is None]


def test_everything_that_the_tests_need_is_copied_and_what_is_changed_has_no_decorators(
    project: Path,
) -> None:
    assert "def body_of_minor(" in (project / FOLDER / "domain/money.py").read_text()
    assert (project / FOLDER / "tests/test_money.py").read_text() == "def test_it(): pass\n"
    assert (project / FOLDER / "tests/sample.bin").read_bytes() == b"\xff"


def test_when_nothing_changed_nothing_is_tried_again(project: Path) -> None:
    before = (project / FOLDER / "domain/money.py").stat().st_mtime_ns
    (project / "pyproject.toml").write_text(PROJECT.format(only='"domain/*"', floor=95))

    Workspace(project).bring_up_to_date()

    assert untried(project) == []
    assert (project / FOLDER / "domain/money.py").stat().st_mtime_ns == before


def test_after_a_test_changed_whatever_was_not_noticed_is_tried_again(project: Path) -> None:
    (project / "tests/test_money.py").write_text("def test_it(): assert True\n")

    Workspace(project).bring_up_to_date()
    assert untried(project) == ["b", "c"]


def test_under_other_settings_everything_is_tried_again(project: Path) -> None:
    (project / "pyproject.toml").write_text(PROJECT.format(only="", floor=90))

    Workspace(project).bring_up_to_date()

    assert not (project / FOLDER / FOLDER).exists()
    assert "def body_of_minor(" not in (project / FOLDER / "domain/money.py").read_text()


def test_what_is_gone_is_gone_from_the_copy(project: Path) -> None:
    (project / "domain/money.py").unlink()

    Workspace(project).bring_up_to_date()

    assert not (project / FOLDER / "domain/money.py").exists()
    assert not (project / FOLDER / FOLDER / "domain/money.py.meta").exists()
