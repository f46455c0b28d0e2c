"""Helping a fulfilment from the command line."""

import pytest

from .console import Console


@pytest.fixture
def order(console: Console) -> str:
    """An order of the demo whose refund failed for good."""
    console("demo", "--orders", "60")
    cases = console.json("dead-letters", "list", "--kind", "saga", "--all")["items"]
    return str(cases[0]["order_id"])


def last_step(console: Console, order: str) -> str:
    return str(console.json("fulfilments", "show", order)["steps"][-1]["status"])


def test_a_fulfilment_is_retried_and_then_ended_with_a_refund_made_by_hand(
    console: Console, order: str
) -> None:
    assert last_step(console, order) == "COMPENSATION_FAILED"
    console("fulfilments", "retry", order, "--reason", "the provider is back", "--user", "olga")
    assert last_step(console, order) == "COMPENSATING"

    interventions = [
        (event["user"], event["payload"]["reason"])
        for event in console.json("orders", "events", order)["events"]
        if event["type"] == "Fulfilment.InterventionMade"
    ]
    assert interventions == [("olga", "the provider is back")]
    assert "olga intervened (retry ProcessPayment)" in console("orders", "explain", order).output


def test_ending_by_hand_asks_and_is_refused_while_money_is_held(console: Console, order: str) -> None:
    force_fail = ("fulfilments", "force-fail", order, "--reason", "card closed")
    assert console(*force_fail, code=130).output
    refused = console(*force_fail, "--yes", code=1)
    assert "are charged and not given back" in refused.output + refused.stderr

    hidden = console(*force_fail, "--yes", "--refund-reference", "transfer\u200b4711", code=2)
    assert "has a character that cannot be seen (U+200B)" in hidden.output + hidden.stderr

    console(*force_fail, "--yes", "--refund-reference", "transfer 4711")
    assert last_step(console, order) == "COMPENSATED"


def test_a_reason_is_needed_and_the_step_has_to_be_awaited(console: Console, order: str) -> None:
    console("fulfilments", "retry", order, code=2)
    resume = ("fulfilments", "resume-from", order)
    console(*resume, "ReserveInventory", "--reason", "try", code=1)
    console(*resume, "PaintTheFence", "--reason", "try", code=1)
    console(*resume, "ProcessPayment", "--reason", "try")
