"""How what is found out about read models is shown: a rehearsal, a comparison, a repair, a file."""

import json
from collections.abc import Iterable
from typing import Any

from system.recovery.read_models.as_of import BuiltAsOf
from system.recovery.read_models.comparing import Comparison
from system.recovery.read_models.differences import Group
from system.recovery.read_models.forecasting import Forecast
from system.recovery.read_models.rehearsing import FailureGroup, Rehearsal
from system.recovery.read_models.repairing import Repair

from .output import write_fields, write_line, write_table

_ORDERS_SHOWN = 3
_LONGEST_VALUE = 60


def write_rehearsal(report: Rehearsal) -> None:
    """What a rebuild would come to."""
    write_table(
        ("leader", "type", ">version", ">in the store", ">tried", ">failed"),
        (
            (kind.leader, kind.type, kind.version, f"{kind.stored:,}", kind.tried, kind.failed)
            for kind in report.kinds
        ),
    )
    write_line("")
    if report.failures:
        write_table(
            ("would fail", ">version", ">of tried", "position: order", "error"),
            (
                (one.type, one.version, f"{one.failed} of {one.tried}", _places(one), one.error)
                for one in report.failures
            ),
        )
        write_line("")
    write_fields(_expected(report.forecast))
    write_line("")
    write_line(
        f"Tried {report.tried:,} events of {report.orders:,} orders or products, every kind of event among "
        f"them; --seed {report.seed} tries the same again. Nothing was touched."
    )
    if report.failures:
        write_line("These events would not be taken in. Mend the code, and rehearse again.")
    if not report.forecast.has_room:
        write_line("There is not enough room on the disk for a second version.")
    if not report.would_fail:
        write_line(f"To build it: orderwright projections rebuild {report.projection}")


def _places(group: FailureGroup) -> str:
    places = [f"{event.position}: {event.about or 'not told'}" for event in group.events[:_ORDERS_SHOWN]]
    return ", ".join(places) + (", ..." if group.failed > len(places) else "")


def _expected(forecast: Forecast) -> Iterable[tuple[str, object]]:
    if forecast.from_seconds is not None:
        since = f" and {forecast.builds} earlier builds" if forecast.builds else ""
        seconds = f"{forecast.from_seconds:,.1f} to {forecast.to_seconds:,.1f} s"
        told_by = f"{forecast.slices} slices of the logs{since}"
        yield "expected to take", f"{seconds} for {forecast.events:,} events (from {told_by})"
    for table, rows in forecast.rows.items():
        yield f"rows of {table}", f"about {rows:,}"
    if forecast.bytes is not None:
        yield "room that it takes", f"about {forecast.bytes / 1e6:,.1f} MB"
    if forecast.free_bytes is not None:
        yield "room on the disk", f"{forecast.free_bytes / 1e6:,.1f} MB"


def write_comparison(report: Comparison) -> None:
    """In what two versions differ, and what to do next."""
    where = f"version {report.version} of {report.projection} with version {report.against}"
    positions = ", ".join(f"{name} {position:,}" for name, position in report.positions.items())
    write_line(f"Compared {where}: {report.rows:,} rows, at {positions}.")
    if report.is_equal:
        write_line("No row differs.")
        write_line(f"To have it served: orderwright projections switch {report.projection}")
        return
    write_line("")
    write_table(
        ("difference", ">rows", "first orders or products", "for example", "before", "after"),
        ((one.id, f"{one.rows:,}", _first(one), *_example(one)) for one in report.groups),
    )
    write_line("")
    if report.parked:
        write_line(
            f"{report.parked:,} events wait in the parking lot of {report.projection}, so version "
            f"{report.against} may lack what they say. Retry them first: orderwright dead-letters list"
        )
    accept = " ".join(f"--accept {one.id}" for one in report.groups)
    write_line(
        "If they are meant: orderwright projections switch "
        f"{report.projection} {accept} --version {report.version} --reason TEXT"
    )


def _first(group: Group) -> str:
    shown = group.first[:_ORDERS_SHOWN]
    return ", ".join(shown) + (", ..." if group.rows > len(shown) else "")


def _example(group: Group) -> tuple[str, str, str]:
    key = " ".join(str(value) for value in group.example.key.values())
    return key, _value(group.example.before), _value(group.example.after)


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."


def write_repair(report: Repair) -> None:
    """What was wrong with rows, and whether it was put right."""
    where = f"{report.about} in version {report.version} of {report.projection}"
    if not report.is_needed:
        write_line(f"Nothing to do: the rows of {where} are what its events say.")
    if report.rows:
        write_table(
            ("table", "row", "column", "before", "after"),
            (
                (
                    row.table,
                    " ".join(map(str, row.key.values())),
                    column,
                    _value(change["from"]),
                    _value(change["to"]),
                )
                for row in report.rows
                for column, change in (row.columns or {"": {"from": None, "to": None}}).items()
            ),
        )
        write_line("")
    if report.failures:
        write_line(f"{report.failures} events of it were noted that this version could not take in.")
    if report.parked:
        write_line(
            f"{report.parked} events of it wait in the parking lot of {report.projection}: "
            "orderwright dead-letters list"
        )
    if report.is_done:
        write_line(f"The rows of {where} are put right.")
    elif report.is_needed:
        write_line("Nothing was changed. To do it, add: --yes --reason TEXT")


def write_built(report: BuiltAsOf) -> None:
    """What stands in a file."""
    write_line(report.sentence)
    if report.failures:
        write_table(
            ("not handled", "leader", ">position", "order or product", "error"),
            ((one.type, one.leader, one.position, one.about, one.error) for one in report.failures),
        )
