"""Positions in every store: they move forward only, and together with what they stand for."""

from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from eventsourcing.application import ProcessingEvent
from eventsourcing.persistence import (
    IntegrityError,
    PersistenceError,
    ProcessRecorder,
    StoredEvent,
    Tracking,
)

from domain.inventory import StockItem
from domain.shared.causes import because_of
from system.definition import orderwright as definition
from system.followers.marks import Mark
from system.followers.projection import Projection
from system.persistence.agreement import Checkpoint
from system.persistence.postgres.recorder import TunedRecorder
from system.persistence.tables import Table
from tests.support.fixtures import Environment
from tests.support.stories import ADA_ASKS

from .conftest import Open


def event(stream: UUID, version: int = 1) -> StoredEvent:
    """An event to be stored; no store looks into it."""
    return StoredEvent(stream, version, "Something.Happened", b"{}")


def test_nothing_is_tracked_at_first(recorder: ProcessRecorder) -> None:
    assert recorder.max_tracking_id("Elsewhere") is None


@pytest.mark.parametrize("again", [1, 6, 7])
def test_a_position_only_moves_forward(recorder: ProcessRecorder, again: int) -> None:
    recorder.insert_tracking(Tracking("Elsewhere", 3))
    recorder.insert_tracking(Tracking("Elsewhere", 7))
    with pytest.raises(IntegrityError):
        recorder.insert_tracking(Tracking("Elsewhere", again))
    assert recorder.max_tracking_id("Elsewhere") == 7


def test_each_leader_has_a_position_of_its_own(recorder: ProcessRecorder) -> None:
    recorder.insert_tracking(Tracking("Elsewhere", 7))
    recorder.insert_tracking(Tracking("Nowhere", 3))
    assert (recorder.max_tracking_id("Elsewhere"), recorder.max_tracking_id("Nowhere")) == (7, 3)


def test_events_are_recorded_together_with_their_position(recorder: ProcessRecorder) -> None:
    stream = uuid4()
    recorder.insert_events([event(stream)], tracking=Tracking("Elsewhere", 5))
    assert recorder.max_tracking_id("Elsewhere") == 5
    assert len(recorder.select_events(stream)) == 1


def test_a_position_that_was_passed_takes_its_events_with_it(recorder: ProcessRecorder) -> None:
    stream = uuid4()
    recorder.insert_tracking(Tracking("Elsewhere", 5))
    for late in (4, 5):
        with pytest.raises(IntegrityError):
            recorder.insert_events([event(stream)], tracking=Tracking("Elsewhere", late))
    assert recorder.select_events(stream) == []
    assert recorder.max_tracking_id("Elsewhere") == 5


def test_events_that_conflict_take_their_position_with_them(recorder: ProcessRecorder) -> None:
    stream = uuid4()
    recorder.insert_events([event(stream)], tracking=Tracking("Elsewhere", 5))
    with pytest.raises(IntegrityError):
        recorder.insert_events([event(stream)], tracking=Tracking("Elsewhere", 6))
    assert recorder.max_tracking_id("Elsewhere") == 5


def received(position: int, sku: str = "TEAPOT") -> tuple[StockItem.Introduced, ProcessingEvent[UUID]]:
    """A fact for the stock levels, at a position."""
    with because_of(ADA_ASKS):
        introduced, *_ = StockItem.introduce(sku).collect_events()
    assert isinstance(introduced, StockItem.Introduced)
    return introduced, ProcessingEvent[UUID](Tracking("Inventory", position))


def rows(stock_levels: Projection) -> list[Any]:
    """What the read model shows."""
    return [row["sku"] for row in stock_levels.rows("SELECT sku FROM @stock_levels ORDER BY sku")]


def test_rows_are_written_together_with_their_position(stock_levels: Projection) -> None:
    introduced, work = received(3)
    stock_levels.policy(introduced, work)
    assert rows(stock_levels) == []
    stock_levels._record(work)

    assert rows(stock_levels) == ["TEAPOT"]
    assert stock_levels.recorder.max_tracking_id("Inventory") == 3


