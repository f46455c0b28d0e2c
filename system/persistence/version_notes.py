"""What people did about the versions of a read model, as it is kept beside them: how a version compared with
the one that was served, which differences somebody accepted, and which rows were put right by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .agreement import KeepsAgreement, inserted
from .tables import Step, Table


@dataclass(frozen=True)
class KeptComparison:
    """How a version compared with another one. `found` is the report as JSON, and `basis` says what it
    rests on: where that is another one now, it tells nothing any more."""

    version: int
    against: int
    basis: str
    found: str


@dataclass(frozen=True)
class Acceptance:
    """Somebody accepted that a version differs in this way from the one that was served before, in so many
    rows."""

    version: int
    difference: str
    concerned: int
    at: str
    made_by: str
    reason: str


@dataclass(frozen=True)
class RepairMade:
    """Somebody had rows put right. `about` is the order or product, and `what` the change as JSON."""

    number: int
    version: int
    about: str
    at: str
    made_by: str
    reason: str
    what: str


def note_tables(prefix: str) -> tuple[Table, Table, Table]:
    """The tables of comparisons, acceptances and repairs, whose names begin so."""
    who = dict.fromkeys(("at", "made_by", "reason"), "TEXT NOT NULL")
    comparisons = {
        "version": "BIGINT",
        "against": "BIGINT NOT NULL",
        "basis": "TEXT NOT NULL",
        "found": "TEXT NOT NULL",
    }
    acceptances = {"version": "BIGINT", "difference": "TEXT", "concerned": "BIGINT NOT NULL", **who}
    repairs = {
        "number": "BIGINT",
        "version": "BIGINT NOT NULL",
        "about": "TEXT NOT NULL",
        **who,
        "what": "TEXT NOT NULL",
    }
    return (
        Table(f"{prefix}comparisons", columns=comparisons, key=("version",)),
        Table(f"{prefix}acceptances", columns=acceptances, key=("version", "difference")),
        Table(f"{prefix}repairs", columns=repairs, key=("number",)),
    )


class VersionNotes:
    """These notes, of one read model."""

    def __init__(self, store: KeepsAgreement) -> None:
        self._store = store
        self._comparisons, self._acceptances, self._repairs = note_tables(store.agreement_prefix)

    def comparison(self, version: int) -> KeptComparison | None:
        """How a version compared the last time that somebody wanted to know."""
        found = self._of_version(self._comparisons, version)
        return KeptComparison(**found[0]) if found else None

    def keep_comparison(self, comparison: KeptComparison) -> None:
        """Keep it, in place of an earlier one of that version."""
        forget = f"DELETE FROM @{self._comparisons.name} WHERE version = :version"
        self._store.transact(
            [(forget, {"version": comparison.version}), (inserted(self._comparisons), vars(comparison))]
        )

    def acceptances(self, version: int) -> list[Acceptance]:
        """What somebody accepted of a version."""
        return [Acceptance(**row) for row in self._of_version(self._acceptances, version)]

    def acceptance_steps(self, acceptances: Sequence[Acceptance]) -> list[Step]:
        """The steps that keep these, in place of earlier ones about the same."""
        forget = (
            f"DELETE FROM @{self._acceptances.name} WHERE version = :version AND difference = :difference"
        )
        steps: list[Step] = []
        for one in acceptances:
            steps += [
                (forget, {"version": one.version, "difference": one.difference}),
                (inserted(self._acceptances), vars(one)),
            ]
        return steps

    def count_repairs(self) -> int:
        """How many repairs were made."""
        (found,) = self._store.rows(f"SELECT count(*) AS n FROM @{self._repairs.name}", {})
        return int(found["n"])

    def repairs(self, limit: int) -> list[RepairMade]:
        """What was put right, the latest first."""
        statement = f"SELECT * FROM @{self._repairs.name} ORDER BY number DESC LIMIT :limit"
        return [RepairMade(**row) for row in self._store.rows(statement, {"limit": limit})]

    def repair_step(self, made: RepairMade) -> Step:
        """The step that keeps a repair. It fails when somebody else was faster with this number."""
        return inserted(self._repairs), vars(made)

    def _of_version(self, table: Table, version: int) -> list[dict[str, Any]]:
        statement = f"SELECT {', '.join(table.columns)} FROM @{table.name} WHERE version = :version"
        return self._store.rows(f"{statement} ORDER BY {', '.join(table.key)}", {"version": version})
