"""The domain decides from what it is told: no clock, chance, environment, files, logs or assertions."""

import ast
from collections.abc import Iterator

import pytest

from .sources import Source, example, sources

MODULES = {
    "collections.abc",
    "contextlib",
    "contextvars",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "eventsourcing.domain",
    "functools",
    "re",
    "types",
    "typing",
    "hashlib",
    "inspect",
    "uuid",
}
"""All that the domain may import besides itself."""

FORBIDDEN_NAMES = {
    *("now", "utcnow", "today", "time_ns", "perf_counter", "create_timestamp", "datetime_now_with_tzinfo"),
    *("uuid1", "uuid4", "uuid6", "uuid7", "uuid8", "random", "secrets", "urandom"),
    *("environ", "getenv", "open", "print", "input", "logging", "getLogger"),
    *("eval", "exec", "__import__", "import_module", "resolve_topic"),
}
"""Names that stand for a clock, chance, the environment or the outside world."""


def impurities(source: Source) -> Iterator[str]:
    """Everything in a file that a pure domain would not have."""
    for node in ast.walk(source.tree):
        match node:
            case ast.Assert():
                yield f"{source.at(node)}: assert"
            case ast.Import(names=names):
                yield from (f"{source.at(node)}: import {n.name}" for n in names if not may_import(n.name))
            case ast.ImportFrom(module=module, names=names, level=level):
                if not level and not may_import(module or ""):
                    yield f"{source.at(node)}: import {module}"
                yield from (f"{source.at(node)}: {n.name}" for n in names if n.name in FORBIDDEN_NAMES)
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in FORBIDDEN_NAMES:
                yield f"{source.at(node)}: {name}"


def may_import(module: str) -> bool:
    """Whether the domain may import a module."""
    return module in MODULES or module.partition(".")[0] == "domain"


def test_the_domain_is_pure() -> None:
    assert [found for source in sources("domain") for found in impurities(source)] == []


@pytest.mark.parametrize(
    "text",
    [
        "from datetime import datetime\nstamp = datetime.now()",
        "from datetime import date\nstamp = date.today()",
        "from uuid import uuid4",
        "import uuid\nfresh = uuid.uuid1()",
        "import random",
        "import os",
        "from os import environ",
        "import logging",
        "import time",
        "text = open('orders.csv').read()",
        "def ship(order):\n    assert order",
        "from eventsourcing.application import Application",
        "from application.orders import Orders",
        "print('paid')",
    ],
)
def test_what_is_not_pure_is_noticed(text: str) -> None:
    assert list(impurities(example(text)))


def raising_events(source: Source) -> Iterator[str]:
    """Every ``raise`` in a method that an event is applied by.

    A guard there would refuse old history once it is tightened: the public method decides.
    """
    for function in ast.walk(source.tree):
        if isinstance(function, ast.FunctionDef) and any(map(is_event, function.decorator_list)):
            for node in ast.walk(function):
                if isinstance(node, ast.Raise | ast.Assert):
                    yield f"{source.at(node)}: {function.name} refuses an event that has happened"


def is_event(decorator: ast.expr) -> bool:
    """Whether a decorator is the library's ``event``."""
    if isinstance(decorator, ast.Call):
        return is_event(decorator.func)
    return getattr(decorator, "id", getattr(decorator, "attr", None)) == "event"


def test_what_has_happened_is_never_refused() -> None:
    found = [found for source in sources("domain", "system") for found in raising_events(source)]

    assert found == []


def test_there_are_events_to_check() -> None:
    functions = [
        node
        for source in sources("domain")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef) and any(map(is_event, node.decorator_list))
    ]
    assert len(functions) > 30


@pytest.mark.parametrize("decorator", ["event(Paid)", "event('Paid')", "domain.event(Paid)", "event"])
def test_a_refusal_inside_an_event_is_noticed(decorator: str) -> None:
    text = f"@{decorator}\ndef _pay(self, amount):\n    if amount < 0:\n        raise ValueError(amount)\n"

    assert list(raising_events(example(text)))
