"""A shop whose every step is drawn by lot: who acts next, which page is read, what is delivered twice."""

import shutil
from collections.abc import Callable
from concurrent.futures import wait
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from domain.shared.errors import DomainError
from system.audit import audit
from system.definition import orderwright as definition
from system.followers.unit_of_work import UnitOfWork
from system.gateways.simulated import SimulatedGateway
from system.workers import payment_caller as worker
from tests.support.agreement import live_rows, log_of, rebuilt_rows
from tests.support.clocks import StandingClock
from tests.support.invariants import assert_at_rest, assert_charged_at_most_once, assert_stock_balances
from tests.support.running_shop import Shop
from tests.support.snapshots import assert_states_come_back
from tests.support.waiting import PATIENCE_SECONDS
from tests.support.ways import ByHand, one_at_a_time

SKUS = ("TEAPOT", "CUP", "CD-X1")
METHODS = ("pm_ok", "pm_declined", "pm_error_once", "pm_timeout", "pm_refund_fails_once", "pm_sea_shells")
EDGES = sorted(definition.edges)
PROCESSES = ("OrderFulfilment", "Payments", "Inventory", "Orders")
"""Those whose reactions must bear to be repeated. A projection is fenced by its position alone."""


def refusal_of(command: Callable[[], object]) -> str | None:
    """The code that a command is refused with, or None."""
    try:
        command()
    except DomainError as refusal:
        return refusal.code
    return None


