"""The catalogue says of every kind of event what the code says, and how many of each version are stored."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from domain.orders import Order
from domain.shared.aggregates import Undecided
from system.audit import meanings
from system.bootstrap import Orderwright, build
from system.catalogue.consumers import consumers_of
from system.catalogue.fields import FIELDS, check_fields
from system.catalogue.report import catalogue, kinds_of
from system.definition import class_of
from system.definition import orderwright as definition
from system.followers.follower import handled_events
from system.queries.explain import TOLD
from system.settings.environment import Settings
from tests.history.samples import recorded_event_types, version_of
from tests.support.settled import add_settled_orders
from tests.support.stories import FRIDAY_NOON
from tests.system.kinds.test_counts import append

KINDS = {kind.type: kind for kind in kinds_of()}
EVENTS = recorded_event_types()


@pytest.fixture
def orderwright(persistence: dict[str, str]) -> Iterator[Orderwright]:
    opened = build(Settings.from_environment(persistence))
    yield opened
    opened.close()


def test_every_kind_of_event_is_in_it_in_every_version_with_what_it_says() -> None:
    assert KINDS.keys() == EVENTS.keys()
    for topic, kind in KINDS.items():
        assert kind.says.endswith("."), topic
        assert kind.version == version_of(EVENTS[topic])
        assert [one.version for one in kind.versions] == list(range(kind.version, 0, -1))
        assert all(one.differs for one in kind.versions[1:]), topic


def test_a_kind_tells_its_fields_with_types_and_units_and_what_was_different() -> None:
    created = KINDS["Order.Created"]
    fields = {field.name: (field.type, field.unit, field.is_optional) for field in created.fields}

    assert created.says.startswith("A customer placed an order.")
    assert created.recorded_by == ("Orders",)
    assert fields["total"] == ("decimal", "in the event's currency, with exactly its decimals", False)
    assert fields["order_ref"][2]
    assert fields["items"][0] == "list of order line"
    assert "quantity (whole number, pieces)" in fields["items"][1]
    assert created.versions[1].differs == ("Version 1 knew one currency, US dollars, and no migrated orders.")


@pytest.mark.parametrize("topic", sorted(EVENTS))
def test_whoever_follows_and_handles_an_event_is_named(topic: str) -> None:
    (leader, *_) = KINDS[topic].recorded_by
    handling = {
        name
        for name in definition.followers
        if leader in definition.follows[name] and EVENTS[topic] in handled_events(class_of(name))
    }

    consumers = consumers_of(topic)

    assert set(consumers.handled_by) == handling
    assert not handling & set(consumers.ignored_by)
    following = {name for name in definition.followers if leader in definition.follows[name]}
    assert following <= {*consumers.handled_by, *consumers.ignored_by}
    assert (consumers.explain == "handles") is (topic in TOLD)
    assert (consumers.audit == "passes over") is (topic in meanings.IRRELEVANT)


def test_a_field_of_which_nobody_said_the_unit_is_told_when_it_starts() -> None:
    @dataclass
    class Weighed:
        sku: str
        grams: int

    with pytest.raises(Undecided, match="do not say in which unit is grams"):
        check_fields(Weighed)


def test_no_unit_is_left_that_nothing_has() -> None:
    used = {name for event in EVENTS.values() for name in event.__dataclass_fields__}
    assert FIELDS.keys() - used == {"unit_price", "sku", "quantity", "stock_version"} - used


def test_what_is_stored_is_counted_by_version_with_its_times(orderwright: Orderwright) -> None:
    add_settled_orders(orderwright, 2)
    append(orderwright, "Order.Created", 1)
    append(orderwright, "Order.Created", 1, number=1)

    report = catalogue(orderwright)

    created = next(kind for kind in report.kinds if kind.type == "Order.Created")
    assert [(one.version, one.events) for one in created.versions] == [(2, 2), (1, 2)]
    assert created.versions[0].first_at == created.versions[0].last_at == FRIDAY_NOON
    confirmed = next(kind for kind in report.kinds if kind.type == "Fulfilment.Completed")
    assert [(one.events, one.first_at) for one in confirmed.versions] == [(2, FRIDAY_NOON)]
    never = next(kind for kind in report.kinds if kind.type == "Payment.Refunded")
    assert [(one.events, one.first_at) for one in never.versions] == [(0, None)]
    assert report.is_complete
    assert report.strange == ()


def test_what_this_release_does_not_know_is_named(orderwright: Orderwright) -> None:
    from eventsourcing.persistence import StoredEvent

    from domain.shared.ids import order_id_from_ref

    states = {
        "Order.Shipped": b'{"class_version":1}',
        "Order.Confirmed": b'{"class_version":9}',
        "Order.Created": b"no JSON",
    }
    for topic, state in states.items():
        orderwright.orders.recorder.insert_events([StoredEvent(order_id_from_ref(topic), 1, topic, state)])

    report = catalogue(orderwright)

    assert [(one.type, one.version, one.events, one.first_position) for one in report.strange] == [
        ("Order.Confirmed", 9, 1, 2),
        ("Order.Created", 0, 1, 3),
        ("Order.Shipped", 1, 1, 1),
    ]


def test_a_part_is_counted_when_no_more_is_wanted(orderwright: Orderwright) -> None:
    add_settled_orders(orderwright, 4)

    report = catalogue(orderwright, most=3)

    assert not report.is_complete
    (orders,) = [log for log in report.counted if log.application == "Orders"]
    assert (orders.position, orders.head) == (3, 8)
    assert Order.TOPIC in {kind.type.partition(".")[0] for kind in report.kinds}
