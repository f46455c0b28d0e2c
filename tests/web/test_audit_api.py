"""The conservation audit over HTTP."""

from uuid import uuid4

from domain.payments import Payment
from domain.shared.causes import Cause, because_of
from domain.shared.money import Money
from tests.support.stories import FRIDAY_NOON
from tests.support.ways import UnderOurRunner
from tests.web.api import Api


def test_a_shop_that_works_is_clean(live_api: Api, live: UnderOurRunner) -> None:
    live_api.receive()
    orders = [live_api.placed(), live_api.placed(payment_method="pm_declined")]
    assert live_api.get("/operations/audit").json["is_clean"] is True
    live.settle()

    report = live_api.get("/operations/audit").json
    assert (report["is_clean"], report["orders"], report["products"]) == (True, 2, 1)
    assert report["money"] == [
        {
            "currency": "USD",
            "captured": "9.00",
            "refunded": "0.00",
            "owed": "9.00",
            "held_in_progress": "0.00",
            "held_waiting": "0.00",
            "difference": "0.00",
        }
    ]
    assert report["stock"] == {"on_hand": 100, "available": 98, "reserved": 2, "received": 100, "held": 2}
    assert report["positions"].keys() == {"Orders", "OrderFulfilment", "Payments", "Inventory"}
    alone = live_api.get(f"/operations/audit?order_id={orders[0]}").json
    assert (alone["is_clean"], alone["orders"], alone["products"], alone["stock"]) == (True, 1, 0, None)
    assert alone["money"] == report["money"]


def test_an_offender_is_named(api: Api) -> None:
    order = api.placed()
    stranger = uuid4()
    with because_of(Cause.command(time=FRIDAY_NOON, correlation_id="v", command_id="v", user="vandal")):
        payment = Payment.request(stranger, payment_method="pm_ok", amount=Money.of_minor(1250, "EUR"))
        payment.complete("ghost", 1)
    api.orderwright.payments.save(payment)

    for path in ("/operations/audit", f"/operations/audit?order_id={stranger}"):
        report = api.get(path).json
        assert report["is_clean"] is False
        (offender,) = report["offenders"]
        assert (offender["rule"], offender["order_id"]) == ("payment_has_order", str(stranger))
    assert api.get(f"/operations/audit?order_id={order}").json["is_clean"] is True


def test_what_an_audit_may_not_ask(api: Api) -> None:
    assert api.get("/operations/audit?order_id=x").code == "order_not_found"
    assert api.get(f"/operations/audit?order_id={uuid4()}").code == "order_not_found"
    assert api.get("/operations/audit?order=x").faults == [("/order", "unknown_parameter")]
