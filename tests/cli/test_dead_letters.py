"""The dead-letter desk from the command line."""

from typing import Any

import pytest

from system.projections.order_dashboard.follower import OrderDashboard
from tests.support.poison import short_pauses

from .console import Console
from .files import SMALL, write_orders

__all__ = ["short_pauses"]


class Fault:
    """A fault in the code of the order dashboard, until it is mended."""

    is_there = True


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> Fault:
    """The list of orders cannot bear a completed payment."""
    fault, handle = Fault(), OrderDashboard.handle

    def fails(self: OrderDashboard, event: Any, work: Any) -> None:
        if fault.is_there and type(event).__qualname__ == "Payment.Completed":
            raise ValueError("cannot bear it")
        handle(self, event, work)

    monkeypatch.setattr(OrderDashboard, "handle", fails)
    return fault


@pytest.fixture
def shop(console: Console, fault: Fault) -> Console:
    """A store with two orders that the list of orders knows the beginning of."""
    console("import", write_orders(console.folder / "orders.csv", *SMALL[:3]), "--receive-stock")
    return console


def cases(shop: Console, *options: object) -> Any:
    return shop.json("dead-letters", "list", *options)["items"]


def test_what_waits_is_listed_and_shown(shop: Console) -> None:
    first, second = cases(shop)
    assert cases(shop, "--order", second["order_id"], "--kind", "projection") == [second]
    assert cases(shop, "--follower", "OrderDashboard", "--error", "BEAR", "--all") == [first, second]
    assert cases(shop, "--until", "2024-01-01") == []
    table = shop("dead-letters", "list").stdout.splitlines()
    assert table[0].split()[:3] == ["since", "case", "kind"]
    assert first["case_id"] in table[1]
    assert shop("dead-letters", "list", "--kind", "saga").stdout == "Nothing waits for a person.\n"
    shown = shop("dead-letters", "show", first["case_id"]).stdout
    assert "ValueError: cannot bear it" in shown
    assert f'"order_id": "{first["order_id"]}"' in shown
    assert "Order.Confirmed" in shown
    detail = shop("doctor", code=1).stdout
    assert "dead-letters list" in detail


def test_a_dry_run_a_failure_and_a_retry_after_the_fix(shop: Console, fault: Fault) -> None:
    case = cases(shop)[0]
    name = case["case_id"]
    would = shop("dead-letters", "retry", name, "--dry-run", code=1).stdout
    assert "would fail: ValueError: cannot bear it" in would
    failed = shop("dead-letters", "retry", name, "--reason", "perhaps now", code=1).stdout
    assert f"({name}) failed: ValueError: cannot bear it" in failed
    assert cases(shop)[0]["attempts"] == 4

    fault.is_there = False
    would = shop("dead-letters", "retry", name, "--sequence", "--dry-run").stdout
    assert 'payment_status: "REQUESTED" -> "COMPLETED"' in would
    assert "Nothing was changed. 0 events would still wait." in would
    assert cases(shop)[0]["attempts"] == 4
    done = shop("dead-letters", "retry", name, "--sequence", "--reason", "fixed", "--user", "opal").stdout
    assert "Order.Confirmed" in done
    assert len(cases(shop)) == 1
    assert shop.json("orders", "list", "--status", "CONFIRMED")["items"][0]["order_id"] == case["order_id"]
    told = shop("orders", "explain", case["order_id"]).stdout
    assert "opal had Payment.Completed at position" in told
    assert "(reason: fixed)" in told
    assert shop.error("dead-letters", "retry", name, code=1)["code"] == "case_not_found"


def test_all_are_retried_after_a_question(shop: Console, fault: Fault) -> None:
    assert shop.json("dead-letters", "retry", "--all", "--dry-run")["matching"] == 2
    asked = shop("dead-letters", "retry", "--all", code=130)  # nobody answers
    assert "Retry 2 cases" in asked.stderr
    assert len(cases(shop)) == 2
    failed = shop.json("dead-letters", "retry", "--all", "--yes", code=1)
    assert (failed["cured"], failed["failed"]) == (0, 2)
    fault.is_there = False
    text = shop("dead-letters", "retry", "--all", "--error", "bear", "--yes", "--reason", "fixed").stdout
    assert text.startswith("2 of 2 cases were retried, with ")
    assert cases(shop) == []
    assert "Nothing that could be retried" in shop("dead-letters", "retry", "--all", "--yes").stdout
    assert shop("doctor").exit_code == 0


def test_an_event_is_given_up(shop: Console) -> None:
    case = cases(shop)[0]
    name = case["case_id"]
    shop("dead-letters", "discard", name, "--reason", "no use", code=130)  # nobody says yes
    assert cases(shop)[0] == case
    report = shop.json("dead-letters", "discard", name, "--reason", "no use", "--yes")
    assert (report["events"][0]["result"], report["still_waiting"]) == ("discarded", case["held_back"])
    told = shop("orders", "explain", case["order_id"]).stdout
    assert "ada discarded Payment.Completed at position" in told


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("retry", "usage"),
        ("retry X --all", "usage"),
        ("retry --all --sequence", "usage"),
        ("retry X --kind saga", "usage"),
        ("retry --all --kind ghost", "invalid_query"),
        ("list --follower Ghost", "invalid_query"),
        ("list --order x", "usage"),
        ("discard X", "usage"),
    ],
)
def test_wrong_usage(console: Console, words: str, code: str) -> None:
    assert console.error("dead-letters", *words.split(), code=2)["code"] == code


def test_what_is_no_case(console: Console) -> None:
    for words in (("show", "X"), ("retry", "X"), ("discard", "X", "--reason", "x", "--yes")):
        assert console.error("dead-letters", *words, code=1)["code"] == "case_not_found"
