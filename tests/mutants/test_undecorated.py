"""What stands under a decorator can be changed too, and the program stays the same."""

import ast
from pathlib import Path

import pytest

from .undecorated import undecorated
from .workspace import ROOT

PROGRAM = '''
from functools import cache, cached_property, singledispatchmethod
from contextlib import contextmanager


@cache
def doubled(number: int, /, *, times: int = 2) -> int:
    """Twice."""
    return number * times


class Handler:
    heard = ()

    @singledispatchmethod
    def react(self, event):
        return "nothing"

    @react.register
    def _(self, event: int):
        return doubled(event)

    @react.register(str)
    def _(self, event: str):
        self.heard += (event,)
        return doubled(
            len(self.heard),
            times=3,
        )

    @property
    def last(self):
        return self.heard[-1]

    @cached_property
    def first(self):
        return self.heard[0]

    @contextmanager
    def opened(self):
        yield self

    def __init_subclass__(cls, **kwargs):
        cls.heard = ()

    @staticmethod
    def name(): return "handler"


handler = Handler()
with handler.opened() as same:
    told = [same.react(2), same.react("a"), same.react("b"), same.react(None), same.first, same.last]
told += [doubled(3), doubled(3), hasattr(doubled, "cache_info"), Handler.name()]
'''


def told_by(source: str) -> object:
    """What the program finds."""
    found: dict[str, object] = {}
    exec(source, found)
    return found["told"]


def test_the_program_does_what_it_did() -> None:
    told = [4, 3, 6, "nothing", "a", "b", 6, 6]

    assert told_by(PROGRAM) == [*told, True, "handler"]
    assert told_by(undecorated(PROGRAM)) == [*told, False, "handler"], "and remembers no answers"


def test_bodies_stand_under_names_that_stay() -> None:
    def names(source: str) -> set[str]:
        functions = [one for one in ast.walk(ast.parse(source)) if isinstance(one, ast.FunctionDef)]
        return {one.name for one in functions if one.name.startswith("body_of_")}

    expected = {"body_of_int", "body_of_str", "body_of_last", "body_of_first"}
    assert names(undecorated(PROGRAM)) == names(undecorated("\n\n" + PROGRAM)) == expected


@pytest.mark.parametrize("ring", ["domain", "system/processes"])
def test_no_handler_and_no_memory_of_an_aggregate_is_spared(ring: str) -> None:
    for path in (ROOT / ring).rglob("*.py"):
        for function in ast.walk(ast.parse(undecorated(path.read_text()))):
            if isinstance(function, ast.FunctionDef) and function.decorator_list:
                is_left_alone = _decorators(function) & {
                    "classmethod",
                    "staticmethod",
                    "singledispatchmethod",
                }
                only_hands_on = len(function.body) == 1 and "body_of_" in ast.unparse(function)
                is_declared = isinstance(function.body[-1], ast.Expr)
                assert is_left_alone or only_hands_on or is_declared, f"{_short(path)}: {function.name}"


def _decorators(function: ast.FunctionDef) -> set[str]:
    return {ast.unparse(one) for one in function.decorator_list}


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_what_runs_at_import_is_not_changed() -> None:
    assert "__init_subclass__(cls, **kwargs):  # pragma: no mutate block\n" in undecorated(PROGRAM)
