"""The ways of running one and the same System: the library's runner, ours in threads, ours by hand."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from typing import Any, Protocol, cast
from uuid import UUID

from eventsourcing.system import SingleThreadedRunner

from application.ports import PaymentGateway
from system.bootstrap import Clock, Orderwright, build, snapshot_keeper
from system.definition import orderwright as definition
from system.followers.follower import Follower
from system.runner.runner import Runner
from system.settings.environment import SQLITE, Settings
from system.stores import application_environment
from system.workers.payment_caller import GatewayWorker

from .clocks import StandingClock, monotonic_of
from .waiting import PATIENCE_SECONDS, wait_until


class Way(Protocol):
    """A running system, and how to make it work."""

    @property
    def orderwright(self) -> Orderwright:
        """The system."""
        ...

    def work_until(self, holds: Callable[[], object]) -> None:
        """Let it work until something holds."""
        ...

    def settle(self) -> None:
        """Let it work until there is nothing to do."""
        ...

    def close(self) -> None:
        """Stop it and close everything."""
        ...


class UnderTheLibrary:
    """The library's `SingleThreadedRunner`; the payment provider's worker is stepped by hand."""

    def __init__(self, environment: Mapping[str, str], gateway: PaymentGateway, clock: Clock) -> None:
        settings = Settings.from_environment(environment)
        if settings.persistence_module == SQLITE and not settings.is_in_memory:
            settings.data.mkdir(parents=True, exist_ok=True)
        self.runner: SingleThreadedRunner[UUID] = SingleThreadedRunner(
            definition, application_environment(settings)
        )
        self.runner.start()
        applications = cast(dict[str, Follower], dict(self.runner.apps))
        snapshots = snapshot_keeper(settings, applications, clock)
        self.orderwright = Orderwright(settings, applications, gateway, clock, snapshots, monotonic_of(clock))
        self._worker = self.orderwright.gateway_worker()

    def work_until(self, holds: Callable[[], object]) -> None:
        """Step the worker until something holds."""
        wait_until(lambda: holds() or (self._worker.step() and False))

    def settle(self) -> None:
        """Step the worker until no call is due; the library's runner is always level."""
        _until_no_call_is_due(self._worker, self.orderwright.clock)

    def close(self) -> None:
        """Stop the library's runner, which closes the applications."""
        self.orderwright.snapshots.close()
        self.runner.stop()


class UnderOurRunner:
    """Our runner, in threads."""

    def __init__(self, environment: Mapping[str, str], gateway: PaymentGateway, clock: Clock) -> None:
        self.orderwright = build(
            Settings.from_environment(environment),
            gateway=gateway,
            clock=clock,
            monotonic=monotonic_of(clock),
        )
        self.runner: Runner = self.orderwright.runner()
        self.runner.start()

    def work_until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds."""
        wait_until(holds)

    def settle(self) -> None:
        """Wait until the runner says that it is settled."""
        assert self.runner.wait_until_settled(PATIENCE_SECONDS), "our runner did not settle"

    def close(self) -> None:
        """Stop the runner and close the applications."""
        self.runner.stop()
        self.orderwright.close()


class ByHand:
    """Our runner without its threads: every page and every call is made when a test says so."""

    def __init__(self, environment: Mapping[str, str], gateway: PaymentGateway, clock: Clock) -> None:
        self.orderwright = build(
            Settings.from_environment(environment),
            gateway=gateway,
            clock=clock,
            monotonic=monotonic_of(clock),
        )
        self.restart()

    def restart(self) -> None:
        """Go on with a new runner that remembers nothing."""
        self.runner: Runner = self.orderwright.runner()
        self.worker = self.orderwright.gateway_worker()

    def advance(self, follower: str, leader: str | None = None) -> int:
        """One page for a follower, of one leader or of each; how many events there were."""
        subscriptions = self.runner.loops[follower].subscriptions
        return sum(
            subscription.advance()
            for subscription in subscriptions
            if leader in (None, subscription.leader.name)
        )

    def level(self) -> None:
        """Advance every follower until nobody has anything to read."""
        while sum(self.advance(follower) for follower in self.runner.loops):
            pass

    def call_gateway(self) -> int:
        """Make and record calls until no answer is left to be recorded now; how many there were."""
        answers = 0
        while (made := self.worker.step()) or self.worker._in_flight:
            answers += made
        return answers

    def work_until(self, holds: Callable[[], object]) -> None:
        """Advance everything, round after round, until something holds."""

        def one_round() -> object:
            if holds():
                return True
            self.level()
            self.worker.step()
            return False

        wait_until(one_round)

    def settle(self) -> None:
        """Advance everything until there is nothing to do, putting the clock forward for retries."""

        def one_round() -> bool:
            self.level()
            if not self.worker.is_busy():
                return True
            if not self.call_gateway():
                _let_time_pass(self.orderwright.clock)
            return False

        wait_until(one_round, what="no call to the payment provider is due")

    def close(self) -> None:
        """Close the applications."""
        self.orderwright.close()


def _until_no_call_is_due(worker: GatewayWorker, clock: Clock) -> None:
    def one_step() -> bool:
        if not worker.step() and not worker._in_flight:
            _let_time_pass(clock)
        return not worker.is_busy()

    wait_until(one_step, what="no call to the payment provider is due")


def _let_time_pass(clock: Clock) -> None:
    if isinstance(clock, StandingClock):
        clock.put_forward(60)


def one_at_a_time(calls: Mapping[Future[Any], object], timeout: float, return_when: str) -> Any:
    """Instead of `concurrent.futures.wait` in the worker: always the call that was sent first."""
    first = next(iter(calls))
    wait([first], timeout=PATIENCE_SECONDS)
    return {first}, set()


WAYS: dict[str, Callable[[Mapping[str, str], PaymentGateway, Clock], Way]] = {
    "library": UnderTheLibrary,
    "threads": UnderOurRunner,
}
"""The two ways that must come to the same outcome."""
