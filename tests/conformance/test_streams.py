"""What every store promises about streams: one version once, all or nothing, and in order."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import IntegrityError, ProcessRecorder, StoredEvent

from system.persistence.store import Store
from tests.support.waiting import PATIENCE_SECONDS

TEAPOT, CUP = UUID(int=1), UUID(int=2)


def event(stream: UUID, version: int, state: str = "{}") -> StoredEvent:
    """An event to be stored; no store looks into it."""
    return StoredEvent(stream, version, "Something.Happened", state.encode())


def versions(recorder: ProcessRecorder, stream: UUID) -> list[int]:
    """The versions of a stream, as stored."""
    return [stored.originator_version for stored in recorder.select_events(stream)]


def test_what_was_appended_is_read_back_byte_for_byte(recorder: ProcessRecorder) -> None:
    events = [
        StoredEvent(TEAPOT, 1, "Teapot.Made", b'{"of":"clay"}'),
        StoredEvent(TEAPOT, 2, "Teapot.Broken", '{"why":"Zoë 🫖"}'.encode()),
        StoredEvent(TEAPOT, 3, "Teapot.Mended", bytes(range(256))),
    ]
    recorder.insert_events(events)

    found = [
        StoredEvent(one.originator_id, one.originator_version, one.topic, bytes(one.state))
        for one in recorder.select_events(TEAPOT)
    ]
    assert found == events


def test_a_stream_is_read_from_and_up_to_a_version_and_backwards(recorder: ProcessRecorder) -> None:
    recorder.insert_events([event(TEAPOT, version) for version in range(1, 8)])

    def read(**how: int | bool) -> list[int]:
        return [one.originator_version for one in recorder.select_events(TEAPOT, **how)]  # type: ignore[arg-type]  # as named

    assert read(gt=4) == [5, 6, 7]
    assert read(lte=2) == [1, 2]
    assert read(gt=2, lte=4) == [3, 4]
    assert read(desc=True, limit=2) == [7, 6]
    assert read(gt=7) == []
    assert versions(recorder, uuid4()) == []


@pytest.mark.parametrize("taken", [1, 2])
def test_a_version_that_is_taken_is_a_conflict_and_nothing_is_stored(
    recorder: ProcessRecorder, taken: int
) -> None:
    recorder.insert_events([event(TEAPOT, 1), event(TEAPOT, 2)])
    with pytest.raises(IntegrityError):
        recorder.insert_events([event(TEAPOT, 3), event(TEAPOT, taken, '{"other":1}')])

    assert versions(recorder, TEAPOT) == [1, 2]
    assert recorder.max_notification_id() == 2


def test_a_conflict_in_one_stream_stores_nothing_in_any(recorder: ProcessRecorder) -> None:
    recorder.insert_events([event(CUP, 1)])
    with pytest.raises(IntegrityError):
        recorder.insert_events([event(TEAPOT, 1), event(TEAPOT, 2), event(CUP, 1)])

    assert versions(recorder, TEAPOT) == []
    recorder.insert_events([event(TEAPOT, 1), event(CUP, 2)])
    assert (versions(recorder, TEAPOT), versions(recorder, CUP)) == ([1], [1, 2])


def test_the_same_version_twice_in_one_append_is_a_conflict(recorder: ProcessRecorder) -> None:
    with pytest.raises(IntegrityError):
        recorder.insert_events([event(TEAPOT, 1), event(TEAPOT, 1)])
    assert versions(recorder, TEAPOT) == []


def test_an_append_answers_the_positions_of_its_events(recorder: ProcessRecorder) -> None:
    recorder.insert_events([event(CUP, 1)])
    positions = recorder.insert_events([event(TEAPOT, 1), event(CUP, 2)])

    assert positions is not None
    assert [one.originator_id for one in recorder.select_notifications(positions[0], 9)] == [TEAPOT, CUP]
    assert positions[-1] == recorder.max_notification_id()


def test_a_stream_is_read_with_positions_that_the_log_agrees_with(recorder: ProcessRecorder) -> None:
    for version in range(1, 6):
        recorder.insert_events([event(TEAPOT, version, f'{{"n":{version}}}'), event(CUP, version)])

    everything = recorder.select_stream(TEAPOT)  # type: ignore[attr-defined]  # ours can
    log = recorder.select_notifications(1, 100)
    assert everything == [one for one in log if one.originator_id == TEAPOT]
    some = recorder.select_stream(TEAPOT, 2, 4)  # type: ignore[attr-defined]  # ours can
    assert some == everything[1:4]
    assert recorder.select_stream(TEAPOT, 5) == everything[4:]  # type: ignore[attr-defined]  # ours can
    assert recorder.select_stream(uuid4()) == []  # type: ignore[attr-defined]  # ours can


def test_of_many_who_want_the_same_version_at_once_one_gets_it_and_nobody_else_is_disturbed(
    recorder: ProcessRecorder,
) -> None:
    start = threading.Barrier(12)

    def write(number: int) -> int:
        won = 0
        for version in range(1, 9):
            start.wait(PATIENCE_SECONDS)
            try:
                recorder.insert_events([event(TEAPOT, version, f'{{"by":{number}}}')])
                won += 1
            except IntegrityError:
                pass
            recorder.insert_events([event(UUID(int=1000 + number), version)])
        return won

    with ThreadPoolExecutor(12) as writers:
        won = list(writers.map(write, range(12)))

    assert sum(won) == 8
    assert versions(recorder, TEAPOT) == list(range(1, 9))
    for number in range(12):
        assert versions(recorder, UUID(int=1000 + number)) == list(range(1, 9))


def test_many_streams_are_read_at_once_each_after_a_version_and_as_far_as_is_asked(recorder: Store) -> None:
    """Versions that are missing in a stream do not end it."""
    recorder.insert_events([event(TEAPOT, version) for version in range(1, 8)])
    recorder.insert_events([event(CUP, version) for version in (1, 2, 5, 9)])
    wanted = {TEAPOT: 2, CUP: 0, UUID(int=9): 0}

    def read(at_most: int | None) -> dict[UUID, list[int]]:
        found: dict[UUID, list[int]] = {}
        order: list[UUID] = []
        for one in recorder.select_streams(wanted, at_most):
            stream = UUID(str(one.originator_id))
            if order[-1:] != [stream]:
                order.append(stream)
            found.setdefault(stream, []).append(one.originator_version)
        assert len(order) == len(found), "one stream after the other"
        return found

    assert read(None) == {TEAPOT: [3, 4, 5, 6, 7], CUP: [1, 2, 5, 9]}
    assert read(3) == {TEAPOT: [3, 4, 5], CUP: [1, 2, 5]}
    assert read(100) == read(None)
