"""What is set about encryption and compression, which the library does: told in one line when it is wrong."""

import binascii
from base64 import b64decode
from collections.abc import Iterator, Mapping

from eventsourcing.utils import resolve_topic

AES = "eventsourcing.cipher:AESCipher"

_KEY_BYTES = (16, 24, 32)
_NAMES = ("CIPHER_TOPIC", "CIPHER_KEY", "COMPRESSOR_TOPIC")
_HOW_TO_MAKE_ONE = "it is 16, 24 or 32 random bytes in base64, such as `openssl rand -base64 32` makes"
_HOW_TO_INSTALL = "pip install 'orderwright[encryption]'"


def encryption_mistakes(environment: Mapping[str, str]) -> list[str]:
    """What is wrong with what is set, for all applications and for single ones. A key is never told."""
    prefixes = {name.removesuffix(end) for name in environment for end in _NAMES if name.endswith(end)}
    return [mistake for prefix in sorted(prefixes) for mistake in _mistakes(environment, prefix)]


def _mistakes(environment: Mapping[str, str], prefix: str) -> Iterator[str]:
    values = {name: environment.get(prefix + name) or environment.get(name) for name in _NAMES}
    cipher, key = values["CIPHER_TOPIC"], values["CIPHER_KEY"]
    if key and not cipher:
        yield (
            f"{prefix}CIPHER_KEY: is set and CIPHER_TOPIC is not, so nothing would be encrypted; set "
            f"CIPHER_TOPIC={AES}, or unset the key"
        )
    if cipher == AES:
        yield from _key_mistakes(f"{prefix}CIPHER_KEY", key)
    for name in ("CIPHER_TOPIC", "COMPRESSOR_TOPIC"):
        if environment.get(prefix + name):
            yield from _topic_mistakes(prefix + name, environment[prefix + name])


def _key_mistakes(name: str, key: str | None) -> Iterator[str]:
    if not key:
        yield f"{name}: is needed with CIPHER_TOPIC; {_HOW_TO_MAKE_ONE}"
        return
    try:
        length = len(b64decode(key, validate=True))
    except binascii.Error:
        yield f"{name}: is not base64; {_HOW_TO_MAKE_ONE}"
        return
    if length not in _KEY_BYTES:
        yield f"{name}: has {length} bytes; {_HOW_TO_MAKE_ONE}"


def _topic_mistakes(name: str, topic: str) -> Iterator[str]:
    try:
        resolve_topic(topic)
    except Exception as error:  # a module may do anything while it is imported
        missing = error if isinstance(error, ModuleNotFoundError) else error.__cause__
        if isinstance(missing, ModuleNotFoundError) and (missing.name or "").partition(".")[0] == "Crypto":
            yield f"{name}: {topic} needs a package that is not installed: {_HOW_TO_INSTALL}"
        else:
            yield f"{name}: there is no {topic} ({error})"
