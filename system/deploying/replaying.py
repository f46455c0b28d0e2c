"""Replays a saga: each of its decisions is made once more by the code at hand, from the state and the news
that it was made from, and compared with what was recorded.

An event names what caused it, so what it decided about is known. Of news that led to nothing it is not known
when it was heard; but it was heard between the news before and after it of the same application. Only when
the saga would decide something about it at every moment between, that is a difference.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from eventsourcing.persistence import Mapper, StoredEvent

from application.unreadable import UnreadableEvent
from application.views import to_json
from system.persistence.search import facts_of
from system.queries.events import METADATA
from system.steps.streams import FULFILMENTS

from .commands import UnknownCommand, decisions, is_known
from .recorded import RecordedSaga, Stream
from .report import Why
from .stage import HEARS, Decision, Stage

WasHeard = Callable[[str, Any], bool]
"""Whether the saga has surely been told an event of an application, and nobody has put it aside."""


@dataclass(frozen=True)
class Deviation:
    """Where a saga would decide otherwise: at an event of an application. `because` is the news or the
    command. What was recorded, what would be, and the error with which it would fail."""

    application: str
    at: Any
    because: str
    recorded: tuple[Any, ...]
    present: tuple[Any, ...]
    error: Exception | None = None


class _Unknown(Exception):
    """It is not known what was decided about."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


