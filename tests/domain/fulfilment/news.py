"""The news a fulfilment can hear, by name, and the way it was led up to where a story begins."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from domain.fulfilment import PROCESS_PAYMENT, RESERVE_INVENTORY, Fulfilment
from domain.shared.money import Money
from domain.shared.products import ProductQuantity
from tests.support.stories import FRIDAY_NOON, ORDER_ID, given

SOON = FRIDAY_NOON + timedelta(seconds=1)
TOMORROW = FRIDAY_NOON + timedelta(days=2)

News = Callable[[Fulfilment], None]

NEWS: dict[str, News] = {
    "paid": lambda f: f.step_completed(PROCESS_PAYMENT),
    "declined": lambda f: f.step_failed(PROCESS_PAYMENT, "payment declined: no funds"),
    "charge failed once": lambda f: f.step_attempt_failed(PROCESS_PAYMENT, 1, "503", SOON),
    "charge failed twice": lambda f: f.step_attempt_failed(PROCESS_PAYMENT, 2, "503", SOON),
    "charge unanswered": lambda f: f.step_unanswered(PROCESS_PAYMENT, 1, "no answer", SOON),
    "payment overdue": lambda f: f.step_overdue(PROCESS_PAYMENT, TOMORROW),
    "not yet overdue": lambda f: f.step_overdue(PROCESS_PAYMENT, SOON),
    "reservation overdue": lambda f: f.step_overdue(RESERVE_INVENTORY, TOMORROW),
    "unknown step overdue": lambda f: f.step_overdue("PaintTheFence", TOMORROW),
    "refund unanswered": lambda f: f.compensation_unanswered(PROCESS_PAYMENT, 1, "no answer", SOON),
    "refunded": lambda f: f.step_compensated(PROCESS_PAYMENT),
    "refund failed once": lambda f: f.compensation_attempt_failed(PROCESS_PAYMENT, 1, "503", SOON),
    "refund failed for good": lambda f: f.compensation_failed(PROCESS_PAYMENT, "account closed"),
    "reserved": lambda f: f.step_completed(RESERVE_INVENTORY),
    "out of stock": lambda f: f.step_failed(RESERVE_INVENTORY, "not enough stock: TEAPOT"),
    "released": lambda f: f.step_compensated(RESERVE_INVENTORY),
    "release failed for good": lambda f: f.compensation_failed(RESERVE_INVENTORY, "shelf is locked"),
    "confirmed": lambda f: f.order_confirmed(),
    "cancelled by us": lambda f: f.order_cancelled(f.reason),
    "cancelled by the customer": lambda f: f.order_cancelled("changed my mind"),
    "unknown step done": lambda f: f.step_completed("PaintTheFence"),
    "unknown step failed": lambda f: f.step_failed("PaintTheFence", "out of paint"),
    "unknown step undone": lambda f: f.step_compensated("PaintTheFence"),
}
"""Everything that can be heard, in the words of the stories."""


def started(order_id: UUID = ORDER_ID) -> Fulfilment:
    """A fulfilment of an order for one teapot, just begun; its first events are still new."""
    return Fulfilment.start(
        order_id,
        payment_method="pm_ok",
        total=Money(Decimal("39.90"), "USD"),
        lines=(ProductQuantity("TEAPOT", 1),),
    )


def hear(fulfilment: Fulfilment, *news: str) -> None:
    """Tell it the news, one after the other."""
    for one in news:
        NEWS[one](fulfilment)


def after(*news: str) -> Fulfilment:
    """A fulfilment to which all this has happened already."""
    fulfilment = started()
    hear(fulfilment, *news)
    return given(fulfilment)
