"""Stock over HTTP. A SKU may hold slashes, so it takes the rest of the address."""

from typing import Annotated

from flask import Blueprint, Response
from pydantic import AfterValidator

from .answers import answer, written
from .models import Model, NoParameters, PageParameters, Reason, text_of
from .requests import body, command_context, expected_version, fresh, orderwright, parameters, seen, sku_in

stock = Blueprint("stock", __name__)

MAX_EVENT_ID = 64
EventId = Annotated[str, AfterValidator(text_of(MAX_EVENT_ID))]


class ReceiptBody(Model):
    """Goods that came in."""

    quantity: int


class CorrectionBody(Model):
    """What an earlier receipt should have said, and why it did not."""

    event_id: EventId
    quantity: int
    reason: Reason


class StockListParameters(PageParameters):
    """Which products, which page. The one with this SKU, where its address would be taken for another's."""

    sku: str | None = None


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
    """A page of all products, or of the one that is named, by SKU, from the stock levels."""
    wanted = parameters(StockListParameters)
    sku = None if wanted.sku is None else sku_in(wanted.sku)
    return answer(seen(orderwright().stock_levels).list_stock(wanted.page, sku))


@stock.get("/stock/<path:sku>")
def show_stock(sku: str) -> Response:
    """The stock of a product, from the stock levels."""
    parameters(NoParameters)
    return answer(fresh(orderwright().stock_levels).stock(sku_in(sku)))
