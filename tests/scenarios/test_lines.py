"""Orders of many shapes: several products, one product on several lines, free lines, very many lines."""

from tests.support.running_shop import Line, Shop


def test_when_one_product_is_short_nothing_is_held_of_the_others(shop: Shop) -> None:
    shop.receive("TEAPOT", 5)
    shop.receive("CUP", 5)
    order = shop.order(("TEAPOT", 1), ("CUP", 6), "SAUCER")
    shop.settle()

    assert shop.status(order) == "CANCELLED"
    assert shop.view(order).cancel_reason == (
        "not enough stock: CUP (asked 6, available 5), SAUCER (asked 1, available 0)"
    )
    assert shop.payment(order).status == "REFUNDED"
    assert (shop.stock("TEAPOT").reserved, shop.stock("CUP").reserved) == (0, 0)


def test_the_same_product_on_several_lines_is_reserved_once_with_the_sum(shop: Shop) -> None:
    shop.receive("CUP", 6)
    order = shop.order(("CUP", 1, "4.50"), ("CUP", 2, "4.00"), ("CUP", 3, "3.50"))
    shop.settle()

    assert shop.status(order) == "CONFIRMED"
    assert shop.view(order).total == "23.00"
    assert len(shop.view(order).items) == 3
    assert shop.stock("CUP").available == 0


def test_the_sum_over_several_lines_can_be_too_much(shop: Shop) -> None:
    shop.receive("CUP", 5)
    order = shop.order(("CUP", 3), ("CUP", 3))
    shop.settle()

    assert shop.view(order).cancel_reason == "not enough stock: CUP (asked 6, available 5)"
    assert shop.stock("CUP").available == 5


def test_a_free_line_is_held_like_any_other_and_costs_nothing(shop: Shop) -> None:
    shop.receive("TEAPOT", 1)
    shop.receive("GIFT-CARD", 1)
    order = shop.order(("TEAPOT", 1, "39.90"), ("GIFT-CARD", 1, "0"))
    shop.settle()

    assert shop.status(order) == "CONFIRMED"
    assert shop.payment(order).amount == "39.90"
    assert shop.stock("GIFT-CARD").reserved == 1


def test_an_order_of_500_lines_is_all_held_or_not_at_all(shop: Shop) -> None:
    skus = [f"CD-{number:03}" for number in range(100)]
    for sku in skus:
        shop.receive(sku, 11)
    lines: list[Line] = [(sku, 2, "0.01") for sku in skus * 5]
    first, second = shop.order(*lines), shop.order(*lines)
    shop.settle()

    kept, refused = sorted([first, second], key=shop.status, reverse=True)
    assert (shop.status(kept), shop.status(refused)) == ("CONFIRMED", "CANCELLED")
    assert (shop.payment(kept).amount, shop.payment(refused).refunded) == ("10.00", "10.00")
    assert {shop.reserved(sku) for sku in skus} == {10}


def test_amounts_keep_the_decimals_of_their_currency_all_the_way(shop: Shop) -> None:
    shop.receive("CUP", 6)
    orders = {
        shop.order(("CUP", 2, price), currency=currency): (currency, total)
        for currency, price, total in (
            ("JPY", "1200", "2400"),
            ("KWD", "0.125", "0.250"),
            ("EUR", "5", "10.00"),
        )
    }
    shop.settle()

    rows = shop.dashboard()
    for order, (currency, total) in orders.items():
        payment = shop.payment(order)
        assert (payment.currency, payment.amount) == (currency, total)
        assert rows[str(order)].total == total


def test_the_last_one_goes_to_one_order_only(shop: Shop) -> None:
    shop.receive("CD-X1", 1)
    orders = [shop.order("CD-X1") for _ in range(5)]
    shop.settle()

    assert sorted(shop.status(order) for order in orders) == ["CANCELLED"] * 4 + ["CONFIRMED"]
    assert shop.stock("CD-X1").available == 0
    assert sorted(shop.payment(order).status for order in orders) == ["COMPLETED"] + ["REFUNDED"] * 4
