"""Helping a fulfilment over HTTP: each action with its reason, each refusal with its code."""

import pytest

from tests.support.ways import ByHand
from tests.web.api import Api

WHY = {"reason": "olga has looked at it"}


@pytest.fixture
def stuck(api: Api, idle: ByHand) -> str:
    """An order whose refund failed for good."""
    order = api.placed(payment_method="pm_refund_fails")
    idle.settle()
    assert api.get(f"/operations/fulfilments/{order}").json["steps"][-1]["status"] == "COMPENSATION_FAILED"
    return order


def test_a_fulfilment_shows_each_attempt_and_when_the_next_is_due(api: Api, stuck: str) -> None:
    answer = api.get(f"/operations/fulfilments/{stuck}")

    assert (answer.status, answer.json["status"]) == (200, "COMPENSATING")
    undoing = [step for step in answer.json["steps"] if step["status"] == "COMPENSATING"]
    assert [step["next_at"] is not None for step in undoing] == [False, True, True, True, True]


def test_it_is_retried_resumed_and_ended_by_hand(api: Api, idle: ByHand, stuck: str) -> None:
    fulfilment = f"/operations/fulfilments/{stuck}"
    assert api.post(f"{fulfilment}/retry", WHY).status == 200
    idle.settle()
    assert api.post(f"{fulfilment}/resume-from", {**WHY, "step": "ProcessPayment"}).status == 200
    idle.settle()
    refused = api.post(f"{fulfilment}/force-fail", WHY)
    assert (refused.status, refused.code) == (409, "intervention_refused")
    ended = api.post(f"{fulfilment}/force-fail", {**WHY, "refund_reference": "transfer 4711"})
    assert ended.status == 200
    idle.settle()

    assert api.get(f"/orders/{stuck}").json["status"] == "CANCELLED"
    assert api.post(f"{fulfilment}/retry", WHY).code == "fulfilment_over"


@pytest.mark.parametrize(
    ("action", "body", "status", "code"),
    [
        ("retry", {}, 400, "missing_field"),
        ("retry", {"reason": ""}, 422, "invalid_length"),
        ("retry", {"reason": "x" * 501}, 422, "invalid_length"),
        ("resume-from", {**WHY, "step": "PaintTheFence"}, 422, "unknown_step"),
        ("resume-from", {**WHY, "step": "ReserveInventory"}, 409, "step_not_awaited"),
        ("force-complete", WHY, 409, "intervention_refused"),
    ],
)
def test_what_cannot_be_done_has_a_code(
    api: Api, stuck: str, action: str, body: dict[str, str], status: int, code: str
) -> None:
    answer = api.post(f"/operations/fulfilments/{stuck}/{action}", body)

    assert (answer.status, answer.code) == (status, code)


def test_an_order_that_is_not_there(api: Api) -> None:
    order = "6b7bc545-812e-5ca7-8b10-6a64b6f9e89b"
    assert api.post(f"/operations/fulfilments/{order}/retry", WHY).code == "order_not_found"
