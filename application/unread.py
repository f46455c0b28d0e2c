"""A large dict of a stored state, which is made when somebody looks into it for the first time.

A product may have ten thousand receipts, and an order that reserves some of it asks for none of them.
"""

from collections.abc import Callable
from typing import Any


class UnreadDict(dict[Any, Any]):
    """A dict in every respect, also to whoever compares, copies or changes it."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[], dict[Any, Any]]) -> None:
        super().__init__()
        self._make: Callable[[], dict[Any, Any]] | None = make

    def __reduce__(self) -> Any:
        return dict, (self.copy(),)


def _looking_into(name: str) -> Callable[..., Any]:
    plain = getattr(dict, name)

    def look(self: UnreadDict, *arguments: Any, **more: Any) -> Any:
        make, self._make = self._make, None
        if make is not None:
            dict.update(self, make())
        return plain(self, *arguments, **more)

    look.__name__ = name
    return look


for _name in (
    *("__contains__", "__delitem__", "__eq__", "__getitem__", "__ior__", "__iter__", "__len__", "__ne__"),
    *("__or__", "__repr__", "__reversed__", "__ror__", "__setitem__", "clear", "copy", "get", "items"),
    *("keys", "pop", "popitem", "setdefault", "update", "values"),
):
    setattr(UnreadDict, _name, _looking_into(_name))
