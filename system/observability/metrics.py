"""What there is to measure: each metric with its meaning and where in a snapshot its values stand.

Everything is read from the store when it is asked for. So every process of a store tells the same,
and a restart loses nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from eventsourcing.persistence import PersistenceError

from domain.fulfilment import SagaStatus
from system.bootstrap import Orderwright
from system.operations.clocks import LatestEvent, latest_events
from system.operations.figures import OldestOpen, oldest
from system.operations.followers import FollowersReport, Progress, assembled
from system.operations.lag import COUNTED_AT_MOST, lags
from system.operations.snapshots import SnapshotReport, snapshot_report
from system.operations.stuck import PositionWatch, StuckReport, find_stuck, owners_of
from system.persistence.agreement import Disagreement
from system.projections.saga_log.figures import (
    Settling,
    count_by_status,
    count_compensations,
    count_confirmed,
    settling,
)
from system.runner.service import RunnerService
from system.verification.kept import last_verification

SETTLED_WITHIN = timedelta(hours=1)
"""The time to settle is that of sagas which ended within the last hour: whether it is good now."""


@dataclass(frozen=True)
class Verified:
    """How long ago the store was last verified, and how much was found."""

    age_seconds: float
    found: int


@dataclass(frozen=True)
class Snapshot:
    """What a store looks like at a moment."""

    by_status: Mapping[str, int]
    confirmed: int
    compensations: tuple[int, int]
    settling: Settling
    oldest: OldestOpen | None
    followers: FollowersReport
    owners: Mapping[str, str | None]
    stuck: StuckReport
    due_calls: int
    disagreements: tuple[Disagreement, ...]
    latest_events: tuple[LatestEvent, ...]
    snapshots: SnapshotReport
    verified: Verified | None


class Kind(StrEnum):
    """A counter only rises, a gauge goes up and down."""

    COUNTER = "counter"
    GAUGE = "gauge"


Sample = tuple[tuple[str, ...], float]
"""The values of the labels, and the value."""


@dataclass(frozen=True)
class Metric:
    """One metric: its name and labels, what it says, and its samples in a snapshot."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    samples: Callable[[Snapshot], Iterable[Sample]]


def snapshot(orderwright: Orderwright, service: RunnerService | None, watch: PositionWatch) -> Snapshot:
    """Look at everything there is to measure. Raises `PersistenceError` when the store is away."""
    owners = owners_of(orderwright, service)
    behind = lags(orderwright, COUNTED_AT_MOST)
    stuck = find_stuck(orderwright, owners, watch, behind=behind)
    saga_log = orderwright.saga_log
    return Snapshot(
        by_status=count_by_status(saga_log),
        confirmed=count_confirmed(orderwright.dashboard),
        compensations=count_compensations(saga_log),
        settling=settling(saga_log, ended_since=orderwright.clock() - SETTLED_WITHIN)[None],
        oldest=oldest(orderwright),
        followers=assembled(orderwright, owners, behind, stuck.parked, pause=lambda _: None),
        owners=owners,
        stuck=stuck,
        due_calls=orderwright.payment_calls.count_due_calls(),
        disagreements=tuple(orderwright.disagreements()),
        latest_events=latest_events(orderwright),
        snapshots=snapshot_report(orderwright),
        verified=_verified(orderwright),
    )


def _verified(orderwright: Orderwright) -> Verified | None:
    """None also when the seals cannot be read: they may be elsewhere, and all else is told without them."""
    try:
        last = last_verification(orderwright).last
    except PersistenceError:
        return None
    if last is None:
        return None
    age = orderwright.clock() - datetime.fromisoformat(last.at)
    return Verified(max(0.0, age.total_seconds()), last.found)


def _plain(name: str, kind: Kind, meaning: str, value: Callable[[Snapshot], float | None]) -> Metric:
    def samples(seen: Snapshot) -> Iterable[Sample]:
        number = value(seen)
        return () if number is None else (((), number),)

    return Metric(f"orderwright_{name}", kind, meaning, (), samples)


def _labelled(
    name: str, meaning: str, labels: tuple[str, ...], samples: Callable[[Snapshot], Iterable[Sample]]
) -> Metric:
    return Metric(f"orderwright_{name}", Kind.GAUGE, meaning, labels, samples)


