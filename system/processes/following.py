"""What every follower has in common."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, cast
from uuid import UUID

from eventsourcing.application import ProcessingEvent
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import AggregateEvent
from eventsourcing.persistence import ProcessRecorder
from eventsourcing.system import Follower, ProcessApplication

from application.base import PAGE_SIZE, Application
from domain.shared.causes import Cause, because_of
from system.persistence.recorders import recorder_for
from system.runner.working_set import Repository


class Following(Application, Follower[UUID]):
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
            self.react(domain_event, processing_event)

    @cached_property
    def handled_topics(self) -> frozenset[str]:
        """The stored topics that this follower reacts to."""
        return frozenset(event_class.TOPIC for event_class in handled_events(type(self)))


def handled_events(follower: type[Following]) -> frozenset[type[Any]]:
    """The kinds of events that a follower has a reaction for."""
    descriptor = follower.__dict__["react"]
    descriptor.__get__(None, follower)  # registers reactions whose annotations were not resolvable earlier
    registry = cast(Mapping[type[Any], object], descriptor.dispatcher.registry)
    return frozenset(kind for kind in registry if kind is not object)


class Process(Following, ProcessApplication[UUID]):
    """A follower that records events of its own."""
