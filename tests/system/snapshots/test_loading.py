"""A long stream is loaded from its snapshot on, on every store; and what is wrong with a snapshot is never
worse than having none."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.persistence import OperationalError
from structlog.testing import capture_logs

from application.unreadable import UnreadableEvent
from domain.inventory import StockItem
from domain.shared.ids import stock_item_id
from system.followers.identity_map import IdentityMap
from system.operations.snapshots import drop_snapshots, snapshot_report, take_snapshot
from system.snapshots import tables
from system.snapshots.rows import digest_of
from tests.support.damage import change, delete, truncated
from tests.support.fixtures import Environment, OpenWay
from tests.support.running_shop import Shop
from tests.support.snapshots import sell_well
from tests.support.ways import ByHand, Way

TEAPOT = stock_item_id("TEAPOT")
"""A product with 230 events, and a snapshot of the latest 200."""


@pytest.fixture
def shop(persistence: Environment, open_way: OpenWay) -> Shop:
    """A shop with a product that sells well."""
    return busy(open_way(ByHand, persistence))


def busy(way: Way) -> Shop:
    """A shop with a product that sells well, and a snapshot of it."""
    shop = Shop(way)
    sell_well(shop.orderwright, "TEAPOT", 200)
    shop.orderwright.snapshots.taker.finish(within=60)
    sell_well(shop.orderwright, "TEAPOT", 30)
    return shop


def repository(shop: Shop) -> Any:
    return shop.orderwright.inventory.repository


def selected(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many events are read of the store of products from now on, in each read."""
    recorder, counts = shop.orderwright.inventory.recorder, []
    select = recorder.select_events

    def counted(*arguments: Any, **more: Any) -> Any:
        found = list(select(*arguments, **more))
        counts.append(len(found))
        return found

    monkeypatch.setattr(recorder, "select_events", counted)
    return counts


def state(aggregate: Any) -> dict[str, Any]:
    return dict(vars(aggregate))


def replayed(shop: Shop, version: int | None = None) -> dict[str, Any]:
    """The state as its events make it."""
    return replay_of(shop, TEAPOT, version)


def replay_of(shop: Shop, stream: UUID, version: int | None = None) -> dict[str, Any]:
    """The state of a product as its events make it."""
    loaded = shop.orderwright.inventory.repository.load(stream, version, replay=True)
    assert loaded is not None
    return state(loaded.aggregate)


def discarded(shop: Shop) -> dict[str, int]:
    return dict(snapshot_report(shop.orderwright).figures.discarded)


def row(shop: Shop) -> dict[str, Any]:
    """The snapshot as it is stored."""
    where = "SELECT * FROM @orderwright_snapshots WHERE stream_id = :stream"
    (found,) = shop.orderwright.snapshots.store.rows(where, {"stream": str(TEAPOT)})
    return found


def forge(shop: Shop, **columns: Any) -> None:
    """Change columns of the snapshot, as anybody can who may write there."""
    changes = ", ".join(f"{name} = :{name}" for name in columns)
    statement = f"UPDATE @orderwright_snapshots SET {changes} WHERE stream_id = :stream"
    shop.orderwright.snapshots.store.transact([(statement, {**columns, "stream": str(TEAPOT)})])


