"""Payments over HTTP."""

from flask import Blueprint, Response

from .answers import answer
from .models import NoParameters
from .requests import fresh, order_id_in, orderwright, parameters

payments = Blueprint("payments", __name__)


@payments.get("/payments/<order_id>")
def show_payment(order_id: str) -> Response:
    """The payment of an order, from the payment ledger; 404 until its saga has asked for one."""
    parameters(NoParameters)
    return answer(fresh(orderwright().payment_ledger).payment(order_id_in(order_id)))
