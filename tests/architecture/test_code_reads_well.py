"""No module is too long and no class does too much, and whatever is public says what it promises."""

import ast
from collections.abc import Iterable, Iterator
from statistics import median

import pytest

from .sources import RINGS, ROOT, Source, example, sources

MAX_LINES = 400
MEDIAN_BELOW = 120
MAX_METHODS = 15

MORE_METHODS = {
    # Each is one answer to a step, or one decision about it, and all change the same small state.
    "domain/fulfilment/fulfilment.py: Fulfilment": 17,
    # Each is one answer of the provider, or of a person about it, and all change the same small state.
    "domain/payments/payment.py: Payment": 16,
}
"""Classes that may have more public methods, and how many."""


def test_no_module_is_too_long() -> None:
    lengths = {str(source.path): source.text.count("\n") for source in sources(*RINGS, "tests")}

    assert {path: length for path, length in lengths.items() if length > MAX_LINES} == {}
    assert len(lengths) > 50


def median_length(modules: Iterable[Source]) -> float:
    """How many lines every other module has at most; what only makes a folder a package does not count."""
    return median(module.text.count("\n") for module in modules if module.path.name != "__init__.py")


def test_most_modules_are_short() -> None:
    assert median_length(sources(*RINGS)) < MEDIAN_BELOW


def test_long_modules_are_noticed() -> None:
    short, long = example("a = 1\n"), example("a = 1\n" * MEDIAN_BELOW)

    assert median_length([short, long, long]) >= MEDIAN_BELOW


def classes_with_too_much(source: Source) -> Iterator[str]:
    """The classes of a file with more public methods than one can keep in mind; properties are some."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef):
            methods = {
                method.name
                for method in node.body
                if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)
                and not method.name.startswith("_")
            }
            name = f"{source.path}: {node.name}"
            if len(methods) > MORE_METHODS.get(name, MAX_METHODS):
                yield f"{name} has {len(methods)} public methods"


def test_no_class_does_too_much() -> None:
    assert [found for source in sources(*RINGS) for found in classes_with_too_much(source)] == []


@pytest.mark.parametrize("kind", ["def", "async def", "@property\n    def"])
def test_a_class_that_does_too_much_is_noticed(kind: str) -> None:
    def having(methods: int) -> Source:
        body = "".join(f"    {kind} m{number}(self): ...\n" for number in range(methods))
        return example(f"class Order:\n{body}    def _hidden(self): ...\n")

    assert list(classes_with_too_much(having(MAX_METHODS))) == []
    assert list(classes_with_too_much(having(MAX_METHODS + 1))) == [
        "domain/example.py: Order has 16 public methods"
    ]


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
