"""Every follower handles or names as ignored each kind of event that those it follows record."""

from typing import Any, ClassVar

import pytest
from eventsourcing.dispatch import singledispatchmethod

from domain.orders import Order
from system.definition import orderwright
from system.followers.follower import Follower, handled_events
from system.followers.unit_of_work import UnitOfWork
from tests.history.samples import recorded_event_types

RECORDS: dict[str, tuple[str, ...]] = {
    "Orders": ("Order", "OrderReference"),
    "Payments": ("Payment",),
    "Inventory": ("StockItem", "Reservation", "Supply"),
    "OrderFulfilment": ("Fulfilment",),
}
"""Whose streams each application keeps. A follower's own parking lot is nobody's business."""

NOBODYS_BUSINESS = ("ParkingLot",)


def recorded_by(application: str) -> set[type[Any]]:
    """The kinds of events that an application records."""
    return {
        event_class
        for topic, event_class in recorded_event_types().items()
        if topic.partition(".")[0] in RECORDS[application]
    }


def followed_by(follower: str) -> set[type[Any]]:
    """The kinds of events that a follower comes across."""
    leaders = [leader for leader, follows in orderwright.edges if follows == follower]
    return set[type[Any]]().union(*(recorded_by(leader) for leader in leaders))


def disagreements(kind: type[Follower], followed: set[type[Any]]) -> list[str]:
    """What a follower forgot, decided twice, or names though it never comes across it."""
    handled: set[Any] = set(handled_events(kind))
    ignored: set[Any] = set(kind.ignored)
    return [
        *(f"neither handled nor ignored: {event.TOPIC}" for event in followed - handled - ignored),
        *(f"both handled and ignored: {event.TOPIC}" for event in handled & ignored),
        *(f"never recorded by those it follows: {event.TOPIC}" for event in (handled | ignored) - followed),
    ]


@pytest.mark.parametrize("name", sorted(orderwright.followers))
def test_a_follower_has_decided_about_every_event_it_comes_across(name: str) -> None:
    follower = orderwright.follower_cls(name)

    assert issubclass(follower, Follower)
    assert disagreements(follower, followed_by(name)) == []


def test_every_stream_belongs_to_one_application() -> None:
    kept = [owner for owners in (*RECORDS.values(), NOBODYS_BUSINESS) for owner in owners]

    assert len(kept) == len(set(kept))
    assert {topic.partition(".")[0] for topic in recorded_event_types()} == set(kept)
    assert set(RECORDS) == set(orderwright.leaders)


class Forgetful(Follower):
    """Knows of one event, twice, and of one that it never sees."""

    ignored: ClassVar = frozenset({Order.Confirmed})

    @singledispatchmethod
    def react(self, event: Any, work: UnitOfWork) -> None:
        """See `Follower.react`."""

    @react.register
    def _(self, event: Order.Confirmed, work: UnitOfWork) -> None:
        pass


def test_a_follower_that_forgot_or_contradicts_itself_is_noticed() -> None:
    assert disagreements(Forgetful, {Order.Created, Order.Confirmed}) == [
        "neither handled nor ignored: Order.Created",
        "both handled and ignored: Order.Confirmed",
    ]
    assert "never recorded by those it follows: Order.Confirmed" in disagreements(Forgetful, {Order.Created})
