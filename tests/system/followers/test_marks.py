"""An event is known by its place, its stream, its version and its time; what is not known says nothing."""

from dataclasses import replace

import pytest

from system.followers.marks import Mark

NOON = "2026-11-27T12:00:00+00:00"
READ = Mark(7, "6f4aee8f-2fab-534f-8434-ec9cd8478c31", 3, NOON)


@pytest.mark.parametrize("mark", [READ, replace(READ, time="")])
def test_what_is_kept_is_read_again(mark: Mark) -> None:
    assert Mark.read(str(mark), 7) == mark


@pytest.mark.parametrize("text", [None, "", "read it anew", "7", f"7 {READ.stream_id} 3", f"{READ} more"])
def test_what_is_no_mark_is_taken_for_none(text: str | None) -> None:
    assert Mark.read(text, 7) is None


def test_the_mark_of_another_position_is_none_of_this_one() -> None:
    assert Mark.read(str(READ), 8) is None


@pytest.mark.parametrize(
    "other",
    [{"position": 8}, {"stream_id": "another"}, {"version": 4}, {"time": "2026-11-27T12:00:01+00:00"}],
)
def test_another_event_is_told_by_whatever_is_different(other: dict[str, object]) -> None:
    found = replace(READ, **other)  # type: ignore[arg-type]  # one of them each time
    assert READ.is_at(READ)
    assert not READ.is_at(found)
    assert not found.is_at(READ)


def test_a_time_that_cannot_be_read_makes_no_other_event_of_it() -> None:
    damaged = replace(READ, time="")
    assert READ.is_at(damaged)
    assert damaged.is_at(READ)
    assert not damaged.is_at(replace(READ, version=4))
