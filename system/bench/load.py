"""(e) Loading an aggregate with a short, a long and a very long stream; that one also from a snapshot."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from domain.inventory import StockItem
from domain.shared.causes import because_of
from domain.shared.ids import stock_item_id
from system.bootstrap import Orderwright

from .measurements import OURS, STOCK, Round
from .setting import Setting, context

LENGTHS = (10, 100, 10_000)
WITH_SNAPSHOT = f"load_{LENGTHS[-1]}_snapshot"
UNITS = {**{f"load_{length}": ("ms", False) for length in LENGTHS}, WITH_SNAPSHOT: ("ms", False)}
TIMES = 30
APPENDED_AT_ONCE = 100  # the library's recorder hangs on an append of a megabyte


def measure(setting: Setting) -> Round:
    """Milliseconds to load it; the median of many times. The library as it comes has no snapshots."""
    found: dict[str, dict[str, float]] = {name: {} for name in UNITS}
    for contender in (OURS, STOCK):
        with setting.opened(contender) as orderwright:
            for length in LENGTHS:
                sku = f"product-{length}"
                _receive(orderwright, sku, length)
                times = TIMES if length < 1000 else 3
                replayed = _loading(orderwright, sku, length, replay=True)
                found[f"load_{length}"][contender] = _milliseconds(replayed, times)
            if contender == OURS:
                orderwright.snapshots.taker.take(orderwright.inventory.name, stock_item_id(sku))
                from_snapshot = _loading(orderwright, sku, length, replay=False)
                found[WITH_SNAPSHOT][contender] = _milliseconds(from_snapshot, TIMES)
    return found


def _receive(orderwright: Orderwright, sku: str, length: int) -> None:
    with because_of(context(sku).cause(sku)):
        received = StockItem.introduce(sku)
        for number in range(length - 1):
            received.receive(1, f"receipt-{number}")
            if number % APPENDED_AT_ONCE == 0:
                orderwright.inventory.save(received)
    orderwright.inventory.save(received)


def _loading(orderwright: Orderwright, sku: str, length: int, *, replay: bool) -> Callable[[], Any]:
    def load() -> None:
        loaded = orderwright.inventory.repository.load(stock_item_id(sku), replay=replay)
        if loaded is None or loaded.aggregate.version != length:
            raise RuntimeError(f"the stock of {sku} was not loaded")

    return load


def _milliseconds(load: Callable[[], Any], times: int) -> float:
    took = []
    for _ in range(times):
        began = time.monotonic()
        load()
        took.append(time.monotonic() - began)
    return 1000 * median(took)
