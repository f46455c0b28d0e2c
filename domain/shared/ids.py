"""Derived ids: the same question always gives the same id, so a repeat finds what is there.

Everything hangs off a few fixed namespaces. Changing one would orphan every stored stream.
"""

from uuid import UUID, uuid5

_ROOT = UUID("6c1d2a52-0f2e-5c58-9a0e-2a1f0f4f7a10")


def derive(*parts: object) -> UUID:
    """The id of whatever these parts name together. The order of the parts matters."""
    return uuid5(_ROOT, "\x1f".join(str(part) for part in parts))


def event_id(stream_id: UUID, version: int) -> str:
    """The id of the event at this version of this stream."""
    return str(uuid5(stream_id, str(version)))


def order_id_from_key(idempotency_key: str) -> UUID:
    """The order that a request with this idempotency key creates, however often it is sent."""
    return derive("order", "key", idempotency_key)


def order_id_from_ref(order_ref: str) -> UUID:
    """The order that carries the shop's own reference, when it came without a key."""
    return derive("order", "ref", order_ref)


def fulfilment_id(order_id: UUID) -> UUID:
    """The fulfilment of an order."""
    return derive("fulfilment", order_id)


def payment_id(order_id: UUID) -> UUID:
    """The one payment of an order."""
    return derive("payment", order_id)


def reservation_id(order_id: UUID) -> UUID:
    """The one reservation of an order."""
    return derive("reservation", order_id)


def stock_item_id(sku: str) -> UUID:
    """The stock of a product."""
    return derive("stock", sku)
