"""Once the fault is mended, what waited is processed after all: in order, once, as if it had never waited."""

from typing import Any

import pytest
from eventsourcing.persistence import OperationalError

from application.base import ConcurrentChanges
from domain.shared import aggregates
from system.followers.parked import CaseNotFound, EarlierEventWaits
from system.queries.explain import explain
from system.queries.trail import order_events
from tests.support.agreement import assert_read_models_agree, live_rows, rebuilt_rows
from tests.support.fixtures import Environment, OpenWay
from tests.support.invariants import assert_at_rest, assert_charged_at_most_once, assert_stock_balances
from tests.support.poison import Poison

from .at_the_desk import about, results, shop_by_hand


def test_rows_stop_for_one_order_and_after_the_fix_they_are_as_if_built_anew(
    persistence: Environment, open_way: OpenWay
) -> None:
    shop, _, desk = shop_by_hand(open_way, persistence)
    orders = [shop.order("CD-X1") for _ in range(4)]
    bad = orders[1]
    poison = Poison(shop.orderwright.dashboard, about(bad, "Payment.Requested"))
    shop.settle()
    shop.cancel(orders[2])
    shop.settle()

    rows = shop.dashboard()
    assert [rows[str(order)].status for order in orders] == [
        "CONFIRMED",
        "CREATED",
        "CANCELLED",
        "CONFIRMED",
    ]
    assert shop.status(bad) == "CONFIRMED"  # only the list of orders is behind
    (case,) = desk.cases()
    assert (case.kind, case.where, case.what) == ("projection", "OrderDashboard", "Payment.Requested")
    assert (case.order_id, case.error) == (str(bad), "ValueError: cannot bear Requested")
    assert (case.attempts, case.held_back > 2, case.waits_behind) == (3, True, None)

    assert results(desk.retry(case.case_id)) == ["Payment.Requested failed"]
    (again,) = desk.cases()
    assert (again.case_id, again.attempts, again.held_back) == (case.case_id, 4, case.held_back)
    assert again.last_at > again.first_at == case.first_at

    poison.cure()
    report = desk.retry(case.case_id, sequence=True)
    assert (report.error, report.still_waiting) == (None, 0)
    assert len(report.events) == case.held_back + 1
    assert desk.cases() == []
    assert live_rows(shop.orderwright) == rebuilt_rows(shop.orderwright)
    shop.cancel(bad)
    shop.settle()
    assert desk.cases() == []  # later events flow again
    assert_read_models_agree(shop)


def test_a_saga_goes_on_to_its_end_when_its_events_are_retried(
    persistence: Environment, open_way: OpenWay
) -> None:
    shop, _, desk = shop_by_hand(open_way, persistence)
    bad, good = shop.order("CD-X1"), shop.order("CD-X1")
    poison = Poison(shop.orderwright.fulfilments, about(bad, "Payment.Completed"))
    shop.settle()
    shop.cancel(bad, "took too long")
    shop.settle()
    assert (shop.status(good), shop.saga(bad).status) == ("CONFIRMED", "PAYMENT_PENDING")
    (case,) = desk.cases()
    assert (case.kind, case.where, case.held_back) == ("process", "OrderFulfilment", 1)
    assert case.waiting is not None
    assert (case.waiting.money, case.waiting.currency, case.waiting.stock) == ("10.00", "USD", ())

    poison.cure()
    report = desk.retry(case.case_id)
    assert (results(report), report.still_waiting) == (["Payment.Completed retried"], 1)
    shop.settle()
    assert shop.reserved("CD-X1") == 2  # the saga went on with what it knows
    (cancelled,) = desk.cases()  # and has to hear of the cancellation before it hears of the stock
    assert (cancelled.what, cancelled.error, cancelled.attempts) == ("Order.Cancelled", None, 0)
    assert cancelled.waiting is not None
    assert [(line.sku, line.quantity) for line in cancelled.waiting.stock] == [("CD-X1", 1)]
    rest = desk.retry(cancelled.case_id, sequence=True)
    assert results(rest) == ["Order.Cancelled retried", "Reservation.Made retried"]
    shop.settle()

    assert shop.saga(bad).status == "FAILED"
    assert desk.cases() == []
    assert_at_rest(shop.orderwright)
    assert_charged_at_most_once(shop.orderwright)
    assert_stock_balances(shop.orderwright)
    assert live_rows(shop.orderwright) == rebuilt_rows(shop.orderwright)


