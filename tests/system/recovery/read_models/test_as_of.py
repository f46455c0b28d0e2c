"""A read model as it was at a moment, written into a file for a person."""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from domain.payments import Payment
from system.definition import OrderDashboard, PaymentLedger
from system.definition import orderwright as definition
from system.followers.projection import Projection
from system.followers.unit_of_work import UnitOfWork
from system.persistence.sqlite.row_file import RowFile
from system.recovery.read_models.as_of import MomentToCome, TooManyFailures, build_as_of
from tests.scenarios.test_read_models import busy_day
from tests.support.agreement import PROJECTIONS
from tests.support.clocks import StandingClock
from tests.support.fixtures import Environment
from tests.support.running_shop import Shop
from tests.support.ways import ByHand

Rows = dict[str, list[dict[str, Any]]]


def class_of(name: str) -> type[Projection]:
    """The class of a read model."""
    return cast(type[Projection], definition.get_app_cls(name))


def shown(shop: Shop, name: str) -> Rows:
    """Every row of a read model."""
    projection = cast(Projection, shop.orderwright.applications[name])
    return {
        table.name: projection.rows(f"SELECT * FROM @{table.name} ORDER BY {', '.join(table.key)}")
        for table in projection.tables
    }


@contextmanager
def opened(file: Path) -> Iterator[sqlite3.Connection]:
    """A file, as a person opens it."""
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def rows_in(file: Path, name: str) -> Rows:
    """Every row of a read model in such a file."""
    with opened(file) as connection:
        return {
            table.name: [
                dict(row)
                for row in connection.execute(f"SELECT * FROM {table.name} ORDER BY {', '.join(table.key)}")
            ]
            for table in class_of(name).tables
        }


def about(file: Path) -> dict[str, str]:
    """What such a file says about itself."""
    with opened(file) as connection:
        return dict(connection.execute("SELECT name, value FROM about").fetchall())


def test_it_says_what_was_shown_then(persistence: Environment, open_way: Any, tmp_path: Path) -> None:
    clock = StandingClock()
    shop = Shop(open_way(ByHand, persistence, clock=clock))
    busy_day(shop)
    first_evening, then = clock(), {name: shown(shop, name) for name in PROJECTIONS}
    clock.put_forward(3600)
    busy_day(shop)
    told: list[tuple[int, int]] = []

    for name in PROJECTIONS:
        told.clear()
        built = build_as_of(
            shop.orderwright,
            class_of(name),
            first_evening,
            tmp_path / f"{name}.sqlite",
            lambda done, whole: told.append((done, whole)),
        )
        assert rows_in(tmp_path / f"{name}.sqlite", name) == then[name]
        assert then[name] != shown(shop, name) or name == "PaymentCalls"  # in the evening no call is due
        assert (built.rows, built.failures) == ({t: len(r) for t, r in then[name].items()}, ())
        assert told[-1][0] == told[-1][1]


def test_the_file_says_what_it_is_and_is_its_owners_alone(
    in_memory: Environment, open_way: Any, tmp_path: Path
) -> None:
    clock = StandingClock()
    shop = Shop(open_way(ByHand, in_memory, clock=clock))
    shop.receive("TEAPOT", 1)
    shop.order("TEAPOT")
    shop.settle()
    file = tmp_path / "then.sqlite"

    built = build_as_of(shop.orderwright, PaymentLedger, clock(), file)

    said = about(file)
    assert (said["read_model"], said["as_of"]) == ("PaymentLedger", clock().isoformat())
    assert said["position_in_Payments"] == str(built.positions["Payments"]) == "2"
    assert (said["events"], said["events_not_handled"]) == ("2", "0")
    assert said["built_by"].startswith("orderwright ")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "1 rows of payment_ledger" in built.sentence
    assert list(tmp_path.iterdir()) == [file]


def test_before_the_first_event_it_is_empty_and_says_so(
    in_memory: Environment, open_way: Any, tmp_path: Path
) -> None:
    clock = StandingClock()
    shop = Shop(open_way(ByHand, in_memory, clock=clock))
    shop.order("TEAPOT")

    built = build_as_of(
        shop.orderwright, OrderDashboard, clock() - timedelta(microseconds=1), tmp_path / "then.sqlite"
    )

    assert rows_in(tmp_path / "then.sqlite", "OrderDashboard") == {"order_dashboard": []}
    assert "No event is that old" in built.sentence


