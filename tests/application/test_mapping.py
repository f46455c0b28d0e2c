"""What is read from a store is a known event of a known version, or it is refused."""

import json
import sys
import zlib
from decimal import Decimal
from hashlib import shake_128
from secrets import token_bytes
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import Cipher, StoredEvent
from eventsourcing.utils import Environment

from application.orders import Item, Orders
from application.unreadable import UnreadableEvent
from domain.orders import Order
from tests.support.commands import an_order, asked


@pytest.fixture
def orders() -> Orders:
    return Orders({"PERSISTENCE_MODULE": "eventsourcing.popo"})


def stored(topic: str, state: bytes) -> StoredEvent:
    return StoredEvent(originator_id=uuid4(), originator_version=1, topic=topic, state=state)


def created(orders: Orders, **changes: Any) -> StoredEvent:
    """An order's first event as it is stored, with changes to its state."""
    orders.place_order(an_order(key="checkout-1"), asked("checkout-1"))
    (notification,) = orders.recorder.select_notifications(1, 1)
    state = {**json.loads(notification.state), **changes}
    return stored(notification.topic, json.dumps(state).encode())


def test_what_was_stored_comes_back_as_it_was(orders: Orders) -> None:
    event = orders.mapper.to_domain_event(created(orders))

    assert isinstance(event, Order.Created)
    assert event.total == Decimal("66.90")
    assert event.items[1].sku == "CUP"


@pytest.mark.parametrize(
    "topic", ["Order.Vanished", "antigravity:fly", "os:system", "", "domain.orders.order:Order"]
)
def test_an_unknown_topic_is_refused_and_nothing_is_imported(orders: Orders, topic: str) -> None:
    with pytest.raises(UnreadableEvent, match="not known here"):
        orders.mapper.to_domain_event(stored(topic, b"{}"))

    assert "antigravity" not in sys.modules


@pytest.mark.parametrize("topic", ["antigravity:fly", "Payment", "", None])
def test_an_event_that_begins_another_kind_of_stream_is_refused(orders: Orders, topic: object) -> None:
    with pytest.raises(UnreadableEvent, match="another kind of stream"):
        orders.mapper.to_domain_event(created(orders, originator_topic=topic))

    assert "antigravity" not in sys.modules


def test_an_event_of_a_newer_release_is_refused(orders: Orders) -> None:
    with pytest.raises(UnreadableEvent, match="has version 3, this release knows 2"):
        orders.mapper.to_domain_event(created(orders, class_version=3))


@pytest.mark.parametrize(
    "state",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"7",
        b'"text"',
        b'{"timestamp": {"_type_": "os", "_data_": 1}}',
    ],
)
def test_damaged_state_is_refused_with_the_place_where_it_is(orders: Orders, state: bytes) -> None:
    damaged = stored("Order.Confirmed", state)

    with pytest.raises(UnreadableEvent, match=str(damaged.originator_id)):
        orders.mapper.to_domain_event(damaged)


@pytest.mark.parametrize("version", [0, -1, "2", 1.5, None, True])
def test_a_version_that_is_no_version_is_refused(orders: Orders, version: object) -> None:
    with pytest.raises(UnreadableEvent):
        orders.mapper.to_domain_event(created(orders, class_version=version))


def test_a_damaged_value_is_refused(orders: Orders) -> None:
    with pytest.raises(UnreadableEvent):
        orders.mapper.to_domain_event(
            created(orders, items=[{"_type_": "order_line", "_data_": ["TEAPOT", 0, "1"]}])
        )


class Scrambling(Cipher):
    """Makes other bytes of the same text each time, like a real cipher, and only a salt more of them."""

    def __init__(self, environment: Environment) -> None:
        self._key = (environment.get("CIPHER_KEY") or "").encode()

    def encrypt(self, plaintext: bytes) -> bytes:
        """With a salt in front."""
        salt = token_bytes(16)
        return salt + self._mixed(plaintext, salt)

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Take the salt from the front."""
        return self._mixed(ciphertext[16:], ciphertext[:16])

    def _mixed(self, text: bytes, salt: bytes) -> bytes:
        stream = shake_128(self._key + salt).digest(len(text))
        return bytes(one ^ other for one, other in zip(text, stream, strict=True))


SCRAMBLED = {"CIPHER_TOPIC": f"{__name__}:Scrambling", "CIPHER_KEY": "a key"}
COMPRESSED = {"COMPRESSOR_TOPIC": "zlib"}
LONG_ORDER = an_order(*[Item("TEAPOT", 1, Decimal("39.90"))] * 200, key="checkout-1")


def size_and_text(**environment: str) -> tuple[int, bytes]:
    """How a long order is stored: how many bytes, and which; it is read back as it was."""
    orders = Orders({"PERSISTENCE_MODULE": "eventsourcing.popo", **environment})
    placed = orders.place_order(LONG_ORDER, asked("checkout-1")).view
    assert orders.order(UUID(placed.order_id)) == placed
    (stored,) = orders.recorder.select_notifications(1, 1)
    return len(stored.state), bytes(stored.state)


def test_what_is_stored_is_compressed_and_then_encrypted_so_that_it_is_small_and_nobody_can_read_it() -> None:
    plain, text = size_and_text()
    assert b"TEAPOT" in text
    small, packed = size_and_text(**COMPRESSED)
    assert small < plain / 10
    assert b"TEAPOT" in zlib.decompress(packed)

    scrambled, secret = size_and_text(**SCRAMBLED)
    assert scrambled >= plain
    assert b"TEAPOT" not in secret
    both, secret = size_and_text(**COMPRESSED, **SCRAMBLED)
    assert both < plain / 10, "what is encrypted first cannot be compressed any more"
    with pytest.raises(zlib.error):
        zlib.decompress(secret)


def test_names_of_value_types_are_stored_names() -> None:
    orders = Orders({"PERSISTENCE_MODULE": "eventsourcing.popo"})
    names = set(orders.mapper.transcoder.names)  # type: ignore[attr-defined]  # of the JSON transcoder

    assert {"date_iso", "order_line", "product_quantity", "reserved_line"} <= names
