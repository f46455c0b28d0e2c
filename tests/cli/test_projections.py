"""Read models built anew by command: what is told, asked and refused."""

import signal
from typing import Any

import pytest

from system.followers import builder
from system.followers.builder import Builder
from system.projections.stock_levels import StockLevels

from .console import Console


@pytest.fixture
def shop(console: Console) -> Console:
    """A shop with a product and two orders."""
    console("stock", "receive", "TEAPOT", 10)
    for ref in ("A-1", "A-2"):
        words = ("--customer", "ada", "--currency", "USD", "--payment-method", "pm_ok")
        console("orders", "place", *words, "--item", "TEAPOT:1:39.90", "--ref", ref)
    return console


def versions(console: Console, name: str) -> list[tuple[int, str, bool]]:
    """Number, state and whether it is served, of each version."""
    report = console.json("projections", "status", name)
    return [(one["version"], one["state"], one["is_served"]) for one in report["versions"]]


def test_a_read_model_is_built_anew_switched_to_switched_back_and_the_new_one_dropped(shop: Console) -> None:
    built = shop("projections", "rebuild", "order_dashboard").output
    assert "Built version 2 of OrderDashboard" in built
    assert "To have it served: orderwright projections switch OrderDashboard" in built
    assert versions(shop, "OrderDashboard") == [(1, "ready", True), (2, "ready", False)]

    switched = shop("projections", "switch", "OrderDashboard", "--reason", "a column more").output
    assert "Version 2 of OrderDashboard is served, version 1 is kept." in switched
    assert len(shop.json("orders", "list")["items"]) == 2
    shop("projections", "switch", "OrderDashboard", "--version", 1)
    assert versions(shop, "OrderDashboard") == [(1, "ready", True), (2, "ready", False)]
    assert "Nothing new" in shop("projections", "switch", "OrderDashboard", "--version", 1).output

    dropped = shop("projections", "drop", "OrderDashboard", "--version", 2, "--yes").output
    assert dropped == "Version 2 of OrderDashboard is dropped: order_dashboard_v2.\n"
    assert versions(shop, "OrderDashboard") == [(1, "ready", True), (2, "dropped", False)]
    assert shop.json("projections", "status", "OrderDashboard")["switches"][1]["reason"] == "a column more"


def test_all_are_listed_with_what_they_have_read(shop: Console) -> None:
    items = shop.json("projections", "list")["items"]
    assert [one["name"] for one in items] == [
        *("OrderDashboard", "PaymentCalls", "PaymentLedger", "SagaLog", "StockLevels"),
    ]
    (levels,) = [one for one in items if one["name"] == "StockLevels"]
    (version,) = levels["versions"]
    assert version["events_read"] == version["events"] > 0
    assert version["rows"] == {"stock_levels": 1}
    assert "OrderDashboard        1  ready, served" in shop("projections", "list").output
    assert "StockLevels follows Inventory." in shop("projections", "status").output


def test_reset_builds_and_switches_when_somebody_says_so(shop: Console) -> None:
    shop("projections", "reset", "saga_log", code=130)  # nobody answers
    assert versions(shop, "SagaLog") == [(1, "ready", True)]
    done = shop.json("projections", "reset", "saga_log", "--yes")
    assert (done["built"]["version"], done["switched"]["before"], done["switched"]["reason"]) == (
        2,
        1,
        "reset",
    )
    assert versions(shop, "SagaLog") == [(1, "ready", False), (2, "ready", True)]


def test_what_is_not_there_or_is_served_is_refused(shop: Console) -> None:
    for command in (("rebuild", "Dash"), ("status", "Dash"), ("switch", "Dash"), ("reset", "Dash", "--yes")):
        error = shop.error("projections", *command, code=1)
        assert error["code"] == "unknown_read_model"
        assert "OrderDashboard, PaymentCalls, PaymentLedger, SagaLog, StockLevels" in error["detail"]
    drop = ("projections", "drop", "SagaLog", "--yes", "--version")
    assert shop.error(*drop, 1, code=1)["code"] == "version_in_use"
    assert shop.error(*drop, 9, code=1)["code"] == "unknown_version"
    assert shop.error("projections", "switch", "SagaLog", "--version", 9, code=1)["code"] == "unknown_version"
    shop("projections", "drop", "SagaLog", "--version", 2, code=1)


def test_ctrl_c_ends_a_build_after_the_page_and_says_how_it_goes_on(
    shop: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, "FIRST_PAGE", 2)
    advance = Builder.advance

    def interrupted(self: Builder) -> int:
        signal.raise_signal(signal.SIGINT)
        return advance(self)

    with monkeypatch.context() as patch:
        patch.setattr(Builder, "advance", interrupted)
        told = shop("projections", "rebuild", "SagaLog", code=130).output
    assert "Stopped: version 2 of SagaLog has 2 of " in told
    assert "To go on: orderwright projections rebuild SagaLog" in told
    assert "To give up: orderwright projections drop SagaLog --version 2" in told
    not_ready = shop.error("projections", "switch", "SagaLog", code=1)
    assert (not_ready["code"], "not built to the end" in not_ready["detail"]) == ("not_switched", True)

    assert shop.json("projections", "rebuild", "SagaLog")["was_begun_before"]


def test_an_event_that_cannot_be_taken_in_is_told_and_the_version_stays_as_it_was(
    shop: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = StockLevels.handle

    def fails(self: StockLevels, event: Any, work: Any) -> None:
        handle(self, event, work)
        if event.TOPIC == "StockItem.Received":
            raise ValueError("cannot bear it")

    monkeypatch.setattr(StockLevels, "handle", fails)
    told = shop("projections", "reset", "StockLevels", "--yes", code=1).output
    assert "1 events could not be taken in" in told
    assert "StockItem.Received" in told
    assert "ValueError: cannot bear it" in told
    assert versions(shop, "StockLevels") == [(1, "ready", True), (2, "ready", False)]
    doctor = {check["name"]: check for check in shop.json("doctor")["checks"]}
    assert doctor["read models"]["status"] == "warning"
    assert "version 2 of StockLevels could not take in 1 events" in doctor["read models"]["detail"]
