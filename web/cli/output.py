"""Shows results: tables and sentences for people, JSON for machines. Whatever stands in the data, nothing
of it steers the terminal: all text goes through `visible`."""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from application.views import Page, to_json
from system.observability.visible import visible, visible_json

from .commands import wants_json

T = TypeVar("T")

_WIDTH_OF_A_PIPE = 1000
"""Wide enough that nothing is folded or cut when standard output is not a terminal."""

_COLOURS = {
    "CONFIRMED": "green",
    "COMPLETED": "green",
    "ok": "green",
    "CANCELLED": "yellow",
    "FAILED": "yellow",
    "warning": "yellow",
    "REFUND_FAILED": "red",
    "COMPENSATION_FAILED": "red",
    "problem": "red",
}


def write_json(value: Any) -> None:
    """A view or report as JSON on standard output."""
    text = visible_json(json.dumps(to_json(value), indent=2, ensure_ascii=False, allow_nan=False))
    click.echo(text.encode(errors="replace"))


def write_table(headings: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """A table; headings that begin with ``>`` are of columns of numbers."""
    table = Table(
        box=None, pad_edge=False, header_style="bold", title=title and visible(title), title_justify="left"
    )
    for heading in headings:
        is_number = heading.startswith(">")
        table.add_column(heading.removeprefix(">"), justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    _print(table)


def write_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Names and values, one a line."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields:
        table.add_row(visible(name), _cell(value))
    _print(table)


def write_line(text: str) -> None:
    """A sentence."""
    _print(Text(visible(text, lines=True)))


def plain(text: str) -> Text:
    """A text of several lines, to stand in something that is drawn."""
    return Text(visible(text, lines=True))


def write_tree(tree: Tree) -> None:
    """A tree, whose texts are `plain`."""
    _print(tree)


def write_view(view: T, write: Callable[[T], object]) -> None:
    """A view or report: as JSON for machines, and for people as `write` has it."""
    if wants_json():
        write_json(view)
    else:
        write(view)


def write_outcome(view: Any, *, replayed: bool, done: str, before: str) -> None:
    """What a command has led to: as JSON, or what was done; or what was done before, when it was a repeat."""
    write_view(view, lambda _: write_line(f"Nothing new: {before}" if replayed else done))


def write_page(
    page: Page[Any], headings: Sequence[str], rows: Iterable[Sequence[object]], nothing: str
) -> None:
    """A page of a list: a table, and how to see the next one."""
    if wants_json():
        write_json(page)
        return
    if not page.items:
        write_line(nothing)
        return
    write_table(headings, rows)
    if page.next_cursor is not None:
        write_line(f"More: --cursor {page.next_cursor}")


def console(*, stderr: bool = False) -> Console:
    """A console that never takes what users wrote for markup."""
    made = Console(stderr=stderr, markup=False, highlight=False, emoji=False)
    if not made.is_terminal:
        made.width = _WIDTH_OF_A_PIPE
    return made


def _print(what: RenderableType) -> None:
    target = console()
    if target.is_terminal:
        target.print(what)
        return
    with target.capture() as captured:
        target.print(what, soft_wrap=isinstance(what, Text))
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def _cell(value: object) -> Text:
    if value is None:
        return Text("-", style="dim")
    text = f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else str(value)
    return Text(visible(text, lines=True), style=_COLOURS.get(text, ""))
