"""A verification of the whole store, while it works."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from system.bootstrap import Orderwright
from system.concurrency.memory import collect_garbage_less_often
from system.definition import orderwright as definition
from system.followers.projection import Projection

from .kept import keep, last_reports, seals_of
from .log import LogCheck
from .positions import PositionCheck
from .read_models import Compared, ReadModelCheck
from .report import Finding, Findings, LogVerified, Verdict, VerificationReport
from .snapshots import SnapshotCheck

SAMPLE = 200
"""So many orders or products of each read model are compared, unless all are."""


class Stage(StrEnum):
    """What a verification is at."""

    READING = "Reading events"
    COMPARING = "Comparing rows"
    REPLAYING = "Replaying"


Progress = Callable[[Stage, int, int], object]
"""Told the stage, and how much of it is done of how much: events, orders or products, snapshots."""


def _nobody(*_: object) -> None:
    """Told of progress when nobody wants to know."""


def verify(
    orderwright: Orderwright,
    *,
    is_full: bool = False,
    sample: int = SAMPLE,
    progress: Progress = _nobody,
) -> VerificationReport:
    """Verify every log, position and read model, and seal what is new in each log where nothing is wrong.

    A full one reads every row and compares the rows of every order and product; another one reads what is
    new and a part of what is sealed, and compares so many of each read model. Nothing but the side store of
    the seals is written. Stopped before its end, the next one goes on where the seals end. Raises the
    library's `PersistenceError`.
    """
    collect_garbage_less_often()
    began, at = time.monotonic(), orderwright.clock().isoformat(timespec="microseconds")
    findings = Findings()
    with seals_of(orderwright) as store:
        last = next(iter(last_reports(store).values()), None)
        before = last.findings if last is not None else ()
        checks = {
            name: LogCheck(application, store, findings, at, _positions_in(before, name))
            for name, application in sorted(orderwright.applications.items())
        }
        heads = sum(check.head for check in checks.values())
        logs: list[LogVerified] = []
        for check in checks.values():
            read = sum(log.read for log in logs)
            logs.append(
                check.run(
                    lambda done, _: progress(Stage.READING, read + done, heads),  # noqa: B023 - called at once
                    is_full=is_full,
                )
            )
        positions = PositionCheck(orderwright.applications, checks, findings)
        positions.run()
        choice = _Choice(Random(at), None if is_full else sample, before)
        compared = _compare_rows(orderwright, findings, positions.wrong, progress, choice)
        snapshots = _compare_snapshots(orderwright, findings, progress, choice)
        report = VerificationReport(
            is_clean=not findings.found,
            is_full=is_full,
            at=at,
            seconds=round(time.monotonic() - began, 3),
            logs=tuple(logs),
            compared={name: one.compared for name, one in compared.items()},
            skipped={name: one.skipped for name, one in compared.items() if one.skipped},
            snapshots=snapshots,
            found=findings.found,
            by_verdict=dict(findings.counts),
            findings=tuple(findings.listed),
        )
        keep(store, report)
    return report


@dataclass(frozen=True)
class _Choice:
    """Which orders or products are compared: so many, or all; and those that were wrong the last time."""

    random: Random
    size: int | None
    before: Sequence[Finding]

    def found_before(self, name: str) -> list[str]:
        return [one.key.split(" ")[0] for one in self.before if one.application == name and one.key]


def _positions_in(findings: Sequence[Finding], log: str) -> list[int]:
    """Those about which something was found. Of several in a row the first will do: its range is read."""
    return [one.position for one in findings if one.application == log and one.position is not None]


def _compare_snapshots(
    orderwright: Orderwright, findings: Findings, progress: Progress, choice: _Choice
) -> int:
    check = SnapshotCheck(orderwright, findings)
    told = [
        one.stream_id
        for one in choice.before
        if one.verdict in (Verdict.SNAPSHOT_AHEAD, Verdict.SNAPSHOT_DIFFERS) and one.stream_id is not None
    ]
    rows = check.everything() if choice.size is None else check.sample(choice.random, told)
    return check.run(rows, lambda done, whole: progress(Stage.REPLAYING, done, whole))


def _compare_rows(
    orderwright: Orderwright,
    findings: Findings,
    wrong: set[str],
    progress: Progress,
    choice: _Choice,
) -> dict[str, Compared]:
    """What was compared, by read model. One whose position is wrong is left out: its rows are as wrong."""
    compared: dict[str, Compared] = {}
    for name in sorted(definition.followers):
        projection = orderwright.applications[name]
        if isinstance(projection, Projection) and name not in wrong:
            check = ReadModelCheck(projection, orderwright.applications, findings)
            before = sum(one.compared + one.skipped for one in compared.values())
            keys: Iterable[str] = check.everything()
            whole = 0
            if choice.size is not None:
                keys = some = {*check.sample(choice.size, choice.random), *choice.found_before(name)}
                whole = len(some)
            compared[name] = check.run(
                keys,
                whole,
                lambda done, all_: progress(Stage.COMPARING, before + done, before + all_),  # noqa: B023
            )
    return compared
