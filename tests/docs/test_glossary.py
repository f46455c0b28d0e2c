"""Every name in the glossary exists in the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RINGS = ("domain", "application", "system", "web")
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()


def places() -> list[str]:
    """The names that the glossary gives."""
    return sorted(set(re.findall(r"`([^`]+)`", GLOSSARY)))


def names_in(tree: ast.AST, within: str = "") -> Iterator[str]:
    """What code defines: classes, functions, variables and fields, those of a class with its name
    before them; and its texts, which are topics, statuses, headers, options and settings."""
    for node in ast.iter_child_nodes(tree):
        inside = within
        if isinstance(node, ast.ClassDef):
            inside = f"{node.name}."
            yield node.name
        elif isinstance(node, ast.FunctionDef):
            yield node.name
            yield within + node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        yield from names_in(node, inside)


@pytest.fixture(scope="module")
def names() -> set[str]:
    files = [file for ring in RINGS for file in (ROOT / ring).rglob("*.py")]
    return {name for file in files for name in names_in(ast.parse(file.read_text()))}


@pytest.mark.parametrize("place", places())
def test_what_the_glossary_names_exists(place: str, names: set[str]) -> None:
    if "/" in place:
        assert (ROOT / place).is_dir()
    elif " " in place:
        assert set(place.split()) <= names  # a command
    else:
        assert place in names


def test_every_word_says_where_it_lives() -> None:
    rows = [
        line for line in GLOSSARY.splitlines() if line.startswith("| ") and not line.startswith("| word |")
    ]
    assert rows
    assert [row for row in rows if "`" not in row.split("|")[3]] == []


def test_a_word_stands_once() -> None:
    words = [word for first in re.findall(r"^\| ([^|]+) \|", GLOSSARY, re.M) for word in first.split(", ")]
    repeated = {word for word in words if words.count(word) > 1}
    assert repeated == {"word"}, "the head of each table"
