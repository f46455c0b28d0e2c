"""The benchmark's report as a document for people."""

from collections.abc import Iterator

from .measurements import LIMIT, OURS, STOCK, Measurement
from .run import BenchReport

_MEANING = {
    "append": "one event an append, by so many writers: threads of a process, or clients of `pgbench`",
    "drain": "a backlog of orders to charged, reserved, confirmed and shown in all read models; ours with "
    "the runner in one process",
    "drain_two": "the same by two runner processes, which share the followers, while the orders are placed",
    "http": "from sending an order to the answer that shows it in the dashboard; 16 clients as fast as they "
    "can, then at 20 % of that rate. The service is one process, `orderwright serve`, for both",
    "rebuild": "events a second, while the order dashboard is dropped and follows again from the first event",
    "rebuild_bulk": "the same by `orderwright projections rebuild`, which builds another version beside it",
    "load": "loading an aggregate with so many events, all of them receipts; `_snapshot` from a snapshot, "
    "the others from the first event",
    "growth": "seconds to settle 1,000 orders when the store holds so many events. The ratio compares the "
    "last size with a fresh store of the first, measured in turns: a machine is not equally fast all day",
    "years": "a store with so many events and years behind it (`--events`, else 1,000,000), made by `demo "
    "--events` (fill). Every read model is built anew, by `projections rebuild`: alone (build; stock is "
    "the library's way to pull and process, one by one, on a two hundredth of the events; by_ones is "
    "ours with pages of one event), and while 50 orders a second come in over HTTP (under_load), with a "
    "calm time before each. Milliseconds are those of requests when nothing was being built, and when "
    "something was (building): of an order until it was answered (post), of a list of orders (list), "
    "and of an order until it was seen to be confirmed (confirmed). estimate is how far what a build "
    "took was from what was expected after the first tenth, memory the most that its process had, and "
    "differences are groups of rows that were other than those that were served",
}

_HEAD = """\
# Benchmarks

Written by `orderwright bench`, which measures everything in one run on a PostgreSQL that it starts
itself, one contender after the other in each round. Run it again on your machine:

```
orderwright bench
```

**ours** is `PERSISTENCE_MODULE=system.persistence.postgres` under our runner. **stock** is the same
domain on the library's own recorder, with the faster of its single-threaded and multi-threaded
runners where a runner takes part; in `http` it is under our runner, since the library has none that
works beside a server. **limit** is `pgbench` writing rows of the same number, shape and size into tables
with the same indexes, without keeping any promise about their order. Ratios say how many times
better ours is; a dash means that there is nothing to compare with.
"""


def document(report: BenchReport) -> str:
    """The report in Markdown."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: BenchReport) -> Iterator[str]:
    yield _HEAD
    yield f"Measured on {report.at:%Y-%m-%d}.\n"
    for name, what in report.conditions.items():
        yield f"- {name}: {what}"
    yield ""
    yield "| | unit | ours (least, most) | stock | limit | times stock | times limit |"
    yield "|---|---|---|---|---|---|---|"
    for figure in report.figures:
        least, most = figure.spread(OURS)
        yield (
            f"| {figure.name} | {figure.unit} "
            f"| {number(figure.median(OURS))} ({number(least)}, {number(most)}) "
            f"| {number(figure.median(STOCK))} | {number(figure.median(LIMIT))} "
            f"| {number(figure.ratio(STOCK))} | {number(figure.ratio(LIMIT))} |"
        )
    yield ""
    for name, meaning in _MEANING.items():
        if any(_belongs(figure, name) for figure in report.figures):
            yield f"- **{name}**: {meaning}"


def _belongs(figure: Measurement, name: str) -> bool:
    return figure.name.startswith(name)


def number(value: float | None) -> str:
    """A figure with three significant digits, or a dash."""
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