def _loads(seen: Snapshot) -> Iterable[Sample]:
    for kind in seen.snapshots.kinds:
        figures = kind.figures
        for outcome, count in {"hit": figures.hits, "miss": figures.misses, **figures.discarded}.items():
            yield (kind.aggregate, outcome), count


def _quantiles(seen: Snapshot) -> Iterable[Sample]:
    for quantile, seconds in (("0.5", seen.settling.p50_seconds), ("0.99", seen.settling.p99_seconds)):
        if seconds is not None:
            yield (quantile,), seconds


def _parked(seen: Snapshot, *, held_back: bool) -> Iterable[Sample]:
    counts = {one.follower: one.held_back if held_back else one.parked for one in seen.stuck.parked}
    return (((follower,), counts.get(follower, 0)) for follower in seen.owners)


def _disagreeing(seen: Snapshot) -> Iterable[Sample]:
    disagreeing = {(one.follower, one.leader) for one in seen.disagreements}
    return _of_each_log(seen, lambda follower, each: (follower, each.leader) in disagreeing)


def _stuck(seen: Snapshot) -> Iterable[Sample]:
    standing = {(one.follower, one.leader) for one in seen.stuck.positions}
    return _of_each_log(seen, lambda follower, each: (follower, each.leader) in standing)


def _of_each_log(seen: Snapshot, value: Callable[[str, Progress], float | None]) -> Iterable[Sample]:
    for one in seen.followers.followers:
        for each in one.leaders:
            number = value(one.follower, each)
            if number is not None:
                yield (one.follower, each.leader), number


def _heartbeat_ages(seen: Snapshot) -> Iterable[Sample]:
    for one in seen.followers.followers:
        if one.heartbeat is not None:
            yield (one.follower,), one.heartbeat.age_seconds


