"""What every follower has in common."""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, ClassVar, cast
from uuid import UUID

from eventsourcing.application import ProcessingEvent
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import AggregateEvent
from eventsourcing.persistence import InfrastructureFactory, ProcessRecorder
from eventsourcing.system import Follower as LibraryFollower
from eventsourcing.system import ProcessApplication, RecordingEvent
from eventsourcing.utils import Environment

from application.base import PAGE_SIZE, Application
from domain.shared.causes import Cause, because_of
from system.followers.identity_map import Repository
from system.persistence.postgres.library import with_limits
from system.persistence.recorders import recorder_for


class Follower(Application, LibraryFollower[UUID]):
    """A follower that names what it handles and what it ignores.

    Subclasses write one `react` per kind of event. `policy` is the library's entry to it: it opens
    the cause of the reaction, so that every event recorded in it says what it happened because of.
    """

    pull_section_size = PAGE_SIZE
    ignored: ClassVar[frozenset[type[AggregateEvent]]] = frozenset()
    """The kinds of events that this follower knows of and does nothing about."""
    begins_with: ClassVar[str | None] = None
    """The leader whose log brings new work. It is read only when nothing is left to be done for
    work that has begun, so that work is finished rather than piled up."""

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        """The library's, with connections that nobody waits for without end."""
        return with_limits(super().construct_factory(env))

    def construct_recorder(self) -> ProcessRecorder:
        """Positions, events and rows in one place."""
        return recorder_for(self.factory)

    def construct_repository(self) -> Repository:
        """A repository that serves the page in progress."""
        return Repository(self.events)

    @singledispatchmethod
    def react(self, event: Any, work: ProcessingEvent[UUID]) -> None:
        """React to one event by collecting what is to be recorded. Ignores what it does not know."""

    def policy(self, domain_event: Any, processing_event: ProcessingEvent[UUID]) -> None:
        """The library's hook: react, because of this event."""
        with because_of(Cause.event(domain_event)):
            self.reaction_to(type(domain_event))(self, domain_event, processing_event)

    def needs(self, event: Any) -> Iterable[UUID]:  # noqa: ARG002 - there is something to ask for below
        """The aggregates that the reaction to an event will ask for, so that those of a whole page
        can be read at once. One that is left out is found all the same."""
        return ()

    def record_work(self, work: ProcessingEvent[UUID]) -> None:
        """Record what the reactions came to, and wake who follows this application."""
        stored_events = [self.mapper.to_stored_event(event) for event in work.events]
        self.recorder.insert_events(stored_events, tracking=work.tracking, **work.saved_kwargs)
        if stored_events:
            news = RecordingEvent[UUID](self.name, [], None)
            for receiver in getattr(self, "followers", ()):  # a read model has none
                receiver.receive_recording_event(news)

    def reaction_to(self, kind: type[Any]) -> Callable[..., None]:
        """The reaction to a kind of event. (Asking the library's dispatcher each time costs as much
        as many a reaction.)"""
        reaction = self._reactions.get(kind)
        if reaction is None:
            reaction = self._reactions[kind] = type(self).__dict__["react"].dispatcher.dispatch(kind)
        return reaction

    @cached_property
    def _reactions(self) -> dict[type[Any], Callable[..., None]]:
        handled_events(type(self))  # see there
        return {}

    @cached_property
    def handled_topics(self) -> frozenset[str]:
        """The stored topics that this follower reacts to."""
        return frozenset(event_class.TOPIC for event_class in handled_events(type(self)))


def handled_events(follower: type[Follower]) -> frozenset[type[Any]]:
    """The kinds of events that a follower has a reaction for."""
    descriptor = follower.__dict__["react"]
    descriptor.__get__(None, follower)  # registers reactions whose annotations were not resolvable earlier
    registry = cast(Mapping[type[Any], object], descriptor.dispatcher.registry)
    return frozenset(kind for kind in registry if kind is not object)


class Process(Follower, ProcessApplication[UUID]):
    """A follower that records events of its own."""
