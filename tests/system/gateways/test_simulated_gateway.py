"""The table of the simulated provider, line by line; and that a key is one charge."""

from decimal import Decimal

import pytest

from application.ports import ChargeDeclined, ChargeRequest, GatewayError, GatewayTimeout, RefundRequest
from system.gateways.simulated import PAYMENT_METHODS, SimulatedGateway

ANSWERS: dict[str, list[object]] = {
    "pm_ok": ["charged", "charged"],
    "pm_declined": [ChargeDeclined, ChargeDeclined],
    "pm_error_once": [GatewayError, "charged"],
    "pm_timeout": ["charged", "charged"],  # of another attempt's key the first call is not answered either
    "pm_refund_fails": ["charged", "charged"],
    "pm_refund_fails_once": ["charged", "charged"],
    "pm_sea_shells": [ChargeDeclined, ChargeDeclined],
}


def charge(gateway: SimulatedGateway, pays: str, attempt: int = 1) -> object:
    """The kind of error a charge ends with, or "charged"."""
    request = ChargeRequest(f"payment-1:charge:{attempt}", pays, Decimal("9.99"), "USD")
    try:
        assert gateway.charge(request).startswith("ch_")
    except Exception as error:
        return type(error)
    return "charged"


def refund(gateway: SimulatedGateway, pays: str, attempt: int = 1) -> object:
    """The kind of error a refund ends with, or "refunded"."""
    request = RefundRequest(f"payment-1:refund:{attempt}", "ch_1", pays, Decimal("9.99"), "USD")
    try:
        gateway.refund(request)
    except Exception as error:
        return type(error)
    return "refunded"


@pytest.mark.parametrize("pays", [*PAYMENT_METHODS, "pm_sea_shells"])
def test_each_payment_method_answers_as_the_table_says(pays: str) -> None:
    gateway = SimulatedGateway()
    if pays == "pm_timeout":
        assert charge(gateway, pays) is GatewayTimeout
        assert len(gateway.charges) == 1, "it did charge"
    assert [charge(gateway, pays, attempt) for attempt in (1, 1 if pays == "pm_timeout" else 2)] == ANSWERS[
        pays
    ]
    assert len(gateway.charges) == {"pm_timeout": 1, "pm_error_once": 1}.get(
        pays, sum(answer == "charged" for answer in ANSWERS[pays])
    )


def test_refunds_work_unless_the_method_says_otherwise() -> None:
    gateway = SimulatedGateway()
    assert refund(gateway, "pm_ok") == "refunded"
    assert [refund(gateway, "pm_refund_fails", attempt) for attempt in (1, 2, 5)] == [GatewayError] * 3
    assert [refund(gateway, "pm_refund_fails_once", attempt) for attempt in (1, 1, 2)] == [
        GatewayError,
        GatewayError,
        "refunded",
    ]


def test_the_same_key_is_the_same_charge_with_the_same_reference() -> None:
    gateway = SimulatedGateway()
    request = ChargeRequest("payment-1:charge:1", "pm_ok", Decimal("9.99"), "USD")
    other = ChargeRequest("payment-2:charge:1", "pm_ok", Decimal("9.99"), "USD")

    assert gateway.charge(request) == gateway.charge(request)
    assert gateway.charge(other) != gateway.charge(request)
    assert list(gateway.charges) == ["payment-1:charge:1", "payment-2:charge:1"]
    refunded = RefundRequest("payment-1:refund:1", "ch_1", "pm_ok", Decimal("9.99"), "USD")
    gateway.refund(refunded)
    gateway.refund(refunded)
    assert len(gateway.refunds) == 1


def test_another_process_of_it_gives_the_same_reference() -> None:
    request = ChargeRequest("payment-1:charge:1", "pm_ok", Decimal("9.99"), "USD")
    assert SimulatedGateway().charge(request) == SimulatedGateway().charge(request)
