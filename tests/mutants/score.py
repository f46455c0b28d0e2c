"""How many changes of the code the tests notice, package by package."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch

NOTICED = ("killed", "timeout", "segfault")
NOT_COUNTED = ("caught by type check", "skipped")
"""mypy refuses it, so nobody could hand it in."""
NOT_TRIED = ("not checked", "check was interrupted by user")


@dataclass(frozen=True)
class Mutant:
    """One change of the code, and what became of it, in mutmut's words."""

    name: str
    status: str

    @property
    def package(self) -> str:
        """The package in which the code was changed, for instance ``domain.orders``."""
        return self.name.rsplit(".", 2)[0]

    @property
    def is_tried(self) -> bool:
        """Whether the tests have run against it."""
        return self.status not in NOT_TRIED

    @property
    def is_missed(self) -> bool:
        """Whether no test noticed it."""
        return self.is_tried and self.status not in (*NOTICED, *NOT_COUNTED)


def mutants_of(results: str) -> list[Mutant]:
    """What ``mutmut results --all true`` prints: a name and a status a line."""
    lines = (line.strip().rpartition(": ") for line in results.splitlines())
    return [Mutant(name, status) for name, colon, status in lines if colon and "__mutmut_" in name]


@dataclass(frozen=True)
class Score:
    """What became of the mutants of one package. `floor` is in per cent."""

    package: str
    statuses: Counter[str]
    floor: float

    @property
    def untried(self) -> int:
        """How many are still to be tried."""
        return sum(self.statuses[status] for status in NOT_TRIED)

    @property
    def per_cent(self) -> float:
        """The part that tests noticed of those that were tried and that mypy lets through."""
        left_out = self.untried + sum(self.statuses[status] for status in NOT_COUNTED)
        counted = self.statuses.total() - left_out
        noticed = sum(self.statuses[status] for status in NOTICED)
        return 100.0 * noticed / counted if counted else 100.0

    @property
    def is_too_low(self) -> bool:
        """Whether every mutant was tried, and too few of them were noticed."""
        return not self.untried and self.per_cent < self.floor


def scores_of(mutants: Iterable[Mutant], floors: Mapping[str, float]) -> list[Score]:
    """The score of each package. One without a floor has to reach 100 %."""
    found: dict[str, Counter[str]] = {}
    for mutant in mutants:
        found.setdefault(mutant.package, Counter())[mutant.status] += 1
    return [Score(package, found[package], floors.get(package, 100.0)) for package in sorted(found)]


def chosen(mutants: Iterable[Mutant], patterns: Sequence[str]) -> list[Mutant]:
    """Those that match a pattern; all, when there is none."""
    return [one for one in mutants if not patterns or any(fnmatch(one.name, like) for like in patterns)]


def report(mutants: Sequence[Mutant], scores: Sequence[Score], how_to_look: str) -> str:
    """What was missed and the scores, for a person."""
    missed = [f"  {one.name}: {one.status}" for one in mutants if one.is_missed]
    told = ["No test noticed these changes:", *missed, f"Look at one: {how_to_look}", ""] if missed else []
    told.append(f"{'package':26}{'killed':>8}{'timeout':>8}{'survived':>9}{'no tests':>9}{'mypy':>6}"
                f"{'to try':>7}{'score':>8}{'floor':>8}")  # fmt: skip
    for one in scores:
        many = one.statuses
        survived = many["survived"] + many["suspicious"]
        told.append(
            f"{one.package:26}{many['killed'] + many['segfault']:>8}{many['timeout']:>8}{survived:>9}"
            f"{many['no tests']:>9}{many['caught by type check']:>6}{one.untried:>7}"
            f"{one.per_cent:>7.1f}%{one.floor:>7.1f}%"
        )
    return "\n".join(told)
