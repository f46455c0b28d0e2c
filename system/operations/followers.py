"""How the followers are: who runs each, whether it moves, how far it is behind, and when it will be level."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from system.bootstrap import Orderwright
from system.definition import orderwright as definition
from system.operations.lag import Lag, came_in, lags
from system.operations.stuck import ParkedCount, owners_of, parked_counts
from system.persistence.heartbeats import Heartbeat
from system.runner.heart import BEAT_EVERY_SECONDS
from system.runner.service import RunnerService

SILENT_AFTER_SECONDS = 10.0
"""Without a heartbeat for so long a follower is called silent: by then four have not come."""


class State(StrEnum):
    """How a follower is."""

    RUNNING = "running"
    PAUSING = "pausing"
    """It could not go on, and tries again by itself."""
    SILENT = "silent"
    """A process has its lease, and its heartbeat stands still."""
    NOT_RUN = "not_run"


class Outlook(StrEnum):
    """Where it leads if all goes on as it did lately."""

    LEVEL = "level"
    CATCHING_UP = "catching_up"
    FALLING_BEHIND = "falling_behind"
    """More comes in than is handled."""
    STANDING_STILL = "standing_still"
    """Nothing is handled."""
    UNKNOWN = "unknown"
    """It has not been watched for long enough, or its heartbeat does not say."""


@dataclass(frozen=True)
class Progress:
    """How far a follower is behind in the log of a leader, see `Lag`, and how it goes on.

    `events_per_second` is the rate at which it handled events over the last minute, or since it fell behind
    if that is later, and `incoming_per_second` the one at which such events came in meanwhile. Both are
    None where they are not known. `level_in_seconds` is 0 when it is level, and None where it is neither
    level nor catching up.
    """

    leader: str
    position: int
    head: int
    events_to_handle: int
    oldest_at: datetime | None
    oldest_age_seconds: float | None
    events_per_second: float | None
    incoming_per_second: float | None
    outlook: Outlook
    level_in_seconds: float | None


@dataclass(frozen=True)
class Sign:
    """The last heartbeat of a follower: of which process (``host:pid``), its number, and how many seconds
    ago it was. `handled` are the events that the loop has handled since it began."""

    process: str
    sequence: int
    age_seconds: float
    handled: int


@dataclass(frozen=True)
class FollowerReport:
    """How a follower is. `why` says why it does not run, pauses or is silent; None while it is well."""

    follower: str
    owner: str | None
    state: State
    why: str | None
    heartbeat: Sign | None
    parked: int
    held_back: int
    leaders: tuple[Progress, ...]


@dataclass(frozen=True)
class FollowersReport:
    """How every follower is."""

    as_of: datetime
    followers: tuple[FollowerReport, ...]


def examine_followers(orderwright: Orderwright, service: RunnerService | None = None) -> FollowersReport:
    """Look at every follower. Raises `LeasesUnavailable`.

    Where a heartbeat is old it takes two looks, three seconds apart.
    """
    owners = owners_of(orderwright, service)
    return assembled(orderwright, owners, lags(orderwright), parked_counts(orderwright))


def assembled(
    orderwright: Orderwright,
    owners: Mapping[str, str | None],
    behind: Iterable[Lag],
    parked: Iterable[ParkedCount],
    pause: Callable[[float], object] = time.sleep,
) -> FollowersReport:
    """The report from what is known already of owners, of how far each is behind, and of what is parked."""
    beats = {name: heartbeats_of(orderwright, name) for name in definition.followers}
    silent = _silent(orderwright, owners, beats, pause)
    counts = {one.follower: one for one in parked}
    found = []
    for name in sorted(definition.followers):
        lot = counts.get(name, ParkedCount(name, 0, 0))
        state, why = _state(owners.get(name), beats[name], is_silent=name in silent)
        leaders = tuple(
            _progress(orderwright, one, beats[name].get(one.leader), state)
            for one in behind
            if one.follower == name
        )
        sign = _sign(beats[name])
        found.append(
            FollowerReport(name, owners.get(name), state, why, sign, lot.parked, lot.held_back, leaders)
        )
    return FollowersReport(orderwright.clock(), tuple(found))


def heartbeats_of(orderwright: Orderwright, follower: str) -> dict[str, Heartbeat]:
    """The last heartbeats of a follower, by leader."""
    found = orderwright.applications[follower].recorder.heartbeats()
    return {beat.leader: beat for beat in found if beat.follower == follower}


Beats = Mapping[str, Heartbeat]


def _silent(
    orderwright: Orderwright,
    owners: Mapping[str, str | None],
    beats: Mapping[str, Beats],
    pause: Callable[[float], object],
) -> frozenset[str]:
    """Those that are run and whose heartbeat stands still: it is old by the clock of the database, and none
    has come while this process waited for one."""
    old = {
        name: sequence_of(each)
        for name, each in beats.items()
        if owners.get(name) is not None and each and age_of(each) > SILENT_AFTER_SECONDS
    }
    if not old:
        return frozenset()
    pause(BEAT_EVERY_SECONDS + 1)
    return frozenset(
        name for name, before in old.items() if sequence_of(heartbeats_of(orderwright, name)) == before
    )


def sequence_of(beats: Beats) -> int:
    """How many beats there were."""
    return max(beat.sequence for beat in beats.values())


def age_of(beats: Beats) -> float:
    """How many seconds ago the last one was."""
    return min(beat.age_seconds for beat in beats.values())


def _sign(beats: Beats) -> Sign | None:
    if not beats:
        return None
    last = min(beats.values(), key=lambda beat: beat.age_seconds)
    handled = sum(beat.handled for beat in beats.values())
    return Sign(last.process, sequence_of(beats), round(age_of(beats), 3), handled)


def _state(owner: str | None, beats: Beats, *, is_silent: bool) -> tuple[State, str | None]:
    sign = _sign(beats)
    if owner is None:
        last = f"; {sign.process} ran it until {sign.age_seconds:.0f} seconds ago" if sign else ""
        return State.NOT_RUN, f"no process runs it{last}"
    if is_silent and sign is not None:
        return State.SILENT, (
            f"{sign.process} has shown no sign of life for {sign.age_seconds:.0f} seconds: it hangs, "
            "computes for long, or cannot write its heartbeat; its log says which"
        )
    fault = next((beat.fault for beat in beats.values() if beat.fault is not None), None)
    if fault is not None:
        return (
            State.PAUSING,
            f"it pauses {fault} and tries again by itself; the log of its process says more",
        )
    return State.RUNNING, None


def _progress(orderwright: Orderwright, lag: Lag, beat: Heartbeat | None, state: State) -> Progress:
    rate = 0.0 if state is State.NOT_RUN else None
    incoming = None
    if beat is not None and state in (State.RUNNING, State.PAUSING):
        rate = beat.per_second
        if lag.events_to_handle and beat.head_before is not None and beat.head is not None:
            count = came_in(orderwright, lag.follower, lag.leader, beat.head_before, beat.head)
            incoming = round(count / beat.measured_seconds, 3)
    outlook = outlook_of(lag.events_to_handle, rate, incoming, state)
    level_in = 0.0 if outlook is Outlook.LEVEL else None
    if outlook is Outlook.CATCHING_UP and rate is not None and incoming is not None:
        level_in = round(lag.events_to_handle / (rate - incoming), 1)
    return Progress(
        lag.leader,
        lag.position,
        lag.head,
        lag.events_to_handle,
        lag.oldest_at,
        lag.oldest_age_seconds,
        rate,
        incoming,
        outlook,
        level_in,
    )


def outlook_of(events: int, rate: float | None, incoming: float | None, state: State) -> Outlook:
    """Where it leads: so many events are still to be handled, at this rate, while others come in."""
    if not events:
        return Outlook.LEVEL
    if state is not State.RUNNING:
        return Outlook.STANDING_STILL
    if rate is None or incoming is None:
        return Outlook.UNKNOWN
    if rate == 0:
        return Outlook.STANDING_STILL
    return Outlook.CATCHING_UP if rate > incoming else Outlook.FALLING_BEHIND