def test_what_is_loaded_is_what_a_replay_makes_and_most_events_are_not_read(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = repository(shop).get(TEAPOT)
    assert state(item) == replayed(shop)
    assert snapshot_report(shop.orderwright).figures.hits == 1

    counts = selected(shop, monkeypatch)
    repository(shop).get(TEAPOT)
    assert counts == [31], "the event that the snapshot was taken at, and those since"

    knows_nothing(shop)
    repository(shop).get(TEAPOT)
    assert counts[1:] == [101, 31], "a process that does not know of it reads as far as a short stream may go"


def knows_nothing(shop: Shop) -> None:
    """As in a process that has just begun."""
    for kept in shop.orderwright.snapshots.kept.values():
        kept._known.clear()


@pytest.mark.parametrize("is_known", [True, False])
def test_every_way_of_loading_uses_it(shop: Shop, is_known: bool) -> None:
    inventory = shop.orderwright.inventory
    expected = replayed(shop)
    if not is_known:
        knows_nothing(shop)
    page = IdentityMap(inventory.repository)
    with page.page():
        page.fetch([TEAPOT, stock_item_id("CUP")])
        assert state(page.get(TEAPOT)) == expected
    if not is_known:
        knows_nothing(shop)
    assert {id_: state(item) for id_, item in inventory.find_all(StockItem, [TEAPOT]).items()} == {
        TEAPOT: expected
    }
    assert state(inventory._recent.get(TEAPOT)) == expected
    assert snapshot_report(shop.orderwright).figures.hits == 3


def test_a_short_stream_costs_one_query_and_nobody_asks_for_a_snapshot(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    cup = sell_well(shop.orderwright, "CUP", 99)
    monkeypatch.setattr(shop.orderwright.snapshots.store, "rows", _must_not_be_asked)
    counts = selected(shop, monkeypatch)

    repository(shop).get(cup)
    shop.orderwright.inventory.find_all(StockItem, [cup])

    assert set(counts) <= {99}


def _must_not_be_asked(*_: Any) -> Any:
    raise AssertionError("nobody asks for a snapshot of a short stream")


def test_what_was_at_a_version_is_never_loaded_from_a_later_snapshot(shop: Shop) -> None:
    for version in (1, 99, 199, 200, 201, 230, 500):
        item = repository(shop).get(TEAPOT, version=version)

        assert item.version == min(version, 230)
        assert state(item) == replayed(shop, version)
    assert not any(discarded(shop).values()), "that one is later is nothing against it"


def test_each_of_many_streams_is_brought_up_to_date(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long and short, with a snapshot and without, known and unknown."""
    orderwright = shop.orderwright
    names = {"CUP": 3, "KETTLE": 150, "SPOON": 101}
    streams = [TEAPOT, *(sell_well(orderwright, sku, events) for sku, events in names.items())]
    drop_snapshots(orderwright, stream_id=stock_item_id("KETTLE"))
    inventory = orderwright.inventory
    expected = {id_: replay_of(shop, id_) for id_ in streams}

    for _ in ("the first time", "again"):
        found = inventory.find_all(StockItem, [*streams, UUID(int=7)])
        assert {id_: state(item) for id_, item in found.items()} == expected
    page = IdentityMap(inventory.repository)
    with page.page():
        page.fetch(streams)
    for sku in ("TEAPOT", "CUP"):
        sell_well(orderwright, sku, 120)
    with page.page():
        page.fetch(streams)
        for id_ in streams:
            assert state(page.get(id_)) == replay_of(shop, id_)


# What is wrong with a snapshot


def swapped(shop: Shop) -> dict[str, Any]:
    """The columns of the snapshot of another product."""
    cup = sell_well(shop.orderwright, "CUP", 200)
    take_snapshot(shop.orderwright, cup)
    where = "SELECT * FROM @orderwright_snapshots WHERE stream_id = :id"
    (other,) = shop.orderwright.snapshots.store.rows(where, {"id": str(cup)})
    drop_snapshots(shop.orderwright, stream_id=cup)
    return {name: other[name] for name in ("mark", "state", "digest", "version", "taken_at", "fingerprint")}


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param(lambda shop: {"state": _flipped(bytes(row(shop)["state"]))}, id="a byte of the state"),
        pytest.param(lambda shop: {"state": bytes(row(shop)["state"])[:-20]}, id="torn"),
        pytest.param(lambda shop: {"state": b""}, id="empty"),
        pytest.param(lambda shop: {"state": None}, id="no state"),
        pytest.param(lambda shop: {"version": 199}, id="another version"),
        pytest.param(lambda shop: {"topic": "Order"}, id="another kind"),
        pytest.param(lambda shop: {"mark": "0" * 64}, id="taken at another event"),
        pytest.param(lambda shop: {"digest": "0" * 64}, id="another digest"),
        pytest.param(swapped, id="that of another product"),
    ],
)
def test_one_that_was_altered_is_not_used_and_is_taken_anew(
    in_memory: Environment, open_way: OpenWay, columns: Callable[[Shop], dict[str, Any]]
) -> None:
    shop = busy(open_way(ByHand, in_memory))
    an_altered_one_is_not_used(shop, columns(shop))


def test_so_it_is_on_every_store(shop: Shop) -> None:
    an_altered_one_is_not_used(shop, {"state": _flipped(bytes(row(shop)["state"]))})


def an_altered_one_is_not_used(shop: Shop, columns: dict[str, Any]) -> None:
    forge(shop, **columns)

    with capture_logs() as lines:
        for _ in range(2):
            assert state(repository(shop).get(TEAPOT)) == replayed(shop)

    assert discarded(shop)["altered"] == 2
    told = [line for line in lines if "not used" in line["event"]]
    assert [line["stream"] for line in told] == [str(TEAPOT)], "once, with the stream"
    shop.orderwright.snapshots.taker.finish(within=60)
    assert row(shop)["version"] == 230
    assert state(repository(shop).get(TEAPOT)) == replayed(shop)
    assert discarded(shop)["altered"] == 2


def _flipped(state: bytes) -> bytes:
    return state[:-5] + bytes([state[-5] ^ 1]) + state[-4:]


def test_one_of_another_release_is_not_used_which_is_told_once_for_each_kind(shop: Shop) -> None:
    cup = sell_well(shop.orderwright, "CUP", 200)
    take_snapshot(shop.orderwright, cup)
    _by_another_release(shop)

    with capture_logs() as lines:
        for stream in (TEAPOT, cup, TEAPOT):
            repository(shop).get(stream)

    assert discarded(shop)["other_shape"] == 3
    assert len([line for line in lines if "another release" in line["event"]]) == 1
    shop.orderwright.snapshots.taker.finish(within=60)
    assert state(repository(shop).get(TEAPOT)) == replayed(shop)
    assert discarded(shop)["other_shape"] == 3


def _by_another_release(shop: Shop) -> None:
    """As if all had been taken by code with another memory."""
    store = shop.orderwright.snapshots.store
    for found in store.rows("SELECT * FROM @orderwright_snapshots", {}):
        other = {**found, "state": bytes(found["state"]), "fingerprint": "another"}
        store.transact([(tables.PUT, {**other, "digest": digest_of(other)})])


@pytest.fixture
def durable_shop(durable_persistence: Environment, open_way: OpenWay) -> Shop:
    """The same, where rows can be removed."""
    return busy(open_way(ByHand, durable_persistence))


def set_back(shop: Shop) -> None:
    """An older copy of the log is in place."""
    for version in range(230, 150, -1):
        delete(shop.orderwright, "Inventory", TEAPOT, version)


def test_a_log_that_was_set_back_has_no_use_for_it(durable_shop: Shop) -> None:
    """The stream ends before the snapshot."""
    shop = durable_shop
    set_back(shop)

    assert repository(shop).get(TEAPOT).version == 150
    assert state(repository(shop).get(TEAPOT)) == replayed(shop)
    assert discarded(shop)["not_of_this_log"] >= 1
    shop.orderwright.snapshots.taker.finish(within=60)
    assert row(shop)["version"] == 150


def test_a_log_that_was_set_back_and_has_grown_past_it_has_no_use_for_it(durable_shop: Shop) -> None:
    """The versions are there again, of other events."""
    shop = durable_shop
    set_back(shop)
    inventory = shop.orderwright.inventory
    for number in range(90):
        shop.receive("TEAPOT", 3, command_id=f"again-{number}")

    assert inventory.repository.get(TEAPOT).version == 240
    assert state(repository(shop).get(TEAPOT)) == replayed(shop)
    assert discarded(shop)["not_of_this_log"] >= 1


def test_damage_before_it_is_passed_over_and_found_by_a_replay(shop: Shop) -> None:
    change(shop.orderwright, "Inventory", TEAPOT, 50, state=truncated)

    assert repository(shop).get(TEAPOT).version == 230
    with pytest.raises(UnreadableEvent):
        repository(shop).load(TEAPOT, replay=True)
    drop_snapshots(shop.orderwright, stream_id=TEAPOT)
    with pytest.raises(UnreadableEvent):
        repository(shop).get(TEAPOT)


def test_damage_after_it_is_found(shop: Shop) -> None:
    change(shop.orderwright, "Inventory", TEAPOT, 210, state=truncated)

    with pytest.raises(UnreadableEvent, match="version 210"):
        repository(shop).get(TEAPOT)


def test_while_the_place_of_snapshots_is_away_everything_goes_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = shop.orderwright.snapshots.store
    expected = replayed(shop)
    opened = store._store

    asked = []

    def away(*_: Any) -> Any:
        asked.append(1)
        raise OperationalError("the disk is unplugged")

    with capture_logs() as lines, monkeypatch.context() as patch:
        patch.setattr(opened, "rows", away)
        patch.setattr(opened, "transact", away)
        for _ in range(3):
            assert state(repository(shop).get(TEAPOT)) == expected
        shop.receive("TEAPOT", 5)
        report = snapshot_report(shop.orderwright)
    assert report.fault is not None
    assert "unplugged" in report.fault
    assert len(asked) == 1, "nobody waits for it again and again"
    assert len([line for line in lines if "cannot be kept or used" in line["event"]]) == 1

    monkeypatch.setattr(store, "_away_until", 0.0)
    assert state(repository(shop).get(TEAPOT)) == replayed(shop)
    assert snapshot_report(shop.orderwright).fault is None


def test_what_is_kept_is_encrypted_and_compressed_as_the_events_are(
    on_sqlite: Environment, open_way: OpenWay
) -> None:
    key = b64encode(b"0123456789abcdef").decode()
    sealed = {"CIPHER_TOPIC": "eventsourcing.cipher:AESCipher", "CIPHER_KEY": key, "COMPRESSOR_TOPIC": "zlib"}
    shop = Shop(open_way(ByHand, on_sqlite | sealed))
    sell_well(shop.orderwright, "TEAPOT", 150)
    take_snapshot(shop.orderwright, TEAPOT)

    assert b"TEAPOT" not in bytes(row(shop)["state"])
    assert state(repository(shop).get(TEAPOT)) == replayed(shop)
    assert snapshot_report(shop.orderwright).figures.hits == 1