def test_an_event_behind_another_one_is_refused_and_a_sequence_stops_at_the_first_that_fails(
    in_memory: Environment, open_way: OpenWay
) -> None:
    shop, way, desk = shop_by_hand(open_way, in_memory)
    bad = shop.order("CD-X1")
    poison = Poison(shop.orderwright.saga_log, about(bad, "Fulfilment.Started"))
    shop.settle()
    (case,) = desk.cases()
    second = f"SagaLog:OrderFulfilment:{int(case.case_id.rpartition(':')[2]) + 1}"
    with pytest.raises(EarlierEventWaits, match=case.case_id):
        desk.retry(second)
    with pytest.raises(EarlierEventWaits):
        desk.discard(second)
    with pytest.raises(CaseNotFound):
        desk.retry("SagaLog:OrderFulfilment:9999")

    poison.is_bad = about(bad, "Fulfilment.StepCompleted")
    report = desk.retry(case.case_id, sequence=True)
    assert results(report) == [
        "Fulfilment.Started retried",
        "Fulfilment.PaymentRequested retried",
        "Fulfilment.StepCompleted failed",
    ]
    assert report.error == "ValueError: cannot bear StepCompleted"
    assert report.still_waiting == case.held_back + 1 - 2
    (stopped,) = desk.cases()
    assert (stopped.what, stopped.attempts, stopped.error) == (
        "Fulfilment.StepCompleted",
        1,
        "ValueError: cannot bear StepCompleted",
    )
    poison.cure()
    desk.retry(stopped.case_id, sequence=True)
    assert live_rows(shop.orderwright) == rebuilt_rows(shop.orderwright)
    way.level()
    assert desk.cases() == []


