"""Rows that come and go while two versions are compared are no difference."""

import pytest

from system.recovery.read_models import comparing
from system.recovery.read_models.comparing import Comparing
from tests.support.clocks import StandingClock
from tests.support.fixtures import Environment
from tests.support.running_shop import Shop
from tests.support.ways import ByHand
from tests.system.followers.test_versions import OpenWay, builder_of, built, projection


def test_a_row_that_one_version_has_not_yet_and_then_not_any_more_is_no_difference(
    in_memory: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "ALONE_AFTER_SECONDS", 0.0)
    way = open_way(ByHand, in_memory, clock=StandingClock())
    assert isinstance(way, ByHand)
    shop = Shop(way)
    shop.receive("TEAPOT", 100)
    shop.order("TEAPOT")
    shop.settle()
    version = built(shop, "SagaLog")
    new = builder_of(shop, "SagaLog", version)
    kept_up: list[str] = []

    def before_the_last_table(table: str, _: int, __: int) -> None:
        if table == "saga_log":  # a step is asked for: the new version has its deadline, the old one not yet
            shop.order("TEAPOT")
            way.advance("OrderFulfilment", "Orders")
            assert new.advance()

    def keep_up() -> int:
        if not kept_up:  # the step is done: the old version has its deadline no more, the new one still has
            shop.settle()
            kept_up.append("old")
            return 1
        kept_up.append("new")
        return new.advance()

    leaders = {"OrderFulfilment": shop.orderwright.fulfilments}
    found = Comparing(
        projection(shop, "SagaLog"), leaders, 1, version, keep_up=keep_up, progress=before_the_last_table
    ).run()

    assert found == ()
    assert kept_up[:2] == ["old", "new"]
