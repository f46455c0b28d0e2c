"""A stored event that cannot be read: what is wrong with it, where it is, and what to do."""

from typing import Any
from uuid import UUID

from domain.shared.errors import DomainError

PROCEDURE = "docs/procedures/damaged-event.md"
"""What to do about a damaged event, with the commands to type."""


class UnreadableEvent(DomainError):
    """A stored event that this release cannot read, or that does not follow from those before it in its
    stream: damaged, of an unknown kind, or written by a newer release. Nothing was recorded.

    `position` is its place in the log of the application, None where only its stream was looked at.
    """

    code = "unreadable_event"

    def __init__(
        self,
        why: str,
        *,
        application: str,
        topic: str,
        stream_id: UUID,
        version: int,
        position: int | None = None,
    ) -> None:
        where = f"version {version} of stream {stream_id} of {application or 'its application'}"
        place = "" if position is None else f", position {position}"
        super().__init__(f"event {topic} ({where}{place}) {why}; see {PROCEDURE}")
        self.why = why
        self.application = application
        self.topic = topic
        self.stream_id = stream_id
        self.version = version
        self.position = position

    @classmethod
    def of(cls, stored: Any, why: str, application: str) -> "UnreadableEvent":
        """The error about a stored row; one that was read from a log tells its position."""
        position = getattr(stored, "position", None) or getattr(stored, "id", None)
        return cls(
            why,
            application=application,
            topic=stored.topic,
            stream_id=stored.originator_id,
            version=stored.originator_version,
            position=position,
        )

    @classmethod
    def after_a_gap(cls, stored: Any, before: int, application: str) -> "UnreadableEvent":
        """The error about a row that does not follow on the version before it."""
        missing = f"{before + 1}" if stored.originator_version == before + 2 else f"{before + 1} and others"
        why = f"does not follow on version {before}: version {missing} of its stream is missing"
        return cls.of(stored, why, application)

    def at(self, position: int | None) -> "UnreadableEvent":
        """The same, with the position."""
        return UnreadableEvent(
            self.why,
            application=self.application,
            topic=self.topic,
            stream_id=self.stream_id,
            version=self.version,
            position=position,
        )
