"""The snapshots of a store: how many there are and what they are worth; taking them, and dropping them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from application.queries import StreamNotFound
from application.snapshots import Unusable
from application.state import UnkeepableState
from application.unreadable import UnreadableEvent
from system.bootstrap import Orderwright
from system.persistence.postgres.answers import Pace, at_pace
from system.persistence.store import LogRow
from system.settings.snapshots import NAMES
from system.snapshots import tables
from system.snapshots.figures import DROPPED, FAILED, HITS, MISSES, TAKEN
from system.snapshots.store import SnapshotsAway

PAGE = 500


@dataclass(frozen=True)
class SnapshotFigures:
    """What was counted of snapshots since they were first taken here, by all processes. A long stream is
    loaded with a snapshot (a hit), has none (a miss), or has one that is not used (discarded, and why)."""

    hits: int
    misses: int
    discarded: Mapping[str, int]
    taken: int
    dropped: int
    failed: int


@dataclass(frozen=True)
class KindOfSnapshots:
    """The snapshots of one kind of aggregate. One is taken every so many events; 0 is never."""

    aggregate: str
    every: int
    count: int
    bytes: int
    oldest_taken_at: datetime | None
    newest_taken_at: datetime | None
    figures: SnapshotFigures


@dataclass(frozen=True)
class LongReplay:
    """An aggregate that took longer than 100 ms to replay when it was last loaded so."""

    application: str
    stream_id: str
    aggregate: str
    version: int
    events: int
    milliseconds: int


@dataclass(frozen=True)
class TakingProcess:
    """A process that takes snapshots, when it was last heard of, and how many it has still to take."""

    process: str
    seen_at: datetime
    queue_length: int


@dataclass(frozen=True)
class SnapshotReport:
    """The snapshots of a store. `fault` says why it is not known what there is; None where it is."""

    as_of: datetime
    count: int
    bytes: int
    oldest_age_seconds: float | None
    figures: SnapshotFigures
    queue_length: int
    kinds: tuple[KindOfSnapshots, ...]
    processes: tuple[TakingProcess, ...]
    long_replays: tuple[LongReplay, ...]
    fault: str | None = None


@dataclass(frozen=True)
class TakenReport:
    """How many snapshots were taken; of how many streams there is one as new already; and of which none
    can be taken, and why."""

    taken: int
    unchanged: int
    failed: Mapping[str, str]


@dataclass(frozen=True)
class DroppedReport:
    """How many snapshots were dropped."""

    dropped: int


@at_pace(Pace.SLOW)
def snapshot_report(orderwright: Orderwright) -> SnapshotReport:
    """Count the snapshots. Never raises because of the place where they are kept."""
    store = orderwright.snapshots.store
    try:
        counted = store.rows(tables.COUNT, {})
        figures = {(row["name"], row["topic"]): row["value"] for row in store.rows(tables.ALL_FIGURES, {})}
        processes = store.rows(tables.ALL_PROCESSES, {})
        long_replays = {row["stream_id"]: row for row in store.rows(tables.ALL_LONG_REPLAYS, {})}
        fault = None
    except SnapshotsAway as error:
        counted, figures, processes, long_replays, fault = [], {}, [], {}, str(error)
    counts, untold = orderwright.snapshots.untold()
    counts.update(figures)
    long_replays |= {replay.stream_id: vars(replay) for replay in untold}
    now = orderwright.clock()
    kinds = tuple(_kinds(orderwright, counted, counts))
    oldest = min((kind.oldest_taken_at for kind in kinds if kind.oldest_taken_at), default=None)
    others = tuple(_process(row) for row in processes)
    return SnapshotReport(
        as_of=now,
        count=sum(kind.count for kind in kinds),
        bytes=sum(kind.bytes for kind in kinds),
        oldest_age_seconds=None if oldest is None else max((now - oldest).total_seconds(), 0.0),
        figures=_figures(counts),
        queue_length=sum(one.queue_length for one in others),
        kinds=kinds,
        processes=others,
        long_replays=tuple(
            _long_replay(row) for row in sorted(long_replays.values(), key=lambda row: -row["milliseconds"])
        ),
        fault=fault,
    )


def _kinds(
    orderwright: Orderwright, counted: list[dict[str, Any]], counts: Counter[tuple[str, str]]
) -> Iterator[KindOfSnapshots]:
    by_topic: dict[str, list[dict[str, Any]]] = {}
    for row in counted:
        by_topic.setdefault(row["topic"], []).append(row)
    others = set(by_topic) | {topic for _, topic in counts if topic}
    for topic in sorted(others.union(NAMES.values())):
        rows = by_topic.get(topic, [])
        yield KindOfSnapshots(
            aggregate=topic,
            every=orderwright.settings.snapshot_policy.of(topic),
            count=sum(row["snapshots"] for row in rows),
            bytes=int(sum(row["bytes"] for row in rows)),
            oldest_taken_at=min((datetime.fromisoformat(row["oldest"]) for row in rows), default=None),
            newest_taken_at=max((datetime.fromisoformat(row["newest"]) for row in rows), default=None),
            figures=_figures(Counter({key: value for key, value in counts.items() if key[1] == topic})),
        )


def _figures(counts: Counter[tuple[str, str]]) -> SnapshotFigures:
    total: Counter[str] = Counter()
    for (name, _), value in counts.items():
        total[name] += value
    return SnapshotFigures(
        hits=total[HITS],
        misses=total[MISSES],
        discarded={why.value: total[why.value] for why in Unusable},
        taken=total[TAKEN],
        dropped=total[DROPPED],
        failed=total[FAILED],
    )


def _process(row: Mapping[str, Any]) -> TakingProcess:
    return TakingProcess(row["process"], datetime.fromisoformat(row["seen_at"]), row["queue_length"])


def _long_replay(row: Mapping[str, Any]) -> LongReplay:
    return LongReplay(
        row["application"],
        row["stream_id"],
        row["topic"],
        row["version"],
        row["events"],
        row["milliseconds"],
    )


def take_snapshot(orderwright: Orderwright, stream_id: UUID) -> TakenReport:
    """Take a snapshot of a stream now, however long it is. Raises `StreamNotFound`, faults of the stores."""
    for name, application in orderwright.applications.items():
        if application.recorder.select_stream(stream_id, 1, 1):
            return _taken(orderwright, [(name, stream_id)], whatever=True)
    raise StreamNotFound(f"there is no stream {stream_id}")


@at_pace(Pace.SLOW)
def take_snapshots(
    orderwright: Orderwright, progress: Callable[[str, int, int], None] | None = None
) -> TakenReport:
    """Take a snapshot of every stream that is long enough for one and has none as new. `progress` is told of
    which application how many events were looked at, of how many. Stopped half-way it can be begun again:
    what is taken is taken. Raises faults of the stores.
    """
    done = TakenReport(0, 0, {})
    for name, application in orderwright.applications.items():
        head, position = application.recorder.max_notification_id() or 0, 0
        while position < head and (page := application.recorder.select_log(position, PAGE)):
            position = page[-1][-1]
            done = _together(done, _taken(orderwright, list(_long_enough(name, page, orderwright))))
            if progress is not None:
                progress(name, min(position, head), head)
    return done


def _long_enough(name: str, page: Iterable[LogRow], orderwright: Orderwright) -> Iterator[tuple[str, UUID]]:
    """The streams that become long enough for a snapshot in this page of a log."""
    for stream_id, version, topic, *_ in page:
        if version == orderwright.settings.snapshot_policy.of(topic.partition(".")[0]):
            yield name, stream_id


def _together(one: TakenReport, other: TakenReport) -> TakenReport:
    failed = {**one.failed, **other.failed}
    return TakenReport(one.taken + other.taken, one.unchanged + other.unchanged, failed)


def _taken(
    orderwright: Orderwright, streams: list[tuple[str, UUID]], *, whatever: bool = False
) -> TakenReport:
    taken, failed = 0, {}
    for name, stream_id in streams:
        try:
            taken += orderwright.snapshots.taker.take(name, stream_id, whatever=whatever) is not None
        except (UnreadableEvent, UnkeepableState) as error:
            failed[str(stream_id)] = str(error)
    return TakenReport(taken, len(streams) - taken - len(failed), failed)


def drop_snapshots(
    orderwright: Orderwright, *, application: str = "", stream_id: UUID | None = None
) -> DroppedReport:
    """Drop the snapshots of a stream, of an application, or all of them. Nothing is lost: what is dropped
    is taken anew in time. Raises faults of the place where they are kept."""
    which = {"application": application, "stream_id": "" if stream_id is None else str(stream_id)}
    count = count_snapshots(orderwright, **which)
    if count:
        orderwright.snapshots.store.transact([(tables.DROP, which)])
    return DroppedReport(count)


def count_snapshots(orderwright: Orderwright, application: str = "", stream_id: str = "") -> int:
    """How many snapshots there are of a stream, of an application, or in all."""
    which = {"application": application, "stream_id": stream_id}
    (row,) = orderwright.snapshots.store.rows(tables.COUNT_SOME, which)
    return int(row["snapshots"])