class Replay:
    """The replay of one saga: how many decisions were made once more, why others could not be, and the first
    that would be another."""

    def __init__(self, stage: Stage, saga: RecordedSaga, mapper: Mapper[Any]) -> None:
        self._stage = stage
        self._saga = saga
        self._mapper = mapper
        self._heard_at: dict[str, tuple[int, int]] = {}  # the versions before and after what news led to
        self._state: tuple[int, Any] = (0, None)
        self._between = [0]  # the versions between two decisions
        self.decisions = 0
        self.unknown: list[Why] = []
        self.deviation: Deviation | None = None

    def run(self, was_heard: WasHeard) -> None:
        """Replay everything, up to the first difference."""
        version, facts = 0, self._saga.facts
        while version < len(facts):
            recorded = self._recorded_at_once(version)
            try:
                version += self._once_more(version, recorded)
            except _Unknown as unknown:
                self.unknown.append(unknown.why)
                version += len(recorded)
            except Exception as error:  # whatever the code at hand has against it
                self._deviate(recorded, (), error)
            if self.deviation is not None:
                return
            self._between.append(version)
        if self._saga.own.damage is not None and Why.UNREADABLE not in self.unknown:
            self.unknown.append(Why.UNREADABLE)
        if not self.unknown:
            self.deviation = next(self._not_passed_over(was_heard), None)

    def _recorded_at_once(self, version: int) -> tuple[Any, ...]:
        """What was recorded after a version because of one and the same thing."""
        facts = self._saga.facts
        end = version + 1
        while end < len(facts) and facts[end].causation_id == facts[version].causation_id:
            end += 1
        return facts[version:end]

    def _once_more(self, version: int, recorded: Sequence[Any]) -> int:
        """Decide once more, after a version; how many of the recorded events that was. (The same news may
        have been heard twice in a row.)"""
        news = self._news(recorded[0])
        if news is None:
            decision = self._by_command(version, recorded)
        else:
            decision = self._stage.hear(self._state_at(version), news)
        fits, made = self._fit(decision.events, recorded), len(decision.events)
        if self._saga.own.damage and version + fits == len(self._saga.facts):
            raise _Unknown(Why.UNREADABLE)  # what was recorded goes on with what cannot be read
        if not made or fits < made or (news is None and made < len(recorded)):
            self._deviate(recorded, decision.events)
            return 0
        self.decisions += 1
        if news is not None:
            before = self._heard_at.get(news.event_id, (version,))[0]
            self._heard_at[news.event_id] = (before, version + made)
        if all(vars(one) == vars(other) for one, other in zip(decision.events, recorded, strict=False)):
            self._state = (version + made, decision.saga)
        return made

    def _state_at(self, version: int) -> Any:
        """The saga after a version: it is at hand where the decision before was exactly what was recorded.
        It is given away, to be changed."""
        at, state = self._state
        self._state = (-1, None)
        return state if at == version else self._saga.at(version)

    def _news(self, first: Any) -> Any:
        """What the saga heard; None when it was a command."""
        try:
            news = self._saga.news(first.causation_id)
        except UnreadableEvent:
            raise _Unknown(Why.UNREADABLE) from None
        is_event = news is not None and news.timestamp <= first.timestamp  # else it is another one by now
        if not is_event and first.causation_id != first.command_id:
            raise _Unknown(Why.NO_CAUSE)
        return news

    def _by_command(self, version: int, recorded: Sequence[Any]) -> Decision:
        """The decision, of those that the command can have led to, which is most like what was recorded."""
        best, most = Decision((), None), -1
        try:
            for decision in decisions(self._saga, version, recorded):
                fits = self._fit(decision.events, recorded)
                if fits == len(decision.events) == len(recorded):
                    return decision
                if fits > most:
                    best, most = decision, fits
        except UnknownCommand:
            raise _Unknown(Why.BY_HAND) from None
        if not is_known(recorded[0]):
            raise _Unknown(Why.BY_HAND)
        return best

    def _fit(self, present: Sequence[Any], recorded: Sequence[Any]) -> int:
        """How many events, from the first, are as they were recorded."""
        fits = 0
        for one, other in zip(present, recorded, strict=False):
            if not is_as_recorded(
                one, other, self._saga.own.stored[other.originator_version - 1], self._mapper
            ):
                break
            fits += 1
        return fits

    def _deviate(
        self, recorded: Sequence[Any], present: Sequence[Any], error: Exception | None = None
    ) -> None:
        first = recorded[min(self._fit(present, recorded), len(recorded) - 1)]
        try:
            news = self._saga.news(first.causation_id)
        except UnreadableEvent:
            news = None
        because = first.causation_id if news is None else news.TOPIC
        self.deviation = Deviation(FULFILMENTS, first, because, tuple(recorded), tuple(present), error)

    def _not_passed_over(self, was_heard: WasHeard) -> Iterator[Deviation]:
        """News that led to nothing, and would lead to something now."""
        for name, stream in self._saga.told.items():
            for news, versions in self._silent(stream):
                present, error = self._present(news, versions)
                if (present or error) and was_heard(name, news):
                    yield Deviation(name, news, news.TOPIC, (), present, error)

    def _silent(self, stream: Stream) -> Iterator[tuple[Any, list[int]]]:
        """News that led to nothing, with the versions of the saga at which it can have been heard."""
        after = self._between[1] if len(self._between) > 1 else 0
        waiting: list[Any] = []
        for event in stream.events:
            if event.event_id in self._heard_at:
                before, end = self._heard_at[event.event_id]
                yield from ((news, self._versions(after, before)) for news in waiting)
                after, waiting = end, []
            elif type(event) in HEARS:
                waiting.append(event)
        yield from ((news, self._versions(after, len(self._saga.facts))) for news in waiting)

    def _versions(self, first: int, last: int) -> list[int]:
        return [version for version in reversed(self._between) if first <= version <= last]

    def _present(self, news: Any, versions: Sequence[int]) -> tuple[tuple[Any, ...], Exception | None]:
        """What would be decided about news at the latest of these versions, or the error with which that
        would fail; neither, if it would lead to nothing at one of them."""
        latest: tuple[tuple[Any, ...], Exception | None] = ((), None)
        for version in versions:
            state = self._state_at(version)
            try:
                found, error = self._stage.hear(state, news).events, None
            except Exception as failure:
                found, error = (), failure
            if not found and error is None:
                self._state = (version, state)  # unchanged
                return (), None
            latest = latest if latest != ((), None) else (found, error)
        return latest


def is_as_recorded(present: Any, recorded: Any, stored: StoredEvent, mapper: Mapper[Any]) -> bool:
    """Whether an event says what was recorded, apart from its metadata. What an early release did not
    record, and an upcast adds, is not compared."""
    if type(present) is not type(recorded):
        return False
    now, then = vars(present), vars(recorded)
    differ = {name for name in then.keys() - METADATA if not _is_same(now.get(name), then[name])}
    return not differ or differ.isdisjoint(facts_of(stored, mapper).values)


def _is_same(one: Any, other: Any) -> bool:
    """Whether two facts are stored alike: what was a tuple may come back as a list."""
    return bool(one == other) or bool(to_json(one) == to_json(other))
