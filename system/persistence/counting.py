"""Counting events of a log after a position, all but those of some topics.

They are counted in the store, as they stand there: the difference of two positions would count positions
that no event has, and events that nobody has anything to do with.
"""

from collections.abc import Collection
from typing import Any, NamedTuple

LAST = 2**62


class Found(NamedTuple):
    """How many events were found, and the position of the first of them; None without any."""

    events: int
    first: int | None


def by_topic(
    table: str, position: str, after: int, last: int | None, ignored: Collection[str]
) -> tuple[str, dict[str, Any]]:
    """The query, with its parameters, for a table that has an index of topics with positions.

    It jumps from each topic to the next one, and counts in the index those that are wanted: what is ignored
    costs nothing, and no event itself is read.
    """
    within = f"topic = kinds.topic AND {position} > :after AND {position} <= :last"
    statement = (
        f"WITH RECURSIVE kinds(topic) AS (SELECT (SELECT min(topic) FROM {table}) UNION ALL "
        f"SELECT (SELECT min(topic) FROM {table} WHERE topic > kinds.topic) FROM kinds "
        "WHERE kinds.topic IS NOT NULL), counted AS (SELECT "
        f"(SELECT count(*) FROM {table} WHERE {within}) AS events, "
        f"(SELECT min({position}) FROM {table} WHERE {within}) AS first "
        f"FROM kinds WHERE {_is_wanted(ignored)} AND topic IS NOT NULL) "
        "SELECT coalesce(sum(events), 0) AS events, min(first) AS first FROM counted"
    )
    return statement, _parameters(after, last, ignored)


def by_position(
    table: str, position: str, after: int, last: int | None, ignored: Collection[str]
) -> tuple[str, dict[str, Any]]:
    """The same for a table that has an index of positions alone: it reads each event after the position."""
    statement = (
        f"SELECT count(*) AS events, min({position}) AS first FROM {table} "
        f"WHERE {position} > :after AND {position} <= :last AND {_is_wanted(ignored)}"
    )
    return statement, _parameters(after, last, ignored)


def found_in(rows: list[dict[str, Any]]) -> Found:
    """The one row that such a query gives."""
    return Found(int(rows[0]["events"]), rows[0]["first"])


def _is_wanted(ignored: Collection[str]) -> str:
    names = ", ".join(f":topic_{number}" for number in range(len(ignored)))
    return f"topic NOT IN ({names})" if names else "true"


def _parameters(after: int, last: int | None, ignored: Collection[str]) -> dict[str, Any]:
    topics = {f"topic_{number}": topic for number, topic in enumerate(sorted(ignored))}
    return {"after": after, "last": LAST if last is None else last, **topics}
