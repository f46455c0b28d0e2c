"""What is kept of verifications beside the seals: the last of each kind, and what the seals were told."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from eventsourcing.persistence import PersistenceError

from system.bootstrap import Orderwright
from system.persistence.conflicts import is_missing_table
from system.persistence.side_store import SideStore
from system.persistence.tables import Table
from system.stores import side_store

from .report import Finding, LogVerified, Verdict, VerificationReport
from .seals import CURSORS, RANGES

SEALS = "Seals"
KEPT_FINDINGS = 100

RUNS = Table(
    "seal_runs",
    columns={
        "kind": "TEXT",
        "at": "TEXT NOT NULL",
        "found": "BIGINT NOT NULL",
        "report": "TEXT NOT NULL",
    },
    key=("kind",),
)
RESEALINGS = Table(
    "seal_resealings",
    columns={
        "at": "TEXT",
        "log": "TEXT",
        "made_by": "TEXT NOT NULL",
        "reason": "TEXT NOT NULL",
        "what": "TEXT NOT NULL",
    },
    key=("at", "log"),
)
TABLES = (RANGES, CURSORS, RUNS, RESEALINGS)


@dataclass(frozen=True)
class Resealing:
    """Somebody said that a log was changed rightly. `what` says which seals were given up for it."""

    at: str
    log: str
    made_by: str
    reason: str
    what: str


@dataclass(frozen=True)
class LastVerification:
    """The latest verification, if there was any, and the latest that read everything; and what the seals were
    told of."""

    last: VerificationReport | None
    last_full: VerificationReport | None
    resealings: tuple[Resealing, ...]


@contextmanager
def seals_of(orderwright: Orderwright) -> Iterator[SideStore]:
    """The side store of the seals, open. With events in memory it is empty each time."""
    with side_store(SEALS, orderwright.settings, TABLES) as store:
        yield store


def last_verification(orderwright: Orderwright) -> LastVerification:
    """What is kept of verifications. Nothing is made for it. Raises the library's `PersistenceError`."""
    with side_store(SEALS, orderwright.settings) as store:
        try:
            return _kept_in(store)
        except PersistenceError as error:
            if is_missing_table(error):  # none was run yet
                return LastVerification(None, None, ())
            raise


def _kept_in(store: SideStore) -> LastVerification:
    columns = ", ".join(RESEALINGS.columns)
    done = store.rows(f"SELECT {columns} FROM @seal_resealings ORDER BY at DESC", {})
    reports = last_reports(store)
    last = next(iter(reports.values())) if reports else None
    return LastVerification(last, reports.get("full"), tuple(Resealing(**row) for row in done))


def last_reports(store: SideStore) -> dict[str, VerificationReport]:
    """The last of each kind, the latest first."""
    rows = store.rows("SELECT kind, report FROM @seal_runs ORDER BY at DESC", {})
    return {row["kind"]: _report(json.loads(row["report"])) for row in rows}


def keep(store: SideStore, report: VerificationReport) -> None:
    """Keep a report as the last of its kind."""
    statement = (
        "INSERT INTO @seal_runs (kind, at, found, report) VALUES (:kind, :at, :found, :report) "
        "ON CONFLICT (kind) DO UPDATE SET at = excluded.at, found = excluded.found, report = excluded.report"
    )
    kept = asdict(report) | {"findings": [asdict(one) for one in report.findings[:KEPT_FINDINGS]]}
    values = {"kind": "full" if report.is_full else "quick", "at": report.at, "found": report.found}
    store.transact([(statement, {**values, "report": json.dumps(kept)})])


def _report(kept: dict[str, Any]) -> VerificationReport:
    findings = [Finding(**{**one, "verdict": Verdict(one["verdict"])}) for one in kept["findings"]]
    logs = [LogVerified(**one) for one in kept["logs"]]
    return VerificationReport(**{**kept, "findings": tuple(findings), "logs": tuple(logs)})
