"""How the cases of the dead-letter desk are shown to people."""

import json

from application.views import Page, to_json
from system.recovery.dead_letters.cases import Case, CaseDetails
from system.recovery.dead_letters.desk import RetryAllReport
from system.recovery.dead_letters.dry_run import DryRun
from system.recovery.dead_letters.source import ActionReport
from system.steps.side import MoneyAndStock

from .commands import wants_json
from .output import write_fields, write_json, write_line, write_page, write_table


def write_cases(page: Page[Case]) -> None:
    """A page of the list."""
    write_page(
        page,
        ("since", "case", "kind", "event", "order", ">attempts", ">behind it", "waiting", "error"),
        (
            (
                case.first_at,
                case.case_id,
                case.kind,
                case.what,
                case.order_id,
                case.attempts,
                case.held_back,
                _waiting(case.waiting),
                case.error,
            )
            for case in page.items
        ),
        "Nothing waits for a person.",
    )


def write_case(case: CaseDetails) -> None:
    """One case."""
    is_event = case.leader is not None
    write_fields(
        (
            ("case", case.case_id),
            ("kind", case.kind),
            ("where", case.where),
            ("event", f"{case.what} at position {case.position} of {case.leader}" if is_event else case.what),
            ("stream", f"{case.stream_id} at version {case.stream_version}" if is_event else None),
            ("order", case.order_id),
            ("error", case.error),
            ("attempts", case.attempts),
            ("first", case.first_at),
            ("last", case.last_at),
            ("waiting", _waiting(case.waiting)),
            ("behind", case.waits_behind),
        )
    )
    if case.event is not None:
        write_line("")
        write_line(case.event.error or json.dumps(to_json(case.event.payload), ensure_ascii=False))
    if case.held_back_events:
        write_line("")
        write_table(
            ("behind it", "event", "since"),
            ((event.case_id, event.what, event.since) for event in case.held_back_events),
        )


def write_report(report: ActionReport) -> None:
    """What was done to a case."""
    if wants_json():
        write_json(report)
        return
    if report.replayed:
        write_line("Nothing new: this was done before.")
    for event in report.events:
        error = f": {event.error}" if event.error is not None else ""
        write_line(f"{event.what} ({event.case_id}) {event.result}{error}")
    if report.still_waiting:
        write_line(f"{report.still_waiting} events of this sequence still wait.")


def write_retry_all(report: RetryAllReport) -> None:
    """What became of all the cases that matched, or how many there are."""
    if wants_json():
        write_json(report)
        return
    if not report.matching:
        write_line("Nothing that could be retried matches.")
        return
    if report.preview:
        write_line(f"{report.matching:,} cases would be retried, each with all that waits behind it.")
        return
    write_line(
        f"{report.cured:,} of {report.matching:,} cases were retried, with {report.events:,} events; "
        f"{report.failed:,} failed again, {report.gone:,} had been dealt with before."
    )
    if report.failures:
        write_table(("still there", "error"), ((one.case_id, one.error) for one in report.failures))


def write_dry_run(tried: DryRun) -> None:
    """What a retry would change."""
    for event in tried.events:
        if event.error is not None:
            write_line(f"{event.what} ({event.case_id}) would fail: {event.error}")
            continue
        write_line(f"{event.what} ({event.case_id}) would be processed.")
        for new in event.events:
            payload = json.dumps(new.payload, ensure_ascii=False)
            write_line(
                f"  would record {new.type} at version {new.stream_version} of {new.stream_id}: {payload}"
            )
        for row in event.rows:
            key = ", ".join(f"{name} {value}" for name, value in row.key.items())
            act = "remove" if row.is_removed else "make" if row.is_new else "change"
            write_line(f"  would {act} the row of {row.table} with {key}{'' if row.is_removed else ':'}")
            for column, values in row.columns.items():
                write_line(f"    {column}: {json.dumps(values['from'])} -> {json.dumps(values['to'])}")
        if not event.events and not event.rows:
            write_line("  would change nothing.")
    write_line(f"Nothing was changed. {tried.would_still_wait} events would still wait.")


def _waiting(waiting: MoneyAndStock | None) -> str | None:
    if waiting is None:
        return None
    money = [f"{waiting.money} {waiting.currency}"] if waiting.money is not None else []
    stock = [f"{line.quantity} \u00d7 {line.sku}" for line in waiting.stock]
    return ", ".join(money + stock) or None
