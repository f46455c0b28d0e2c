"""Receipts come in at several a second while reservations of the same product are worked off."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.persistence import StoredEvent

from domain.shared.ids import stock_item_id
from tests.support.fixtures import Environment
from tests.support.invariants import assert_at_rest
from tests.support.running_shop import Shop
from tests.support.ways import ByHand, Way

SHORT_ENOUGH = 60
"""A page with at most so many events is recorded before the next receipt."""

EARLIER, BACKLOG = 120, 200


class Depot(Shop):
    """A shop in which a receipt overtakes every page of reservations that takes too long."""

    way: ByHand

    def __init__(self, way: ByHand, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(way)
        self.sizes: list[int] = []
        self.receipts = 0
        self.read: Counter[UUID] = Counter()
        inventory = way.orderwright.inventory
        record, select = inventory.record_work, inventory.recorder.select_streams

        def overtaken(work: Any) -> None:
            self.sizes.append(len(work.events))
            if len(work.events) > SHORT_ENOUGH:
                somebody_else = Thread(target=self.receive, args=("CD-X1", 1))
                somebody_else.start()
                somebody_else.join()
                self.receipts += 1
            record(work)

        def counted(after: Mapping[UUID, int], at_most: int | None = None) -> Iterable[StoredEvent]:
            events = list(select(after, at_most))
            self.read.update(UUID(str(event.originator_id)) for event in events)
            return events

        monkeypatch.setattr(inventory, "record_work", overtaken)
        monkeypatch.setattr(inventory.recorder, "select_streams", counted)

    def pay_all(self) -> None:
        """Let everybody work but the inventory."""
        others = [follower for follower in self.way.runner.loops if follower != "Inventory"]
        while sum(self.way.advance(follower) for follower in others) or self.way.call_gateway():
            pass


@pytest.fixture
def depot(on_sqlite: Environment, open_way: Callable[..., Way], monkeypatch: pytest.MonkeyPatch) -> Depot:
    """A product that was ordered often, and many paid orders that wait for it."""
    way = open_way(ByHand, on_sqlite)
    assert isinstance(way, ByHand)
    shop = Shop(way)
    shop.receive("CD-X1", 1000)
    for _ in range(EARLIER):
        shop.order("CD-X1")
    shop.settle()
    for _ in range(BACKLOG):
        shop.order("CD-X1")
    depot = Depot(way, monkeypatch)
    depot.pay_all()
    return depot


def test_they_are_worked_off_in_smaller_pages_and_the_long_stream_is_read_once(depot: Depot) -> None:
    hot = stock_item_id("CD-X1")
    before = depot.orderwright.inventory.recorder.select_events(hot)
    depot.settle()

    assert_at_rest(depot.orderwright)
    assert depot.reserved("CD-X1") == EARLIER + BACKLOG
    assert depot.receipts > 0, "pages were overtaken"
    assert depot.read[hot] <= len(before) + depot.receipts, "what is known is not read again"
    assert depot.receipts <= BACKLOG / 10, "a page that is too large is not tried again and again"


def test_an_aggregate_that_a_failed_page_had_changed_is_as_it_is_stored(depot: Depot) -> None:
    hot, inventory = stock_item_id("CD-X1"), depot.orderwright.inventory
    while depot.way.advance("Inventory"):
        kept = depot.way.runner.loops["Inventory"].subscriptions[0]._identity_map._kept[hot]
        stored: Any = inventory.repository.get(hot)
        assert {**vars(kept), "_pending_events": []} == {**vars(stored), "_pending_events": []}
    assert depot.receipts > 0
