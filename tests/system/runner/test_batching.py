"""Pages change nothing: one by one, by seven, by five hundred or by the library, the same is recorded."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from system.workers import payment_caller as worker
from tests.support.agreement import live_rows, log_of
from tests.support.clocks import StandingClock
from tests.support.fixtures import Environment
from tests.support.running_shop import Shop
from tests.support.ways import ByHand, UnderTheLibrary, Way, one_at_a_time

METHODS = ("pm_ok", "pm_declined", "pm_error_once", "pm_timeout", "pm_refund_fails", "pm_refund_fails_once")
OpenWay = Callable[..., Way]


def a_day(shop: Shop) -> None:
    """Two dozen orders at once, then cancellations and a correction at once, then more orders."""
    receipt = shop.receive("CD-X1", 20, command_id="delivery-1")
    shop.receive("TEAPOT", 1000, command_id="delivery-2")
    orders = []
    for number in range(24):
        pays = METHODS[number % len(METHODS)]
        ref = f"A-{number}"
        orders.append(
            shop.order(
                ("CD-X1", 1 + number % 3, "3.10"),
                ("TEAPOT", 2),
                pays=pays,
                ref=ref,
                command_id=f"command-{ref}",
            )
        )
    shop.order(("CD-X1", 500), pays="pm_refund_fails", ref="A-stuck", command_id="command-A-stuck")
    shop.settle()
    shop.correct("CD-X1", receipt, 30, command_id="correction-1")
    for number in range(0, 24, 4):
        if shop.status(orders[number]) == "CONFIRMED":
            shop.cancel(orders[number], command_id=f"cancel-{number}")
    shop.settle()
    for number in range(24, 30):
        shop.order(("CD-X1", 2), ref=f"A-{number}", command_id=f"command-A-{number}")
    shop.settle()


def recorded(shop: Shop) -> dict[str, Any]:
    """Every stream of every application, byte for byte, and every row of the read models."""
    streams: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for name, application in shop.orderwright.applications.items():
        for event in log_of(application):
            streams[name, str(event.originator_id)].append(
                (event.originator_version, event.topic, event.state)
            )
    return {"streams": dict(streams), "rows": live_rows(shop.orderwright)}


@pytest.mark.parametrize("page_size", [1, 7, 500])
def test_our_pages_record_what_the_library_records_one_by_one(
    in_memory: Environment,
    on_sqlite: Environment,
    open_way: OpenWay,
    page_size: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "wait", one_at_a_time)
    by_the_library = Shop(open_way(UnderTheLibrary, in_memory, clock=StandingClock()))
    by_us = Shop(
        open_way(ByHand, {**on_sqlite, "ORDERWRIGHT_PAGE_SIZE": str(page_size)}, clock=StandingClock())
    )

    a_day(by_the_library)
    a_day(by_us)

    expected, found = recorded(by_the_library), recorded(by_us)
    assert found["streams"].keys() == expected["streams"].keys()
    for stream, events in expected["streams"].items():
        assert found["streams"][stream] == events, stream
    assert found["rows"] == expected["rows"]
    statuses = [row.status for row in by_us.dashboard().values()]
    assert {"CONFIRMED", "CANCELLED", "CREATED"} == set(statuses)
