"""A store is closed while somebody still reads from it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from eventsourcing.persistence import PersistenceError

from system.persistence.sqlite import files as sqlite_files
from tests.support.fixtures import Environment, OpenWay
from tests.support.running_shop import Shop
from tests.support.waiting import wait_until
from tests.support.ways import ByHand

FOR_EVER = "WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count) SELECT max(n) FROM count"
FOR_A_WHILE = FOR_EVER.replace(" FROM count)", " FROM count WHERE n < 300000)")


def test_who_is_reading_may_finish(on_sqlite: Environment, open_way: OpenWay) -> None:
    orderwright = Shop(open_way(ByHand, on_sqlite)).orderwright
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(orderwright.dashboard.rows, FOR_A_WHILE)
        pool = orderwright.dashboard.recorder.datastore.pool  # type: ignore[attr-defined]  # SQLite's
        wait_until(lambda: pool.num_in_use or reading.done(), what="it reads")
        orderwright.close()
    assert reading.result() == [{"max(n)": 300_000}]


def test_who_never_comes_to_an_end_is_interrupted(
    on_sqlite: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    orderwright = Shop(open_way(ByHand, on_sqlite)).orderwright
    monkeypatch.setattr(sqlite_files, "CLOSE_WITHIN_SECONDS", 0.3)
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(orderwright.dashboard.rows, FOR_EVER)
        pool = orderwright.dashboard.recorder.datastore.pool  # type: ignore[attr-defined]  # SQLite's
        wait_until(lambda: pool.num_in_use, what="it reads")
        orderwright.close()
        with pytest.raises(PersistenceError, match="interrupted"):
            reading.result(60)
