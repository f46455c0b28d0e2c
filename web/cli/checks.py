"""Examine what is set up: the doctor's report, and the settings in force."""

import os

import click

from application.views import to_json
from system.operations.doctor import DoctorReport, examine
from system.settings.environment import Settings
from system.settings.postgres_names import who_reads

from .commands import Command, wants_json
from .errors import REFUSED
from .output import write_json, write_line, write_table
from .store import settings_now

_SECRET = ("PASSWORD", "SECRET", "TOKEN", "KEY")
_PATH_OF_A_SECRET = "POSTGRES_SSLKEY"
_OF_THE_LIBRARY = ("POSTGRES_", "SQLITE_", "CIPHER_", "COMPRESSOR_", "PERSISTENCE_", "CREATE_TABLE")
_SHOWN_PARKED = 20


@click.command(cls=Command)
@click.pass_context
def doctor(context: click.Context) -> None:
    """Check the settings, the store, the followers and their positions.

    Exit code 1 when there is a problem.
    """
    report = examine(os.environ)
    if wants_json():
        write_json({"is_healthy": report.is_healthy, **to_json(report)})
    else:
        _write(report)
    context.exit(0 if report.is_healthy else REFUSED)


def _write(report: DoctorReport) -> None:
    write_table(("check", "status", "detail"), ((c.name, c.status, c.detail) for c in report.checks))
    if report.followers is not None:
        write_line("")
        write_table(
            ("follower", "follows", ">position", ">head", ">to handle"),
            (
                (one.follower, each.leader, each.position, each.head, each.events_to_handle)
                for one in report.followers.followers
                for each in one.leaders
            ),
        )
    if report.parked:
        write_line("")
        write_table(
            ("parked by", "at", "event", "of", "error"),
            (
                (
                    parked.follower,
                    f"{parked.event.leader} {parked.event.position}",
                    parked.event.topic,
                    parked.event.sequence,
                    parked.event.error
                    or ("to be retried next" if parked.is_first else "held back behind a parked event"),
                )
                for parked in report.parked[:_SHOWN_PARKED]
            ),
        )
    write_line("")
    write_line("Everything is in order." if report.is_healthy else "There is a problem.")


@click.command(cls=Command)
def settings() -> None:
    """List every setting: its default, its present value and what it is for. Secrets are masked."""
    rows = [
        (name, str(default), _value(name, str(default)), purpose)
        for name, (default, purpose) in Settings.variables().items()
    ]
    known = {name for name, *_ in rows}
    rows += [
        (name, "", _value(name, ""), who_reads(name) or "read by the event store")
        for name in sorted(os.environ)
        if name not in known and any(mark in name for mark in _OF_THE_LIBRARY)
    ]
    if wants_json():
        names = ("name", "default", "value", "purpose")
        write_json({"settings": [dict(zip(names, row, strict=True)) for row in rows]})
    else:
        write_table(("variable", "value", "default", "what it is for"), ((n, v, d, p) for n, d, v, p in rows))
    settings_now()  # the list is of use even when the settings are not; now say so


def _value(name: str, default: str) -> str:
    value = os.environ.get(name) or default
    is_secret = any(mark in name for mark in _SECRET) and not name.endswith(_PATH_OF_A_SECRET)
    return "********" if value and is_secret else value
