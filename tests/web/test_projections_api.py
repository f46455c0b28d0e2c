"""The read models and their versions over HTTP."""

from application.base import CommandContext
from system.recovery.read_models.building import rebuild
from system.recovery.read_models.parity import compare
from tests.support.ways import ByHand
from tests.web.api import Api


def test_every_read_model_is_shown_with_its_versions(api: Api, idle: ByHand) -> None:
    api.receive()
    idle.settle()
    rebuild(api.orderwright, "StockLevels", CommandContext("build", api.orderwright.clock(), "olga"))
    shown = api.get("/operations/projections").json["items"]
    assert [one["name"] for one in shown] == [
        *("OrderDashboard", "PaymentCalls", "PaymentLedger", "SagaLog", "StockLevels"),
    ]

    one = api.get("/operations/projections/stock_levels").json
    assert one == api.get("/operations/projections/StockLevels").json == shown[-1]
    assert (one["word"], one["follows"], one["served"], one["used"]) == ("stock_levels", ["Inventory"], 1, 1)
    assert [(v["version"], v["state"], v["is_served"]) for v in one["versions"]] == [
        (1, "ready", True),
        (2, "ready", False),
    ]
    assert one["versions"][1]["rows"] == {"stock_levels_v2": 1}


def test_one_that_there_is_not_is_not_found(api: Api) -> None:
    answer = api.get("/operations/projections/dashboards")
    assert (answer.status, answer.code) == (404, "unknown_read_model")
    assert "OrderDashboard" in answer.json["detail"]


def test_the_last_comparison_of_a_version_is_shown(api: Api, idle: ByHand) -> None:
    api.receive()
    idle.settle()
    rebuild(api.orderwright, "StockLevels", CommandContext("build", api.orderwright.clock(), "olga"))
    nobody_did = api.get("/operations/projections/StockLevels/comparison").json
    assert (nobody_did["version"], nobody_did["comparison"], nobody_did["accepted"]) == (2, None, [])

    compare(api.orderwright, api.orderwright.stock_levels, 2)

    shown = api.get("/operations/projections/stock_levels/comparison?version=2").json["comparison"]
    assert (shown["against"], shown["rows"], shown["groups"]) == (1, 1, [])
    unknown = api.get("/operations/projections/StockLevels/comparison?version=9")
    assert (unknown.status, unknown.code) == (404, "unknown_version")
