"""A process that starts on a store of a newer release is refused, cheaply, and told what there is."""

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from eventsourcing.persistence import StoredEvent

from domain.shared.ids import order_id_from_ref
from system.bootstrap import Orderwright, build
from system.kinds import newer as module
from system.kinds.newer import NewerEvents
from system.persistence.memory import InMemoryRecorder
from system.settings.environment import Settings
from tests.support.damage import change
from tests.support.settled import add_settled_orders
from web.cli import main

Environment = dict[str, str]


@pytest.fixture
def filled(durable_persistence: Environment) -> Iterator[Orderwright]:
    """A store of some orders."""
    opened = build(Settings.from_environment(durable_persistence))
    add_settled_orders(opened, 20)
    yield opened
    opened.close()


@pytest.fixture
def on_files(on_sqlite: Environment) -> Iterator[Orderwright]:
    """The same in files, where it does not matter which store it is."""
    opened = build(Settings.from_environment(on_sqlite))
    add_settled_orders(opened, 20)
    yield opened
    opened.close()


def start(orderwright: Orderwright) -> None:
    """What a process does that serves or follows."""
    build(orderwright.settings, must_write=True).close()


def from_the_future(orderwright: Orderwright, number: int, topic: str = "Order.Created") -> None:
    """A newer release has recorded an event."""
    (row, *_) = [row for row in orderwright.orders.recorder.select_log(0, 40) if row[2] == topic]
    state = json.dumps({**json.loads(row[3]), "class_version": 3}).encode()
    stream = order_id_from_ref(f"of the future {number}")
    orderwright.orders.recorder.insert_events([StoredEvent(stream, 1, topic, state)])


def test_a_store_that_this_release_knows_is_taken(filled: Orderwright) -> None:
    start(filled)
    start(filled)


def test_events_of_a_newer_release_are_named_with_version_and_number(filled: Orderwright) -> None:
    for number in range(3):
        from_the_future(filled, number)

    with pytest.raises(NewerEvents) as error:
        start(filled)

    assert (
        "it holds events of a newer release: 3 of Order.Created in version 3 (this release knows version 2), "
        "the first at position 41 of Orders. Nothing was changed."
    ) in str(error.value)


def test_what_stands_behind_a_long_log_is_found_without_reading_it(
    filled: Orderwright, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "COUNTED_AT_START", 5)
    monkeypatch.setattr(module, "LOOKED_AT", 5)
    read: list[int] = []
    select = type(filled.orders.recorder).select_log
    from_the_future(filled, 1)

    def counting(recorder: object, after: int, limit: int) -> object:
        rows = select(recorder, after, limit)  # type: ignore[arg-type]  # it is the store's own
        read.append(len(rows))
        return rows

    monkeypatch.setattr(type(filled.orders.recorder), "select_log", counting)
    with pytest.raises(NewerEvents, match=r"at least 1 of Order\.Created in version 3"):
        start(filled)
    assert sum(read) < 5 * 25, "several logs, and of each a few events"


def test_a_rare_event_far_from_the_end_is_found_by_the_index_of_the_topics(
    filled: Orderwright, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_the_future(filled, 1, "Order.Confirmed")
    for number in range(10):
        state = filled.orders.recorder.select_log(0, 1)[0][3]
        stream = order_id_from_ref(f"later {number}")
        filled.orders.recorder.insert_events([StoredEvent(stream, 1, "Order.Created", state)])
    monkeypatch.setattr(module, "COUNTED_AT_START", 5)
    monkeypatch.setattr(module, "LOOKED_AT", 5)

    if filled.settings.persistence_module == "eventsourcing.postgres":
        start(filled)  # which has no such index, see docs/decisions/040
        return
    with pytest.raises(NewerEvents, match=r"at least 1 of Order\.Confirmed in version 3"):
        start(filled)


def test_once_the_log_is_counted_nothing_is_missed(
    filled: Orderwright, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "COUNTED_AT_START", 5)
    monkeypatch.setattr(module, "LOOKED_AT", 0)
    from_the_future(filled, 1)
    with filled.event_counts() as counts:
        counts.advance(filled.orders)

    with pytest.raises(NewerEvents, match=r": 1 of Order\.Created in version 3"):
        start(filled)


def test_who_only_looks_is_not_refused(on_files: Orderwright) -> None:
    from_the_future(on_files, 1)
    build(on_files.settings).close()


def test_with_the_setting_it_starts_and_says_what_is_going_to_be_parked(
    on_files: Orderwright, capsys: pytest.CaptureFixture[str]
) -> None:
    from_the_future(on_files, 1)
    environment = {**on_files.settings.environment, "ORDERWRIGHT_PARK_NEWER_EVENTS": "y"}

    build(Settings.from_environment(environment), must_write=True).close()

    assert "1 of Order.Created in version 3" in capsys.readouterr().out


def test_who_takes_the_place_of_one_that_went_on_goes_on_as_well(on_files: Orderwright) -> None:
    from_the_future(on_files, 1)
    build(on_files.settings, must_write=True, may_be_older=True).close()


def test_a_damaged_row_that_was_repaired_does_not_count_any_more(on_files: Orderwright) -> None:
    repair = change(
        on_files,
        "Orders",
        order_id_from_ref("settled-3"),
        2,
        state=lambda state: json.dumps({**json.loads(state), "class_version": 99}).encode(),
    )
    with pytest.raises(NewerEvents):
        start(on_files)

    repair()

    start(on_files)


def test_a_kind_that_is_not_known_at_all_keeps_nobody_from_starting(on_files: Orderwright) -> None:
    change(on_files, "Orders", order_id_from_ref("settled-3"), 2, topic="Order.Shipped")
    start(on_files)


def test_where_nothing_can_be_counted_the_end_of_the_log_is_looked_at(
    on_files: Orderwright, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError("the disk is away")

    from_the_future(on_files, 1)
    monkeypatch.setattr("system.stores.open_side_store", fails)
    with pytest.raises(NewerEvents, match=r"at least 1 of Order\.Created in version 3"):
        start(on_files)


def test_a_command_that_follows_says_it_in_one_line(on_sqlite: Environment) -> None:
    orderwright = build(Settings.from_environment(on_sqlite))
    add_settled_orders(orderwright, 1)
    from_the_future(orderwright, 1)
    orderwright.close()

    done = CliRunner().invoke(main, ["demo", "--orders", "1"], env=on_sqlite)

    assert done.exit_code == 3
    assert done.output.startswith(
        "orderwright: the store cannot be used: it holds events of a newer release: 1 of Order.Created in "
        "version 3 (this release knows version 2)"
    )
    assert "ORDERWRIGHT_PARK_NEWER_EVENTS=y" in done.output
    assert len(done.output.splitlines()) == 1


def test_in_memory_nothing_is_older_than_the_process(in_memory: Environment) -> None:
    orderwright = build(Settings.from_environment(in_memory), must_write=True)
    assert isinstance(orderwright.orders.recorder, InMemoryRecorder)
    orderwright.close()
