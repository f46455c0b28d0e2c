"""Pages of a list for the command line: one of them, or all in one."""

from collections.abc import Callable
from typing import TypeVar

from application.queries import MAX_LIMIT, PageRequest
from application.views import Page

T = TypeVar("T")


def pages(ask: Callable[[PageRequest], Page[T]], limit: int, cursor: str | None, *, whole: bool) -> Page[T]:
    """The page that is asked for, or everything from there on."""
    if not whole:
        return ask(PageRequest(limit, cursor))
    items: list[T] = []
    while True:
        page = ask(PageRequest(MAX_LIMIT, cursor))
        items += page.items
        cursor = page.next_cursor
        if cursor is None:
            return Page(tuple(items), None)
