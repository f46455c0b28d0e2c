"""Search the stored events, and read one stream of them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import click

from application.limits import MAX_CORRELATION_ID, MAX_USER
from application.queries import EventQuery
from application.views import FoundEvent
from system.queries.events import find_events, stream_events

from .catalogue import show_catalogue, take_harvest
from .commands import Group, page_options, wants_json
from .output import write_json, write_page, write_table
from .paging import pages
from .store import opened
from .values import Time, Words

_HEADINGS = ("recorded", "application", ">position", "event", "stream", ">version", "user", "error")


@click.group(cls=Group)
def events() -> None:
    """Search the stored events, list their kinds, and take masked samples of them."""


events.add_command(show_catalogue)
events.add_command(take_harvest)


@events.command("find")
@click.option("--application", "applications", multiple=True, metavar="NAME", help="In its log; repeatable.")
@click.option("--type", "types", multiple=True, help="Like Order.Created; repeatable.")
@click.option("--correlation", type=Words(MAX_CORRELATION_ID), help="Of this conversation: an order's id.")
@click.option("--user", type=Words(MAX_USER), help="By this user.")
@click.option("--since", type=Time(), help="Recorded at this time or later.")
@click.option("--until", type=Time(), help="Recorded before this time.")
@click.option(
    "--after",
    type=click.IntRange(0, 2**62),
    metavar="POSITION",
    help="After this position; takes exactly one --application.",
)
@page_options
def find(
    applications: Sequence[str],
    types: Sequence[str],
    correlation: str | None,
    user: str | None,
    since: datetime | None,
    until: datetime | None,
    after: int | None,
    limit: int,
    cursor: str | None,
    whole: bool,
) -> None:
    """Find events by type and metadata, application after application, each in the order of its log."""
    query = EventQuery(tuple(applications), tuple(types), correlation, user, since, until, after)
    with opened() as orderwright:
        page = pages(lambda page: find_events(orderwright, query, page), limit, cursor, whole=whole)
    write_page(page, _HEADINGS, _rows(page.items), "There are no such events.")


@events.command("stream")
@click.argument("stream_id", metavar="STREAM_ID", type=click.UUID)
@click.option("--application", metavar="NAME", help="Look in the log of this application only.")
@click.option(
    "--from", "first", type=click.IntRange(1, 2**62), default=1, show_default=True, help="From this version."
)
def stream(stream_id: UUID, application: str | None, first: int) -> None:
    """List the events of one stream, from a version on."""
    with opened() as orderwright:
        found = stream_events(orderwright, stream_id, application, first)
    if wants_json():
        write_json({"events": found})
        return
    write_table(_HEADINGS, _rows(found))


def _rows(found: Iterable[FoundEvent]) -> Iterable[Sequence[object]]:
    for event in found:
        yield (
            event.recorded_at,
            event.application,
            event.position,
            event.type,
            event.stream_id,
            event.stream_version,
            event.user,
            event.error,
        )