METRICS: tuple[Metric, ...] = (
    _labelled(
        "fulfilments",
        "Sagas that have a status.",
        ("status",),
        lambda seen: (((status,), count) for status, count in seen.by_status.items()),
    ),
    _plain(
        "fulfilments_started_total",
        Kind.COUNTER,
        "Sagas that were started.",
        lambda seen: sum(seen.by_status.values()),
    ),
    _plain(
        "fulfilments_completed_total",
        Kind.COUNTER,
        "Sagas whose order was confirmed, also those that were unwound afterwards.",
        lambda seen: seen.confirmed,
    ),
    _plain(
        "fulfilments_failed_total",
        Kind.COUNTER,
        "Sagas that ended with the order cancelled and nothing held.",
        lambda seen: seen.by_status[SagaStatus.FAILED],
    ),
    _plain(
        "compensations_attempted_total",
        Kind.COUNTER,
        "Compensations that were asked for.",
        lambda seen: seen.compensations[0],
    ),
    _plain(
        "compensations_succeeded_total",
        Kind.COUNTER,
        "Compensations that succeeded: steps that were undone.",
        lambda seen: seen.compensations[1],
    ),
    _labelled(
        "fulfilment_settle_seconds",
        "Time from start to end of the sagas that ended within the last hour; not there when none did.",
        ("quantile",),
        _quantiles,
    ),
    _plain(
        "oldest_open_fulfilment_age_seconds",
        Kind.GAUGE,
        "Age of the oldest saga that has not ended; 0 when there is none.",
        lambda seen: 0 if seen.oldest is None else seen.oldest.age_seconds,
    ),
    _plain(
        "stuck_fulfilments",
        Kind.GAUGE,
        "Sagas that made no progress for longer than they are allowed, counted up to 10,000.",
        lambda seen: seen.stuck.overdue_count,
    ),
    _plain(
        "waiting_fulfilments",
        Kind.GAUGE,
        "Sagas that wait for a person because a step could not be undone.",
        lambda seen: seen.stuck.waiting_count,
    ),
    _plain(
        "payment_calls_due",
        Kind.GAUGE,
        "Calls to the payment provider that are to be made, now or later.",
        lambda seen: seen.due_calls,
    ),
    _labelled(
        "follower_position",
        "Position of a follower in the log of a leader.",
        ("follower", "leader"),
        lambda seen: _of_each_log(seen, lambda _, each: each.position),
    ),
    _labelled(
        "follower_lag_events",
        "Events in the log of a leader that a follower has still to handle, counted up to 100,000.",
        ("follower", "leader"),
        lambda seen: _of_each_log(seen, lambda _, each: each.events_to_handle),
    ),
    _labelled(
        "follower_oldest_event_age_seconds",
        "Age of the oldest event that a follower has still to handle; 0 when there is none.",
        ("follower", "leader"),
        lambda seen: _of_each_log(seen, lambda _, each: each.oldest_age_seconds or 0),
    ),
    _labelled(
        "follower_events_per_second",
        "Events that a follower handled a second over the last minute, or since it fell behind.",
        ("follower", "leader"),
        lambda seen: _of_each_log(seen, lambda _, each: each.events_per_second),
    ),
    _labelled(
        "follower_heartbeat_age_seconds",
        "Seconds since the last heartbeat of a follower; not there when there never was one.",
        ("follower",),
        _heartbeat_ages,
    ),
    _labelled(
        "follower_stuck",
        "1 when a follower has events to read in the log of a leader and does not move, else 0.",
        ("follower", "leader"),
        _stuck,
    ),
    _labelled(
        "follower_disagrees",
        "1 when the log of a leader lacks an event that a follower has read of it, else 0.",
        ("follower", "leader"),
        _disagreeing,
    ),
    _labelled(
        "follower_owned",
        "1 when some process runs the follower, else 0.",
        ("follower",),
        lambda seen: (((name,), owner is not None) for name, owner in seen.owners.items()),
    ),
    _labelled(
        "parked_events",
        "Events that a follower could not process and has parked.",
        ("follower",),
        lambda seen: _parked(seen, held_back=False),
    ),
    _labelled(
        "held_back_events",
        "Events that a follower holds back behind a parked one.",
        ("follower",),
        lambda seen: _parked(seen, held_back=True),
    ),
    _labelled(
        "events_ahead_seconds",
        "How far the latest time in a log is ahead of the clock of this process; 0 when it is not.",
        ("leader",),
        lambda seen: (((one.leader,), one.ahead_seconds) for one in seen.latest_events),
    ),
    _labelled(
        "snapshots",
        "Aggregates of which there is a snapshot.",
        ("aggregate",),
        lambda seen: (((kind.aggregate,), kind.count) for kind in seen.snapshots.kinds),
    ),
    Metric(
        "orderwright_snapshot_loads_total",
        Kind.COUNTER,
        "Loads of long streams: with a snapshot (hit), without one (miss), or why it was not used.",
        ("aggregate", "outcome"),
        _loads,
    ),
    _plain(
        "snapshots_taken_total",
        Kind.COUNTER,
        "Snapshots that were taken.",
        lambda seen: seen.snapshots.figures.taken,
    ),
    _plain(
        "snapshot_requests_dropped_total",
        Kind.COUNTER,
        "Snapshots that were not taken because too many were waiting to be; they are in time.",
        lambda seen: seen.snapshots.figures.dropped,
    ),
    _plain(
        "snapshots_waiting",
        Kind.GAUGE,
        "Snapshots that are waiting to be taken.",
        lambda seen: seen.snapshots.queue_length,
    ),
    _plain(
        "long_replays",
        Kind.GAUGE,
        "Aggregates that took longer than 100 ms to replay when they were last loaded so, counted up to 100.",
        lambda seen: len(seen.snapshots.long_replays),
    ),
    _plain(
        "verification_age_seconds",
        Kind.GAUGE,
        "How long ago the last `orderwright store verify` began; not there when none was run.",
        lambda seen: None if seen.verified is None else seen.verified.age_seconds,
    ),
    _plain(
        "verification_findings",
        Kind.GAUGE,
        "How much the last `orderwright store verify` found; not there when none was run.",
        lambda seen: None if seen.verified is None else seen.verified.found,
    ),
)

STORE_UP = "orderwright_store_up"
STORE_UP_HELP = "1 when the store answers; else 0, and there is nothing else."