def test_what_an_upcaster_could_not_read_waits_with_its_order_and_is_read_anew(
    durable_persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, way, desk = shop_by_hand(open_way, durable_persistence)
    order = shop.order("CD-X1")
    with monkeypatch.context() as patch:
        patch.delitem(aggregates._event_types, "Order.Created")
        way.level()
        assert {case.where for case in desk.cases()} == {"OrderFulfilment", "OrderDashboard"}
        assert {case.order_id for case in desk.cases(order_id=order)} == {str(order)}
    shop.cancel(order)
    shop.settle()
    assert [case.held_back for case in desk.cases()] == [1, 1]

    report = desk.retry_all()
    assert (report.matching, report.cured, report.failed, report.events) == (2, 2, 0, 4)
    shop.settle()
    assert_at_rest(shop.orderwright)
    assert live_rows(shop.orderwright) == rebuilt_rows(shop.orderwright)


def test_what_cannot_be_decoded_keeps_later_events_of_its_order_waiting(
    persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, way, desk = shop_by_hand(open_way, persistence)
    order, other = shop.order("CD-X1"), shop.order("CD-X1")
    way.level()
    way.call_gateway()
    with monkeypatch.context() as patch:
        patch.delitem(aggregates._event_types, "Payment.Completed")
        way.advance("OrderFulfilment", "Payments")
    shop.cancel(order)
    shop.settle()
    first, second = desk.cases()
    assert {first.sequence, second.sequence} == {str(order), str(other)}  # their rows still say so
    assert [case.held_back for case in desk.cases(order_id=order)] == [1]
    assert desk.retry_all().cured == 2
    shop.settle()
    desk.retry_all()
    shop.settle()
    assert_at_rest(shop.orderwright)


def test_a_discarded_event_makes_room_for_the_next(persistence: Environment, open_way: OpenWay) -> None:
    shop, _, desk = shop_by_hand(open_way, persistence)
    bad = shop.order("CD-X1")
    poison = Poison(shop.orderwright.dashboard, about(bad, "Payment.Completed"))
    shop.settle()
    (case,) = desk.cases()
    assert case.held_back > 0
    report = desk.discard(case.case_id)
    assert (results(report), report.still_waiting) == (["Payment.Completed discarded"], case.held_back)
    with pytest.raises(CaseNotFound):
        desk.discard(case.case_id)
    poison.cure()
    (next_one,) = desk.cases()
    assert desk.retry(next_one.case_id, sequence=True).still_waiting == 0
    row = shop.dashboard()[str(bad)]
    assert (row.status, row.payment_status) == ("CONFIRMED", "REQUESTED")


def test_every_action_stands_in_the_orders_trail_with_who_and_why(
    persistence: Environment, open_way: OpenWay
) -> None:
    shop, _, desk = shop_by_hand(open_way, persistence)
    bad, other = shop.order("CD-X1"), shop.order("CD-X1")
    poison = Poison(shop.orderwright.saga_log, lambda event: type(event).__name__ == "StepCompleted")
    shop.settle()
    (case,) = desk.cases(order_id=bad)
    desk.retry(case.case_id)
    desk.discard(case.case_id)
    poison.cure()
    (case,) = desk.cases(order_id=bad)
    desk.retry(case.case_id)
    actions = [event for event in order_events(shop.orderwright, bad) if event.user == "opal"]
    assert [event.type for event in actions] == [
        "ParkingLot.RetryFailed",
        "ParkingLot.EventDiscarded",
        "ParkingLot.EventRetried",
    ]
    assert [event.payload["reason"] for event in actions if event.payload is not None] == [
        "fixed in 1.4",
        "of no use any more",
        "fixed in 1.4",
    ]
    assert [event.command_id for event in actions] == ["opal-1", "opal-2", "opal-3"]
    told = " ".join(explain(shop.orderwright, bad).sentences)
    assert "opal had Fulfilment.ReservationRequested at position" in told
    assert "processed after all (reason: fixed in 1.4)." in told
    assert "tried once more (reason: fixed in 1.4), in vain (ValueError: cannot bear StepCompleted)." in told
    assert "opal discarded Fulfilment.StepCompleted at position" in told
    assert "waits for a person: SagaLog has parked Fulfilment.StepCompleted" in told
    assert not [event for event in order_events(shop.orderwright, other) if event.user == "opal"]


def test_an_outage_is_told_and_never_counted(
    persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, _, desk = shop_by_hand(open_way, persistence)
    bad = shop.order("CD-X1")
    poison = Poison(shop.orderwright.dashboard, about(bad, "Order.Confirmed"))
    shop.settle()
    poison.cure()
    (case,) = desk.cases()

    def away(*_: object, **__: object) -> None:
        raise OperationalError("the server closed the connection unexpectedly")

    for method in ("insert_events", "select_streams"):
        with monkeypatch.context() as patch:
            patch.setattr(shop.orderwright.dashboard.recorder, method, away)
            with pytest.raises(OperationalError):
                desk.retry(case.case_id)
            with pytest.raises(OperationalError):
                desk.retry_all()
            with pytest.raises(OperationalError):
                desk.discard(case.case_id)
    assert desk.cases() == [case]
    insert, failures = shop.orderwright.dashboard.recorder.insert_events, [away]

    def away_once(*arguments: Any, **more: Any) -> object:
        return failures.pop()() if failures else insert(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(shop.orderwright.dashboard.recorder, "insert_events", away_once)
        with pytest.raises(OperationalError):
            desk.retry(case.case_id)
    assert desk.cases() == [case]  # though the store was there again to count it
    assert results(desk.retry(case.case_id)) == ["Order.Confirmed retried"]


def test_an_answer_that_was_lost_is_given_again(
    persistence: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, _, desk = shop_by_hand(open_way, persistence)
    bad = shop.order("CD-X1")
    poison = Poison(shop.orderwright.dashboard, about(bad, "Payment.Completed"))
    shop.settle()
    (case,) = desk.cases()
    recorder = shop.orderwright.dashboard.recorder
    failed = desk.retry(case.case_id, command="first")
    assert desk.retry(case.case_id, command="first").replayed
    assert (desk.cases()[0].attempts, failed.replayed) == (4, False)
    poison.cure()

    insert = recorder.insert_events

    def answers_are_lost(*arguments: object, **more: object) -> None:
        insert(*arguments, **more)  # type: ignore[arg-type]
        raise OperationalError("the connection broke")

    with monkeypatch.context() as patch:
        patch.setattr(recorder, "insert_events", answers_are_lost)
        with pytest.raises(OperationalError):
            desk.retry(case.case_id, sequence=True, command="second")
    report = desk.retry(case.case_id, sequence=True, command="second")
    assert not report.replayed  # it went on with what was left
    assert (len(report.events), report.still_waiting) == (case.held_back + 1, 0)
    stored = recorder.max_notification_id()
    again = desk.retry(case.case_id, sequence=True, command="second")
    assert (again.replayed, again.events) == (True, report.events)
    assert recorder.max_notification_id() == stored
    assert live_rows(shop.orderwright) == rebuilt_rows(shop.orderwright)


def test_a_discard_that_is_sent_again_discards_nothing_more(
    in_memory: Environment, open_way: OpenWay
) -> None:
    shop, _, desk = shop_by_hand(open_way, in_memory)
    bad = shop.order("CD-X1")
    Poison(shop.orderwright.dashboard, about(bad, "Payment.Completed"))
    shop.settle()
    (case,) = desk.cases()
    first, second = (desk.discard(case.case_id, command="the-same") for _ in range(2))
    assert (first.replayed, second.replayed) == (False, True)
    assert first.events == second.events
    assert desk.cases()[0].held_back == case.held_back - 1


def test_a_lot_that_never_stands_still_refuses_in_the_end(
    in_memory: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, _, desk = shop_by_hand(open_way, in_memory)
    bad = shop.order("CD-X1")
    Poison(shop.orderwright.dashboard, about(bad, "Payment.Completed"))
    shop.settle()
    (case,) = desk.cases()
    # Whoever is always too late has read a stream to which more was appended meanwhile.
    recorder = shop.orderwright.dashboard.recorder
    read = recorder.select_streams
    monkeypatch.setattr(recorder, "select_streams", lambda after, *more: list(read(after, *more))[:-1])
    with pytest.raises(ConcurrentChanges):
        desk.discard(case.case_id)
