"""(e) Loading an aggregate with a short, a long and a very long stream."""

import time
from statistics import median

from domain.inventory import StockItem
from domain.shared.causes import because_of
from domain.shared.ids import stock_item_id

from .measurements import OURS, STOCK, Round
from .setting import Setting, context

LENGTHS = (10, 100, 10_000)
UNITS = {f"load_{length}": ("ms", False) for length in LENGTHS}
TIMES = 30
APPENDED_AT_ONCE = 100  # the library's recorder hangs on an append of a megabyte


def measure(setting: Setting) -> Round:
    """Milliseconds to load it; the median of many times. There are no snapshots in either."""
    found: dict[str, dict[str, float]] = {name: {} for name in UNITS}
    for contender in (OURS, STOCK):
        with setting.opened(contender) as orderwright:
            for length in LENGTHS:
                sku = f"product-{length}"
                with because_of(context(sku).cause(sku)):
                    received = StockItem.introduce(sku)
                    for number in range(length - 1):
                        received.receive(1, f"receipt-{number}")
                        if number % APPENDED_AT_ONCE == 0:
                            orderwright.inventory.save(received)
                orderwright.inventory.save(received)
                took = []
                for _ in range(TIMES if length < 1000 else 3):
                    began = time.monotonic()
                    item = orderwright.inventory.find(StockItem, stock_item_id(sku))
                    took.append(time.monotonic() - began)
                    if item is None or item.version != length:
                        raise RuntimeError(f"the stock of {sku} was not loaded")
                found[f"load_{length}"][contender] = 1000 * median(took)
    return found
