"""The catalogue: every kind of event in every version, who reads it, and how many are stored."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial, reduce
from inspect import cleandoc
from operator import add
from typing import Any

from system.bootstrap import Orderwright
from system.kinds.counts import LogCount
from system.kinds.newer import known_version

from .consumers import Consumers, consumers_of, recorded_by
from .fields import AGGREGATES, FieldView, own_fields

Look = Callable[[str, int, int], object]
"""Told the application, how far its log is counted, and where it ends."""


def _nobody(*_: object) -> None:
    """Told how far it is when nobody wants to know."""


@dataclass(frozen=True)
class VersionView:
    """A version of a kind of event. `differs` says what an earlier one said otherwise. How many are stored,
    and the first and the last time that they tell, are None where nothing was counted."""

    version: int
    differs: str | None
    events: int | None
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True)
class KindView:
    """A kind of event, as this release records it, and every version of it that was ever recorded."""

    type: str
    says: str
    version: int
    recorded_by: tuple[str, ...]
    fields: tuple[FieldView, ...]
    consumers: Consumers
    versions: tuple[VersionView, ...]


@dataclass(frozen=True)
class StrangeKind:
    """Stored events of a kind or a version that this release does not know. `version` is 0 where an event
    does not tell its version."""

    type: str
    version: int
    application: str
    events: int
    first_position: int
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True)
class CountedLog:
    """How far the log of an application was counted, and where it ends."""

    application: str
    position: int
    head: int


@dataclass(frozen=True)
class Catalogue:
    """Every kind of event that this release knows, and what else is stored. `is_complete` says whether all
    events were counted."""

    kinds: tuple[KindView, ...]
    strange: tuple[StrangeKind, ...]
    counted: tuple[CountedLog, ...]
    is_complete: bool


def catalogue(orderwright: Orderwright, most: int | None = None, look: Look = _nobody) -> Catalogue:
    """The catalogue with the numbers of what is stored. What was counted before is not read again; of each
    log at most so many more events are counted, else all of them."""
    logs, counted = [], []
    with orderwright.event_counts() as counts:
        for name, application in orderwright.applications.items():
            log = counts.advance(application, most, partial(look, name))
            head = application.recorder.max_notification_id() or 0
            logs.append(log)
            counted.append(CountedLog(name, log.position, max(log.position, head)))
    return Catalogue(
        kinds_of(logs),
        tuple(_strange(logs)),
        tuple(counted),
        is_complete=all(one.position == one.head for one in counted),
    )


def kinds_of(logs: Sequence[LogCount] | None = None) -> tuple[KindView, ...]:
    """Every kind of event that this release knows; with what was counted, if anything was."""
    return tuple(
        _kind(topic, event_class, logs)
        for aggregate in AGGREGATES
        for topic, event_class in aggregate.EVENTS.items()
    )


def _kind(topic: str, event_class: Any, logs: Sequence[LogCount] | None) -> KindView:
    version = known_version(topic) or 1
    return KindView(
        type=topic,
        says=_said(event_class),
        version=version,
        recorded_by=recorded_by(topic),
        fields=own_fields(event_class),
        consumers=consumers_of(topic),
        versions=tuple(_version(topic, event_class, number, logs) for number in range(version, 0, -1)),
    )


def _version(topic: str, event_class: Any, number: int, logs: Sequence[LogCount] | None) -> VersionView:
    upcast = getattr(event_class, f"upcast_v{number}_v{number + 1}", None)
    is_old = number < (known_version(topic) or 1)
    differs = _said(upcast) if is_old else None
    if logs is None:
        return VersionView(number, differs, None, None, None)
    found = [log.kinds[topic, number] for log in logs if (topic, number) in log.kinds]
    count = reduce(add, found) if found else None
    if count is None:
        return VersionView(number, differs, 0, None, None)
    return VersionView(number, differs, count.events, count.first_at, count.last_at)


def _strange(logs: Sequence[LogCount]) -> Iterator[StrangeKind]:
    for log in logs:
        for (topic, version), count in sorted(log.kinds.items()):
            if not 1 <= version <= (known_version(topic) or 0):
                yield StrangeKind(
                    topic,
                    version,
                    log.application,
                    count.events,
                    count.first_position,
                    count.first_at,
                    count.last_at,
                )


def _said(code: Any) -> str:
    """A docstring in one line. That of an event stands on the class as it was written, which the library
    has made another one of; dataclasses write one of their own where there is none."""
    made = [one for one in getattr(code, "__mro__", (code,)) if one.__name__ == code.__name__]
    texts = [cleandoc(one.__doc__ or "") for one in made]
    written = [text for text in texts if not text.startswith(f"{code.__name__}(")]
    return " ".join(written[0].split()) if written else ""
