"""A store whose read models were made by an earlier release gets what is new."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from eventsourcing.persistence import PersistenceError, Tracking

from application.ports import ChargeRequest, GatewayError, GatewayTimeout, RefundRequest
from domain.shared.ids import payment_id
from system.followers.unit_of_work import UnitOfWork
from system.persistence.faults import STORE_FAULTS
from system.persistence.postgres import migrations
from system.persistence.tables import Table
from system.projections.payment_ledger.tables import LEDGER
from system.settings.environment import SQLITE, TUNED_POSTGRES, Settings
from system.stores import migration_targets
from tests.support.clocks import StandingClock
from tests.support.fixtures import Environment, environment_for
from tests.support.gateways import TroublesomeGateway
from tests.support.running_shop import Shop
from tests.support.ways import ByHand, UnderOurRunner, Way

OpenWay = Callable[..., Way]

LEDGER_WITH_CALLS = replace(
    LEDGER,
    columns={
        **LEDGER.columns,
        "call": "TEXT",
        "call_attempt": "BIGINT NOT NULL",
        "call_since": "TEXT NOT NULL",
        "call_event_id": "TEXT NOT NULL",
        **dict.fromkeys(("call_command_id", "call_user"), "TEXT"),
        **dict.fromkeys(("call_first", "unanswered"), "BIGINT"),
        **dict.fromkeys(("failing_since", "unknown_since", "last_error"), "TEXT"),
        **dict.fromkeys(("dispute", "disputed_at", "call_next_at"), "TEXT"),
    },
    indexes={
        "payment_ledger_calls": "(call_since, order_id) WHERE call IS NOT NULL",
        "payment_ledger_disputes": "(disputed_at, order_id) WHERE dispute IS NOT NULL",
        "payment_ledger_unknown": "(unknown_since, order_id) WHERE unknown_since IS NOT NULL",
    },
    dropped_columns=(),
    dropped_indexes=(),
)
"""As it was when it told as well which calls were due."""

LEDGER_OF_OLD = replace(
    LEDGER_WITH_CALLS,
    columns={
        name: kind
        for name, kind in LEDGER_WITH_CALLS.columns.items()
        if name
        not in ("call_first", "unanswered", "failing_since", "unknown_since", "last_error", "call_next_at")
    },
    indexes={"payment_ledger_due": "(call_since, order_id) WHERE call IS NOT NULL"},
)
"""As it was before that could be called for a second time after a pause."""

SAGA_LOG_OF_OLD = (
    "ALTER TABLE saga_log DROP COLUMN next_at",
    "DROP TABLE saga_deadlines",
    "CREATE TABLE saga_deadlines (order_id TEXT, step TEXT, due_at TEXT, PRIMARY KEY (order_id, step))",
    "INSERT INTO saga_deadlines VALUES ('an order that has ended', 'ProcessPayment', NULL)",
)
CALLS = (
    *("DROP TABLE payment_calls", "DROP TABLE payment_disputes"),
    *("DROP TABLE paymentcalls_events CASCADE", "DROP TABLE paymentcalls_tracking"),
)


def made_as(table: Table) -> Iterable[str]:
    """The statements that make the ledger what it was, with a call in each row that is none any more."""
    kept = ", ".join(LEDGER.columns)
    yield "ALTER TABLE payment_ledger RENAME TO payment_ledger_now"
    yield table.create_statement.replace("@", "")
    yield (
        f"INSERT INTO payment_ledger ({kept}, call, call_attempt, call_since, call_event_id) "
        f"SELECT {kept}, 'charge', 1, '2024-05-17T12:00:00.000000Z', 'an event' FROM payment_ledger_now"
    )
    yield "DROP TABLE payment_ledger_now"
    for statement in table.index_statements():
        yield statement.replace("@", "")


def take_back(
    environment: Environment, version: int, ledger: Table, of_the_saga_log: Iterable[str] = ()
) -> None:
    """Undo what releases from that version of the schema on changed in the tables."""
    if environment["PERSISTENCE_MODULE"] == SQLITE:
        folder = Path(environment["ORDERWRIGHT_DATA"])
        for file in folder.glob("PaymentCalls.sqlite*"):
            file.unlink()
        for name, statements in (("SagaLog", of_the_saga_log), ("PaymentLedger", made_as(ledger))):
            connection = sqlite3.connect(folder / f"{name}.sqlite", isolation_level=None)
            for statement in statements:
                connection.execute(statement)
            connection.close()
        return
    with psycopg.connect(
        host=environment["POSTGRES_HOST"],
        user=environment["POSTGRES_USER"],
        dbname=environment["POSTGRES_DBNAME"],
        autocommit=True,
    ) as server:
        for statement in (*of_the_saga_log, *made_as(ledger), *CALLS):
            server.execute(statement.encode())
        if environment["PERSISTENCE_MODULE"] == TUNED_POSTGRES:
            server.execute(
                "DELETE FROM orderwright_schema WHERE version >= %s OR application = 'PaymentCalls'",
                (version,),
            )


def upgrade(environment: Environment) -> None:
    """What the documents say is to be done before a release is started."""
    if environment["PERSISTENCE_MODULE"] == TUNED_POSTGRES:
        targets = migration_targets(Settings.from_environment(environment))
        with pytest.raises(migrations.SchemaMismatch):
            migrations.check(targets)
        migrations.migrate(targets)


def test_columns_and_tables_of_this_release_are_added(
    durable_persistence: Environment, open_way: OpenWay
) -> None:
    way = open_way(ByHand, durable_persistence)
    shop = Shop(way)
    shop.receive("CD-X1", 5)
    earlier = shop.order("CD-X1")
    shop.settle()
    way.close()
    take_back(durable_persistence, 7, LEDGER_OF_OLD, SAGA_LOG_OF_OLD)
    upgrade(durable_persistence)

    shop = Shop(open_way(ByHand, durable_persistence))
    later = [shop.order("CD-X1", pays=pays) for pays in ("pm_ok", "pm_error_once", "pm_timeout")]
    shop.settle()

    assert {shop.status(order) for order in (earlier, *later)} == {"CONFIRMED"}
    assert {shop.payment(order).status for order in (earlier, *later)} == {"COMPLETED"}
    assert not shop.orderwright.saga_log.rows("SELECT * FROM @saga_deadlines"), "earlier ones kept them"
    assert any(step.next_at for step in shop.orderwright.saga_log.fulfilment(later[1]).steps)


# The calls to the provider, which the ledger told once


class ProviderInTrouble(TroublesomeGateway):
    """A provider that, until it is well, does for some payments what a test says."""

    def __init__(self) -> None:
        super().__init__(before=self._trouble)
        self.ills: dict[str, Exception] = {}
        self.asked: list[str] = []

    def ails(self, order: UUID, kind: str, error: Exception) -> None:
        """Have calls of a kind about an order fail."""
        self.ills[f"{payment_id(order)}:{kind}"] = error

    def _trouble(self, request: ChargeRequest | RefundRequest) -> None:
        self.asked.append(request.key)
        error = self.ills.get(request.key.rpartition(":")[0])
        if error is not None:
            raise error


def in_all_troubles(way: ByHand, provider: ProviderInTrouble) -> Mapping[str, UUID]:
    """A shop in which a call of each kind is due, now or after a pause, and one outcome is disputed."""
    shop = Shop(way)
    shop.receive("CD-X1", 90)
    orders = {
        name: shop.order("CD-X1") for name in ("settled", "disputed", "failing", "unknown", "withdrawn")
    }
    orders["refund"] = shop.order(("CD-X1", 91))
    provider.ails(orders["failing"], "charge", GatewayError("closed"))
    provider.ails(orders["unknown"], "charge", GatewayTimeout("no answer"))
    provider.ails(orders["withdrawn"], "charge", GatewayTimeout("no answer"))
    provider.ails(orders["refund"], "refund", GatewayTimeout("no answer"))
    for _ in range(4):
        way.level()
        while not way.call_gateway() and way.worker.is_busy():
            clock = shop.orderwright.clock
            assert isinstance(clock, StandingClock)
            clock.put_forward(0.01)
    shop.cancel(orders["withdrawn"])
    payments = shop.orderwright.payments
    cause = shop.context("the provider").cause(orders["disputed"])
    payments.decide(
        lambda: payments.of_order(orders["disputed"]), lambda payment: payment.dispute("ch_2"), cause
    )
    orders["new"] = shop.order("CD-X1")
    way.level()
    return orders


def what_is_known(shop: Shop) -> tuple[object, ...]:
    """Every call that is due, now or later, and every one that needs a person."""
    calls = shop.orderwright.payment_calls
    later = StandingClock()
    later.put_forward(10**6)
    return (
        calls.rows("SELECT * FROM @payment_calls ORDER BY order_id"),
        *(calls.due_calls(later(), 99), calls.troubled_calls(later())),
    )


def test_calls_that_were_due_before_an_upgrade_are_due_after_it_as_they_were(
    durable_persistence: Environment, open_way: OpenWay
) -> None:
    provider, clock = ProviderInTrouble(), StandingClock()
    way = open_way(ByHand, durable_persistence, provider, clock)
    assert isinstance(way, ByHand)
    orders = in_all_troubles(way, provider)
    before = what_is_known(Shop(way))
    way.close()
    take_back(durable_persistence, 11, LEDGER_WITH_CALLS)
    upgrade(durable_persistence)

    way = open_way(ByHand, durable_persistence, provider, clock)
    assert isinstance(way, ByHand)
    shop = Shop(way)
    way.level()
    assert what_is_known(shop) == before
    kinds = {call.order_id: (call.kind, call.attempt > 1 or call.unanswered > 1) for call in before[1]}  # type: ignore[attr-defined]  # see above
    assert kinds == {
        orders["failing"]: ("charge", True),
        orders["unknown"]: ("charge", True),
        orders["withdrawn"]: ("call_off", False),
        orders["refund"]: ("refund", True),
        orders["new"]: ("charge", False),
    }
    made = len(provider.asked)
    way.call_gateway()
    assert provider.asked[made:] == [f"{payment_id(orders['new'])}:charge:1"], "the others are in a pause"
    provider.ills.clear()
    shop.settle()

    assert max(provider.calls.values()) <= 5
    assert {name: shop.payment(order).status for name, order in orders.items()} == {
        **dict.fromkeys(("settled", "disputed", "failing", "unknown", "new"), "COMPLETED"),
        "withdrawn": "DECLINED",
        "refund": "REFUNDED",
    }
    (case,) = shop.orderwright.payment_calls.troubled_calls(clock())
    assert (case.order_id, case.error, case.is_disputed) == (orders["disputed"], "ch_2", True)
    assert not shop.orderwright.payment_calls.rows("SELECT * FROM @payment_calls")


def test_nobody_is_called_after_an_upgrade_before_all_that_was_answered_is_read_again(
    durable_persistence: Environment, open_way: OpenWay
) -> None:
    way = open_way(ByHand, durable_persistence)
    assert isinstance(way, ByHand)
    shop = Shop(way)
    shop.receive("CD-X1", 90)
    for _ in range(40):
        shop.order("CD-X1")
    shop.settle()
    due = shop.order("CD-X1")
    way.level()
    way.close()
    take_back(durable_persistence, 11, LEDGER_WITH_CALLS)
    upgrade(durable_persistence)

    provider = TroublesomeGateway()
    environment = durable_persistence | {"ORDERWRIGHT_PAGE_SIZE": "1", "ORDERWRIGHT_POLL_SECONDS": "0.001"}
    shop = Shop(open_way(UnderOurRunner, environment, provider))
    shop.settle()
    assert provider.calls == {f"{payment_id(due)}:charge:1": 1}
    assert shop.status(due) == "CONFIRMED"


def test_a_process_of_the_release_before_pauses_and_neither_parks_nor_calls(
    durable_persistence: Environment, open_way: OpenWay
) -> None:
    ledger = open_way(ByHand, durable_persistence).orderwright.payment_ledger
    work = UnitOfWork(position=Tracking("Payments", 1))
    row = {name: 1 if kind.startswith("BIGINT") else "1" for name, kind in LEDGER_WITH_CALLS.columns.items()}
    work.put(LEDGER_WITH_CALLS, **row)
    with pytest.raises(STORE_FAULTS):  # for which a follower pauses
        ledger.record_work(work)
    with pytest.raises(STORE_FAULTS):  # and a worker
        ledger.rows("SELECT * FROM @payment_ledger WHERE call IS NOT NULL")


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_the_release_before_does_not_open_a_store_whose_calls_it_would_not_find(
    request: pytest.FixtureRequest, quick_folder: Path, open_way: OpenWay, store: str
) -> None:
    """On the tuned module the version of the schema keeps it from that."""
    shop = Shop(open_way(ByHand, environment_for(store, request, quick_folder)))
    shop.receive("CD-X1", 5)
    shop.order("CD-X1")
    shop.settle()
    ledger = shop.orderwright.payment_ledger
    with pytest.raises((PersistenceError, sqlite3.OperationalError), match=r"NOT NULL|null values"):
        ledger.recorder.create_tables([LEDGER_WITH_CALLS])
    assert ledger.totals()
