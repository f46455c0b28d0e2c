"""A snapshot as a row of a table, and back, if nothing in it was changed."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from application.base import Application
from application.snapshots import Snapshot, Unusable, mark_of
from application.state import aggregate_of, fingerprint_of, state_of
from application.streams import Loaded
from domain.shared.aggregates import AGGREGATES

_DIGESTED = ("application", "stream_id", "topic", "version", "fingerprint", "mark", "taken_at", "state")


def row_of(application: Application, loaded: Loaded, taken_at: datetime) -> dict[str, Any]:
    """The row for an aggregate as it was loaded; compressed and encrypted as its events are.

    Raises `UnkeepableState`.
    """
    aggregate = loaded.aggregate
    row = {
        "application": application.name,
        "stream_id": str(aggregate.id),
        "topic": type(aggregate).TOPIC,
        "version": aggregate.version,
        "fingerprint": fingerprint_of(type(aggregate)),
        "mark": mark_of(loaded.last),
        "taken_at": taken_at.isoformat(timespec="microseconds"),
        "state": _closed(state_of(aggregate), application),
    }
    return {**row, "size": len(row["state"]), "digest": digest_of(row)}


def snapshot_in(row: Mapping[str, Any], application: Application, stream_id: UUID) -> Snapshot | Unusable:
    """The snapshot in the row that is kept for a stream, or why it cannot be used."""
    place = {"application": application.name, "stream_id": str(stream_id)}
    state = row["state"]
    if not isinstance(state, bytes | memoryview) or row["digest"] != digest_of({**row, **place}):
        return Unusable.ALTERED
    aggregate_class = AGGREGATES.get(row["topic"])
    if aggregate_class is None or row["fingerprint"] != fingerprint_of(aggregate_class):
        return Unusable.OTHER_SHAPE
    try:
        aggregate = aggregate_of(aggregate_class, _opened(bytes(state), application))
    except Exception:  # encrypted with another key, for instance
        return Unusable.ALTERED
    return Snapshot(aggregate, row["mark"], row["digest"])


def digest_of(row: Mapping[str, Any]) -> str:
    """The digest of everything that a row says, which stands in no other place and is no shorter."""
    digest = sha256()
    for name in _DIGESTED:
        value = row[name]
        content = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
        digest.update(b"%d:" % len(content))
        digest.update(content)
    return digest.hexdigest()


def _closed(state: bytes, application: Application) -> bytes:
    mapper = application.mapper
    if mapper.compressor is not None:
        state = mapper.compressor.compress(state)
    return mapper.cipher.encrypt(state) if mapper.cipher is not None else state


def _opened(state: bytes, application: Application) -> bytes:
    mapper = application.mapper
    if mapper.cipher is not None:
        state = mapper.cipher.decrypt(state)
    return mapper.compressor.decompress(state) if mapper.compressor is not None else state
