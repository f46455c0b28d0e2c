"""A shop in which everything has happened that the documents tell what to do about."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import structlog
from click.testing import CliRunner, Result

from application.base import CommandContext
from domain.payments import Payment
from domain.shared.ids import fulfilment_id
from system.bootstrap import Orderwright, build, utc_now
from system.projections.order_dashboard.follower import OrderDashboard
from system.runner import subscription
from system.settings.environment import Settings
from tests.cli.files import SMALL, write_orders
from tests.support.planting import NOBODY, plant_reservation
from web.cli import main

from .commands import Typed


@dataclass(frozen=True)
class SeededShop:
    """SQLite files in `var`, and in `backup` those of a moment before; what each placeholder stands for."""

    folder: Path
    placeholders: dict[str, str]

    def copy(self, folder: Path) -> "SeededShop":
        """The same once more, to destroy."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return SeededShop(folder, self.placeholders | {"/backup": str(folder / "backup")})

    @property
    def environment(self) -> dict[str, str]:
        """What is set in the shop."""
        return {
            "PERSISTENCE_MODULE": "eventsourcing.sqlite",
            "ORDERWRIGHT_DATA": str(self.folder / "var"),
            "ORDERWRIGHT_GATEWAY_RETRY_SECONDS": "0.01",
            "USER": "olga",
        }

    def run(self, *words: str, environment: dict[str, str] | None = None) -> Result:
        """Run a command in this process. Whoever is asked says yes."""
        done = CliRunner().invoke(
            main, words, env=self.environment | (environment or {}), input="y\n", prog_name="orderwright"
        )
        structlog.reset_defaults()  # it has logged to a standard error that is closed now
        return done

    def filled(self, text: str) -> str:
        """A word of a document, as somebody in this shop would type it."""
        for name, value in self.placeholders.items():
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", value, text)
        return text

    def opened(self) -> Orderwright:
        """The system behind it."""
        return build(Settings.from_environment(self.environment))


def seed(folder: Path) -> SeededShop:
    """The demo's shop; then a backup is made; then an order is imported that a fault of the dashboard puts
    aside, while the provider contradicts itself about a charge. The fault is mended."""
    shop = SeededShop(folder, {})
    _succeeds(shop.run("demo", "--orders", "60"))
    stuck = _json(shop, "dead-letters", "list", "--kind", "saga")["items"][0]["order_id"]
    paid = _json(shop, "orders", "list", "--status", "CONFIRMED")["items"][0]["order_id"]
    shutil.copytree(folder / "var", folder / "backup" / "var")
    _contradict(shop, paid)
    orders = write_orders(folder / "orders.csv", *SMALL[:3])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OrderDashboard, "handle", _cannot_bear_payments(OrderDashboard.handle))
        patch.setattr(subscription, "PAUSE_BETWEEN_ATTEMPTS", 0.001)
        _succeeds(shop.run("import", str(orders), "--receive-stock"))
    case = _json(shop, "dead-letters", "list", "--kind", "projection")["items"][0]
    more = write_orders(folder / "more.csv", "r-9,ada,1997-03-31,CD-X1,2,11.77,USD")
    placeholders = {
        "call:ORDER_ID": f"call:{paid}",
        "ORDER_ID": stuck,
        "VALUE": stuck,
        "STREAM_ID": str(fulfilment_id(UUID(stuck))),
        "APPLICATION": "OrderFulfilment",
        "STREAM": f"payment:{stuck}",
        "TIME": "2999-12-31T12:00:00Z",
        "CASE": case["case_id"],
        "REFERENCE": "r-1",
        "SKU": "CD-X1",
        "FILE": str(more),
        "TEXT": "settled by telephone",
        "/backup": str(folder / "backup"),
    }
    return SeededShop(folder, placeholders)


def hold_stock_for_nobody(shop: SeededShop) -> None:
    """Stock is held for an order that was lost."""
    _succeeds(shop.run("stock", "receive", "CD-X1", "1"))
    orderwright = shop.opened()
    plant_reservation(orderwright, NOBODY, "CD-X1", 1)
    orderwright.close()
    _succeeds(shop.run("stock", "receive", "CD-X1", "1"))  # the followers hear of it, and put it aside
    for case in _json(shop, "dead-letters", "list", "--order", str(NOBODY))["items"]:
        _succeeds(shop.run("dead-letters", "discard", case["case_id"], "--reason", "lost", "--yes"))
    shop.placeholders["ORDER_ID"] = str(NOBODY)


def build_the_dashboard_anew(shop: SeededShop) -> None:
    """There is a second version of the dashboard. What was put aside for the first is taken in there too."""
    _succeeds(shop.run("dead-letters", "retry", "--all", "--follower", "OrderDashboard", "--yes"))
    _succeeds(shop.run("projections", "rebuild", "OrderDashboard"))


def serve_the_dashboard_anew(shop: SeededShop) -> None:
    """The second version of the dashboard is served."""
    build_the_dashboard_anew(shop)
    _succeeds(shop.run("projections", "switch", "OrderDashboard"))


def restore_an_older_log(shop: SeededShop) -> None:
    """The file of the orders is the one of the backup."""
    for file in (shop.folder / "var").glob("Orders.sqlite*"):
        file.unlink()
    shutil.copy(shop.folder / "backup" / "var" / "Orders.sqlite", shop.folder / "var")


def has(typed: Typed, *words: str) -> bool:
    """Whether a command begins with these words."""
    return typed.words[: len(words)] == words


def _contradict(shop: SeededShop, order: str) -> None:
    orderwright = shop.opened()
    payments, order_id = orderwright.payments, UUID(order)
    context = CommandContext("dispute", utc_now(), "provider")
    payments.decide(lambda: payments.of_order(order_id), _dispute, context.cause(order_id))
    orderwright.close()


def _dispute(payment: Payment) -> None:
    payment.dispute("the provider names another charge as well")


def _cannot_bear_payments(policy: Any) -> Any:
    def fails(self: OrderDashboard, event: Any, work: Any) -> None:
        if isinstance(event, Payment.Completed):
            raise ValueError("cannot bear it")
        policy(self, event, work)

    return fails


def _json(shop: SeededShop, *words: str) -> Any:
    return json.loads(_succeeds(shop.run(*words, "--json")).stdout)


def _succeeds(done: Result) -> Result:
    assert done.exit_code == 0, done.output
    return done
