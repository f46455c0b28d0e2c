"""Counting events of a log after a position, all but those of some topics.

They are counted in the store, as they stand there: the difference of two positions would count positions
that no event has, and events that nobody has anything to do with.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

ALL = 2**62


@dataclass(frozen=True)
class Part:
    """Which events of a log are counted: those after a position, up to a `last` one, of all topics but
    these; and so many of them at `most`."""

    after: int
    ignored: frozenset[str]
    last: int = ALL
    most: int = ALL


class Found(NamedTuple):
    """How many events were found, and the position of the first of them; None without any."""

    events: int
    first: int | None


IN_SQLITE, IN_POSTGRES = (
    "CROSS JOIN {table} AS e ON {within}",
    "CROSS JOIN LATERAL (SELECT FROM {table} AS e WHERE {within} LIMIT :most) AS e",
)
"""Each topic with its events, in a way that has the database go from topic to topic and stop when there are
enough of them. Without the limit PostgreSQL might read the whole table instead."""


def by_topic(table: str, position: str, part: Part, join: str) -> tuple[str, dict[str, Any]]:
    """The query, with its parameters, for a table that has an index of topics with positions; `join` is
    one of the two above.

    It jumps from each topic to the next one, and counts in the index those that are wanted: what is ignored
    costs nothing, and no event itself is read.
    """
    within = f"e.topic = wanted.topic AND e.{position} > :after AND e.{position} <= :last"
    of_each = join.format(table=table, within=within)
    statement = (
        f"WITH RECURSIVE kinds(topic) AS (SELECT (SELECT min(topic) FROM {table}) UNION ALL "
        f"SELECT (SELECT min(topic) FROM {table} WHERE topic > kinds.topic) FROM kinds "
        "WHERE kinds.topic IS NOT NULL), "
        f"wanted AS (SELECT topic FROM kinds WHERE {_is_wanted(part.ignored)} AND topic IS NOT NULL) "
        f"SELECT (SELECT count(*) FROM (SELECT 1 FROM wanted {of_each} LIMIT :most) AS part) AS events, "
        f"(SELECT min((SELECT min({position}) FROM {table} AS e WHERE {within})) FROM wanted) AS first"
    )
    return statement, _parameters(part)


def by_position(table: str, position: str, part: Part) -> tuple[str, dict[str, Any]]:
    """The same for a table that has an index of positions alone: it reads each event after the position."""
    statement = (
        f"SELECT count(*) AS events, min(position) AS first FROM (SELECT {position} AS position "
        f"FROM {table} WHERE {position} > :after AND {position} <= :last AND {_is_wanted(part.ignored)} "
        f"ORDER BY {position} LIMIT :most) AS part"
    )
    return statement, _parameters(part)


def found_in(rows: list[dict[str, Any]]) -> Found:
    """What the one row of such a query says."""
    return Found(rows[0]["events"], rows[0]["first"])


def _is_wanted(ignored: Collection[str]) -> str:
    names = ", ".join(f":topic_{number}" for number in range(len(ignored)))
    return f"topic NOT IN ({names})" if names else "true"


def _parameters(part: Part) -> dict[str, Any]:
    topics = {f"topic_{number}": topic for number, topic in enumerate(sorted(part.ignored))}
    return {"after": part.after, "last": part.last, "most": part.most, **topics}
