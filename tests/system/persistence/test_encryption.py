"""Encrypted events: what is encrypted and what is not, and a key that does not fit is told at start."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from application.base import CommandContext
from application.orders import Item, PlaceOrder
from domain.shared.ids import order_id_from_key
from system.bootstrap import build
from system.operations.doctor import Verdict, examine
from system.settings.environment import ON_POSTGRES, InvalidSettings, Settings
from tests.support.fixtures import Environment
from tests.support.stories import FRIDAY_NOON
from tests.support.ways import ByHand, Way

AES = "eventsourcing.cipher:AESCipher"
KEY, ANOTHER_KEY = "MDEyMzQ1Njc4OWFiY2RlZg==", "ZmVkY2JhOTg3NjU0MzIxMA=="
SEALED = {"CIPHER_TOPIC": AES, "CIPHER_KEY": KEY}
COMPRESSED = {"COMPRESSOR_TOPIC": "zlib"}
WORDS = ("the-customer", "the-reference", "the-reason", "the-user", "the-key", "THE-SKU", "pm_ok", "4.50")

OpenWay = Callable[..., Way]


def an_order_comes_and_goes(way: Way) -> None:
    """An order of which every text is known, placed, fulfilled and cancelled."""
    shop = way.orderwright
    shop.inventory.receive_stock("THE-SKU", 5, CommandContext("receipt", FRIDAY_NOON, "the-user"))
    wanted = [Item("THE-SKU", 1, Decimal("4.50"))]
    place = PlaceOrder("the-customer", "USD", "pm_ok", wanted, "the-reference", "the-key")
    shop.orders.place_order(place, CommandContext("the-key", FRIDAY_NOON, "the-user"))
    way.settle()
    cancel = CommandContext("the-key-2", FRIDAY_NOON, "the-user")
    shop.orders.cancel_order(order_id_from_key("the-key"), "the-reason", cancel)
    way.settle()


def plain_words(environment: Mapping[str, str]) -> dict[str, set[str]]:
    """Which of the words can be read in a file, or in a table, by whoever gets hold of it."""
    if environment["PERSISTENCE_MODULE"] in ON_POSTGRES:
        return dict(_in_tables(environment))
    files = Path(environment["ORDERWRIGHT_DATA"]).glob("*.sqlite*")
    found = {path.name.partition(".")[0]: path.read_bytes() for path in files}
    return {name: {word for word in WORDS if word.encode() in content} for name, content in found.items()}


def _in_tables(environment: Mapping[str, str]) -> Iterator[tuple[str, set[str]]]:
    with closing(
        psycopg.connect(
            host=environment["POSTGRES_HOST"],
            user=environment["POSTGRES_USER"],
            dbname=environment["POSTGRES_DBNAME"],
        )
    ) as connection:
        tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        for (name,) in connection.execute(tables).fetchall():
            rows = connection.execute(SQL("SELECT t::text FROM {} t").format(Identifier(name))).fetchall()
            content = "\n".join(row for (row,) in rows)
            yield name, {word for word in WORDS if word in content}


IN_READ_MODELS = {
    "OrderDashboard": {"the-customer", "the-reference", "the-reason", "THE-SKU", "4.50"},
    "PaymentLedger": {"pm_ok"},
    "SagaLog": {"the-reason"},
    "StockLevels": {"THE-SKU"},
}
"""What `docs/settings.md` says of each read model."""


def test_on_sqlite_events_are_encrypted_and_read_models_are_not(
    on_sqlite: Environment, open_way: OpenWay
) -> None:
    way = open_way(ByHand, {**on_sqlite, **SEALED})
    an_order_comes_and_goes(way)
    way.close()
    plain = {name: words for name, words in plain_words(on_sqlite).items() if words}
    assert plain.keys() == IN_READ_MODELS.keys()
    for name, words in plain.items():
        assert words >= IN_READ_MODELS[name], name


def test_on_postgresql_the_columns_for_searching_are_plain_as_well(
    tuned_postgres: Environment, open_way: OpenWay
) -> None:
    way = open_way(ByHand, {**tuned_postgres, **SEALED})
    an_order_comes_and_goes(way)
    for table, words in plain_words(tuned_postgres).items():
        if table.endswith("_events"):
            assert words <= {"the-user"}, table


@pytest.mark.parametrize("settings", [SEALED, COMPRESSED, SEALED | COMPRESSED])
def test_what_was_recorded_is_read_again(
    durable_persistence: Environment, open_way: OpenWay, settings: Environment
) -> None:
    environment = {**durable_persistence, **settings}
    an_order_comes_and_goes(open_way(ByHand, environment))
    order = open_way(ByHand, environment).orderwright.orders.order(order_id_from_key("the-key"))
    assert (order.customer_id, order.cancel_reason) == ("the-customer", "the-reason")


@pytest.mark.parametrize(
    ("recorded_with", "opened_with", "told"),
    [
        (SEALED, {**SEALED, "CIPHER_KEY": ANOTHER_KEY}, "CIPHER_KEY does not fit: they"),
        (SEALED, {}, "they are encrypted"),
        ({}, SEALED, "they are stored in plain text, and CIPHER_TOPIC is set"),
        (SEALED | COMPRESSED, SEALED, "COMPRESSOR_TOPIC is not what it was"),
        (SEALED, SEALED | COMPRESSED, "COMPRESSOR_TOPIC is not what it was"),
        (COMPRESSED, {}, "they are encrypted, or compressed in another way"),
        ({}, COMPRESSED, "they are not compressed"),
    ],
)
def test_what_does_not_fit_is_told_before_anything_is_done(
    on_sqlite: Environment,
    open_way: OpenWay,
    recorded_with: Environment,
    opened_with: Environment,
    told: str,
) -> None:
    way = open_way(ByHand, {**on_sqlite, **recorded_with})
    an_order_comes_and_goes(way)
    way.close()
    environment = {**on_sqlite, **opened_with}

    with pytest.raises(InvalidSettings, match=told) as refused:
        build(Settings.from_environment(environment))
    assert KEY not in str(refused.value)
    assert ANOTHER_KEY not in str(refused.value)
    check = examine(environment).checks[-1]
    assert (check.name, check.status) == ("encryption", Verdict.PROBLEM)
    assert told in check.detail
    build(Settings.from_environment({**on_sqlite, **recorded_with})).close()


def test_a_key_alone_encrypts_as_the_library_has_it(on_sqlite: Environment, open_way: OpenWay) -> None:
    way = open_way(ByHand, {**on_sqlite, "CIPHER_KEY": KEY})
    an_order_comes_and_goes(way)
    way.close()
    assert b"the-customer" not in (Path(on_sqlite["ORDERWRIGHT_DATA"]) / "Orders.sqlite").read_bytes()
    build(Settings.from_environment({**on_sqlite, **SEALED})).close()
    with pytest.raises(InvalidSettings, match="CIPHER_KEY does not fit"):
        build(Settings.from_environment({**on_sqlite, "CIPHER_KEY": ANOTHER_KEY}))


def test_what_other_programs_keep_is_no_setting_of_ours(on_sqlite: Environment) -> None:
    others = {"MYSHOP_CIPHER_KEY": "hunter2!", "OTHER_COMPRESSOR_TOPIC": "no.such:Thing"}
    build(Settings.from_environment({**on_sqlite, **others})).close()


def test_a_key_that_fits_one_log_alone_is_told_for_the_others(
    on_sqlite: Environment, open_way: OpenWay
) -> None:
    way = open_way(ByHand, {**on_sqlite, **SEALED})
    an_order_comes_and_goes(way)
    way.close()
    with pytest.raises(InvalidSettings) as refused:
        build(Settings.from_environment({**on_sqlite, **SEALED, "ORDERS_CIPHER_KEY": ANOTHER_KEY}))
    assert "; events of Orders: CIPHER_KEY does not fit" in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"CIPHER_TOPIC": AES}, "CIPHER_KEY: is needed with CIPHER_TOPIC"),
        ({"CIPHER_TOPIC": AES, "CIPHER_KEY": "hunter2!"}, "CIPHER_KEY: is not base64"),
        ({"CIPHER_TOPIC": AES, "CIPHER_KEY": "aHVudGVyMg=="}, "CIPHER_KEY: has 7 bytes"),
        ({"CIPHER_KEY": "hunter2!"}, "CIPHER_KEY: is not base64"),
        ({**SEALED, "ORDERS_CIPHER_KEY": "aHVudGVyMg=="}, "ORDERS_CIPHER_KEY: has 7 bytes"),
        ({**SEALED, "ORDERS_CIPHER_KEY": ""}, "ORDERS_CIPHER_KEY: is needed with CIPHER_TOPIC"),
        ({"CIPHER_TOPIC": "json:dumps", "CIPHER_KEY": KEY}, "CIPHER_TOPIC: json:dumps is no cipher"),
        ({"COMPRESSOR_TOPIC": "json"}, "COMPRESSOR_TOPIC: json is not a compressor; zlib is one"),
        ({"ORDERS_CIPHER_TOPIC": AES}, "ORDERS_CIPHER_KEY: is needed"),
        ({"CIPHER_TOPIC": "no.such:Cipher", "CIPHER_KEY": KEY}, "CIPHER_TOPIC: there is no no.such:Cipher"),
        ({"COMPRESSOR_TOPIC": "zlibb"}, "COMPRESSOR_TOPIC: there is no zlibb"),
    ],
)
def test_settings_that_cannot_be_right_are_told(
    on_sqlite: Environment, settings: Environment, told: str
) -> None:
    with pytest.raises(InvalidSettings) as refused:
        Settings.from_environment({**on_sqlite, **settings})
    (line,) = str(refused.value).splitlines()[1:]
    assert told in line
    assert "hunter2" not in line
    check = examine({**on_sqlite, **settings}).checks[-1]
    assert (check.name, check.status) == ("settings", Verdict.PROBLEM)


def test_events_that_are_damaged_keep_nobody_from_starting(on_sqlite: Environment, open_way: OpenWay) -> None:
    """One log of which nothing can be read is damage when another one fits."""
    way = open_way(ByHand, {**on_sqlite, **SEALED})
    an_order_comes_and_goes(way)
    receipt = CommandContext("receipt-2", FRIDAY_NOON, "the-user")
    way.orderwright.inventory.receive_stock(f"SKU-{uuid4().hex[:8]}", 1, receipt)
    way.close()
    with closing(sqlite3.connect(Path(on_sqlite["ORDERWRIGHT_DATA"]) / "Orders.sqlite")) as file, file:
        file.execute("UPDATE stored_events SET state = x'00'")
    build(Settings.from_environment({**on_sqlite, **SEALED})).close()