class ShopMachine(RuleBasedStateMachine):
    """Anything can happen next, in any order; some things can never be seen whatever happens."""

    persistence: ClassVar[str] = "eventsourcing.popo"
    orders = Bundle("orders")
    receipts = Bundle("receipts")

    def __init__(self) -> None:
        super().__init__()
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr(worker, "wait", one_at_a_time)
        self._folder = Path(mkdtemp(prefix="orderwright-", dir=_memory()))
        self._gateway = SimulatedGateway()
        self._clock = StandingClock()
        self._commands = 0
        self._open()

    def _open(self) -> None:
        environment = {
            "PERSISTENCE_MODULE": self.persistence,
            "ORDERWRIGHT_DATA": str(self._folder),
            "ORDERWRIGHT_PAGE_SIZE": "7",
        }
        self.way = ByHand(environment, self._gateway, self._clock)
        self.shop = Shop(self.way)

    def _command_id(self) -> str:
        self._commands += 1
        return f"command-{self._commands}"

    # What people do

    @initialize(target=receipts, quantities=st.tuples(*[st.integers(1, 12)] * 3))
    def stock_the_shelves(self, quantities: tuple[int, ...]) -> Any:
        """The shop begins with something of everything."""
        return multiple(*(self._receive(sku, n) for sku, n in zip(SKUS, quantities, strict=True)))

    @rule(target=receipts, sku=st.sampled_from(SKUS), quantity=st.integers(1, 8))
    def receive(self, sku: str, quantity: int) -> tuple[str, str]:
        """Goods come in."""
        return self._receive(sku, quantity)

    def _receive(self, sku: str, quantity: int) -> tuple[str, str]:
        return sku, self.shop.receive(sku, quantity, command_id=self._command_id())

    @rule(receipt=receipts, quantity=st.integers(0, 8))
    def correct(self, receipt: tuple[str, str], quantity: int) -> None:
        """A receipt is corrected, unless the goods are promised already."""
        sku, receipt_id = receipt
        before = vars(self.shop.item(sku))
        refusal = refusal_of(
            lambda: self.shop.correct(sku, receipt_id, quantity, command_id=self._command_id())
        )
        if refusal is not None:
            assert refusal == "insufficient_stock"
            assert vars(self.shop.item(sku)) == before

    @rule(
        target=orders,
        lines=st.lists(
            st.tuples(
                st.sampled_from((*SKUS, "NOT-HERE")), st.integers(1, 5), st.sampled_from(["1.50", "20.00"])
            ),
            min_size=1,
            max_size=3,
        ),
        pays=st.sampled_from(METHODS),
    )
    def order(self, lines: list[tuple[str, int, str]], pays: str) -> UUID:
        """Somebody orders."""
        command = self._command_id()
        return self.shop.order(*lines, pays=pays, ref=command, command_id=command)

    @rule(order=orders)
    def cancel(self, order: UUID) -> None:
        """A customer cancels, perhaps again."""
        was = self.shop.status(order)
        refusal = refusal_of(lambda: self.shop.cancel(order, command_id=self._command_id()))
        assert refusal == ("order_already_cancelled" if was == "CANCELLED" else None)

    # What the system does

    @rule(edge=st.sampled_from(EDGES))
    def read_a_page(self, edge: tuple[str, str]) -> None:
        """One follower reads one page of one leader."""
        leader, follower = edge
        self.way.advance(follower, leader)

    @rule(edges=st.permutations(EDGES))
    def read_all_once(self, edges: list[tuple[str, str]]) -> None:
        """Everybody reads a page, in some order."""
        for leader, follower in edges:
            self.way.advance(follower, leader)

    @rule()
    def call_the_provider(self) -> None:
        """What is due is sent, and one answer is recorded."""
        self.way.worker.step()

    @rule(seconds=st.sampled_from([1, 60]))
    def let_time_pass(self, seconds: int) -> None:
        """Retries become due."""
        self._clock.put_forward(seconds)

    # What goes wrong

    @rule(edge=st.sampled_from([edge for edge in EDGES if edge[1] in PROCESSES]), at=st.floats(0, 1))
    def deliver_again(self, edge: tuple[str, str], at: float) -> None:
        """An event that was processed long ago arrives once more."""
        leader_name, follower_name = edge
        leader = self.way.orderwright.applications[leader_name]
        follower = self.way.orderwright.applications[follower_name]
        position = follower.recorder.max_tracking_id(leader_name) or 0
        old = [notification for notification in log_of(leader) if notification.id <= position]
        if old:
            event = leader.mapper.to_domain_event(old[int(at * (len(old) - 1))])
            work = UnitOfWork()
            follower.handle(event, work)
            assert not work.events, f"{follower_name} reacted to {type(event).__qualname__} twice"
            follower.record_work(work)

    @rule()
    def restart_the_runner(self) -> None:
        """Everything that was only in memory is forgotten; calls in flight are never heard of again."""
        self._let_calls_end()
        if self.persistence == "eventsourcing.popo":
            self.way.restart()
        else:
            self.way.close()
            self._open()

    # What must hold

    @invariant()
    def stock_balances(self) -> None:
        """At every moment."""
        assert_stock_balances(self.way.orderwright)

    @invariant()
    def nobody_is_charged_twice(self) -> None:
        """Neither in our books nor in the provider's."""
        assert_charged_at_most_once(self.way.orderwright)
        charged = [key.rpartition(":")[0] for key in self._gateway.charges]
        assert len(charged) == len(set(charged))

    @invariant()
    def the_audit_is_clean(self) -> None:
        """Whatever is under way."""
        report = audit(self.way.orderwright)
        assert report.is_clean, report.offenders

    @rule()
    def come_to_rest(self) -> None:
        """When nothing more happens, everything ends, and the lists show what new ones would show."""
        self.way.settle()
        assert_at_rest(self.way.orderwright)
        assert_states_come_back(self.way.orderwright)
        live, rebuilt = live_rows(self.way.orderwright), rebuilt_rows(self.way.orderwright)
        for table, rows in live.items():
            assert rows == rebuilt[table], table

    def teardown(self) -> None:
        """Every run comes to rest in the end."""
        try:
            self.come_to_rest()
        finally:
            self._let_calls_end()
            self.way.close()
            self._patch.undo()
            shutil.rmtree(self._folder)

    def _let_calls_end(self) -> None:
        wait(self.way.worker._in_flight, timeout=PATIENCE_SECONDS)


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
