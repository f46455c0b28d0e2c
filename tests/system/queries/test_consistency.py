"""Read your writes: a token of a write makes a query wait for it, and for nothing else."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from application.queries import InvalidQuery
from application.views import Written
from system.queries.consistency import (
    Token,
    parse_token,
    token_for,
    wait_until_level,
    wait_until_seen,
)
from tests.support.fixtures import Environment
from tests.support.running_shop import Shop
from tests.support.ways import ByHand, Way

OpenWay = Callable[..., Way]


def test_a_token_says_which_log_and_how_far() -> None:
    text = token_for(Written(None, "Orders", 42))
    assert parse_token(text) == Token("Orders", 42)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Orders",
        "Orders:",
        "Orders:-1",
        "Orders:x",
        "Orders:²",
        "Nobody:1",
        "Orders:1:2",
        "Orders:" + "9" * 19,
    ],
)
def test_what_is_no_token_of_ours_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery):
        parse_token(text)


def test_a_read_model_is_waited_for_until_it_has_seen_the_write(
    persistence: Environment, open_way: OpenWay
) -> None:
    way = open_way(ByHand, persistence)
    assert isinstance(way, ByHand)
    shop, dashboard = Shop(way), way.orderwright.dashboard
    order = shop.order("CD-X1")
    token = Token("Orders", 1)

    assert not wait_until_seen(dashboard, token, 0)
    with ThreadPoolExecutor() as reader:
        seen = reader.submit(wait_until_seen, dashboard, token, 20)
        way.advance("OrderDashboard")
        assert seen.result(20)
    assert str(order) in shop.dashboard()


def test_a_write_that_a_read_model_does_not_follow_is_not_waited_for(
    in_memory: Environment, open_way: OpenWay
) -> None:
    way = open_way(ByHand, in_memory)
    assert wait_until_seen(way.orderwright.stock_levels, Token("Orders", 99), 0)


def test_waiting_for_the_end_of_every_log_is_bounded(in_memory: Environment, open_way: OpenWay) -> None:
    way = open_way(ByHand, in_memory)
    assert isinstance(way, ByHand)
    shop = Shop(way)
    shop.receive("CD-X1")
    assert not wait_until_level(way.orderwright, way.orderwright.stock_levels, 0.01)
    way.level()
    assert wait_until_level(way.orderwright, way.orderwright.stock_levels, 0)
