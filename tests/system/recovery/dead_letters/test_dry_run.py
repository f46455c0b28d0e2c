"""A dry run says exactly what a retry will do, and leaves no trace."""

from typing import Any

import pytest
from eventsourcing.persistence import OperationalError

from system.followers.parked import CaseNotFound, EarlierEventWaits
from system.persistence.tables import Changes
from system.projections.stock_levels import STOCK_LEVELS
from system.recovery.dead_letters.desk import DeadLetterDesk
from system.recovery.dead_letters.dry_run import DryRun
from system.recovery.dead_letters.rows import Rows
from tests.support.agreement import live_rows, log_of
from tests.support.fixtures import Environment, OpenWay
from tests.support.poison import Poison
from tests.support.ways import ByHand
from tests.support.whole_store import everything_in

from .at_the_desk import about, shop_by_hand


def kept_in_memory(way: ByHand) -> dict[str, Any]:
    """What the runner's followers keep, and in which version."""
    return {
        name: {
            id_: (aggregate.version, len(aggregate.pending_events))
            for id_, aggregate in loop.subscriptions[0]._identity_map._kept.items()
        }
        for name, loop in way.runner.loops.items()
    }


def test_it_leaves_no_trace_anywhere(persistence: Environment, open_way: OpenWay) -> None:
    shop, way, desk = shop_by_hand(open_way, persistence)
    bad = shop.order("CD-X1")
    poisons = [
        Poison(shop.orderwright.fulfilments, about(bad, "Payment.Completed")),
        Poison(shop.orderwright.dashboard, about(bad, "Payment.Requested")),
        Poison(shop.orderwright.saga_log, about(bad, "Fulfilment.Started")),
        Poison(shop.orderwright.stock_levels, about(bad)),
    ]
    shop.settle()
    before, kept = everything_in(shop.orderwright, persistence), kept_in_memory(way)
    assert len(before) > 10
    cases = desk.cases()
    assert len(cases) == 3
    for case in cases:
        for sequence in (False, True):
            assert DeadLetterDesk(shop.orderwright).dry_run(case.case_id, sequence=sequence).would_fail
    for poison in poisons:
        poison.cure()
    for case in cases:
        for sequence in (False, True):
            assert not DeadLetterDesk(shop.orderwright).dry_run(case.case_id, sequence=sequence).would_fail
    assert everything_in(shop.orderwright, persistence) == before
    assert kept_in_memory(way) == kept
    assert desk.cases() == cases

    desk.retry_all()
    assert everything_in(shop.orderwright, persistence) != before  # the comparison can tell


def test_what_a_process_would_record_is_what_it_records(persistence: Environment, open_way: OpenWay) -> None:
    shop, _, desk = shop_by_hand(open_way, persistence)
    bad = shop.order("CD-X1")
    poison = Poison(shop.orderwright.fulfilments, about(bad, "Payment.Completed"))
    shop.settle()
    shop.cancel(bad)
    shop.settle()
    poison.cure()
    (case,) = desk.cases()
    rehearsal = DeadLetterDesk(shop.orderwright).dry_run(case.case_id, sequence=True)
    assert (rehearsal.would_fail, rehearsal.would_still_wait) == (False, 0)
    assert [[event.type for event in step.events] for step in rehearsal.events] == [
        ["Fulfilment.StepCompleted", "Fulfilment.ReservationRequested"],
        ["Fulfilment.OrderCancellationNoted", "Fulfilment.UnwindingStarted"],
    ]
    assert rehearsal.events[0].events[0].payload["step"] == "ProcessPayment"
    log = shop.orderwright.fulfilments
    before = log.recorder.max_notification_id() or 0
    desk.retry(case.case_id, sequence=True)
    recorded = [
        (one.topic, str(one.originator_id), one.originator_version)
        for one in log_of(log)
        if one.id > before and not one.topic.startswith("ParkingLot")
    ]
    assert recorded == [
        (event.type, event.stream_id, event.stream_version)
        for step in rehearsal.events
        for event in step.events
    ]


