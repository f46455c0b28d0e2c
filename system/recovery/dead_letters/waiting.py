"""What waits with an order as of now: money that was captured, and stock that is held."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from application.base import Application
from domain.shared.aggregates import Aggregate
from system.bootstrap import Orderwright
from system.persistence.faults import STORE_FAULTS
from system.steps.side import MoneyAndStock
from system.steps.table import SIDES

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
    waiting = dict.fromkeys(orders, MoneyAndStock())
    for side in SIDES:
        application = orderwright.applications[side.application]
        work = _readable(application, side.aggregates[0], [side.stream_id(order) for order in orders])
        for order in orders:
            if side.stream_id(order) in work:
                waiting[order] += side.money_and_stock(work[side.stream_id(order)])
    return waiting


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
