"""What waits with an order as of now: money that was captured, and stock that is held."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from application.base import Application
from domain.inventory import Reservation, ReservationStatus
from domain.payments import Payment, PaymentStatus
from domain.shared.aggregates import Aggregate
from domain.shared.ids import payment_id, reservation_id
from domain.shared.money import Money
from system.bootstrap import Orderwright
from system.persistence.faults import STORE_FAULTS

from .cases import HeldLine, MoneyAndStock

A = TypeVar("A", bound=Aggregate)


def orders_among(orderwright: Orderwright, sequences: Iterable[str]) -> dict[str, UUID]:
    """Those of the sequences that are orders. Nothing is decoded for it: an order that cannot be read
    any more is one all the same."""
    ids = {id_: sequence for sequence in sequences if (id_ := _uuid(sequence)) is not None}
    recorder = orderwright.orders.recorder
    rows: Iterable[Any] = recorder.select_streams(dict.fromkeys(ids, 0)) if ids else ()
    return {ids[row.originator_id]: row.originator_id for row in rows}


def waiting_for(orderwright: Orderwright, orders: Collection[UUID]) -> Mapping[UUID, MoneyAndStock]:
    """What waits with each of these orders."""
    payments = _readable(orderwright.payments, Payment, [payment_id(order) for order in orders])
    reservations = _readable(orderwright.inventory, Reservation, [reservation_id(order) for order in orders])
    return {
        order: _waiting(payments.get(payment_id(order)), reservations.get(reservation_id(order)))
        for order in orders
    }


def _waiting(payment: Payment | None, reservation: Reservation | None) -> MoneyAndStock:
    is_held = reservation is not None and reservation.status is ReservationStatus.HELD
    lines = reservation.lines if reservation is not None and is_held else ()
    stock = tuple(HeldLine(line.sku, line.quantity) for line in lines)
    if payment is None:
        return MoneyAndStock(None, None, stock)
    is_captured = payment.reference is not None and payment.status is not PaymentStatus.REFUNDED
    currency = payment.amount.currency
    money = payment.amount if is_captured else Money.of_minor(0, currency)
    return MoneyAndStock(str(money.amount), currency, stock)


def _readable(application: Application, kind: type[A], ids: Collection[UUID]) -> dict[UUID, A]:
    """Those aggregates that there are and that can be read: the desk must open above all when some
    cannot."""
    try:
        return application.find_all(kind, ids)
    except STORE_FAULTS:
        raise
    except Exception:
        if len(ids) <= 1:
            return {}
        each = [_readable(application, kind, [id_]) for id_ in ids]
        return {id_: aggregate for found in each for id_, aggregate in found.items()}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