@pytest.mark.parametrize(
    "follower", ["dashboard", "saga_log", "payment_ledger", "payment_calls", "stock_levels"]
)
def test_what_a_projection_would_change_is_what_it_changes(
    in_memory: Environment, open_way: OpenWay, follower: str
) -> None:
    shop, _, desk = shop_by_hand(open_way, in_memory)
    bad, good = shop.order("CD-X1"), shop.order("CD-X1")
    poison = Poison(getattr(shop.orderwright, follower), about(bad))
    shop.settle()  # without its row no call is made, so not everything is at its end then
    shop.cancel(good)
    shop.cancel(bad)
    shop.settle()
    poison.cure()
    (case,) = desk.cases()
    rehearsal = DeadLetterDesk(shop.orderwright).dry_run(case.case_id, sequence=True)
    assert not rehearsal.would_fail
    rows = live_rows(shop.orderwright)
    expected = as_changed(rows, rehearsal)
    assert expected != rows or follower == "stock_levels"  # whose newest version is there already
    desk.retry(case.case_id, sequence=True)
    assert as_sets(live_rows(shop.orderwright)) == as_sets(expected)


def as_changed(rows: dict[str, list[dict[str, Any]]], rehearsal: DryRun) -> dict[str, list[dict[str, Any]]]:
    """The rows after the changes of a rehearsal."""
    changed = {table: [dict(row) for row in found] for table, found in rows.items()}
    for step in rehearsal.events:
        for change in step.rows:
            table = changed[change.table]
            row = next((r for r in table if all(r[k] == v for k, v in change.key.items())), None)
            assert (row is None) == change.is_new
            if change.is_removed and row is not None:
                table.remove(row)
                continue
            if row is None:
                row = dict(change.key)
                table.append(row)
            for column, values in change.columns.items():
                assert row.get(column) == values["from"]
                row[column] = values["to"]
    return changed


def as_sets(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
    """Rows without an order, in which what is not set is null."""
    return {
        table: sorted(str(sorted((k, v) for k, v in row.items() if v is not None)) for row in found)
        for table, found in rows.items()
    }


def test_an_older_version_would_not_set_a_row_back(in_memory: Environment, open_way: OpenWay) -> None:
    shop, _, _ = shop_by_hand(open_way, in_memory)
    shop.settle()
    rows = Rows(shop.orderwright.stock_levels)

    def would_change(version: int) -> Any:
        changes = Changes()
        values = {"sku": "CD-X1", "on_hand": 7, "reserved": 0, "version": version}
        changes.add(STOCK_LEVELS, values, inserts=True)
        return [dict(change.columns) for change in rows.apply(changes)]

    assert would_change(1) == []
    assert would_change(5) == [{"on_hand": {"from": 100, "to": 7}, "version": {"from": 2, "to": 5}}]
    assert would_change(4) == []


def test_a_rehearsal_refuses_what_a_retry_refuses_and_says_what_would_fail(
    in_memory: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, _, desk = shop_by_hand(open_way, in_memory)
    bad = shop.order("CD-X1")
    poison = Poison(shop.orderwright.saga_log, about(bad, "Fulfilment.Started"))
    shop.settle()
    (case,) = desk.cases()
    assert case.position is not None
    with pytest.raises(EarlierEventWaits):
        DeadLetterDesk(shop.orderwright).dry_run(f"SagaLog:OrderFulfilment:{case.position + 1}")
    with pytest.raises(CaseNotFound):
        DeadLetterDesk(shop.orderwright).dry_run("SagaLog:OrderFulfilment:999")
    poison.is_bad = about(bad, "Fulfilment.PaymentRequested")
    rehearsal = DeadLetterDesk(shop.orderwright).dry_run(case.case_id, sequence=True)
    assert [(event.what, event.error) for event in rehearsal.events] == [
        ("Fulfilment.Started", None),
        ("Fulfilment.PaymentRequested", "ValueError: cannot bear PaymentRequested"),
    ]
    assert rehearsal.would_still_wait == case.held_back

    def away(*_: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(shop.orderwright.saga_log, "handle", away)
    with pytest.raises(OperationalError):
        DeadLetterDesk(shop.orderwright).dry_run(case.case_id)
