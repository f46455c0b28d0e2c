"""Events that were written once are read for ever."""

import copy
import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent

from application.unreadable import UnreadableEvent
from domain.orders import Order
from tests.history import freeze as freezing
from tests.history import frozen as store
from tests.history.frozen import (
    FOLDER,
    HOW_TO_CHANGE_AN_EVENT,
    Frozen,
    all_frozen,
    freeze,
    listed_topics,
    mapper,
)
from tests.history.samples import creates, recorded_event_types, sample_of, version_of

EVENT_TYPES = recorded_event_types()
FROZEN = {frozen.path.stem: frozen for frozen in all_frozen()}

every_kind = pytest.mark.parametrize("topic", sorted(EVENT_TYPES))
every_payload = pytest.mark.parametrize("name", sorted(FROZEN))


@every_kind
def test_every_version_of_every_kind_of_event_is_frozen(topic: str) -> None:
    versions = [f"{topic}.v{version}" for version in range(1, version_of(EVENT_TYPES[topic]) + 1)]

    missing = [name for name in versions if name not in FROZEN]
    assert not missing, f"not frozen: {missing}; run python -m tests.history.freeze and commit the files"


@every_kind
def test_what_is_stored_today_is_exactly_what_is_frozen(topic: str) -> None:
    today = freeze(sample_of(EVENT_TYPES[topic]))

    assert today.path.exists(), f"{topic} is not frozen; run python -m tests.history.freeze"
    assert today.text == today.path.read_text(), f"{topic} is stored otherwise now: {HOW_TO_CHANGE_AN_EVENT}"


@every_payload
def test_nothing_is_frozen_that_this_release_cannot_know(name: str) -> None:
    frozen = FROZEN[name]

    assert (FOLDER / f"{name}.json").read_text() == frozen.text
    assert frozen.topic in EVENT_TYPES, "a kind of event that was ever written stays readable"
    assert 1 <= frozen.class_version <= version_of(EVENT_TYPES[frozen.topic])
    assert frozen.state.get("class_version", 1) == frozen.class_version


def test_the_folder_holds_payloads_and_nothing_else() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.json" for name in FROZEN}


@every_payload
def test_every_payload_ever_written_becomes_an_event_of_today(name: str) -> None:
    frozen = FROZEN[name]

    event: Any = mapper().to_domain_event(frozen.stored_event)

    assert type(event) is EVENT_TYPES[frozen.topic]
    assert set(vars(event)) == {field.name for field in fields(event)}


@every_payload
def test_every_payload_ever_written_takes_its_place_in_a_stream(name: str) -> None:
    event: Any = mapper().to_domain_event(FROZEN[name].stored_event)

    aggregate = event.mutate(None) if creates(type(event)) else event.mutate(begun_before(event))

    assert aggregate.version == event.originator_version
    assert aggregate.modified_on == event.timestamp


def begun_before(event: Any) -> Any:
    """A stream of the event's kind, with its first event alone."""
    owner = type(event).TOPIC.partition(".")[0]
    first = next(
        kind for topic, kind in EVENT_TYPES.items() if topic.startswith(f"{owner}.") and creates(kind)
    )
    return sample_of(first).mutate(None)


@every_payload
def test_upcasts_are_pure(name: str) -> None:
    frozen = FROZEN[name]
    event_class = EVENT_TYPES[frozen.topic]
    state: dict[str, Any] = mapper().transcoder.decode(frozen.stored_event.state)

    for version in range(frozen.class_version, version_of(event_class)):
        upcast = getattr(event_class, f"upcast_v{version}_v{version + 1}")
        same_state, values = copy.deepcopy(state), dict(state)
        before = copy.deepcopy(values)
        upcast(state)
        upcast(same_state)
        assert state == same_state, "an upcast gives the same every time"
        assert values == before, "an upcast replaces values in the state and changes none in place"
        assert isinstance(upcast, FunctionType), "an upcast is a static method: it sees the state alone"
        assert upcast.__closure__ is None


