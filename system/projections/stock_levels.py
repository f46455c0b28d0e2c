"""The stock levels: on hand, reserved and available of every product."""

from typing import Any

from eventsourcing.dispatch import singledispatchmethod

from application.inventory import ProductNotFound
from application.paging import check_limit, decode_cursor, page_of
from application.queries import PageRequest
from application.views import Page, StockView
from domain.inventory import Reservation, StockItem, Supply
from system.followers.projection import Projection
from system.followers.subjects import PRODUCT
from system.followers.unit_of_work import UnitOfWork
from system.persistence.tables import Table

# An event that was parked and is retried later must not set the level back: the newest version stays.
STOCK_LEVELS = Table(
    "stock_levels",
    columns={
        "sku": "TEXT",
        "on_hand": "BIGINT NOT NULL",
        "reserved": "BIGINT NOT NULL",
        "version": "BIGINT NOT NULL",
    },
    key=("sku",),
    newest_by="version",
)


class StockLevels(Projection):
    """Follows the inventory."""

    name = "StockLevels"
    tables = (STOCK_LEVELS,)
    subject = PRODUCT
    ignored = frozenset(
        {
            Reservation.Made,
            Reservation.Rejected,
            Reservation.Released,
            Reservation.ReleasedByHand,
            Reservation.Refused,
            Supply.Received,
            Supply.Changed,
        }
    )

    @singledispatchmethod
    def react(self, event: Any, work: UnitOfWork) -> None:
        """See `Follower.react`."""

    @react.register
    def _(self, event: StockItem.Introduced, work: UnitOfWork) -> None:
        self._set(work, event.sku, 0, 0, event.originator_version)

    @react.register(StockItem.Received)
    @react.register(StockItem.Corrected)
    @react.register(StockItem.Reserved)
    @react.register(StockItem.Released)
    def _(self, event: Any, work: UnitOfWork) -> None:
        self._set(work, event.sku, event.on_hand, event.reserved, event.originator_version)

    def _set(self, work: UnitOfWork, sku: str, on_hand: int, reserved: int, version: int) -> None:
        work.put(STOCK_LEVELS, sku=sku, on_hand=on_hand, reserved=reserved, version=version)

    def stock(self, sku: str) -> StockView:
        """The stock of a product, or `ProductNotFound`."""
        rows = self.rows("SELECT * FROM @stock_levels WHERE sku = :sku", sku=sku)
        if not rows:
            raise ProductNotFound(f"product {sku!r} was never received")
        return _view(rows[0])

    def list_stock(self, page: PageRequest, sku: str | None = None) -> Page[StockView]:
        """One page of all products, by SKU; or of the one with this SKU."""
        limit = check_limit(page)
        after = decode_cursor(page.cursor, str)[0] if page.cursor is not None else ""
        condition, named = ("AND sku = :sku", {"sku": sku}) if sku is not None else ("", {})
        rows = self.rows(
            f"SELECT * FROM @stock_levels WHERE sku > :after {condition} ORDER BY sku LIMIT :limit",
            after=after,
            limit=limit + 1,
            **named,
        )
        return page_of(rows, limit, _view, lambda row: (row["sku"],))


def _view(row: dict[str, Any]) -> StockView:
    return StockView(
        row["sku"], row["on_hand"], row["reserved"], row["on_hand"] - row["reserved"], row["version"]
    )
