"""Clocks that are wrong: nothing waits for them, nothing is given up or overdue because of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from application.ports import ChargeRequest, GatewayError, GatewayTimeout, RefundRequest
from domain.fulfilment.steps import STEPS
from system.bootstrap import utc_now
from system.followers.unit_of_work import UnitOfWork
from system.observability.metrics import METRICS, snapshot
from system.operations.clocks import ahead_of_database
from system.operations.doctor import examine
from system.operations.stuck import PositionWatch
from system.projections.payment_calls.queries import LONGEST_PAUSE
from system.projections.saga_log.tables import DEADLINES
from system.recovery.dead_letters.calls import retry_call
from tests.support.agreement import events_of
from tests.support.clocks import StandingClock
from tests.support.fixtures import Environment
from tests.support.gateways import TroublesomeGateway
from tests.support.running_shop import Shop
from tests.support.waiting import wait_until
from tests.support.ways import ByHand, UnderOurRunner, Way

OpenWay = Callable[..., Way]
HOUR = 3600.0
ALLOWED = STEPS[0].allowed.total_seconds()


class Mechanic(Shop):
    """A shop that is advanced by hand, with somebody who turns the hands of its clock."""

    way: ByHand

    def __init__(self, way: ByHand) -> None:
        super().__init__(way)
        self.scanner = way.orderwright.deadline_scanner()
        assert isinstance(way.orderwright.clock, StandingClock)
        self.clock = way.orderwright.clock
        self.receive("CD-X1", 5)

    def work(self) -> int:
        """Read all there is, make the calls that are due now, read what came of it; how many calls."""
        self.way.level()
        calls = self.way.call_gateway()
        self.way.level()
        return calls

    def work_for(self, seconds: float) -> None:
        """Work again and again, while so much time passes."""
        for _ in range(10):
            self.work()
            self.clock.put_forward(seconds / 10)
        self.work()


@pytest.fixture
def gateway() -> TroublesomeGateway:
    """A provider that has trouble when a test says so."""
    return TroublesomeGateway()


@pytest.fixture
def shop(in_memory: Environment, open_way: OpenWay, gateway: TroublesomeGateway) -> Mechanic:
    """A shop with five records."""
    way = open_way(ByHand, in_memory, gateway, StandingClock())
    assert isinstance(way, ByHand)
    return Mechanic(way)


def once(error: Exception, kind: type = ChargeRequest) -> Callable[[object], None]:
    """Raises at the first request of a kind, then never again."""
    left = [error]

    def raises(request: object) -> None:
        if isinstance(request, kind) and left:
            raise left.pop()

    return raises


@pytest.mark.parametrize("wrong", [90, HOUR, -HOUR])
def test_a_charge_is_made_at_once_whatever_time_its_order_carries(shop: Mechanic, wrong: float) -> None:
    shop.clock.put_wrong(wrong)
    order = shop.order("CD-X1")
    shop.way.level()
    shop.clock.put_wrong(-wrong)

    assert shop.work() == 1
    assert shop.status(order) == "CONFIRMED"


@pytest.mark.parametrize("wrong", [90, HOUR, -HOUR])
@pytest.mark.parametrize("trouble", [GatewayError("closed"), GatewayTimeout("no answer")], ids=["no", "?"])
@pytest.mark.parametrize("kind", [ChargeRequest, RefundRequest])
def test_a_retry_waits_no_longer_than_the_longest_pause_when_the_clock_was_wrong(
    shop: Mechanic, gateway: TroublesomeGateway, wrong: float, trouble: Exception, kind: type
) -> None:
    gateway.before = once(trouble, kind)
    order = shop.order("CD-X1" if kind is ChargeRequest else ("CD-X1", 6))
    if kind is RefundRequest:
        assert shop.work() == 1, "the charge, which has to be refunded"
    shop.clock.put_wrong(wrong)
    assert shop.work() == 1, "the call that fails"
    shop.clock.put_wrong(-wrong)

    shop.work_for(LONGEST_PAUSE.total_seconds())
    assert shop.status(order) == ("CONFIRMED" if kind is ChargeRequest else "CANCELLED")


def test_what_a_person_hastens_is_called_at_once(shop: Mechanic, gateway: TroublesomeGateway) -> None:
    gateway.before = once(GatewayTimeout("no answer"))
    order = shop.order("CD-X1")
    shop.work()
    assert shop.work() == 0, "it pauses"

    shop.clock.put_wrong(60)
    context = replace(shop.context("olga"), time=shop.clock())
    shop.clock.put_wrong(-60)
    retry_call(shop.orderwright, order, context, "the provider is back")
    assert shop.work() == 1
    assert shop.status(order) == "CONFIRMED"


def test_a_clock_that_goes_forward_between_two_failures_gives_nothing_up(
    shop: Mechanic, gateway: TroublesomeGateway
) -> None:
    troubles = [GatewayError("closed"), GatewayError("closed")]
    gateway.before = lambda _: (_ for _ in ()).throw(troubles.pop()) if troubles else None
    order = shop.order("CD-X1")
    assert shop.work() == 1
    shop.clock.put_wrong(HOUR)
    assert shop.work() == 1
    shop.clock.put_wrong(-HOUR)
    shop.clock.put_forward(LONGEST_PAUSE.total_seconds())
    assert shop.work() == 1

    assert shop.status(order) == "CONFIRMED"


@pytest.mark.parametrize("wrong", [-HOUR, -26 * HOUR])
def test_a_call_is_asked_again_and_again_while_the_clock_is_behind_what_is_recorded(
    shop: Mechanic, gateway: TroublesomeGateway, wrong: float
) -> None:
    troubles = [GatewayTimeout("no answer")] * 4
    gateway.before = lambda _: (_ for _ in ()).throw(troubles.pop()) if troubles else None
    order = shop.order("CD-X1")
    shop.way.level()
    shop.clock.put_wrong(wrong)
    for _ in range(5):
        assert shop.work() == 1
        shop.clock.put_forward(LONGEST_PAUSE.total_seconds())

    assert shop.status(order) == "CONFIRMED"


@pytest.mark.parametrize("wrong", [HOUR, -HOUR])
def test_a_runner_whose_clock_jumps_finds_overdue_what_it_has_watched_for_too_long_and_nothing_else(
    shop: Mechanic, gateway: TroublesomeGateway, wrong: float
) -> None:
    order = shop.order("CD-X1")
    shop.way.level()
    assert shop.scanner.step() == 0
    shop.clock.put_wrong(wrong)
    assert shop.scanner.step() == 0
    shop.clock.put_forward(ALLOWED - 1)
    assert shop.scanner.step() == 0, "it has not taken so long yet"
    assert shop.orderwright.saga_log.fulfilment(order).status == "PAYMENT_PENDING"

    shop.clock.put_forward(1)
    assert shop.scanner.step() == 1
    shop.settle()
    assert (shop.status(order), gateway.charges) == ("CANCELLED", {})


@pytest.mark.parametrize("wrong", [HOUR, -HOUR])
def test_an_order_of_a_machine_whose_clock_is_wrong_has_all_the_time_it_is_allowed(
    shop: Mechanic, wrong: float
) -> None:
    shop.clock.put_wrong(wrong)
    order = shop.order("CD-X1")
    shop.way.level()
    shop.clock.put_wrong(-wrong)
    shop.scanner.step()
    shop.clock.put_forward(ALLOWED - 1)
    assert shop.scanner.step() == 0
    assert shop.work() == 1

    assert shop.status(order) == "CONFIRMED"


def test_undoing_that_may_take_a_day_is_overdue_after_a_day_however_often_runners_change(
    shop: Mechanic, gateway: TroublesomeGateway
) -> None:
    gateway.before = lambda request: (
        once(GatewayTimeout("no answer"))(None) if isinstance(request, ChargeRequest) else refuse()
    )
    order = shop.order(("CD-X1", 6))
    while shop.work():
        pass
    assert shop.payment(order).status == "REFUND_REQUESTED"

    for _ in range(12):
        shop.scanner = shop.orderwright.deadline_scanner()
        assert shop.scanner.step() == 0
        shop.clock.put_forward(2 * HOUR - 1)
        assert shop.scanner.step() == 0
    shop.clock.put_forward(HOUR)
    assert shop.scanner.step() == 1
    assert shop.scanner.step() == 1, "until the saga log has followed"
    shop.way.level()
    assert shop.scanner.step() == 0


@pytest.mark.parametrize("early", [0, 1])
def test_undoing_is_overdue_from_the_very_moment_it_was_due_once_it_was_watched_for_an_hour(
    shop: Mechanic, gateway: TroublesomeGateway, early: float
) -> None:
    gateway.before = lambda request: refuse() if isinstance(request, RefundRequest) else None
    order = shop.order(("CD-X1", 6))
    shop.work()
    assert shop.payment(order).status == "REFUND_REQUESTED"
    shop.clock.put_forward(22 * HOUR)
    assert shop.scanner.step() == 0
    shop.clock.put_forward(2 * HOUR - early)

    assert shop.scanner.step() == (0 if early else 1)


def test_a_step_of_an_early_release_has_the_longest_time_there_is_for_it(shop: Mechanic) -> None:
    shop.order("CD-X1")
    shop.way.level()
    (awaited,) = shop.orderwright.saga_log.awaited_steps(9)
    work = UnitOfWork()
    key = {"order_id": awaited.order_id, "step": awaited.step}
    work.change(DEADLINES, **key, status=None)  # it did not say what is awaited
    shop.orderwright.saga_log.record_work(work)

    assert shop.scanner.step() == 0
    shop.clock.put_forward(ALLOWED)
    assert shop.scanner.step() == 0
    shop.clock.put_forward(HOUR - ALLOWED)
    assert shop.scanner.step() == 1, "it is past its deadline, and was watched for an hour"


@pytest.mark.parametrize("wrong", [-HOUR, -26 * HOUR])
def test_an_answer_is_never_recorded_before_what_it_answers(
    shop: Mechanic, gateway: TroublesomeGateway, wrong: float
) -> None:
    order = shop.order(("CD-X1", 6))
    shop.way.level()
    shop.clock.put_wrong(wrong)
    shop.settle()

    assert (shop.status(order), shop.payment(order).status) == ("CANCELLED", "REFUNDED")
    times = [event.timestamp for event in events_of(shop.orderwright.payments)]
    assert times == sorted(times)


def refuse() -> None:
    """The provider does not answer."""
    raise GatewayTimeout("no answer")


def ahead(seconds: float) -> Callable[[], datetime]:
    """A clock that goes on, and is so much ahead."""
    return lambda: utc_now() + timedelta(seconds=seconds)


def test_a_machine_whose_clock_is_ahead_takes_orders_and_another_one_charges_them(
    tuned_postgres: Environment, open_way: OpenWay
) -> None:
    follower = Shop(open_way(UnderOurRunner, tuned_postgres))
    writer = Shop(open_way(ByHand, tuned_postgres, clock=ahead(HOUR)))
    writer.receive("CD-X1", 5)
    orders = [writer.order("CD-X1", pays=pays) for pays in ("pm_ok", "pm_timeout", "pm_error_once")]
    wait_until(lambda: {follower.status(order) for order in orders} == {"CONFIRMED"})


def clocks_check(environment: Environment) -> tuple[str, str]:
    """What the doctor says about the clocks."""
    check = next(check for check in examine(environment).checks if check.name == "clocks")
    return str(check.status), check.detail


def test_an_event_from_the_future_is_told(durable_persistence: Environment, open_way: OpenWay) -> None:
    here = Shop(open_way(ByHand, durable_persistence))
    here.receive("CD-X1", 5)
    assert clocks_check(durable_persistence) == ("ok", "no event is from the future")
    Shop(open_way(ByHand, durable_persistence, clock=ahead(90))).order("CD-X1")

    verdict, detail = clocks_check(durable_persistence)
    assert verdict == "warning"
    assert "position 1 of Orders (Order.Created) was recorded" in detail
    assert "NTP" in detail
    (metric,) = (one for one in METRICS if one.name == "orderwright_events_ahead_seconds")
    samples = dict(metric.samples(snapshot(here.orderwright, None, PositionWatch())))
    assert samples["Inventory",] == 0
    assert 30 < samples["Orders",] <= 90


def test_a_clock_that_is_not_the_databases_is_told(on_postgres: Environment, open_way: OpenWay) -> None:
    for wrong in (0, 90, -90):
        seconds = ahead_of_database(open_way(ByHand, on_postgres, clock=ahead(wrong)).orderwright)
        assert seconds is not None
        assert abs(seconds - wrong) < 30
