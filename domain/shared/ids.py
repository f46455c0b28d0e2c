"""Derived ids: the same question always gives the same id, so a repeat finds what is there.

Everything hangs off a few fixed namespaces. Changing one would orphan every stored stream.
"""

from functools import lru_cache
from hashlib import sha1
from uuid import UUID, uuid5

_ROOT = UUID("6c1d2a52-0f2e-5c58-9a0e-2a1f0f4f7a10")


remembered = lru_cache(maxsize=20_000)
"""The same few ids are asked for many times while an order is on its way."""


def derive(*parts: object) -> UUID:
    """The id of whatever these parts name together. The order of the parts matters."""
    return uuid5(_ROOT, "\x1f".join(str(part) for part in parts))


def event_id(stream_id: UUID, version: int) -> str:
    """The id of the event at this version of this stream."""
    # A version 5 UUID (RFC 9562) like any other, without the detour over an object for each.
    digest = sha1(stream_id.bytes + str(version).encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def is_event_id(text: str, stream_id: UUID, version: int) -> bool:
    """Whether this is the id of the event there. (Compares what tells ids apart, which is quicker.)"""
    digest = sha1(stream_id.bytes + str(version).encode(), usedforsecurity=False).hexdigest()
    return text[:8] == digest[:8] and text[24:] == digest[20:32]


def order_id_from_key(idempotency_key: str) -> UUID:
    """The order that a request with this idempotency key creates, however often it is sent."""
    return derive("order", "key", idempotency_key)


def order_id_from_ref(order_ref: str) -> UUID:
    """The order that carries the shop's own reference, when it came without a key."""
    return derive("order", "ref", order_ref)


@remembered
def fulfilment_id(order_id: UUID) -> UUID:
    """The fulfilment of an order."""
    return derive("fulfilment", order_id)


@remembered
def payment_id(order_id: UUID) -> UUID:
    """The one payment of an order."""
    return derive("payment", order_id)


@remembered
def reservation_id(order_id: UUID) -> UUID:
    """The one reservation of an order."""
    return derive("reservation", order_id)


@remembered
def stock_item_id(sku: str) -> UUID:
    """The stock of a product."""
    return derive("stock", sku)
