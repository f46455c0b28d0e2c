"""What every store promises about searching: what a plain look at the whole log would find, in its order."""

import json
import random
import tracemalloc
from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import md5
from itertools import accumulate
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.persistence import Notification, StoredEvent

from system.definition import Orders
from system.persistence.postgres.search import TunedSearch
from system.persistence.search import (
    UNBOUNDED,
    EventCriteria,
    Scan,
)
from system.persistence.sqlite.search import SqliteSearch
from tests.support.fixtures import Environment

from .conftest import Open

NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)
TOPICS = ("Order.Created", "Order.Confirmed", "Order.Cancelled", "Nobody.Knows")
CONVERSATIONS = ("order-1", "order-2", 'quoted "\\/ é', "o'rder", 'a "\\/ b')
USERS = ("ada", "bob", "Zoë 天", "ADA", None)
# Whole seconds are written without a fraction.
MOMENTS = [NOON + timedelta(microseconds=part) for part in (-1, 0, 1, 500_000, 999_999, 1_000_000)]
DAMAGED = (b"", b"{", bytes(range(256)), b"[]", b"7", b"null", b'{"user":7,"timestamp":"noon"}')


def row(version: int, topic: str, correlation_id: str, user: str | None, time: datetime) -> StoredEvent:
    """An event as it is stored."""
    state = {
        "timestamp": {"_type_": "datetime_iso", "_data_": time.isoformat()},
        "correlation_id": correlation_id,
        "user": user,
        "note": "ada order-1",  # the same words in another place
    }
    text = json.dumps(state, separators=(",", ":"), ensure_ascii=False)
    return StoredEvent(UUID(int=1), version, topic, text.encode())


def some_rows(chance: random.Random, count: int) -> Iterator[StoredEvent]:
    """Events of all kinds, and damaged ones between them."""
    for version in range(1, count + 1):
        topic = chance.choice(TOPICS)
        if chance.random() < 0.1:
            yield StoredEvent(UUID(int=1), version, topic, chance.choice(DAMAGED))
        else:
            yield row(
                version, topic, chance.choice(CONVERSATIONS), chance.choice(USERS), chance.choice(MOMENTS)
            )


def some_criteria(chance: random.Random) -> EventCriteria:
    """Any combination of criteria."""

    def maybe(choices: Any) -> Any:
        return chance.choice(choices) if chance.random() < 0.4 else None

    types = tuple(chance.sample(TOPICS, chance.choice((0, 0, 1, 2, 3))))
    return EventCriteria(
        types,
        maybe((*CONVERSATIONS, "?")),
        maybe(("ada", "Zoë 天", "ADA", "?")),
        maybe(MOMENTS),
        maybe(MOMENTS),
    )


