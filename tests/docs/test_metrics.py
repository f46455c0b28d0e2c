"""The document of the metrics and the metrics say the same."""

import re
from pathlib import Path

import pytest

from system.observability.metrics import METRICS, STORE_UP

DOCUMENT = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()


def documented() -> dict[str, tuple[str, tuple[str, ...]]]:
    """The metrics that the document names, with their kind and labels."""
    rows = re.findall(r"^\| `(orderwright_\w+)` \| (\w+) \| ([^|]*)\|", DOCUMENT, re.M)
    return {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def test_every_metric_is_documented_with_its_kind_and_labels() -> None:
    there_are = {metric.name: (str(metric.kind), metric.labels) for metric in METRICS}
    assert documented() == {STORE_UP: ("gauge", ()), **there_are}


def test_the_document_names_no_other_metric() -> None:
    assert set(re.findall(r"\borderwright_\w+", DOCUMENT)) == documented().keys()


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_follow_the_conventions(metric: object) -> None:
    name, kind = getattr(metric, "name", ""), str(getattr(metric, "kind", ""))
    assert re.fullmatch(r"orderwright_[a-z_]+", name)
    assert name.endswith("_total") is (kind == "counter")
    assert not re.search(r"_(ms|milliseconds|minutes|count)\b", name)
