"""Any aggregate as it was, and what changed between two versions or moments."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import click

from application.views import FoundEvent, utc_text
from system.queries.history import HistoryDiff, PastState, Point, history_diff, past_state
from system.queries.state import leaves

from .commands import Group
from .output import write_fields, write_line, write_table, write_view
from .store import opened
from .values import Time

SHOWN_FIELDS = 200
"""So many fields are shown to people; JSON has all."""

_STREAM_HELP = """\b
STREAM is the id of a stream, or what you have in hand:
  order:ID  payment:ID  reservation:ID  fulfilment:ID   the id or the reference of the order
  stock:SKU  supply:REFERENCE  reference:REFERENCE  parking:FOLLOWER
An order's reference or a SKU alone will do where it can only mean one.
"""


class VersionOrMoment(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.4
    """A version, or a time as `Time` takes it."""

    name = "point"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Point:
        """See `click.ParamType`."""
        text = str(value)
        if text.isascii() and text.isdecimal() and len(text) < 16:
            return int(text)
        return Time().convert(value, param, ctx)


@click.group(cls=Group)
def history() -> None:
    """See any aggregate as it was. Nothing is changed."""


@history.command("show", epilog=_STREAM_HELP)
@click.argument("stream", metavar="STREAM")
@click.option("--version", type=click.IntRange(min=1), help="As it was at this version.")
@click.option("--as-of", type=Time(), help="As it was at this time, after all that was recorded up to then.")
def show(stream: str, version: int | None, as_of: datetime | None) -> None:
    """Show the state of STREAM at a version or as of a time (else now), and the event that made it so."""
    if version is not None and as_of is not None:
        raise click.UsageError("a state is shown at a --version or --as-of a time, not both")
    with opened() as orderwright:
        state = past_state(orderwright, stream, version if version is not None else as_of)
    write_view(state, _write_state)


@history.command("diff", epilog=_STREAM_HELP)
@click.argument("stream", metavar="STREAM")
@click.argument("since", metavar="A", type=VersionOrMoment())
@click.argument("until", metavar="B", type=VersionOrMoment())
def diff(stream: str, since: Point, until: Point) -> None:
    """Show what changed in STREAM from A to B, field by field, and the events between.

    A and B are versions or times.
    """
    with opened() as orderwright:
        found = history_diff(orderwright, stream, since, until)
    write_view(found, _write_diff)


def _write_state(past: PastState) -> None:
    version = f"{past.version}, the latest" if past.is_latest else f"{past.version} of {past.latest_version}"
    write_fields(
        (
            ("aggregate", past.aggregate),
            ("stream", f"{past.stream_id} of {past.application}"),
            ("version", version),
            *((("as of", _at(past.as_of)),) if past.as_of is not None else ()),
            ("made so by", past.event.type),
            ("at", _at(past.event.recorded_at)),
            ("user", past.event.user),
            ("because of", past.event.causation_id),
        )
    )
    write_line("")
    found = list(leaves(past.state))
    write_table(("field", "value"), ((_words(path), _value(value)) for path, value in found[:SHOWN_FIELDS]))
    _tell_of_more(len(found) - SHOWN_FIELDS, "field")


def _write_diff(found: HistoryDiff) -> None:
    write_fields(
        (
            ("aggregate", found.aggregate),
            ("stream", f"{found.stream_id} of {found.application}"),
            ("from version", f"{found.from_version}, {_at(found.from_time)}"),
            ("to version", f"{found.to_version}, {_at(found.to_time)}"),
        )
    )
    write_line("")
    if not found.changes:
        write_line("Nothing is different." if found.events else "That is one and the same version.")
    else:
        shown = found.changes[:SHOWN_FIELDS]
        rows = ((_words(one.field), _value(one.before), _value(one.after)) for one in shown)
        write_table(("field", "before", "after"), rows)
        _tell_of_more(len(found.changes) - SHOWN_FIELDS, "field")
    if found.events:
        write_line("")
        write_table(("recorded", ">version", "event", "user", "because of", "error"), _rows(found.events))
        _tell_of_more(found.events_left_out, "event", "narrow A and B to see them")


def _rows(events: Iterable[FoundEvent]) -> Iterable[Sequence[object]]:
    for one in events:
        yield _at(one.recorded_at), one.stream_version, one.type, one.user, one.causation_id, one.error


def _tell_of_more(number: int, noun: str, how: str = "--json has all") -> None:
    if number > 0:
        write_line(f"And {number:,} more {noun if number == 1 else noun + 's'}: {how}.")


def _at(time: datetime | None) -> str:
    """To the microsecond, so that it can be asked for again."""
    return "at a time that cannot be read" if time is None else utc_text(time)


def _words(path: str) -> str:
    return path if '"' in path else path.replace("_", " ")


def _value(value: Any) -> Any:
    """What is empty is told as nothing, and an empty text as one."""
    return '""' if value == "" else None if value in ([], {}) else value