def matches(event: Notification, criteria: EventCriteria) -> bool:
    """The plain look."""
    try:
        state = json.loads(bytes(event.state))
    except ValueError:
        state = None
    state = state if isinstance(state, dict) else {}
    time = state.get("timestamp")
    recorded = datetime.fromisoformat(time["_data_"]) if isinstance(time, dict) else None
    return (
        (not criteria.types or event.topic in criteria.types)
        and criteria.correlation_id in (None, state.get("correlation_id"))
        and criteria.user in (None, state.get("user"))
        and (criteria.since is None or (recorded is not None and recorded >= criteria.since))
        and (criteria.until is None or (recorded is not None and recorded < criteria.until))
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_search_finds_what_a_look_at_the_whole_log_finds(
    persistence: Environment, open_application: Open, seed: int
) -> None:
    chance = random.Random(seed)
    orders = open_application(Orders, persistence)
    rows = list(some_rows(chance, 300))
    while rows:
        batch = chance.randint(1, 40)
        orders.recorder.insert_events(rows[:batch])
        del rows[:batch]
    search = orders.recorder.search(orders.mapper)
    log = orders.recorder.select_notifications(1, 1000)
    assert len(log) == 300

    found_any = 0
    for _ in range(150):
        criteria, after, limit = (
            some_criteria(chance),
            chance.choice((0, 0, 7, 150, 299, 300)),
            chance.randint(1, 99),
        )
        most_bytes = chance.choice((UNBOUNDED, UNBOUNDED, 1, 500, 3000))
        expected = [event for event in log if event.id > after and matches(event, criteria)][:limit]
        sizes = list(accumulate(len(event.state) for event in expected))
        expected = expected[: bisect_left(sizes, most_bytes) + 1]
        found = search.find(criteria, after, limit, most_bytes)
        assert [_plain(event) for event in found] == [_plain(event) for event in expected], criteria
        found_any += bool(found)
    assert found_any > 50


def _plain(event: Notification) -> tuple[object, ...]:
    return event.id, event.originator_id, event.originator_version, event.topic, bytes(event.state)


@pytest.mark.parametrize("criteria", [EventCriteria(), EventCriteria(TOPICS[:2], since=NOON)])
def test_no_more_is_fetched_than_what_fits(
    durable_persistence: Environment, open_application: Open, criteria: EventCriteria
) -> None:
    """Of large events only so many are brought from the store as a page may have."""
    orders = open_application(Orders, durable_persistence)
    note = "x" * 50_000
    for first in range(1, 201, 50):
        orders.recorder.insert_events(
            [
                StoredEvent(
                    one.originator_id,
                    one.originator_version,
                    one.topic,
                    one.state[:-1] + b',"n":"%b"}' % note.encode(),
                )
                for one in (row(version, TOPICS[0], "c", "ada", NOON) for version in range(first, first + 50))
            ]
        )
    search = orders.recorder.search(orders.mapper)

    tracemalloc.start()
    found = search.find(criteria, 0, 501, 1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [event.id for event in found] == list(range(1, 21))
    assert peak < 7_000_000, "of 10,000,000"


def test_what_is_compressed_or_encrypted_is_searched_as_well(
    persistence: Environment, open_application: Open
) -> None:
    orders = open_application(Orders, persistence | {"COMPRESSOR_TOPIC": "zlib"})
    state = orders.mapper.compressor.compress(bytes(row(1, TOPICS[0], "order-1", "ada", NOON).state))
    orders.recorder.insert_events(
        [StoredEvent(UUID(int=1), 1, TOPICS[0], state), StoredEvent(UUID(int=1), 2, TOPICS[0], b"damaged")]
    )
    search = orders.recorder.search(orders.mapper)

    assert isinstance(search, Scan)
    assert [event.id for event in search.find(EventCriteria(user="ada", since=NOON), 0, 9)] == [1]
    assert [event.id for event in search.find(EventCriteria(user="bob"), 0, 9)] == []
    assert [event.id for event in search.find(EventCriteria(TOPICS[:1]), 0, 9)] == [1, 2]


SEARCHES = {
    "topic": EventCriteria(TOPICS[:1]),
    "topic of several": EventCriteria(TOPICS[:2]),
    "correlation": EventCriteria(correlation_id="order-77"),
    "correlation, with a type": EventCriteria(TOPICS[:1], correlation_id="order-77", user="ada"),
    "topic, with a time": EventCriteria(TOPICS[:1], since=NOON),
    "user": EventCriteria(user="user-77"),
    "user, with a type": EventCriteria(TOPICS[:1], user="user-77"),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_sqlite_searches_by_an_index(on_sqlite: Environment, open_application: Open, name: str) -> None:
    orders = open_application(Orders, on_sqlite)
    search = orders.recorder.search(orders.mapper)
    assert isinstance(search, SqliteSearch)

    plan = _sqlite_plan(orders, *search.statement(SEARCHES[name], (1, 99), 10))

    index = name.split()[0].rstrip(",")
    assert all(f"USING INDEX stored_events_{index} " in line for line in plan if "stored_events" in line), (
        plan
    )
    assert any("stored_events" in line for line in plan)
    assert not any("TEMP B-TREE" in line for line in plan), "they come in order"


def test_sqlite_finds_a_time_by_its_index_alone(on_sqlite: Environment, open_application: Open) -> None:
    orders = open_application(Orders, on_sqlite)
    search = SqliteSearch(orders.recorder)
    (plan,) = _sqlite_plan(orders, *search.bounds_statement(EventCriteria(since=NOON), 0))
    assert "stored_events_recorded (<expr>>?)" in plan


def _sqlite_plan(orders: Any, statement: str, values: dict[str, Any]) -> list[str]:
    with orders.recorder.datastore.transaction(commit=False) as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values)
        return [line["detail"] for line in cursor.fetchall()]


TUNED_SEARCHES = {
    "topic": EventCriteria(("Order.Cancelled",)),
    "correlation": EventCriteria(TOPICS[:1], correlation_id="order-77"),
    "user": EventCriteria(TOPICS[:1], user="user-77"),
}


@pytest.fixture
def large(tuned_postgres: Environment, open_application: Open) -> Any:
    """An application with 30,000 events on the tuned module, of which one in a thousand is a cancellation."""
    orders = open_application(Orders, tuned_postgres)
    with orders.recorder.datastore.shared.connection() as connection:
        connection.execute(
            "INSERT INTO orders_events (originator_id, originator_version, topic, state, correlation_id, "
            "user_id, recorded_at) SELECT md5(n::text)::uuid, 1, "
            "CASE WHEN n % 1000 = 0 THEN 'Order.Cancelled' "
            "ELSE 'Order.Created' END, convert_to(repeat('x', 300), 'UTF8'), 'order-' || n / 4, "
            "'user-' || n % 500, timestamptz '2024-05-17 12:00Z' + n * interval '1 s' "
            "FROM generate_series(1, 30000) AS n"
        )
        connection.execute("SELECT brin_summarize_new_values('orders_events_recorded_idx')")
        connection.execute("ANALYZE orders_events")
    return orders


@pytest.mark.parametrize("name", TUNED_SEARCHES)
def test_the_tuned_module_searches_by_an_index(large: Any, name: str) -> None:
    search = large.recorder.search(large.mapper)
    assert isinstance(search, TunedSearch)

    plan = _tuned_plan(large, *search.statement(TUNED_SEARCHES[name], (1, 2**62), 10))

    assert f"orders_events_{name}_idx" in plan
    assert "Seq Scan" not in plan
    assert len(search.find(TUNED_SEARCHES[name], 0, 10)) >= 3


def test_the_tuned_module_finds_a_time_by_its_index_and_what_lies_far_away(large: Any) -> None:
    search = TunedSearch(large.recorder)
    late = EventCriteria(since=NOON + timedelta(seconds=29_990), until=NOON + timedelta(seconds=29_995))

    assert "orders_events_recorded_idx" in _tuned_plan(large, *search.bounds_statement(late, 0))
    last = large.recorder.max_notification_id()
    assert [event.id for event in search.find(late, 0, 3)] == [last - 10, last - 9, last - 8]
    assert len(search.find(late, 0, 99)) == 5
    assert [event.id for event in search.find(late, last - 9, 9)] == [last - 8, last - 7, last - 6]


def test_the_tuned_module_looks_up_each_stream_of_a_page_by_itself(
    tuned_postgres: Environment, open_application: Open
) -> None:
    recorder: Any = open_application(Orders, tuned_postgres).recorder
    streams = [UUID(md5(str(number).encode()).hexdigest()) for number in range(1, 6001, 12)]
    with recorder.datastore.shared.connection() as connection:
        connection.execute(
            "INSERT INTO orders_events (originator_id, originator_version, topic, state) "
            "SELECT md5(n::text)::uuid, version, 'Order.Created', convert_to(repeat('x', 300), 'UTF8') "
            "FROM generate_series(1, 6000) AS n, generate_series(1, 5) AS version"
        )
        connection.execute("ANALYZE orders_events")
        explain = f"EXPLAIN {recorder.streams_statement}".encode()
        lines = connection.execute(explain, (streams, [4] * len(streams), None)).fetchall()

    plan = "\n".join(line for (line,) in lines)
    assert "Seq Scan" not in plan, plan
    assert "Index Cond: ((originator_id = wanted.id) AND (originator_version > wanted.version))" in plan
    assert len(list(recorder.select_streams(dict.fromkeys(streams, 4)))) == len(streams)


def _tuned_plan(orders: Any, statement: str, values: dict[str, Any]) -> str:
    return "\n".join(row["QUERY PLAN"] for row in orders.recorder.rows(f"EXPLAIN {statement}", values))
