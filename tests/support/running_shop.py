"""A shop, however it is run: the words that the stories are told in."""

from decimal import Decimal
from uuid import UUID, uuid4

from application.base import CommandContext
from application.orders import Item, PlaceOrder
from application.ports import PaymentGateway
from application.queries import OrderQuery, OrderRow, PageRequest
from application.views import FulfilmentView, OrderView, PaymentView, StockView
from domain.inventory import StockItem
from domain.payments import Payment
from domain.shared.ids import payment_id, stock_item_id
from system.bootstrap import Orderwright
from system.queries.fulfilment import fulfilment_of

from .ways import Way

Line = str | tuple[str, int] | tuple[str, int, str]
"""A SKU, with a quantity (else 1), with a unit price (else 10.00)."""


class Shop:
    """Takes goods in, takes orders, and lets a test look at everything."""

    def __init__(self, way: Way) -> None:
        self.way = way

    @property
    def orderwright(self) -> Orderwright:
        """The system behind the shop."""
        return self.way.orderwright

    @property
    def gateway(self) -> PaymentGateway:
        """The payment provider."""
        return self.orderwright.gateway

    # What people do

    def receive(self, sku: str, quantity: int = 100, *, command_id: str | None = None) -> str:
        """Take goods in; the id of the receipt."""
        return self.orderwright.inventory.receive_stock(
            sku, quantity, self._context("wanda", command_id)
        ).view.event_id

    def correct(
        self,
        sku: str,
        receipt: str,
        quantity: int,
        reason: str = "miscounted",
        *,
        command_id: str | None = None,
    ) -> None:
        """Correct what a receipt said."""
        context = self._context("wanda", command_id)
        self.orderwright.inventory.correct_receipt(sku, receipt, quantity, reason, context)

    def order(
        self,
        *lines: Line,
        pays: str = "pm_ok",
        customer: str = "ada",
        currency: str = "USD",
        ref: str | None = None,
        command_id: str | None = None,
    ) -> UUID:
        """Place an order, by the customer."""
        command = PlaceOrder(customer, currency, pays, [_item(line) for line in lines], order_ref=ref)
        written = self.orderwright.orders.place_order(command, self._context(customer, command_id))
        return UUID(written.view.order_id)

    def cancel(
        self, order: UUID, reason: str = "changed my mind", *, command_id: str | None = None
    ) -> OrderView:
        """Cancel an order, by the customer."""
        return self.orderwright.orders.cancel_order(order, reason, self._context("ada", command_id)).view

    def settle(self) -> None:
        """Let everything come to rest."""
        self.way.settle()

    # What there is to see

    def view(self, order: UUID) -> OrderView:
        """The order."""
        return self.orderwright.orders.order(order)

    def status(self, order: UUID) -> str:
        """Where the order stands."""
        return self.view(order).status

    def saga(self, order: UUID) -> FulfilmentView:
        """The order's fulfilment, from its own events."""
        return fulfilment_of(self.orderwright, order)

    def log(self, order: UUID) -> list[str]:
        """The order's saga log, an entry a line: step, status, attempt."""
        return [f"{entry.step} {entry.status} {entry.attempt}" for entry in self.saga(order).steps]

    def errors(self, order: UUID) -> list[str]:
        """The errors in the order's saga log."""
        return [entry.error for entry in self.saga(order).steps if entry.error is not None]

    def payment(self, order: UUID) -> PaymentView:
        """The order's payment, as the ledger has it."""
        return self.orderwright.payment_ledger.payment(order)

    def paid(self, order: UUID) -> Payment | None:
        """The order's payment, or None when it was never asked for."""
        return self.orderwright.payments.find(Payment, payment_id(order))

    def stock(self, sku: str) -> StockView:
        """The stock of a product, as the read model has it."""
        return self.orderwright.stock_levels.stock(sku)

    def item(self, sku: str) -> StockItem | None:
        """The stock of a product, or None when it was never received."""
        return self.orderwright.inventory.find(StockItem, stock_item_id(sku))

    def reserved(self, sku: str) -> int:
        """How many of a product are reserved."""
        item = self.item(sku)
        return 0 if item is None else item.reserved

    def dashboard(self, query: OrderQuery | None = None) -> dict[str, OrderRow]:
        """The first 500 orders of the dashboard, by id."""
        page = self.orderwright.dashboard.list_orders(query or OrderQuery(), PageRequest(limit=500))
        return {row.order_id: row for row in page.items}

    def context(self, user: str, command_id: str | None = None) -> CommandContext:
        """The context of a command by somebody, now."""
        return self._context(user, command_id)

    def _context(self, user: str, command_id: str | None = None) -> CommandContext:
        return CommandContext(command_id or str(uuid4()), self.orderwright.clock(), user)


def _item(line: Line) -> Item:
    match line:
        case str():
            return Item(line, 1, Decimal("10.00"))
        case (sku, quantity):
            return Item(sku, quantity, Decimal("10.00"))
        case (sku, quantity, price):
            return Item(sku, quantity, Decimal(price))


def stocked(way: Way, pieces: int) -> Shop:
    """A shop with so many pieces of CD-X1, of which everybody has heard."""
    shop = Shop(way)
    shop.receive("CD-X1", pieces)
    shop.settle()
    return shop
