"""Imports point inwards, and importing a module does nothing."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from application.base import Application
from system.definition import orderwright
from tests.support.waiting import PATIENCE_SECONDS

from .sources import RINGS, ROOT, sources

LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
SCRIPT = Path(__file__).with_name("import_everything.py")


def python(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run an interpreter of its own in a folder, whose packages it finds."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_imports_keep_to_the_contracts() -> None:
    linted = python("-c", LINT, folder=ROOT)

    assert linted.returncode == 0, linted.stdout + linted.stderr


VIOLATIONS = {
    "rings": ("domain/shared/ids.py", "import application.errors"),
    "domain-contexts": ("domain/orders/order.py", "import domain.payments.payment"),
    "system-layers": ("system/persistence/tables.py", "import system.runner.runner"),
    "stores": ("system/persistence/memory.py", "import system.persistence.sqlite.files"),
    "application-contexts": ("application/orders.py", "import application.payments"),
    "web-not-domain": ("web/__init__.py", "import domain.orders"),
    "web-no-sql": ("web/__init__.py", "import sqlite3"),
    "domain-eventsourcing": ("domain/shared/ids.py", "import eventsourcing.persistence"),
    "no-machinery-inside": ("application/orders.py", "import flask"),
}


def test_a_forbidden_import_is_noticed(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for ring in RINGS:
        shutil.copytree(ROOT / ring, tmp_path / ring, ignore=shutil.ignore_patterns("__pycache__"))
    for file, line in VIOLATIONS.values():
        with (tmp_path / file).open("a") as module:
            module.write(f"\n{line}\n")

    linted = python("-c", LINT, folder=tmp_path)

    assert linted.returncode == 1, linted.stdout + linted.stderr
    assert f"{len(VIOLATIONS)} broken" in linted.stdout


@pytest.mark.parametrize("folder", ["domain/weather", "system/archive"])
def test_a_folder_that_the_contracts_do_not_name_is_noticed(folder: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for ring in RINGS:
        shutil.copytree(ROOT / ring, tmp_path / ring, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "__init__.py").touch()

    linted = python("-c", LINT, folder=tmp_path)

    assert linted.returncode == 1
    assert folder.replace("/", ".") in linted.stdout


def test_every_context_of_the_application_is_named_among_the_strangers() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (named,) = (contract["modules"] for contract in contracts if contract["id"] == "application-contexts")
    kinds = (kind for name in orderwright.nodes for kind in orderwright.get_app_cls(name).__mro__)
    made_of = {kind.__module__ for kind in kinds if issubclass(kind, Application)}

    contexts = {module for module in made_of if module.startswith("application.")}
    assert contexts - {Application.__module__} == set(named)


def test_importing_a_module_does_nothing() -> None:
    modules = [source.module for source in sources(*RINGS) if source.path.name != "__main__.py"]

    imported = python(str(SCRIPT), *modules, folder=ROOT)

    assert imported.returncode == 0, imported.stderr
    assert imported.stdout == ""
    assert len(modules) > 40


@pytest.mark.parametrize(
    "text",
    [
        "import sqlite3\nsqlite3.connect(':memory:')",
        "import socket\nsocket.create_connection(('127.0.0.1', 9))",
        "import psycopg\npsycopg.connect('host=127.0.0.1')",
        "import pathlib\npathlib.Path('orders.csv').write_text('')",
        "import subprocess\nsubprocess.run(['true'])",
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
        "from application.orders import Orders\norders = Orders()",
        "import flask\napp = flask.Flask(__name__)",
    ],
    ids=["sqlite", "socket", "postgres", "file", "process", "thread", "application", "web application"],
)
def test_a_module_that_does_something_is_noticed(text: str, tmp_path: Path) -> None:
    for ring in ("domain", "application"):
        (tmp_path / ring).symlink_to(ROOT / ring)
    (tmp_path / "busy.py").write_text(text)

    imported = python(str(SCRIPT), "busy", folder=tmp_path)

    assert imported.returncode == 0, imported.stderr
    assert imported.stdout.startswith("busy")
