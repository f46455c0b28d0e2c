"""A store whose read models were made by an earlier release gets what is new when it is opened."""

from collections.abc import Callable
from typing import Any

from tests.support.fixtures import Environment
from tests.support.running_shop import Shop
from tests.support.ways import ByHand, Way

NEW_IN_THE_LEDGER = ("call_first", "unanswered", "failing_since", "unknown_since", "last_error")


def undo(projection: Any, statements: list[str]) -> None:
    """Run statements in the database of a read model."""
    with projection.recorder.datastore.transaction(commit=True) as cursor:
        for statement in statements:
            cursor.execute(statement)


def test_columns_and_tables_of_this_release_are_added(
    durable_persistence: Environment, open_way: Callable[..., Way]
) -> None:
    if durable_persistence["PERSISTENCE_MODULE"] == "system.persistence.postgres":
        return  # its tables are made by migrations alone, which tests/system/test_migrations.py holds
    shop = Shop(open_way(ByHand, durable_persistence))
    shop.receive("CD-X1", 5)
    earlier = shop.order("CD-X1")
    shop.settle()
    undo(shop.orderwright.saga_log, ["ALTER TABLE saga_log DROP COLUMN next_at", "DROP TABLE saga_deadlines"])
    undo(
        shop.orderwright.payment_ledger,
        ["DROP INDEX payment_ledger_unknown"]
        + [f"ALTER TABLE payment_ledger DROP COLUMN {column}" for column in NEW_IN_THE_LEDGER],
    )
    shop.way.close()

    shop = Shop(open_way(ByHand, durable_persistence))
    later = [shop.order("CD-X1", pays=pays) for pays in ("pm_ok", "pm_error_once", "pm_timeout")]
    shop.settle()

    assert {shop.status(order) for order in (earlier, *later)} == {"CONFIRMED"}
    assert any(step.next_at for step in shop.orderwright.saga_log.fulfilment(later[1]).steps)
