"""What every command has: ``--json``, a user, and one line instead of a stack trace."""

import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from application.limits import MAX_USER
from system.observability.visible import visible, visible_json

from .errors import Failure, failure_of
from .standard_output import drop, tell_when_it_is_full
from .values import Name

_AS_JSON = "orderwright.as_json"

F = TypeVar("F", bound=Callable[..., Any])

EXIT_CODES = """\b
Exit codes:
  0    done
  1    refused, not found, or a problem was found
  2    wrong usage, unusable settings, or an unreadable file
  3    the store cannot be used
  70   a fault in the program
  74   standard output or a report cannot be written: the disk is full
  130  interrupted
"""


def wants_json() -> bool:
    """Whether standard output is for machines."""
    return bool(click.get_current_context().find_root().meta.get(_AS_JSON))


def _remember(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.find_root().meta[_AS_JSON] = True


def _json_option() -> click.Option:
    return click.Option(
        ["--json", "as_json"],
        is_flag=True,
        expose_value=False,
        callback=_remember,
        help="Write JSON to standard output, and errors as JSON to standard error.",
    )


class Command(click.Command):
    """A command that knows ``--json``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(_json_option())


class Group(click.Group):
    """A group whose commands and groups are all of our kind."""

    command_class = Command
    group_class = type

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(_json_option())


class Root(Group):
    """The command line as a whole: turns every error into one line and an exit code."""

    def main(  # type: ignore[override]  # click overloads it by `standalone_mode`
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> int:
        """Run, and exit with one of `EXIT_CODES`."""
        given = list(sys.argv[1:] if args is None else args)
        tell_when_it_is_full()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a terminal that knows no such character shows another
        try:
            code = super().main(given, prog_name or "orderwright", standalone_mode=False, **extra)
            if sys.stdout is not None:
                sys.stdout.flush()
        except BrokenPipeError:  # whoever read our output has gone
            code = 1
        except Exception as error:
            failure = failure_of(error)
            _tell(failure, error, as_json="--json" in given)
            code = failure.exit_code
        code = code if isinstance(code, int) else 0
        if standalone_mode:
            sys.exit(code)
        return code


def _tell(failure: Failure, error: Exception, *, as_json: bool) -> None:
    if as_json:
        text = visible_json(json.dumps(failure.to_json(), ensure_ascii=False))
    elif isinstance(error, click.ClickException):
        error.show(written := io.StringIO())
        text = visible(written.getvalue().rstrip("\n"), lines=True)
    else:
        text = visible(f"orderwright: {failure.detail} ({failure.code})", lines=True)
    try:
        click.echo(text, err=True)
    except OSError:  # nobody can be told, but the exit code tells the rest
        drop(sys.stderr)


order_argument = click.argument("order_id", metavar="ORDER_ID", type=click.UUID)
"""Of a command about one order, which it names by its id."""


def user_option(command: F) -> F:
    """Give a command that records something the option ``--user``."""
    return click.option(
        "--user",
        default=lambda: os.environ.get("USER") or "cli",
        show_default="$USER, else cli",
        type=Name(MAX_USER),
        help="Who gives this command; recorded in each of its events.",
    )(command)


def yes_option(command: F) -> F:
    """Give a command that asks before it acts the option ``--yes``."""
    return click.option("--yes", is_flag=True, help="Do not ask.")(command)


def ask(question: str, *, yes: bool) -> None:
    """Go on only if somebody says so; else the command ends as interrupted."""
    if not yes:
        click.confirm(question, abort=True, err=True)


def page_options(command: F) -> F:
    """Give a list its options for paging."""
    for option in (
        click.option("--all", "whole", is_flag=True, help="All pages."),
        click.option("--cursor", help="Go on after an earlier page (its next_cursor)."),
        click.option(
            "--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="Page size."
        ),
    ):
        command = option(command)
    return command
