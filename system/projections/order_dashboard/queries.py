"""What the order dashboard is asked for: orders listed, filtered, sorted, paged, counted."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from application.paging import check_limit, decode_cursor, encode_cursor, within_bytes
from application.queries import (
    ORDER_SORTS,
    InvalidQuery,
    OrderQuery,
    OrderRow,
    PageRequest,
    check_choice,
)
from application.views import LineView, Page, utc_text
from domain.orders import OrderStatus
from system.followers.projection import Projection, Readable, time_of


@dataclass(frozen=True)
class SharedReference:
    """A reference that several orders carry: how many, and two of them."""

    order_ref: str
    orders: int
    order_ids: tuple[str, str]


_SORT_COLUMN = dict(zip(ORDER_SORTS, ("created_at", "total_sort", "customer_id", "status"), strict=True))
_COLUMN_KIND: dict[str, type] = {"total_sort": int}


class OrderDashboardQueries(Projection):
    """The order dashboard as it is read."""

    def list_orders(self, query: OrderQuery, page: PageRequest) -> Page[OrderRow]:
        """One page of the orders that match. Raises `InvalidQuery`."""
        limit = check_limit(page)
        sort = check_choice(query.sort.removeprefix("-"), ORDER_SORTS, "/sort")
        column, falling = _SORT_COLUMN[sort], query.sort.startswith("-")
        parameters: dict[str, Any] = {"limit": limit + 1}
        conditions = ["created_at IS NOT NULL"]
        for condition, name, value in (
            ("status = :status", "status", _status(query.status)),
            ("customer_id = :customer_id", "customer_id", query.customer_id),
            ("created_at >= :first", "first", query.created_from and utc_text(query.created_from)),
            ("created_at < :last", "last", query.created_to and utc_text(query.created_to)),
        ):
            if value is not None:
                conditions.append(condition)
                parameters[name] = value
        if page.cursor is not None:
            sorted_by, *_ = decode_cursor(page.cursor, str, None, str)
            if sorted_by != query.sort:
                raise InvalidQuery(
                    f"the cursor is one of a list that is sorted by {sorted_by!r}, not by {query.sort!r}",
                    field="/cursor",
                )
            _, parameters["key"], parameters["id"] = decode_cursor(
                page.cursor, str, _COLUMN_KIND.get(column, str), str
            )
            conditions.append(f"({column}, order_id) {'<' if falling else '>'} (:key, :id)")
        direction = "DESC" if falling else "ASC"
        matching = f"FROM @order_dashboard WHERE {' AND '.join(conditions)}"
        sizes = self.rows(
            f"SELECT order_id, {column} AS key, LENGTH(items) AS size {matching} "
            f"ORDER BY {column} {direction}, order_id {direction} LIMIT :limit",
            **parameters,
        )
        shown = within_bytes(sizes[:limit])
        rows = self._rows_of([row["order_id"] for row in shown], matching, parameters)
        is_cut = len(sizes) > len(shown)
        cursor = encode_cursor(query.sort, shown[-1]["key"], shown[-1]["order_id"]) if is_cut else None
        return Page(tuple(_view(row) for row in rows), cursor)

    def _rows_of(
        self, order_ids: Sequence[str], matching: str, parameters: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """The rows of these orders, in this order; without those that do not match any more."""
        ids = {f"order_{number}": order_id for number, order_id in enumerate(order_ids)}
        if not ids:
            return []
        listed = ", ".join(f":{name}" for name in ids)
        rows = self.rows(f"SELECT * {matching} AND order_id IN ({listed})", **parameters, **ids)
        found = {row["order_id"]: row for row in rows}
        return [found[order_id] for order_id in order_ids if order_id in found]

    def count_by_status(self) -> dict[str, int]:
        """How many orders have each status."""
        rows = self.rows(
            "SELECT status, COUNT(*) AS n FROM @order_dashboard WHERE status IS NOT NULL "
            "GROUP BY status ORDER BY status"
        )
        return {row["status"]: int(row["n"]) for row in rows}

    def shared_references(self, limit: int) -> tuple[int, list[SharedReference]]:
        """How many references are carried by several orders, and the first few of them. An earlier
        release let that happen. This looks at every order."""
        rows = self.rows(
            "SELECT order_ref, COUNT(*) AS n, MIN(order_id) AS one, MAX(order_id) AS other, "
            "COUNT(*) OVER () AS shared FROM @order_dashboard WHERE order_ref IS NOT NULL "
            "GROUP BY order_ref HAVING COUNT(*) > 1 ORDER BY order_ref LIMIT :limit",
            limit=limit,
        )
        found = [SharedReference(row["order_ref"], row["n"], (row["one"], row["other"])) for row in rows]
        return (int(rows[0]["shared"]) if rows else 0), found


def _status(status: str | None) -> str | None:
    return None if status is None else check_choice(status, [str(s) for s in OrderStatus], "/status")


def _view(row: dict[str, Any]) -> OrderRow:
    readable = Readable(row)
    created_at = readable.get("created_at", time_of)
    return OrderRow(
        order_id=row["order_id"],
        order_ref=row["order_ref"],
        customer_id=row["customer_id"],
        status=row["status"],
        currency=row["currency"],
        total=row["total"],
        items=readable.get("items", _lines, ()),
        version=row["version"],
        created_at=created_at,  # type: ignore[arg-type]  # only rows that have it are listed
        confirmed_at=readable.get("confirmed_at", time_of),
        cancelled_at=readable.get("cancelled_at", time_of),
        cancel_reason=row["cancel_reason"],
        fulfilment_status=row["fulfilment_status"],
        payment_status=row["payment_status"],
        error=readable.error,
    )


def _lines(text: str) -> tuple[LineView, ...]:
    return tuple(LineView(*line) for line in json.loads(text))