def test_the_first_version_of_an_order_was_in_dollars_and_never_migrated() -> None:
    event: Any = mapper().to_domain_event(FROZEN["Order.Created.v1"].stored_event)

    assert isinstance(event, Order.Created)
    assert (event.currency, event.placed_on) == ("USD", None)
    order: Any = event.mutate(None)
    assert str(order.total) == "41.50 USD"


def test_a_refund_that_the_first_release_asked_for_begins_with_the_first_attempt() -> None:
    event: Any = mapper().to_domain_event(FROZEN["Payment.RefundRequested.v1"].stored_event)

    assert event.attempt == 1


@pytest.mark.parametrize("kind", ["ChargeAttemptFailed", "ChargeUnanswered", "RefundAttemptFailed"])
def test_what_the_first_release_tried_in_vain_failed_once_and_is_due_at_once(kind: str) -> None:
    event: Any = mapper().to_domain_event(FROZEN[f"Payment.{kind}.v1"].stored_event)

    assert (event.since, event.times, event.next_at) == (event.timestamp, 1, event.timestamp)


def test_the_first_release_knew_neither_deadlines_nor_when_the_next_attempt_is_due() -> None:
    for kind in ("PaymentRequested", "RefundRequested", "ReservationRequested", "ReleaseRequested"):
        request: Any = mapper().to_domain_event(FROZEN[f"Fulfilment.{kind}.v1"].stored_event)
        assert request.due_at is None
    for kind in ("StepAttemptFailed", "CompensationAttemptFailed"):
        trouble: Any = mapper().to_domain_event(FROZEN[f"Fulfilment.{kind}.v1"].stored_event)
        assert trouble.next_at is None


def test_the_manifest_lists_every_topic_once_and_none_was_removed() -> None:
    listed = listed_topics()

    assert len(listed) == len(set(listed))
    assert set(listed) == set(EVENT_TYPES), (
        "topics may be added (python -m tests.history.freeze), never removed"
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields.update(by_whom="bob"),
        lambda fields: fields.pop("reason"),
        lambda fields: fields.update(reason=["too dear"]),
        lambda fields: fields.update(why=fields.pop("reason")),
    ],
    ids=["added", "removed", "of another type", "renamed"],
)
def test_a_changed_field_is_noticed(change: Callable[[dict[str, Any]], object]) -> None:
    event = sample_of(Order.Cancelled)
    change(vars(event))

    changed = freeze(event)

    assert changed.text != changed.path.read_text()


def test_a_payload_of_a_later_version_is_not_read_by_guessing() -> None:
    confirmed = FROZEN["Order.Confirmed.v1"]
    later = json.dumps({**confirmed.state, "class_version": 2}).encode()

    with pytest.raises(UnreadableEvent):
        mapper().to_domain_event(
            StoredEvent(confirmed.stored_event.originator_id, 2, "Order.Confirmed", later)
        )


def test_freezing_writes_what_is_missing_and_never_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FOLDER", "TOPICS"):
        monkeypatch.setattr(store, name, tmp_path / name)
        monkeypatch.setattr(freezing, name, tmp_path / name)
    (tmp_path / "FOLDER").mkdir()
    kept = tmp_path / "FOLDER" / "Order.Confirmed.v1.json"
    kept.write_text("as it was")

    written = freezing.main()

    assert kept.read_text() == "as it was"
    assert len(written) == len(EVENT_TYPES) - 1
    assert set(listed_topics()) == set(EVENT_TYPES)
    assert freezing.main() == []


def test_frozen_payloads_are_independent_of_the_order_of_their_keys() -> None:
    frozen = FROZEN["Order.Cancelled.v1"]
    shuffled = Frozen(frozen.topic, 1, 2, dict(reversed(frozen.state.items())))

    assert mapper().to_domain_event(shuffled.stored_event) == mapper().to_domain_event(frozen.stored_event)
