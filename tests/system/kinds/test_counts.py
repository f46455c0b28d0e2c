"""Events are counted by kind and version, each once, and what was counted is kept."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from eventsourcing.persistence import StoredEvent

from domain.orders import Order
from domain.shared.ids import order_id_from_ref
from system.bootstrap import Orderwright, build
from system.kinds import counts as module
from system.kinds.counts import UNREADABLE, EventCounts, KindCount
from system.persistence.store import LogRow
from system.settings.environment import Settings
from tests.history.frozen import FOLDER
from tests.support.damage import change
from tests.support.settled import add_settled_orders
from tests.support.stories import FRIDAY_NOON

Environment = dict[str, str]


@pytest.fixture
def orderwright(persistence: Environment) -> Iterator[Orderwright]:
    """A system on every store."""
    opened = build(Settings.from_environment(persistence))
    yield opened
    opened.close()


@contextmanager
def counting(orderwright: Orderwright) -> Iterator[EventCounts]:
    """The counts of a store, which another test may have left there."""
    with orderwright.event_counts() as counts:
        yield counts


def append(orderwright: Orderwright, topic: str, version: int, number: int = 0) -> None:
    """Append an event as it was stored in some version."""
    frozen = json.loads((FOLDER / f"{topic}.v{version}.json").read_text())
    stream = order_id_from_ref(f"{topic}-{version}-{number}")
    state = json.dumps(frozen["state"]).encode()
    orderwright.orders.recorder.insert_events([StoredEvent(stream, 1, topic, state)])


def test_each_kind_and_version_is_counted_with_its_positions_and_times(orderwright: Orderwright) -> None:
    add_settled_orders(orderwright, 3)
    append(orderwright, "Order.Created", 1)

    with counting(orderwright) as counts:
        count = counts.advance(orderwright.orders)

    assert count.position == 7
    assert {kind: one.events for kind, one in count.kinds.items()} == {
        ("Order.Created", 2): 3,
        ("Order.Confirmed", 1): 3,
        ("Order.Created", 1): 1,
    }
    created = count.kinds["Order.Created", 2]
    assert created == KindCount(3, 1, 5, FRIDAY_NOON, FRIDAY_NOON)


def test_what_was_counted_is_kept_and_only_what_came_since_is_read(
    orderwright: Orderwright, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_settled_orders(orderwright, 3)
    read: list[int] = []
    select = orderwright.orders.recorder.select_log

    def reading(after: int, limit: int) -> Sequence[LogRow]:
        read.append(after)
        return select(after, limit)

    with counting(orderwright) as counts:
        counts.advance(orderwright.orders)
        add_settled_orders(orderwright, 2, first=3)
        monkeypatch.setattr(orderwright.orders.recorder, "select_log", reading)
        count = counts.advance(orderwright.orders)

    assert min(read) == 5  # the last one that was counted is looked at once more
    assert {kind: one.events for kind, one in count.kinds.items()} == {
        ("Order.Created", 2): 5,
        ("Order.Confirmed", 1): 5,
    }


def test_so_many_are_counted_as_are_wanted_and_the_rest_the_next_time(
    orderwright: Orderwright, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_settled_orders(orderwright, 5)
    monkeypatch.setattr(module, "PAGE", 2)
    told: list[tuple[int, int]] = []
    with counting(orderwright) as counts:
        assert counts.advance(orderwright.orders, 3).position == 3
        assert counts.advance(orderwright.orders, 3).position == 6
        count = counts.advance(orderwright.orders, look=lambda done, whole: told.append((done, whole)))

    assert count.position == 10
    assert count.kinds["Order.Confirmed", 1].events == 5
    assert (told[0], told[-1]) == ((6, 10), (10, 10))


def test_stopped_in_the_middle_it_goes_on_from_what_was_kept(
    orderwright: Orderwright, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_settled_orders(orderwright, 5)
    monkeypatch.setattr(module, "PAGE", 1)
    monkeypatch.setattr(module, "KEPT_EVERY", 2)

    def stops(done: int, _: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with counting(orderwright) as counts:
        with pytest.raises(KeyboardInterrupt):
            counts.advance(orderwright.orders, look=stops)
        assert counts.kept(orderwright.orders).position == 4
        assert counts.advance(orderwright.orders).kinds["Order.Created", 2].events == 5


def a_year_later(state: bytes) -> bytes:
    """The same event, at another time."""
    return state.replace(b"%d" % FRIDAY_NOON.year, b"%d" % (FRIDAY_NOON.year + 1))


def test_another_log_in_its_place_is_counted_anew(orderwright: Orderwright) -> None:
    add_settled_orders(orderwright, 2)
    with counting(orderwright) as counts:
        counts.advance(orderwright.orders)
        change(orderwright, "Orders", order_id_from_ref("settled-1"), 2, state=a_year_later)
        assert counts.kept(orderwright.orders).position == 0
        assert counts.advance(orderwright.orders).kinds["Order.Confirmed", 1].events == 2


@pytest.mark.parametrize("state", [b"no JSON", b"[]", b'{"class_version":"two"}', b'{"class_version":0}'])
def test_what_does_not_tell_its_version_is_counted_as_that(orderwright: Orderwright, state: bytes) -> None:
    orderwright.orders.recorder.insert_events(
        [StoredEvent(order_id_from_ref("x"), 1, "Order.Created", state)]
    )
    with counting(orderwright) as counts:
        count = counts.advance(orderwright.orders)
    assert count.kinds["Order.Created", UNREADABLE] == KindCount(1, 1, 1, None, None)


@pytest.mark.parametrize(
    "sealed",
    [
        {"COMPRESSOR_TOPIC": "zlib"},
        {"CIPHER_TOPIC": "eventsourcing.cipher:AESCipher", "CIPHER_KEY": "aHVudGVyNGh1bnRlcjRodQ=="},
    ],
    ids=["compressed", "encrypted"],
)
def test_what_is_compressed_or_encrypted_is_counted_as_well(
    on_sqlite: Environment, sealed: Environment
) -> None:
    shop = build(Settings.from_environment(on_sqlite | sealed))
    add_settled_orders(shop, 2)
    with counting(shop) as counts:
        count = counts.advance(shop.orders)
    shop.close()
    assert count.kinds["Order.Created", 2] == KindCount(2, 1, 3, FRIDAY_NOON, FRIDAY_NOON)


def test_the_last_event_of_each_kind_is_found_by_its_index(
    durable_persistence: Environment, is_indexed: Callable[[Environment], bool]
) -> None:
    shop = build(Settings.from_environment(durable_persistence))
    add_settled_orders(shop, 3)
    found = shop.orders.recorder.last_of_each([Order.Created.TOPIC, Order.Cancelled.TOPIC])
    shop.close()
    assert [(row[2], row[4]) for row in found] == (
        [("Order.Created", 5)] if is_indexed(durable_persistence) else []
    )


@pytest.fixture
def is_indexed() -> Callable[[Environment], bool]:
    """Whether a store has an index of the topics: the library's tables on PostgreSQL have none."""
    return lambda environment: environment["PERSISTENCE_MODULE"] != "eventsourcing.postgres"