def test_what_has_not_come_yet_is_refused(in_memory: Environment, open_way: Any, tmp_path: Path) -> None:
    shop = Shop(open_way(ByHand, in_memory, clock=StandingClock()))
    tomorrow: datetime = shop.orderwright.clock() + timedelta(days=1)

    with pytest.raises(MomentToCome, match="2024-05-18"):
        build_as_of(shop.orderwright, OrderDashboard, tomorrow, tmp_path / "then.sqlite")

    assert list(tmp_path.iterdir()) == []


def test_no_file_is_replaced_and_none_is_left_by_a_failure(
    in_memory: Environment, open_way: Any, tmp_path: Path
) -> None:
    shop = Shop(open_way(ByHand, in_memory))
    shop.order("TEAPOT")
    file, now = tmp_path / "then.sqlite", shop.orderwright.clock()
    file.write_text("dear diary")
    with pytest.raises(FileExistsError):
        build_as_of(shop.orderwright, OrderDashboard, now, file)
    assert file.read_text() == "dear diary"
    file.unlink()

    def interrupted(*_: object) -> None:
        assert [path.name for path in tmp_path.iterdir()] == [".then.sqlite.part"]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_as_of(shop.orderwright, OrderDashboard, now, file, interrupted)

    assert list(tmp_path.iterdir()) == []


def test_what_somebody_else_makes_at_this_moment_is_not_disturbed(tmp_path: Path) -> None:
    file = tmp_path / "then.sqlite"
    with RowFile(file, OrderDashboard.tables) as theirs:
        with pytest.raises(BlockingIOError), RowFile(file, OrderDashboard.tables):
            pass
        theirs.keep()
    assert list(tmp_path.iterdir()) == [file]


def test_what_a_killed_one_left_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / ".then.sqlite.part").write_bytes(b"half a file")

    with RowFile(tmp_path / "then.sqlite", OrderDashboard.tables) as file:
        assert file.counts() == {"order_dashboard": 0}
        file.keep()

    assert [path.name for path in tmp_path.iterdir()] == ["then.sqlite"]


def test_events_that_cannot_be_handled_are_named_and_the_rows_go_without_them(
    in_memory: Environment, open_way: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(open_way(ByHand, in_memory))
    shop.receive("TEAPOT", 9)
    bad, good = shop.order("TEAPOT"), shop.order("TEAPOT")
    shop.settle()
    cannot_bear(monkeypatch, bad)

    file, now = tmp_path / "then.sqlite", shop.orderwright.clock()
    built = build_as_of(shop.orderwright, PaymentLedger, now, file)

    (failure,) = built.failures
    assert (failure.type, failure.leader, failure.about) == ("Payment.Completed", "Payments", str(bad))
    assert "ValueError: no such teapot" in failure.error
    status = {row["order_id"]: row["status"] for row in rows_in(file, "PaymentLedger")["payment_ledger"]}
    assert status == {str(bad): "REQUESTED", str(good): "COMPLETED"}
    with opened(file) as connection:
        told = connection.execute("SELECT about, position FROM failures").fetchall()
    assert [tuple(row) for row in told] == [(str(bad), failure.position)]
    assert about(file)["events_not_handled"] == "1"


def test_where_too_many_cannot_be_handled_it_is_given_up(
    in_memory: Environment, open_way: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(open_way(ByHand, in_memory))
    bad = shop.order("TEAPOT")
    shop.settle()
    cannot_bear(monkeypatch, bad)
    monkeypatch.setattr("system.recovery.read_models.as_of.MOST_FAILURES", 0)

    with pytest.raises(TooManyFailures, match=r"Payment\.Completed at position"):
        build_as_of(shop.orderwright, PaymentLedger, shop.orderwright.clock(), tmp_path / "then.sqlite")

    assert list(tmp_path.iterdir()) == []


def cannot_bear(monkeypatch: pytest.MonkeyPatch, order: object) -> None:
    """The code of the ledger fails at the payment of an order."""
    handle = PaymentLedger.handle

    def fails(self: PaymentLedger, event: Any, work: UnitOfWork) -> None:
        handle(self, event, work)
        if isinstance(event, Payment.Completed) and event.order_id == order:
            raise ValueError("no such teapot")

    monkeypatch.setattr(PaymentLedger, "handle", fails)
