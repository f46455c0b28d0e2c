"""Source text in which every function can be changed, also those under a decorator.

mutmut leaves decorated functions alone: a copy of one under the same decorator would register, record or
cache a second time. Here that would spare what matters most: the handlers of the processes, the memory of
the aggregates, and properties. So the body moves into a plain function beside, which the decorated one calls.
"""

import ast
import re

HANDLED = re.compile(r"react\.register|event|property|cached_property|remembered|cache")
"""The decorators under which a function may hand its arguments on. Under others it stays as it is."""


def undecorated(source: str) -> str:
    """The same program, with the bodies of decorated functions in functions without decorators."""
    lines = source.splitlines(keepends=True)
    tree = ast.parse(source)
    methods = [(one, True) for node in tree.body if isinstance(node, ast.ClassDef) for one in node.body]
    functions = [(one, False) for one in tree.body]
    for function, is_method in sorted((*methods, *functions), key=lambda one: -one[0].lineno):
        if isinstance(function, ast.FunctionDef) and _can_be_split(function):
            first = function.decorator_list[0].lineno - 1
            lines[first : function.end_lineno] = _split(function, lines, is_method=is_method)
    return "".join(lines)


def _can_be_split(function: ast.FunctionDef) -> bool:
    names = (ast.unparse(one.func if isinstance(one, ast.Call) else one) for one in function.decorator_list)
    has_decorators = bool(function.decorator_list)
    is_longer_than_a_line = function.body[0].lineno > function.lineno
    return has_decorators and is_longer_than_a_line and all(HANDLED.fullmatch(name) for name in names)


def _split(function: ast.FunctionDef, lines: list[str], *, is_method: bool) -> list[str]:
    decorators = lines[function.decorator_list[0].lineno - 1 : function.lineno - 1]
    signature = lines[function.lineno - 1 : function.body[0].lineno - 1]
    body = lines[function.body[0].lineno - 1 : function.end_lineno]
    name = _name_of_body(function)
    renamed = [signature[0].replace(f"def {function.name}(", f"def {name}(", 1), *signature[1:]]
    whole = function.args.posonlyargs + function.args.args
    handed_on = [one.arg for one in (whole[1:] if is_method else whole)]
    handed_on += [f"{one.arg}={one.arg}" for one in function.args.kwonlyargs]
    callee = f"{whole[0].arg}.{name}" if is_method else name
    indent = " " * (function.col_offset + 4)
    call = f"{indent}return {callee}({', '.join(handed_on)})\n"
    return [*renamed, *body, "\n", *decorators, *signature, call]


def _name_of_body(function: ast.FunctionDef) -> str:
    """A name that stays the same while other parts of the file change: a verdict is kept under it."""
    name = function.name.strip("_")
    if not name:  # handlers are all named `_`, and told apart by the event that they take
        name = re.sub(r"\W+", "_", ast.unparse(function.args.args[1].annotation or ast.Name("")))
    return f"body_of_{name}"
