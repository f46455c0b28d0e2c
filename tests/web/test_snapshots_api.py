"""The snapshots over HTTP, and as metrics."""

from system.operations.snapshots import take_snapshot
from tests.support.snapshots import sell_well
from tests.support.ways import ByHand
from tests.web.api import Api

SNAPSHOTS = "/operations/snapshots"


def test_the_snapshots_are_told_as_json(api: Api, idle: ByHand) -> None:
    stream = sell_well(idle.orderwright, "TEAPOT", 150)
    idle.orderwright.inventory.repository.get(stream)
    take_snapshot(idle.orderwright, stream)
    idle.orderwright.inventory.repository.get(stream)

    told = api.get(SNAPSHOTS).json

    assert (told["count"], told["fault"], told["as_of"]) == (1, None, "2024-05-17T12:00:00.000000Z")
    assert (told["oldest_age_seconds"], told["queue_length"], told["long_replays"]) == (0, 0, [])
    (kind,) = [kind for kind in told["kinds"] if kind["count"]]
    assert (kind["aggregate"], kind["every"], kind["count"], kind["bytes"]) == (
        "StockItem",
        100,
        1,
        told["bytes"],
    )
    assert (
        kind["figures"]
        == told["figures"]
        == {
            "hits": 1,
            "misses": 1,
            "discarded": {"other_shape": 0, "altered": 0, "not_of_this_log": 0},
            "taken": 1,
            "dropped": 0,
            "failed": 0,
        }
    )


def test_nothing_more_can_be_asked(api: Api) -> None:
    answer = api.get(f"{SNAPSHOTS}?since=2024-05-17T12:00:00Z")
    assert (answer.status, answer.faults) == (400, [("/since", "unknown_parameter")])


def test_they_are_measured(api: Api, idle: ByHand) -> None:
    stream = sell_well(idle.orderwright, "TEAPOT", 150)
    take_snapshot(idle.orderwright, stream)
    idle.orderwright.inventory.repository.get(stream)

    lines = api.client.get("/metrics").get_data(as_text=True).splitlines()

    assert 'orderwright_snapshots{aggregate="StockItem"} 1.0' in lines
    assert 'orderwright_snapshot_loads_total{aggregate="StockItem",outcome="hit"} 1.0' in lines
    assert "orderwright_snapshots_taken_total 1.0" in lines
    assert "orderwright_snapshots_waiting 0.0" in lines
