"""The way out when a log does not have what its followers have read: they read it anew.

A read model is emptied and built from the first event. A process keeps all that it has recorded and
reads from the beginning: what it has done already it does not do again, since everything it makes
has an id that is derived from what it is for, and news that is late or repeated changes nothing. The
application of the log itself reads anew what it follows, so that what it had recorded because of
others comes back; a saga is told what is so instead, see `catching_up`. What a client had sent, and
only this log knew, does not come back: it is named.

Each step is a transaction, and the log is opened after them: stopped before that, the same command
goes on. A saga that was not told by then shows up as stuck, and is told by `orderwright fulfilments retry`.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import uuid4

import structlog

from application.base import CommandContext
from system.bootstrap import Orderwright
from system.definition import OrderFulfilment
from system.definition import orderwright as definition
from system.followers.projection import Projection
from system.operations.snapshots import drop_snapshots
from system.persistence.agreement import Disagreement, Realignment
from system.recovery.catching_up import catch_up_fulfilments
from system.recovery.lost_streams import LostOrders, lost_cases, lost_orders
from system.snapshots.store import SnapshotsAway

log = structlog.get_logger()


@dataclass(frozen=True)
class Rereading:
    """What an application reads anew: the logs of these leaders, from the first event. `is_rebuilt`
    says that it is a read model, whose rows are removed before."""

    follower: str
    leaders: tuple[str, ...]
    is_rebuilt: bool


@dataclass(frozen=True)
class LogToRealign:
    """A log that does not have what was read of it.

    `orders` are those that followers know of and the log does not, `cases` the parked events that it
    does not have any more. `next_position` is the one that the store would give the next event; None
    where that is always the one after the last.
    """

    log: str
    head: int
    next_position: int | None
    disagreements: tuple[Disagreement, ...]
    rereadings: tuple[Rereading, ...]
    orders: LostOrders
    cases: tuple[str, ...]


@dataclass(frozen=True)
class RealignReport:
    """What disagrees and what is to be done about it, or was done; and what was done before."""

    is_done: bool
    logs: tuple[LogToRealign, ...]
    earlier: tuple[Realignment, ...]


def preview_realigning(orderwright: Orderwright) -> RealignReport:
    """What `realign` would do. Changes nothing."""
    found = orderwright.disagreements()
    logs = [_examine(orderwright, name, found) for name in sorted({one.leader for one in found})]
    earlier = [
        done
        for leader in sorted(definition.leaders)
        for done in orderwright.applications[leader].recorder.realignments()
    ]
    return RealignReport(is_done=False, logs=tuple(logs), earlier=tuple(earlier))


def realign(orderwright: Orderwright, context: CommandContext, reason: str) -> RealignReport:
    """Do it, for every log that disagrees. Runners need not be stopped: what they have in hand is
    refused, and they begin anew by themselves."""
    report = preview_realigning(orderwright)
    nonce = f"realigned {uuid4().hex}"
    for one in report.logs:
        for rereading in one.rereadings:
            _restart(orderwright, rereading, nonce)
        _drop_snapshots(orderwright, one.log)
        store = orderwright.applications[one.log].recorder
        store.raise_sequence(one.head)
        at = context.time.isoformat(timespec="microseconds")
        done = Realignment(at, context.user or "", reason, _in_words(one))
        store.lift_disagreements(done)
        log.warning("a log was realigned", log=one.log, by=done.made_by, reason=reason, what=done.what)
    if any(one.log == OrderFulfilment.name for one in report.logs):
        catch_up_fulfilments(orderwright, context)
    return replace(report, is_done=True)


def _examine(orderwright: Orderwright, name: str, found: Sequence[Disagreement]) -> LogToRealign:
    application = orderwright.applications[name]
    disagreements = tuple(one for one in found if one.leader == name)
    rereadings = [_rereading(one.follower, (name,)) for one in disagreements]
    if definition.follows[name] and name != OrderFulfilment.name:
        rereadings.append(_rereading(name, tuple(definition.follows[name])))
    return LogToRealign(
        name,
        application.recorder.max_notification_id() or 0,
        application.recorder.next_position(),
        disagreements,
        tuple(rereadings),
        lost_orders(orderwright, name),
        lost_cases(orderwright, name),
    )


def _rereading(follower: str, leaders: tuple[str, ...]) -> Rereading:
    """A read model mixes what it reads of all its leaders, so it begins anew with all of them."""
    is_rebuilt = issubclass(definition.get_app_cls(follower), Projection)
    return Rereading(follower, tuple(definition.follows[follower]) if is_rebuilt else leaders, is_rebuilt)


def _restart(orderwright: Orderwright, rereading: Rereading, nonce: str) -> None:
    application = orderwright.applications[rereading.follower]
    if isinstance(application, Projection):
        application.versions.restart(rereading.leaders, nonce)  # every version of it
    else:
        application.recorder.restart(rereading.leaders, (), nonce)


def _drop_snapshots(orderwright: Orderwright, name: str) -> None:
    """Those of a log that was another one. None of them would be used: each knows the event that it was
    taken at. So it does no harm when they cannot be dropped now."""
    with suppress(SnapshotsAway):
        drop_snapshots(orderwright, application=name)


def _in_words(done: LogToRealign) -> str:
    why = "; ".join(one.detail for one in done.disagreements)
    rebuilt = ", ".join(one.follower for one in done.rereadings if one.is_rebuilt)
    again = ", ".join(
        f"{one.follower} reads {', '.join(one.leaders)}" for one in done.rereadings if not one.is_rebuilt
    )
    return f"{why}. Built anew: {rebuilt or 'nothing'}. From the first event: {again or 'nothing'}."
