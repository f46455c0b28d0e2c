"""Searching the events in the tables of the library's own module."""

from collections.abc import Sequence
from uuid import UUID

from eventsourcing.persistence import Mapper, Notification
from eventsourcing.postgres import PostgresApplicationRecorder

from system.persistence.search import EventCriteria, Scan

from .answers import Pace, at_pace


class PostgresSearch(Scan):
    """On the library's own tables, which have no columns or indexes to search by: the database leaves
    out what cannot match, as it does not contain the text, and the rest is looked at here."""

    def __init__(self, recorder: PostgresApplicationRecorder, mapper: Mapper[UUID]) -> None:
        super().__init__(recorder, mapper)
        table = f'"{recorder.datastore.schema}"."{recorder.events_table_name}"'
        self._statement = (
            "SELECT originator_id, originator_version, topic, state, notification_id AS id "
            f"FROM {table} WHERE notification_id > %(after)s "
            "AND (%(types)s::text[] IS NULL OR topic = ANY(%(types)s)) "
            "AND NOT EXISTS (SELECT FROM unnest(%(parts)s::bytea[]) AS p WHERE position(p IN state) = 0) "
            "ORDER BY notification_id LIMIT %(size)s"
        )
        self._datastore = recorder.datastore

    def _page(self, criteria: EventCriteria, after: int, size: int) -> Sequence[Notification]:
        wanted = [text for text in (criteria.correlation_id, criteria.user) if text is not None]
        # Other text may be written in several ways, with or without escapes.
        plain = [text for text in wanted if text.isascii() and text.isprintable() and not {*'"/\\'} & {*text}]
        parameters = {
            "after": after,
            "types": list(criteria.types) or None,
            "parts": [f'"{text}"'.encode() for text in plain],
            "size": size,
        }
        with at_pace(Pace.SLOW), self._datastore.cursor() as cursor:
            cursor.execute(self._statement.encode(), parameters)
            return [Notification(**{**row, "state": bytes(row["state"])}) for row in cursor.fetchall()]
