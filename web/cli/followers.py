"""Look at the followers: who runs each, how far it is behind, and when it will be level."""

import time
from collections.abc import Iterator
from datetime import timedelta

import click

from system.operations.followers import (
    FollowerReport,
    FollowersReport,
    Outlook,
    Progress,
    examine_followers,
)

from .commands import Group
from .output import console, write_line, write_table, write_view
from .store import opened

LOOK_EVERY_SECONDS = 2.0

_INSTEAD_OF_A_TIME = {
    Outlook.LEVEL: "level",
    Outlook.FALLING_BEHIND: "never: more comes in",
    Outlook.STANDING_STILL: "never: it stands still",
    Outlook.UNKNOWN: "not known yet",
}


@click.group(cls=Group)
def followers() -> None:
    """Look at the followers."""


@followers.command("list")
@click.option("--watch", is_flag=True, help="Look again every two seconds, until Ctrl-C.")
def list_followers(watch: bool) -> None:
    """List the followers: how far each is behind, who runs it, and when it will be level."""
    with opened() as orderwright:
        report = examine_followers(orderwright)
        write_view(report, _write)
        while watch:
            time.sleep(LOOK_EVERY_SECONDS)
            report = examine_followers(orderwright)
            if console().is_terminal:
                click.clear()
            write_view(report, _write)


def _write(report: FollowersReport) -> None:
    write_table(
        (
            *("follower", "follows", ">position", ">to handle", ">oldest", ">a second", "level in"),
            *("run by", ">heartbeat", ">parked", ">held back"),
        ),
        (row for one in report.followers for row in _rows(one)),
    )
    names: dict[str, list[str]] = {}
    for one in report.followers:
        if one.why is not None:
            names.setdefault(one.why, []).append(one.follower)
    if names:
        write_line("")
    for why, whose in names.items():
        write_line(f"{', '.join(whose)}: {why}.")


def _rows(one: FollowerReport) -> Iterator[tuple[object, ...]]:
    """A row for each log that it follows; what is said of the follower as a whole stands in the first."""
    beat = one.heartbeat
    owner = one.owner if one.owner is None or beat is None or ":" in one.owner else beat.process
    whole: tuple[object, ...] = (
        owner,
        None if beat is None else f"{_duration(beat.age_seconds)} ago",
        one.parked,
        one.held_back,
    )
    for number, each in enumerate(one.leaders):
        yield (
            one.follower if number == 0 else "",
            each.leader,
            each.position,
            each.events_to_handle,
            None if each.oldest_age_seconds is None else _duration(each.oldest_age_seconds),
            None if each.events_per_second is None else f"{each.events_per_second:,.1f}",
            _level_in(each),
            *(whole if number == 0 else ("",) * len(whole)),
        )


def _level_in(progress: Progress) -> str:
    if progress.level_in_seconds:
        return _duration(progress.level_in_seconds)
    return _INSTEAD_OF_A_TIME.get(progress.outlook, "a moment")


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))
