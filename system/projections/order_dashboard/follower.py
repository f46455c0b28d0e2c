"""The order dashboard: every order with where it stands; listed, filtered, sorted, paged."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eventsourcing.dispatch import singledispatchmethod

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
from domain.fulfilment import Fulfilment
from domain.fulfilment.categories import ASKS_INVENTORY, ASKS_ORDERS
from domain.orders import Order, OrderReference, OrderStatus
from domain.payments import Payment
from system.followers.projection import Projection, Readable, time_of
from system.followers.unit_of_work import UnitOfWork
from system.persistence.tables import Table
from system.projections.payment_status import PAYMENT_STATUS
from system.projections.saga_log.facts import UNWINDING, saga_status

# An event about a payment or fulfilment can arrive before the order's own: the row then begins
# without the order's facts, and is not listed until they are there.
ORDERS = Table(
    "order_dashboard",
    columns={
        "order_id": "TEXT",
        "order_ref": "TEXT",
        "customer_id": "TEXT",
        "status": "TEXT",
        "currency": "TEXT",
        "total": "TEXT",
        "total_sort": "BIGINT",
        "items": "TEXT",
        "version": "BIGINT",
        "created_at": "TEXT",
        "confirmed_at": "TEXT",
        "cancelled_at": "TEXT",
        "cancel_reason": "TEXT",
        "fulfilment_status": "TEXT",
        "payment_status": "TEXT",
    },
    key=("order_id",),
    indexes={
        "order_dashboard_created": "(created_at, order_id)",
        "order_dashboard_total": "(total_sort, order_id)",
        "order_dashboard_customer": "(customer_id, created_at, order_id)",
        "order_dashboard_status": "(status, created_at, order_id)",
    },
    guards={"fulfilment_status": UNWINDING},
)


@dataclass(frozen=True)
class SharedReference:
    """A reference that several orders carry: how many, and two of them."""

    order_ref: str
    orders: int
    order_ids: tuple[str, str]


_SORT_COLUMN = dict(zip(ORDER_SORTS, ("created_at", "total_sort", "customer_id", "status"), strict=True))
_COLUMN_KIND: dict[str, type] = {"total_sort": int}


class OrderDashboard(Projection):
    """Follows orders, and their fulfilments and payments for two columns more."""

    name = "OrderDashboard"
    tables = (ORDERS,)
    ignored = frozenset(
        {
            *ASKS_INVENTORY,
            *ASKS_ORDERS,
            OrderReference.Claimed,
            Fulfilment.RefundRequested,
            Fulfilment.WithdrawalRequested,
            Fulfilment.StepAttemptFailed,
            Fulfilment.StepUnanswered,
            Fulfilment.StepOverdue,
            Fulfilment.StepFailed,
            Fulfilment.CompensationAttemptFailed,
            Fulfilment.CompensationUnanswered,
            Fulfilment.CompensationOverdue,
            Fulfilment.StepCompensated,
            Fulfilment.CompensationFailed,
            Fulfilment.InterventionMade,
            Fulfilment.OrderCancellationNoted,
            Payment.ChargeWithdrawn,
            Payment.RefundAttemptFailed,
            Payment.RefundUnanswered,
            Payment.CallHastened,
            Payment.OutcomeDisputed,
            Payment.DisputeClosed,
        }
    )

    @singledispatchmethod
    def react(self, event: Any, work: UnitOfWork) -> None:
        """See `Follower.react`."""

    @react.register
    def _(self, event: Order.Created, work: UnitOfWork) -> None:
        work.put(
            ORDERS,
            order_id=str(event.originator_id),
            status=str(OrderStatus.CREATED),
            order_ref=event.order_ref,
            customer_id=event.customer_id,
            currency=event.currency,
            total=str(event.total),
            total_sort=int(event.total.scaleb(4)),
            items=json.dumps([[line.sku, line.quantity, str(line.unit_price)] for line in event.items]),
            version=event.originator_version,
            created_at=event.timestamp,
        )

    @react.register
    def _(self, event: Order.Confirmed, work: UnitOfWork) -> None:
        work.change(
            ORDERS,
            order_id=str(event.originator_id),
            status=str(OrderStatus.CONFIRMED),
            version=event.originator_version,
            confirmed_at=event.timestamp,
        )

    @react.register
    def _(self, event: Order.Cancelled, work: UnitOfWork) -> None:
        work.change(
            ORDERS,
            order_id=str(event.originator_id),
            status=str(OrderStatus.CANCELLED),
            version=event.originator_version,
            cancelled_at=event.timestamp,
            cancel_reason=event.reason,
        )

    @react.register(Fulfilment.Started)
    @react.register(Fulfilment.PaymentRequested)
    @react.register(Fulfilment.StepCompleted)
    @react.register(Fulfilment.UnwindingStarted)
    @react.register(Fulfilment.Completed)
    @react.register(Fulfilment.Failed)
    def _(self, event: Any, work: UnitOfWork) -> None:
        work.put(ORDERS, order_id=str(event.order_id), fulfilment_status=saga_status(event))

    @react.register(Payment.Requested)
    @react.register(Payment.ChargeAttemptFailed)
    @react.register(Payment.ChargeUnanswered)
    @react.register(Payment.Completed)
    @react.register(Payment.Declined)
    @react.register(Payment.RefundRequested)
    @react.register(Payment.Refunded)
    @react.register(Payment.RefundedByHand)
    @react.register(Payment.RefundFailed)
    def _(self, event: Any, work: UnitOfWork) -> None:
        work.put(ORDERS, order_id=str(event.order_id), payment_status=PAYMENT_STATUS[type(event)])

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
