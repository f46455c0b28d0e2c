"""A verification of the whole store, while it works."""

import time
from collections.abc import Callable
from enum import StrEnum
from random import Random

from system.bootstrap import Orderwright
from system.concurrency.memory import collect_garbage_less_often
from system.definition import orderwright as definition
from system.followers.projection import Projection

from .kept import keep, seals_of
from .log import LogCheck
from .positions import PositionCheck
from .read_models import Compared, ReadModelCheck
from .report import Findings, LogVerified, VerificationReport

SAMPLE = 200
"""So many orders or products of each read model are compared, unless all are."""


class Stage(StrEnum):
    """What a verification is at."""

    READING = "Reading events"
    COMPARING = "Comparing rows"


Progress = Callable[[Stage, int, int], object]
"""Told the stage, and how much of it is done of how much: events, orders and products."""


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
        checks = {
            name: LogCheck(orderwright.applications[name], store, findings, at)
            for name in sorted(orderwright.applications)
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
        compared = _compare_rows(
            orderwright, findings, positions.wrong, Random(at), progress, None if is_full else sample
        )
        report = VerificationReport(
            is_clean=not findings.found,
            is_full=is_full,
            at=at,
            seconds=round(time.monotonic() - began, 3),
            logs=tuple(logs),
            compared={name: one.compared for name, one in compared.items()},
            skipped={name: one.skipped for name, one in compared.items() if one.skipped},
            snapshots=0,
            found=findings.found,
            by_verdict=dict(findings.counts),
            findings=tuple(findings.listed),
        )
        keep(store, report)
    return report


def _compare_rows(
    orderwright: Orderwright,
    findings: Findings,
    wrong: set[str],
    random: Random,
    progress: Progress,
    sample: int | None,
) -> dict[str, Compared]:
    """What was compared, by read model. One whose position is wrong is left out: its rows are as wrong."""
    compared: dict[str, Compared] = {}
    for name in sorted(definition.followers):
        projection = orderwright.applications[name]
        if isinstance(projection, Projection) and name not in wrong:
            check = ReadModelCheck(projection, orderwright.applications, findings)
            before = sum(one.compared + one.skipped for one in compared.values())
            if sample is None:
                keys, whole = check.everything(), 0
            else:
                some = check.sample(sample, random)
                keys, whole = iter(some), len(some)
            compared[name] = check.run(
                keys,
                whole,
                lambda done, all_: progress(Stage.COMPARING, before + done, before + all_),  # noqa: B023
            )
    return compared
