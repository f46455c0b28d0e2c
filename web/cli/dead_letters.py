"""The dead-letter desk: everything that waits for a person, and what can be done about it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import click

from application.limits import MAX_REASON
from system.bootstrap import Orderwright
from system.operations.settling import settle
from system.recovery.dead_letters.cases import CaseQuery
from system.recovery.dead_letters.desk import KINDS, DeadLetterDesk
from system.runner.service import RunnerService

from .commands import Group, ask, page_options, user_option, wants_json, yes_option
from .dead_letter_output import write_case, write_cases, write_dry_run, write_report, write_retry_all
from .errors import REFUSED
from .output import write_json
from .paging import pages
from .progress import progress_bars
from .store import command_by, followed, opened
from .values import Time, Words

F = TypeVar("F", bound=Callable[..., Any])


@click.group("dead-letters", cls=Group)
def dead_letters() -> None:
    """Look at what waits for a person, retry it, or give it up."""


def filter_options(command: F) -> F:
    """Give a command the filters of the desk."""
    for option in (
        click.option("--until", type=Time(), help="Waiting since before this time."),
        click.option("--since", type=Time(), help="Waiting since this time or later."),
        click.option("--error", type=Words(MAX_REASON), help="With this text in its error."),
        click.option("--order", "order_id", type=click.UUID, help="About this order."),
        click.option("--follower", help="Events that this follower has parked, such as OrderDashboard."),
        click.option("--kind", help=f"{', '.join(KINDS[:-1])} or {KINDS[-1]}."),
    ):
        command = option(command)
    return command


_reason_option = click.option("--reason", type=Words(MAX_REASON), help="Why; recorded with what is done.")


@dead_letters.command("list")
@filter_options
@page_options
def list_dead_letters(
    kind: str | None,
    follower: str | None,
    order_id: UUID | None,
    error: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    cursor: str | None,
    whole: bool,
) -> None:
    """List what waits for a person, the one that waits longest first."""
    query = CaseQuery(kind, follower, order_id, error, since, until)
    with opened() as orderwright:
        page = pages(lambda page: DeadLetterDesk(orderwright).list(query, page), limit, cursor, whole=whole)
    write_cases(page)


@dead_letters.command("show")
@click.argument("case_id", metavar="CASE")
def show_dead_letter(case_id: str) -> None:
    """Show a case, its event as it can be read now, and all that waits behind it."""
    with opened() as orderwright:
        case = DeadLetterDesk(orderwright).show(case_id)
    if wants_json():
        write_json(case)
    else:
        write_case(case)


@dead_letters.command("retry")
@click.argument("case_id", metavar="[CASE]", required=False)
@click.option("--sequence", is_flag=True, help="Retry what is held back behind it as well, in order.")
@click.option("--all", "every", is_flag=True, help="Retry the whole sequence of every case that matches.")
@filter_options
@click.option("--dry-run", is_flag=True, help="Show what it would change, and change nothing.")
@yes_option
@_reason_option
@click.option("--quiet", is_flag=True, help="No progress bar.")
@user_option
@click.pass_context
def retry(
    context: click.Context,
    case_id: str | None,
    sequence: bool,
    every: bool,
    kind: str | None,
    follower: str | None,
    order_id: UUID | None,
    error: str | None,
    since: datetime | None,
    until: datetime | None,
    dry_run: bool,
    yes: bool,
    reason: str | None,
    quiet: bool,
    user: str,
) -> None:
    """Retry the event or saga of CASE, or with --all every case that matches.

    Stopped at any moment, --all is resumed by the same command. Exit code 1 if any retry failed.
    """
    filters = (kind, follower, order_id, error, since, until)
    if every == (case_id is not None):
        raise click.UsageError("name one case, or give --all")
    if every and sequence:
        raise click.UsageError("--all retries whole sequences already; leave --sequence out")
    if case_id is not None and any(value is not None for value in filters):
        raise click.UsageError("filters can be given with --all only, not with a case")
    if case_id is None:
        failed = _retry_all(CaseQuery(*filters), user, reason, dry_run=dry_run, yes=yes, quiet=quiet)
    elif dry_run:
        failed = _dry_run(case_id, sequence)
    else:
        failed = _retry_one(case_id, sequence, user, reason)
    context.exit(REFUSED if failed else 0)


@dead_letters.command("discard")
@click.argument("case_id", metavar="CASE")
@click.option("--reason", required=True, type=Words(MAX_REASON), help="Why; it is kept for ever.")
@yes_option
@user_option
def discard(case_id: str, reason: str, yes: bool, user: str) -> None:
    """Discard the event of CASE: its follower never processes it. What waits behind it comes next."""
    with opened() as orderwright:
        desk = DeadLetterDesk(orderwright)
        desk.show(case_id)
        ask(f"Discard {case_id}? Its event will then never be processed.", yes=yes)
        report = desk.discard(case_id, command_by(user, orderwright), reason)
    write_report(report)


def _retry_one(case_id: str, sequence: bool, user: str, reason: str | None) -> bool:
    with followed() as (orderwright, service):
        command = command_by(user, orderwright)
        report = DeadLetterDesk(orderwright).retry(case_id, command, reason, sequence=sequence)
        _let_it_lead_on(orderwright, service)
    write_report(report)
    return report.error is not None


def _dry_run(case_id: str, sequence: bool) -> bool:
    with opened() as orderwright:
        found = DeadLetterDesk(orderwright).dry_run(case_id, sequence=sequence)
    if wants_json():
        write_json(found)
    else:
        write_dry_run(found)
    return found.would_fail


def _retry_all(
    query: CaseQuery, user: str, reason: str | None, *, dry_run: bool, yes: bool, quiet: bool
) -> bool:
    with opened() as orderwright:
        preview = DeadLetterDesk(orderwright).preview_all(query)
    if dry_run or not preview.matching:
        write_retry_all(preview)
        return False
    ask(f"Retry {preview.matching:,} cases, each with all that waits behind it?", yes=yes)
    with followed() as (orderwright, service), progress_bars(quiet=quiet) as bars:
        with bars.bar("Retrying", preview.matching) as advance:
            report = DeadLetterDesk(orderwright).retry_all(
                query,
                command_by(user, orderwright),
                reason,
                progress=lambda cases, _: advance(cases, cases),
            )
        _let_it_lead_on(orderwright, service)
    write_retry_all(report)
    return report.failed > 0


def _let_it_lead_on(orderwright: Orderwright, service: RunnerService) -> None:
    """Wait, bounded, until the followers of this process have seen what was recorded."""
    if service.is_running:
        settle(orderwright, service, timeout=orderwright.settings.consistency_wait_seconds)