def test_a_position_that_was_passed_takes_its_rows_with_it(stock_levels: Projection) -> None:
    stock_levels.recorder.insert_tracking(Tracking("Inventory", 3))
    introduced, work = received(3)
    stock_levels.policy(introduced, work)
    with pytest.raises(IntegrityError):
        stock_levels._record(work)
    assert rows(stock_levels) == []


def test_rows_and_events_are_written_together_with_their_position(stock_levels: Projection) -> None:
    """As where one event of a page is parked, and others of it change rows."""
    stream = uuid4()
    introduced, work = received(3)
    stock_levels.policy(introduced, work)
    stock_levels.recorder.insert_events([event(stream)], tracking=work.tracking, **work.saved_kwargs)

    assert rows(stock_levels) == ["TEAPOT"]
    assert len(stock_levels.recorder.select_events(stream)) == 1
    assert stock_levels.recorder.max_tracking_id("Inventory") == 3


def test_a_position_that_was_passed_takes_rows_and_events_with_it(stock_levels: Projection) -> None:
    stream = uuid4()
    stock_levels.recorder.insert_tracking(Tracking("Inventory", 3))
    introduced, work = received(3)
    stock_levels.policy(introduced, work)
    with pytest.raises(IntegrityError):
        stock_levels.recorder.insert_events([event(stream)], tracking=work.tracking, **work.saved_kwargs)
    assert rows(stock_levels) == []
    assert stock_levels.recorder.select_events(stream) == []


def test_events_that_conflict_take_rows_and_position_with_them(stock_levels: Projection) -> None:
    stream = uuid4()
    stock_levels.recorder.insert_events([event(stream)])
    introduced, work = received(3)
    stock_levels.policy(introduced, work)
    with pytest.raises(IntegrityError):
        stock_levels.recorder.insert_events([event(stream)], tracking=work.tracking, **work.saved_kwargs)
    assert rows(stock_levels) == []
    assert stock_levels.recorder.max_tracking_id("Inventory") is None


def test_rows_and_events_can_be_written_without_a_position(stock_levels: Projection) -> None:
    """As when an event is processed after all that was parked."""
    stream = uuid4()
    introduced, work = received(3)
    stock_levels.policy(introduced, work)
    stock_levels.recorder.insert_events([event(stream)], **work.saved_kwargs)
    assert rows(stock_levels) == ["TEAPOT"]
    assert stock_levels.recorder.max_tracking_id("Inventory") is None


# Marks: a position is moved from where it was read, or not at all


WAYS_TO_MOVE = ["alone", "with events", "with rows", "with both"]


@pytest.fixture
def durable_levels(durable_persistence: Environment, open_application: Open) -> Projection:
    """A read model on every store that keeps marks."""
    return cast(Projection, open_application(definition.get_app_cls("StockLevels"), durable_persistence))


def move(stock_levels: Projection, how: str, position: int, before: str | None, stream: UUID) -> None:
    """Move the position in the log of the inventory from where the mark is `before`."""
    recorder: Any = stock_levels.recorder
    checkpoint = Checkpoint("Inventory", position, f"mark {position}", before)
    if how == "alone":
        recorder.insert_tracking(checkpoint)
        return
    introduced, work = received(position, f"TEAPOT-{position}")
    stock_levels.policy(introduced, work)
    changes = work.saved_kwargs if how in ("with rows", "with both") else {}
    events = [event(stream, position)] if how in ("with events", "with both") else []
    recorder.insert_events(events, tracking=checkpoint, **changes)


@pytest.mark.parametrize("how", WAYS_TO_MOVE)
def test_a_position_is_moved_only_from_the_mark_that_was_read(durable_levels: Projection, how: str) -> None:
    recorder: Any = durable_levels.recorder
    stream = uuid4()
    move(durable_levels, how, 3, None, stream)
    move(durable_levels, how, 5, "mark 3", stream)
    assert recorder.checkpoint("Inventory") == (5, "mark 5")
    before = rows(durable_levels), len(recorder.select_events(stream))

    for position, mark in ((7, "mark 3"), (7, None), (5, "mark 5"), (4, "mark 5")):
        with pytest.raises(IntegrityError):
            move(durable_levels, how, position, mark, stream)
    assert recorder.checkpoint("Inventory") == (5, "mark 5")
    assert (rows(durable_levels), len(recorder.select_events(stream))) == before
    move(durable_levels, how, 7, "mark 5", stream)
    assert recorder.checkpoint("Inventory") == (7, "mark 7")


