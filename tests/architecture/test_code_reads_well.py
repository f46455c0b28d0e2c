"""No module is too long, and whatever is public says what it promises."""

import ast
from collections.abc import Iterator

import pytest

from .sources import RINGS, ROOT, Source, example, sources

MAX_LINES = 400


def test_no_module_is_too_long() -> None:
    lengths = {str(source.path): source.text.count("\n") for source in sources(*RINGS, "tests")}

    assert {path: length for path, length in lengths.items() if length > MAX_LINES} == {}
    assert len(lengths) > 50


def without_docstring(source: Source) -> Iterator[str]:
    """Every public module, class, function or method of a file that does not say what it promises."""
    if not ast.get_docstring(source.tree):
        yield f"{source.path}: the module"
    yield from _silent(source, source.tree)


def _silent(source: Source, parent: ast.Module | ast.ClassDef) -> Iterator[str]:
    for node in parent.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if node.name.startswith("_") or _is_stub(node):
            continue
        if not ast.get_docstring(node):
            yield f"{source.at(node)}: {node.name}"
        if isinstance(node, ast.ClassDef):
            yield from _silent(source, node)


def _is_stub(node: ast.AST) -> bool:
    """Whether it is an attribute of a protocol, written as a property without a body."""
    match node:
        case ast.FunctionDef(body=[ast.Expr(value=ast.Constant(value=value))], decorator_list=[_, *_]):
            return value is Ellipsis
    return False


def test_everything_public_says_what_it_promises() -> None:
    found = [
        found for source in sources("domain", "application", "system") for found in without_docstring(source)
    ]

    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        '"""M."""\nclass Order: ...',
        '"""M."""\ndef place(): ...',
        '"""M."""\nclass Order:\n    """An order."""\n    def place(self): pass',
        '"""M."""\nclass Order:\n    """An order."""\n    class Created: pass',
    ],
    ids=["module", "class", "function", "method", "event"],
)
def test_what_says_nothing_is_noticed(text: str) -> None:
    assert list(without_docstring(example(text)))


def test_every_folder_of_code_is_a_package() -> None:
    folders = {source.path.parent for source in sources(*RINGS, "tests")}

    assert [folder for folder in folders if not (ROOT / folder / "__init__.py").exists()] == []
