"""Whether what is shown agrees with what was recorded."""

from collections.abc import Iterator
from typing import Any, cast
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import Notification

from application.inventory import stock_view
from application.orders import order_view
from application.queries import PageRequest
from application.views import OrderView
from domain.fulfilment import Fulfilment
from domain.inventory import StockItem
from domain.orders import Order
from domain.payments import Payment
from domain.shared.ids import fulfilment_id, payment_id, stock_item_id
from system.bootstrap import Orderwright
from system.definition import orderwright as definition
from system.followers.projection import Projection
from system.followers.unit_of_work import UnitOfWork
from system.queries.fulfilment import fulfilment_of

from .running_shop import Shop

PROJECTIONS = [name for name in definition.nodes if issubclass(definition.get_app_cls(name), Projection)]


def log_of(application: Application[UUID], page: int = 1000) -> Iterator[Notification]:
    """Everything in an application's log, in order."""
    start = 0
    while notifications := application.recorder.select_notifications(
        start=start, limit=page, inclusive_of_start=False
    ):
        yield from notifications
        start = notifications[-1].id


def events_of(application: Application[UUID], topic: str | None = None) -> Iterator[Any]:
    """Every event of an application, or those of one topic, in order."""
    for notification in log_of(application):
        if topic in (None, notification.topic):
            yield application.mapper.to_domain_event(notification)


def all_orders(orderwright: Orderwright) -> list[Order]:
    """Every order there is."""
    ids = [event.originator_id for event in events_of(orderwright.orders, "Order.Created")]
    return [order for order in (orderwright.orders.find(Order, id) for id in ids) if order is not None]


def all_stock(orderwright: Orderwright) -> list[StockItem]:
    """Every product there is."""
    skus = [event.sku for event in events_of(orderwright.inventory, "StockItem.Introduced")]
    items = (orderwright.inventory.find(StockItem, stock_item_id(sku)) for sku in skus)
    return [item for item in items if item is not None]


def assert_read_models_agree(shop: Shop) -> None:
    """Every row of every read model says what the aggregates say."""
    orderwright = shop.orderwright
    orders = all_orders(orderwright)
    rows = shop.dashboard()
    assert set(rows) == {str(order.id) for order in orders}
    for order in orders:
        row = rows[str(order.id)]
        payment = orderwright.payments.find(Payment, payment_id(order.id))
        fulfilment = orderwright.fulfilments.find(Fulfilment, fulfilment_id(order.id))
        assert OrderView(**{name: getattr(row, name) for name in vars(order_view(order))}) == order_view(
            order
        )
        assert row.payment_status == (payment and str(payment.status))
        assert row.fulfilment_status == (fulfilment and str(fulfilment.status))
        assert orderwright.saga_log.fulfilment(order.id) == fulfilment_of(orderwright, order.id)
        if payment is not None:
            shown = shop.payment(order.id)
            assert (shown.status, shown.amount) == (str(payment.status), str(payment.amount.amount))
    levels = {view.sku: view for view in orderwright.stock_levels.list_stock(PageRequest(limit=500)).items}
    assert levels == {item.sku: stock_view(item) for item in all_stock(orderwright)}


def rows_of(projections: dict[str, Projection]) -> dict[str, list[dict[str, Any]]]:
    """Every row of every read model, in the order of its key."""
    return {
        table.name: projection.rows(f"SELECT * FROM @{table.name} ORDER BY {', '.join(table.key)}")
        for projection in projections.values()
        for table in projection.tables
    }


def live_rows(orderwright: Orderwright) -> dict[str, list[dict[str, Any]]]:
    """Every row of the read models in use."""
    return rows_of({name: cast(Projection, orderwright.applications[name]) for name in PROJECTIONS})


def rebuilt_rows(orderwright: Orderwright) -> dict[str, list[dict[str, Any]]]:
    """Every row of read models that were built anew, from the first event on, beside those in use."""
    fresh: dict[str, Projection] = {}
    for name in PROJECTIONS:
        projection_class = cast(type[Projection], definition.get_app_cls(name))
        projection = projection_class(env={"PERSISTENCE_MODULE": "eventsourcing.popo"})
        for leader in definition.follows[name]:
            application = orderwright.applications[leader]
            for event in events_of(application):
                work = UnitOfWork()
                projection.handle(event, work)
                projection.record_work(work)
        fresh[name] = projection
    rows = rows_of(fresh)
    for projection in fresh.values():
        projection.close()
    return rows
