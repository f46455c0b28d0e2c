"""What a benchmark comes to: figures with a median, a spread, and ratios."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

OURS, STOCK, LIMIT = "ours", "stock", "limit"

Round = Mapping[str, Mapping[str, float]]
"""What one round measured: by the figure's name, the value of each contender."""


@dataclass(frozen=True)
class Measurement:
    """One thing that was measured, in several rounds, by one contender after the other in each."""

    name: str
    unit: str
    more_is_better: bool
    runs: Mapping[str, Sequence[float]]

    def median(self, contender: str) -> float | None:
        """The median of a contender's runs, or None when it did not take part."""
        values = self.runs.get(contender)
        return median(values) if values else None

    def spread(self, contender: str) -> tuple[float, float]:
        """The least and the largest value of a contender."""
        values = self.runs[contender]
        return min(values), max(values)

    def ratio(self, contender: str) -> float | None:
        """How many times better ours is than this contender; below one it is worse."""
        ours, theirs = self.median(OURS), self.median(contender)
        if not ours or not theirs:
            return None
        return ours / theirs if self.more_is_better else theirs / ours

    def to_json(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        return {
            "unit": self.unit,
            "ours": self.median(OURS),
            "stock": self.median(STOCK),
            "limit": self.median(LIMIT),
            "ratio_stock": self.ratio(STOCK),
            "ratio_limit": self.ratio(LIMIT),
            "runs": {contender: list(values) for contender, values in self.runs.items()},
        }


def measurements_of(rounds: Sequence[Round], units: Mapping[str, tuple[str, bool]]) -> list[Measurement]:
    """The figures of all rounds. `units` says of each its unit and whether more is better."""
    names = list(dict.fromkeys(name for each in rounds for name in each))
    found = []
    for name in names:
        runs: dict[str, list[float]] = {}
        for each in rounds:
            for contender, value in each.get(name, {}).items():
                runs.setdefault(contender, []).append(value)
        unit, more_is_better = units[name]
        found.append(Measurement(name, unit, more_is_better, runs))
    return found
