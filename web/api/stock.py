"""Stock over HTTP. A SKU may hold slashes, so it takes the rest of the address."""

from flask import Blueprint, Response

from .answers import answer, written
from .models import CorrectionBody, NoParameters, PageParameters, ReceiptBody
from .requests import body, command_context, expected_version, fresh, orderwright, parameters, seen, sku_in

stock = Blueprint("stock", __name__)


@stock.post("/stock/<path:sku>/receipts")
def receive_stock(sku: str) -> Response:
    """Take goods in. The answer names the event, for a later correction."""
    received = body(ReceiptBody)
    done = orderwright().inventory.receive_stock(
        sku, received.quantity, command_context(), expected_version=expected_version()
    )
    return written(done, 201)


@stock.post("/stock/<path:sku>/corrections")
def correct_receipt(sku: str) -> Response:
    """Correct what a receipt should have said."""
    correction = body(CorrectionBody)
    done = orderwright().inventory.correct_receipt(
        sku,
        correction.event_id,
        correction.quantity,
        correction.reason,
        command_context(),
        expected_version=expected_version(),
    )
    return written(done)


@stock.get("/stock")
def list_stock() -> Response:
    """A page of all products, by SKU, from the stock levels."""
    page = parameters(PageParameters).page
    return answer(seen(orderwright().stock_levels).list_stock(page))


@stock.get("/stock/<path:sku>")
def show_stock(sku: str) -> Response:
    """The stock of a product, from the stock levels."""
    parameters(NoParameters)
    return answer(fresh(orderwright().stock_levels).stock(sku_in(sku)))
