"""Source text in which every function can be changed, also those under a decorator.

mutmut leaves decorated functions alone: a copy of one under the same decorator would register, record or
cache a second time. Here that would spare what matters most: the handlers of the processes, the memory of
the aggregates, and properties. So the body moves into a plain function beside, which the decorated one calls.
"""

import ast
import re

HANDED_ON = re.compile(r"react\.register|event|property|cached_property")
"""The decorators under which a function may hand its arguments on. Under others it stays as it is."""

REMEMBERED = re.compile(r"remembered|cache")
"""These are left out: a test that is answered from memory would not be known to come by."""

AT_IMPORT = "__init_subclass__"
"""This runs when the code is imported, before any test can notice anything, so it is not changed."""


def undecorated(source: str) -> str:
    """The same program, with the bodies of decorated functions in functions without decorators."""
    lines = source.splitlines(keepends=True)
    tree = ast.parse(source)
    methods = [(one, True) for node in tree.body if isinstance(node, ast.ClassDef) for one in node.body]
    functions = [(one, False) for one in tree.body]
    for function, is_method in sorted((*methods, *functions), key=lambda one: -one[0].lineno):
        if not isinstance(function, ast.FunctionDef):
            continue
        if function.name == AT_IMPORT:
            lines[function.lineno - 1] = lines[function.lineno - 1].rstrip() + "  # pragma: no mutate block\n"
        elif _all_are(REMEMBERED, function):
            del lines[function.decorator_list[0].lineno - 1 : function.lineno - 1]
        elif _all_are(HANDED_ON, function) and function.body[0].lineno > function.lineno:
            first = function.decorator_list[0].lineno - 1
            lines[first : function.end_lineno] = _split(function, lines, is_method=is_method)
    return "".join(lines)


def _all_are(kind: re.Pattern[str], function: ast.FunctionDef) -> bool:
    names = (ast.unparse(one.func if isinstance(one, ast.Call) else one) for one in function.decorator_list)
    return bool(function.decorator_list) and all(kind.fullmatch(name) for name in names)


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
