"""The composition root: several processes may begin with the same empty store at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from system.bootstrap import build
from system.settings.environment import Settings
from tests.support.waiting import PATIENCE_SECONDS

AT_ONCE = 4


def test_an_empty_store_can_be_opened_many_times_at_once(durable_persistence: dict[str, str]) -> None:
    together = Barrier(AT_ONCE)

    def open_and_close() -> int:
        settings = Settings.from_environment(durable_persistence)
        together.wait()
        orderwright = build(settings)
        head = orderwright.orders.recorder.max_notification_id() or 0
        orderwright.close()
        return head

    with ThreadPoolExecutor(AT_ONCE) as pool:
        opened = [pool.submit(open_and_close) for _ in range(AT_ONCE)]
        assert [future.result(timeout=PATIENCE_SECONDS) for future in opened] == [0] * AT_ONCE
