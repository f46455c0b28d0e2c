"""Each rule of the conservation audit turns red when it is broken, and names who broke it."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from application.orders import OrderNotFound
from domain.inventory import StockItem
from domain.orders import Order
from domain.payments import Payment
from domain.shared.ids import stock_item_id
from domain.shared.money import Money
from domain.shared.products import ProductQuantity
from system.audit import AuditReport, Rule, audit, audit_order
from tests.support.planting import NOBODY, let_it_be_heard, pass_over, plant, plant_stored, vandal
from tests.support.running_shop import Shop

TEN_DOLLARS = Money(Decimal("10.00"), "USD")
ONE_CD = [ProductQuantity("CD-X1", 1)]


@pytest.fixture
def order(shop: Shop) -> UUID:
    """A confirmed order for one CD, 10.00 USD, between two others like it; a hundred were received."""
    shop.receive("CD-X1", 100)
    shop.receive("CD-X2", 7)
    order = [shop.order("CD-X1") for _ in range(3)][1]
    shop.settle()
    assert audit(shop.orderwright).is_clean
    return order


def offences(report: AuditReport) -> dict[Rule, str]:
    """What was found, by the rule that it breaks."""
    assert report.is_clean is not bool(report.offenders)
    assert report.offenders_found == len(report.offenders)
    return {one.rule: one.found for one in report.offenders}


def offenders(report: AuditReport) -> set[str | None]:
    """Whom the report names."""
    return {one.order_id or one.sku for one in report.offenders}


def the_item(shop: Shop) -> StockItem:
    """The stock of CD-X1."""
    item = shop.item("CD-X1")
    assert item is not None
    return item


def check(shop: Shop, order: UUID, found: Mapping[Rule, str], difference: str = "0.00") -> None:
    """The audit of everything and that of the order both name the order, for this and nothing else."""
    for report in (audit(shop.orderwright), audit_order(shop.orderwright, order)):
        assert offences(report) == found
        assert offenders(report) == {str(order)}
        assert {result.rule for result in report.rules if result.offenders} == set(found)
        assert [money.difference for money in report.money if money.currency == "USD"] == [difference]


def test_a_second_charge(shop: Shop, order: UUID) -> None:
    payment = shop.paid(order)
    assert payment is not None
    plant(
        shop.orderwright.payments, payment, Payment.Completed, order_id=order, attempt=1, reference="another"
    )
    let_it_be_heard(shop)

    kept = "20.00 USD kept: 20.00 USD captured, 0.00 USD refunded"
    check(shop, order, {Rule.ONE_CHARGE: "2 charges", Rule.MONEY_BALANCES: kept}, difference="10.00")


@pytest.mark.parametrize("amount", ["9.99", "12.00"])
def test_a_charge_of_another_amount(shop: Shop, amount: str) -> None:
    shop.receive("CD-X1", 1)
    order = shop.order("CD-X1")
    with vandal():
        other = Payment.request(order, payment_method="pm_ok", amount=Money(Decimal(amount), "USD"))
    shop.orderwright.payments.save(other)
    let_it_be_heard(shop)
    assert shop.status(order) == "CONFIRMED"

    found = {
        Rule.CHARGE_IS_TOTAL: f"a charge of {amount} USD",
        Rule.MONEY_BALANCES: f"{amount} USD kept: {amount} USD captured, 0.00 USD refunded",
    }
    check(shop, order, found, difference=str(Decimal(amount) - 10))


def test_a_charge_in_another_currency(shop: Shop, order: UUID) -> None:
    shop.receive("CD-X1", 1)
    order = shop.order("CD-X1")
    with vandal():
        other = Payment.request(order, payment_method="pm_ok", amount=Money(Decimal(1000), "JPY"))
    shop.orderwright.payments.save(other)
    let_it_be_heard(shop)

    report = audit(shop.orderwright)
    assert offences(report) == {
        Rule.CHARGE_IS_TOTAL: "a charge of 1000 JPY",
        Rule.MONEY_BALANCES: "1000 JPY kept: 1000 JPY captured, 0 JPY refunded",
    }
    differences = {money.currency: money.difference for money in report.money}
    assert differences == {"JPY": "1000", "USD": "-10.00"}


def test_a_confirmed_order_whose_money_was_given_back(shop: Shop, order: UUID) -> None:
    payment = shop.paid(order)
    assert payment is not None
    with vandal():
        payment.request_refund()
        payment.refund_made(1)
    shop.orderwright.payments.save(payment)
    assert audit(shop.orderwright).is_clean, "while the saga has not heard of it, the order is in progress"
    let_it_be_heard(shop)

    kept = "0.00 USD kept: 10.00 USD captured, 10.00 USD refunded"
    check(shop, order, {Rule.MONEY_BALANCES: kept}, difference="-10.00")


def test_a_cancelled_order_whose_money_was_kept(shop: Shop, order: UUID) -> None:
    declined = shop.order("CD-X1", pays="pm_declined")
    shop.settle()
    payment = shop.paid(declined)
    assert payment is not None
    plant(
        shop.orderwright.payments, payment, Payment.Completed, order_id=declined, attempt=1, reference="late"
    )
    let_it_be_heard(shop)

    kept = "10.00 USD kept: 10.00 USD captured, 0.00 USD refunded"
    check(shop, declined, {Rule.MONEY_BALANCES: kept}, difference="10.00")


def test_a_payment_without_an_order(shop: Shop, order: UUID) -> None:
    with vandal():
        payment = Payment.request(NOBODY, payment_method="pm_ok", amount=TEN_DOLLARS)
        payment.complete("ghost", 1)
    shop.orderwright.payments.save(payment)

    found = "10.00 USD charged, and there is no order"
    check(shop, NOBODY, {Rule.PAYMENT_HAS_ORDER: found}, difference="10.00")


def test_a_payment_that_no_fulfilment_asked_for(shop: Shop, order: UUID) -> None:
    placed = shop.order("CD-X1")
    with vandal():
        payment = Payment.request(placed, payment_method="pm_ok", amount=TEN_DOLLARS)
        payment.complete("too early", 1)
    shop.orderwright.payments.save(payment)

    found = "10.00 USD charged, and there is no fulfilment"
    check(shop, placed, {Rule.PAYMENT_HAS_ORDER: found}, difference="10.00")


def test_a_second_payment_of_an_order_under_an_id_of_its_own(shop: Shop, order: UUID) -> None:
    with vandal():
        payment = Payment.begin(
            Payment.Requested,
            uuid4(),
            order_id=order,
            payment_method="pm_ok",
            currency="USD",
            amount=TEN_DOLLARS.amount,
        )
    shop.orderwright.payments.save(payment)

    report = audit(shop.orderwright)
    assert offenders(report) == {str(order)}
    assert offences(report) == {
        Rule.PAYMENT_HAS_ORDER: f"stream {payment.id} of Payments says that it is this order's"
    }


def test_a_reservation_without_an_order(shop: Shop, order: UUID) -> None:
    with vandal():
        changed = shop.orderwright.inventory.reserve(NOBODY, ONE_CD)
    shop.orderwright.inventory.save(*changed)

    report = audit(shop.orderwright)
    assert offences(report) == {Rule.RESERVATION_HAS_ORDER: "a reservation without an order"}
    assert offenders(report) == {str(NOBODY)}
    assert offences(audit_order(shop.orderwright, NOBODY)) == offences(report)


def test_a_reservation_of_a_cancelled_order(shop: Shop, order: UUID) -> None:
    cancelled = shop.order("CD-X1", pays="pm_declined")
    shop.settle()
    with vandal():
        changed = shop.orderwright.inventory.reserve(cancelled, ONE_CD)
    shop.orderwright.inventory.save(*changed)
    let_it_be_heard(shop)

    found = "a reservation that is HELD; the order is CANCELLED, its fulfilment FAILED"
    check(shop, cancelled, {Rule.RESERVATION_HAS_ORDER: found})


def test_a_confirmed_order_whose_reservation_was_released(shop: Shop, order: UUID) -> None:
    with vandal():
        changed = shop.orderwright.inventory.release(order)
    shop.orderwright.inventory.save(*changed)
    let_it_be_heard(shop)

    check(shop, order, {Rule.CONFIRMED_IS_RESERVED: "a reservation that is RELEASED"})


def test_an_order_that_was_cancelled_past_its_saga(shop: Shop, order: UUID) -> None:
    stored = shop.orderwright.orders.find(Order, order)
    assert stored is not None
    with vandal():
        stored.cancel("nobody told the saga")
    shop.orderwright.orders.save(stored)
    unheard = audit(shop.orderwright)
    assert unheard.is_clean
    assert (unheard.orders_in_progress, unheard.money[0].held_in_progress) == (1, "10.00")
    pass_over(shop.orderwright)

    found = {
        Rule.SAGA_AGREES: "the order is CANCELLED, its fulfilment COMPLETED",
        Rule.MONEY_BALANCES: "10.00 USD kept: 10.00 USD captured, 0.00 USD refunded",
        Rule.RESERVATION_HAS_ORDER: (
            "a reservation that is HELD; the order is CANCELLED, its fulfilment COMPLETED"
        ),
    }
    check(shop, order, found, difference="10.00")


def test_an_order_that_is_not_there_at_all_is_not_found(shop: Shop, order: UUID) -> None:
    with pytest.raises(OrderNotFound, match="there is no order"):
        audit_order(shop.orderwright, NOBODY)


def test_a_product_whose_event_belongs_elsewhere_is_named(shop: Shop, order: UUID) -> None:
    item, inventory = the_item(shop), shop.orderwright.inventory
    (receipt,) = inventory.recorder.select_events(stock_item_id("CD-X2"), gt=1)
    plant_stored(inventory, item.id, item.version + 1, receipt.topic, receipt.state)

    (offender,) = audit(shop.orderwright).offenders
    assert (offender.rule, offender.sku) == (Rule.READABLE, "CD-X1")
    assert "does not belong there" in offender.found


def test_every_order_that_seems_wrong_is_looked_at_again_and_counted(shop: Shop, order: UUID) -> None:
    assert audit(shop.orderwright).examined_again == 0
    for other in (shop.order("CD-X1"), shop.order("CD-X1")):
        with vandal():
            payment = Payment.request(other, payment_method="pm_ok", amount=TEN_DOLLARS)
            payment.complete("too early", 1)
        shop.orderwright.payments.save(payment)

    assert audit(shop.orderwright).examined_again == 2
    report = audit_order(shop.orderwright, order)
    assert (report.examined_again, report.products, report.stock) == (1, 0, None)


def test_what_a_follower_has_still_to_read_is_no_offence_though_it_read_all_before(
    shop: Shop, order: UUID
) -> None:
    let_it_be_heard(shop)
    shop.cancel(order)

    for report in (audit(shop.orderwright), audit_order(shop.orderwright, order)):
        assert report.is_clean
        assert report.orders_in_progress == 1


def test_a_cancelled_order_whose_money_cannot_be_given_back_waits_for_a_person(
    shop: Shop, order: UUID
) -> None:
    cancelled = shop.order("CD-X1", pays="pm_refund_fails")
    let_it_be_heard(shop)
    shop.cancel(cancelled)
    let_it_be_heard(shop)

    report = audit_order(shop.orderwright, cancelled)
    assert report.is_clean
    assert (report.orders_waiting, report.orders_in_progress) == (1, 0)


def test_an_order_in_whose_stream_an_event_of_another_one_stands_is_named(shop: Shop, order: UUID) -> None:
    other = shop.order("CD-X1")
    shop.settle()
    orders = shop.orderwright.orders
    (confirmed,) = orders.recorder.select_events(other, gt=1)
    plant_stored(orders, order, 3, confirmed.topic, confirmed.state)

    for report in (audit(shop.orderwright), audit_order(shop.orderwright, order)):
        assert offenders(report) == {str(order)}
        (found,) = [one.found for one in report.offenders if one.rule == Rule.READABLE]
        assert found.startswith("UnreadableEvent: ")
        assert "does not belong there" in found
