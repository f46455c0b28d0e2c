"""The benchmark runs, checks what it measures, and says what it measured on. No figure is judged here."""

import json
from collections.abc import Iterator

import pytest
import structlog
from click.testing import CliRunner

from system.bench.measurements import Measurement, measurements_of
from web.cli import main


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """The command sets up the logs of its process, which here is that of all tests."""
    yield
    structlog.reset_defaults()


def test_a_quick_run_measures_ours_the_librarys_and_the_limit() -> None:
    done = CliRunner().invoke(main, ["--json", "bench", "append", "load", "growth", "--quick"])

    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert set(figures) >= {"append_1", "append_16", "load_10000", "growth_500", "growth_ratio"}
    for name, figure in figures.items():
        assert set(figure) == {"unit", "ours", "stock", "limit", "ratio_stock", "ratio_limit", "runs"}
        assert figure["ours"] > 0, name
        is_ours_alone = name.startswith("growth") or name.endswith("_snapshot")
        assert (figure["stock"] is None) is is_ours_alone, name
        assert figure["runs"]["ours"] == [figure["ours"]], name


def test_a_figure_has_a_median_a_spread_and_ratios_that_say_how_many_times_better() -> None:
    rounds = [
        {"rate": {"ours": 300.0, "stock": 100.0}, "delay": {"ours": 2.0, "stock": 8.0}},
        {"rate": {"ours": 500.0, "stock": 50.0}, "delay": {"ours": 4.0, "stock": 8.0}},
        {"rate": {"ours": 400.0, "stock": 200.0}, "delay": {"ours": 3.0, "stock": 9.0}},
    ]
    rate, delay = measurements_of(rounds, {"rate": ("1/s", True), "delay": ("ms", False)})
    assert (rate.median("ours"), rate.spread("ours"), rate.ratio("stock")) == (400.0, (300.0, 500.0), 4.0)
    assert delay.median("ours") == 3.0
    assert delay.ratio("stock") == pytest.approx(8 / 3)
    assert (rate.median("limit"), rate.ratio("limit")) == (None, None)


def test_nothing_to_compare_with_has_no_ratio() -> None:
    alone = Measurement("alone", "s", False, {"ours": [1.0]})
    assert alone.to_json()["ratio_stock"] is None


def test_an_unknown_name_is_answered_with_the_choices() -> None:
    done = CliRunner().invoke(main, ["bench", "everything"])
    assert done.exit_code == 2
    assert "append" in done.stderr
