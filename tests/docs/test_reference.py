"""Settings, commands, routes and error codes: what the documents name exists, and the other way round."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

import application
import domain
import system
import web
from application.errors import DomainError
from system.audit import Rule
from system.bootstrap import build
from system.definition import orderwright
from system.followers.projection import Projection
from system.settings.environment import Settings
from system.stores import POSTGRES_DEFAULTS, TUNED_DEFAULTS
from web.api.app import create_app
from web.cli import main

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_ABSTRACT = {"domain_error", "not_found", "contradiction", "refused", "invalid_value"}
"""Codes of base classes, which are never raised themselves."""


def first_cells(document: str, pattern: str) -> set[str]:
    """What stands in back-quotes in a table of a document and has this shape."""
    rows = [line for line in (DOCS / document).read_text().splitlines() if line.startswith("|")]
    return {match for row in rows for match in re.findall(f"`({pattern})`", row)}


def test_every_setting_is_documented_with_its_default() -> None:
    documented = {
        match[1]: match[2]
        for match in re.finditer(r"^\| `([A-Z_]+)` \| `([^`]*)` \|", (DOCS / "settings.md").read_text(), re.M)
    }
    assert documented == {name: str(default) for name, (default, _) in Settings.variables().items()}


def test_what_each_read_model_keeps_in_plain_text_is_documented() -> None:
    text = (DOCS / "settings.md").read_text()
    kinds = {name: orderwright.get_app_cls(name) for name in orderwright.nodes}
    read_models = [name for name, kind in kinds.items() if issubclass(kind, Projection)]
    assert [name for name in read_models if f"`{name}`" not in text] == []
    assert len(read_models) > 3


def test_every_default_for_postgresql_is_documented() -> None:
    documented = {
        name: (stock, tuned)
        for name, stock, tuned in re.findall(
            r"^\| `(POSTGRES_[A-Z_]+)` \| (\d*) \| (\d+) \|", (DOCS / "settings.md").read_text(), re.M
        )
    }
    defaults = {name: (POSTGRES_DEFAULTS.get(name, ""), tuned) for name, tuned in TUNED_DEFAULTS.items()}
    assert documented == {name: value for name, value in defaults.items() if name in documented}
    assert set(defaults) - set(documented) == {"POSTGRES_PORT", "POSTGRES_PASSWORD"}


def test_every_route_is_documented() -> None:
    shop = build(Settings.from_environment({"PERSISTENCE_MODULE": "eventsourcing.popo"}))
    rules = create_app(shop).url_map.iter_rules()
    routes = {
        f"{method} {_as_documented(rule.rule)}"
        for rule in rules
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }
    assert first_cells("api.md", r"(?:GET|POST) /[^`]*") == routes, "docs/api.md has others than there are"
    shop.close()


def test_every_command_is_documented() -> None:
    commands = set(_commands("orderwright", main))
    documented = first_cells("command-line.md", r"orderwright [a-z][a-z -]*")
    assert documented == commands, "docs/command-line.md has others than there are"


def test_every_error_code_is_documented() -> None:
    domain_codes = {error.code for error in _subclasses(DomainError)} - _ABSTRACT
    documented = set(re.findall(r"^\| \d{3} \| `([a-z_]+)` \|", (DOCS / "api.md").read_text(), re.M))
    assert domain_codes <= documented
    assert documented - domain_codes <= _texts_of(ROOT / "web"), "documented, but nowhere in the web ring"


def test_every_rule_of_the_audit_is_explained() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \|", (DOCS / "procedures/audit.md").read_text(), re.M)
    assert rows == list(Rule)


@pytest.mark.parametrize(
    "document", [*sorted(DOCS.rglob("*.md")), ROOT / "README.md"], ids=lambda path: path.name
)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), target


def _as_documented(rule: str) -> str:
    return re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule)


def _commands(name: str, command: click.Command) -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield name
        return
    for child_name, child in command.commands.items():
        yield from _commands(f"{name} {child_name}", child)


def _subclasses(error: type[DomainError]) -> Iterator[type[DomainError]]:
    for ring in (domain, application, system, web):
        _import_all(ring)
    for subclass in error.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def _import_all(package: ModuleType) -> None:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)


def _texts_of(folder: Path) -> set[str]:
    trees = [ast.parse(path.read_text()) for path in folder.rglob("*.py")]
    return {
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
