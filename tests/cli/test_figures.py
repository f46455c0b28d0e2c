"""`orderwright fulfilments figures`."""

from .console import Console


def test_the_figures_of_a_demo(console: Console) -> None:
    console("demo", "--orders", 20)
    told = console.json("fulfilments", "figures")
    assert told["started"] == 20
    assert told["completed"] + told["failed"] + told["running"] + told["waiting"] == 20
    assert told["waiting"] > 0
    assert sum(reason["count"] for reason in told["reasons"]) == 20 - told["completed"]
    assert console.json("fulfilments", "figures", "--since", "2999-01-01")["started"] == 0

    text = console("fulfilments", "figures").stdout
    lines = {line.split("  ")[0]: line.split() for line in text.splitlines()}
    assert lines["started"][-1] == "20"
    assert lines["waiting for a person"][-1] == str(told["waiting"])
    assert lines["ProcessPayment"][1] == "20"
    assert lines["failure rate"][-1] == f"{told['failure_rate']:.2%}"
    assert "payment declined" in text


def test_an_empty_store_has_figures_too(console: Console) -> None:
    assert "failure rate" in console("fulfilments", "figures").stdout
    assert "is not a time" in console.error("fulfilments", "figures", "--since", "soon", code=2)["detail"]