@pytest.mark.parametrize("how", WAYS_TO_MOVE)
def test_who_keeps_no_marks_moves_a_position_all_the_same_and_no_mark_is_known_of_it(
    durable_levels: Projection, how: str
) -> None:
    """The library's runner, and processes of an early release."""
    recorder: Any = durable_levels.recorder
    first = f"3 {uuid4()} 1 "
    recorder.insert_tracking(Checkpoint("Inventory", 3, first, None))
    if how == "alone":
        recorder.insert_tracking(Tracking("Inventory", 5))
    else:
        introduced, work = received(5)
        durable_levels.policy(introduced, work)
        changes = work.saved_kwargs if how in ("with rows", "with both") else {}
        events = [event(uuid4())] if how in ("with events", "with both") else []
        recorder.insert_events(events, tracking=Tracking("Inventory", 5), **changes)
    position, text = recorder.checkpoint("Inventory")
    assert position == 5
    assert Mark.read(text, position) is None
    recorder.insert_tracking(Checkpoint("Inventory", 7, "mark 7", text))
    assert recorder.checkpoint("Inventory") == (7, "mark 7")


@pytest.mark.parametrize("how", WAYS_TO_MOVE)
@pytest.mark.parametrize("read_before", [True, False])
def test_after_logs_were_set_back_each_is_read_from_its_beginning_whether_it_ever_was_or_not(
    durable_levels: Projection, how: str, read_before: bool
) -> None:
    recorder: Any = durable_levels.recorder
    if read_before:
        recorder.insert_tracking(Checkpoint("Inventory", 9, "mark 9", None))
        recorder.insert_tracking(Checkpoint("Elsewhere", 9, "mark 9", None))
    recorder.restart(["Inventory", "Elsewhere"], (), "again")
    position, mark = recorder.checkpoint("Inventory")
    assert position == 0

    move(durable_levels, how, 3, mark, uuid4())
    assert recorder.checkpoint("Inventory") == (3, "mark 3")
    assert recorder.checkpoint("Elsewhere") == (0, "again")


@pytest.mark.parametrize("how", WAYS_TO_MOVE)
def test_a_position_in_one_log_is_moved_whatever_stands_in_another(
    durable_levels: Projection, how: str
) -> None:
    recorder: Any = durable_levels.recorder
    recorder.insert_tracking(Checkpoint("Elsewhere", 9, "mark 9", None))
    move(durable_levels, how, 3, None, uuid4())
    assert recorder.checkpoint("Elsewhere") == (9, "mark 9")
    assert recorder.checkpoint("Inventory") == (3, "mark 3")


def test_when_something_fails_after_the_rows_neither_they_nor_the_position_are_there(
    stock_levels: Projection,
) -> None:
    introduced, work = received(3)
    stock_levels.policy(introduced, work)
    work.saved_kwargs["rows"].add(Table("no_such_table", {"a": "BIGINT"}, key=("a",)), {"a": 1}, inserts=True)
    with pytest.raises(PersistenceError):
        stock_levels._record(work)

    assert rows(stock_levels) == []
    assert stock_levels.recorder.max_tracking_id("Inventory") is None
    again, later = received(3)
    stock_levels.policy(again, later)
    stock_levels._record(later)
    assert rows(stock_levels) == ["TEAPOT"]


def test_when_the_process_dies_before_the_commit_nothing_is_there(
    stock_levels: Projection, monkeypatch: pytest.MonkeyPatch
) -> None:
    introduced, work = received(3)
    stock_levels.policy(introduced, work)
    recorder: Any = stock_levels.recorder
    if isinstance(recorder, TunedRecorder):
        return  # it sends one statement: there is no moment before the commit that this process could die in
    insert = recorder._insert_events  # the last thing done: a read model stores no events

    def dies(*args: Any, **kwargs: Any) -> None:
        insert(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(recorder, "_insert_events", dies)
        with pytest.raises(KeyboardInterrupt):
            stock_levels._record(work)

    assert rows(stock_levels) == []
    assert recorder.max_tracking_id("Inventory") is None
