"""What every follower has in common."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, TypeVar, cast
from uuid import UUID

from eventsourcing.application import ProcessingEvent
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import AggregateEvent
from eventsourcing.persistence import InfrastructureFactory
from eventsourcing.system import Follower as LibraryFollower
from eventsourcing.system import ProcessApplication, RecordingEvent
from eventsourcing.utils import Environment

from application.base import PAGE_SIZE, Application
from domain.shared.aggregates import EVENT_TYPES, Aggregate, check_decided
from domain.shared.causes import Cause, because_of
from system.persistence.postgres.library import with_limits
from system.persistence.recorders import recorder_for
from system.persistence.store import Store
from system.persistence.tables import Change, Changes, Table

from .identity_map import Repository
from .unit_of_work import UnitOfWork

Reaction = TypeVar("Reaction", bound=Callable[..., None])


class Follower(Application, LibraryFollower[UUID]):
    """A follower that names what it handles and what it ignores.

    Subclasses write one `react` per kind of event. `handle` is the entry to it: it opens the cause of the
    reaction, so that every event recorded in it says what it happened because of.
    """

    recorder: Store
    _repository: Repository

    pull_section_size = PAGE_SIZE
    ignored: ClassVar[frozenset[type[AggregateEvent]]] = frozenset()
    """The kinds of events that this follower knows of and does nothing about."""
    tables: ClassVar[tuple[Table, ...]] = ()
    """The tables that it keeps."""
    version: ClassVar[int] = 1
    """Raised by whoever changes what their rows mean while their columns stay as they are."""
    begins_with: ClassVar[str | None] = None
    """The leader whose log brings new work. It is read only when nothing is left to be done for
    work that has begun, so that work is finished rather than piled up."""

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        """The library's, with connections that nobody waits for without end."""
        return with_limits(super().construct_factory(env))

    def construct_recorder(self) -> Store:
        """Positions, events and rows in one place."""
        return recorder_for(self.factory)

    def construct_repository(self) -> Repository:
        """A repository that serves the page in progress."""
        return Repository(self.events, self.streams)

    @property
    def repository(self) -> Repository:
        """See `construct_repository`."""
        return self._repository

    @property
    def streams(self) -> Store:
        """Reads streams in this application's store."""
        return self.recorder

    @singledispatchmethod
    def react(self, event: Any, work: UnitOfWork) -> None:
        """React to one event by collecting what is to be recorded. Ignores what it does not know."""

    def handle(self, event: Any, work: UnitOfWork) -> None:
        """React, because of this event."""
        with because_of(Cause.event(event)):
            self.reaction_to(type(event))(self, event, work)

    def policy(self, domain_event: Any, processing_event: ProcessingEvent[UUID]) -> None:
        """The library's hook: what its own runners call, with a unit of work of theirs.

        This is the one place where the two meet. Theirs has events and a position, and takes everything
        else as keywords, which it hands to the recorder as they are: so the rows go there under the name
        that `Store.insert_events` gives them.
        """
        rows = processing_event.saved_kwargs.setdefault("rows", Changes())
        work = UnitOfWork(rows=rows, position=processing_event.tracking)
        self.handle(domain_event, work)
        processing_event.collect_events(*work.events)

    def key_of(self, leader: str) -> str:
        """The name under which the position in a leader's log is kept that this process goes on from."""
        return leader

    def keys_of(self, leader: str) -> Sequence[str]:
        """All such names there are; the one above first."""
        return (leader,)

    def needs(self, event: Any) -> Iterable[UUID]:  # noqa: ARG002 - there is something to ask for below
        """The aggregates that the reaction to an event will ask for, so that those of a whole page
        can be read at once. One that is left out is found all the same."""
        return ()

    def record_work(self, work: UnitOfWork) -> None:
        """Record what the reactions came to."""
        stored_events = [self.mapper.to_stored_event(event) for event in work.events]
        self.recorder.insert_events(stored_events, tracking=work.position, rows=self._changes_of(work))
        self.kept_snapshots.recorded(work.events)

    def _changes_of(self, work: UnitOfWork) -> Iterable[Change]:
        """The rows that are to be changed, in the tables that they stand in."""
        return work.rows

    def reaction_to(self, kind: type[Any]) -> Callable[..., None]:
        """The reaction to a kind of event. (Asking the library's dispatcher each time costs as much
        as many a reaction.)"""
        reaction = self._reactions.get(kind)
        if reaction is None:
            reaction = self._reactions[kind] = type(self).__dict__["react"].dispatcher.dispatch(kind)
        return reaction

    def concerns(self, topic: str) -> bool:
        """Whether this follower has to do with events of a topic. One that nobody here knows, perhaps of a
        newer release, might concern it: passing over it in silence would lose it for ever."""
        return topic in self.handled_topics or topic not in EVENT_TYPES

    @cached_property
    def _reactions(self) -> dict[type[Any], Callable[..., None]]:
        handled_events(type(self))  # see there
        return {}

    @cached_property
    def handled_topics(self) -> frozenset[str]:
        """The stored topics that this follower reacts to."""
        return frozenset(event_class.TOPIC for event_class in handled_events(type(self)))


def reacts_to(
    react: singledispatchmethod[None], kinds: Iterable[type[AggregateEvent]]
) -> Callable[[Reaction], Reaction]:
    """Make a method the reaction to all events of a category."""

    def register(reaction: Reaction) -> Reaction:
        for kind in kinds:
            react.register(kind, reaction)
        return reaction

    return register


def handled_events(follower: type[Follower]) -> frozenset[type[Any]]:
    """The kinds of events that a follower has a reaction for."""
    descriptor = follower.__dict__["react"]
    descriptor.__get__(None, follower)  # registers reactions whose annotations were not resolvable earlier
    registry = cast(Mapping[type[Any], object], descriptor.dispatcher.registry)
    return frozenset(kind for kind in registry if kind is not object)


def check_follower(follower: type[Any]) -> None:
    """Raise `Undecided` when an aggregate that a follower knows of records events about which it has
    decided nothing: it neither handles nor ignores them."""
    kinds: frozenset[Any] = handled_events(follower) | follower.ignored
    topics = {kind.TOPIC for kind in kinds}
    owners = [owner for owner in Aggregate.__subclasses__() if not topics.isdisjoint(owner.EVENTS)]
    check_decided(f"the follower {follower.name}", topics, *owners)


class Process(Follower, ProcessApplication[UUID]):
    """A follower that records events of its own, and so can be followed."""

    def record_work(self, work: UnitOfWork) -> None:
        """Record what the reactions came to, and wake who follows this application."""
        super().record_work(work)
        if work.events:
            news = RecordingEvent[UUID](self.name, [], None)
            for receiver in self.followers:
                receiver.receive_recording_event(news)
