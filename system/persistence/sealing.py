"""Whether stored events fit the cipher and the compressor that are set.

A wrong key makes every event look damaged. So it is found out at start, while nothing depends on it.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import Cipher, Compressor


def misfits(applications: Mapping[str, Application[UUID]]) -> list[str]:
    """Whose stored events do not fit the settings, and why: a line for each reason.

    Of each log the first, the middle and the last event are tried. A single one that cannot be read
    is damaged, which is found out elsewhere and keeps nobody from working: so a log fits as soon as
    one of them, or of those of another log with the same cipher and compressor, can be read. Mostly the
    first event of the first log is all that is looked at.
    """
    fitting: set[tuple[Any, ...]] = set()
    for application in applications.values():
        sealing = _sealing(application)
        if sealing not in fitting and any(_can_be_read(one, application) for one in _samples(application)):
            fitting.add(sealing)
    reasons: dict[str, list[str]] = {}
    for name, application in applications.items():
        if _sealing(application) not in fitting and (states := list(_samples(application))):
            why = _why(application.mapper.cipher, application.mapper.compressor, states)
            if why is not None:
                reasons.setdefault(why, []).append(name)
    return [f"events of {', '.join(names)}: {why}" for why, names in reasons.items()]


def _samples(application: Application[UUID]) -> Iterator[bytes]:
    last = application.recorder.max_notification_id()
    if last:
        for position in sorted({1, (last + 1) // 2, last}):
            for event in application.recorder.select_notifications(position, 1):
                yield bytes(event.state)


def _sealing(application: Application[UUID]) -> tuple[Any, ...]:
    """What tells one cipher and compressor from others; keys are compared, never shown."""
    cipher, compressor = application.mapper.cipher, application.mapper.compressor
    return type(cipher), getattr(cipher, "key", None), type(compressor)


def _can_be_read(state: bytes, application: Application[UUID]) -> bool:
    mapper = application.mapper
    try:
        mapper.transcoder.decode(_opened(state, mapper.cipher, mapper.compressor))
    except Exception:  # whatever a cipher, a compressor or a decoder says about what it cannot read
        return False
    return True


def _opened(state: bytes, cipher: Cipher | None, compressor: Compressor | None) -> bytes:
    if cipher is not None:
        state = cipher.decrypt(state)
    return compressor.decompress(state) if compressor is not None else state


def _why(cipher: Cipher | None, compressor: Compressor | None, states: list[bytes]) -> str | None:
    """Why none of these can be read; None when it is nothing but damage."""
    if cipher is not None:
        if any(_is_text(state) for state in states):
            return (
                "they are stored in plain text, and CIPHER_TOPIC is set: what was recorded before cannot be "
                "read with it. Unset it, or begin with an empty store"
            )
        if all(_is_decryptable(state, cipher) for state in states):
            return f"they are encrypted with this key, and {_COMPRESSION}"
        return "CIPHER_KEY does not fit: they were encrypted with another key. Set that one"
    if any(_is_text(state) for state in states):
        return f"they are not compressed, and {_COMPRESSION}" if compressor is not None else None
    return (
        "they are encrypted, or compressed in another way than COMPRESSOR_TOPIC says. Set CIPHER_TOPIC and "
        "CIPHER_KEY, and COMPRESSOR_TOPIC, as they were when these were recorded"
    )


_COMPRESSION = (
    "COMPRESSOR_TOPIC is not what it was when they were recorded: set it to what it was then (or unset it)"
)


def _is_decryptable(state: bytes, cipher: Cipher) -> bool:
    try:
        cipher.decrypt(state)
    except Exception:  # whatever a cipher says
        return False
    return True


def _is_text(state: bytes) -> bool:
    try:
        state.decode()
    except UnicodeDecodeError:
        return False
    return True
