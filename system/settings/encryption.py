"""What is set about encryption and compression, which the library does: told in one line when it is wrong."""

import binascii
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from eventsourcing.persistence import Cipher, Compressor
from eventsourcing.utils import Environment, resolve_topic

AES = "eventsourcing.cipher:AESCipher"

_KEY_BYTES = (16, 24, 32)
_PROBE = b'{"a": "probe"}'
_HOW_TO_MAKE_ONE = "it is 16, 24 or 32 random bytes in base64, such as `openssl rand -base64 32` makes"
_HOW_TO_INSTALL = "pip install 'orderwright[encryption]'"


def encryption_mistakes(environment: Mapping[str, str], applications: Iterable[str]) -> list[str]:
    """What is wrong with what is set, for all applications and for single ones: each is asked as the
    library asks, and what is set for other programs is no matter. A key is never told."""
    found: dict[str, None] = {}
    for application in ("", *applications):
        found |= dict.fromkeys(_mistakes(Environment(application, dict(environment))))
    return list(found)


def _mistakes(env: Environment) -> Iterator[str]:
    cipher, key = env.get("CIPHER_TOPIC"), env.get("CIPHER_KEY")
    if cipher or key:
        yield from _cipher_mistakes(env, cipher or AES, key)
    compressor = env.get("COMPRESSOR_TOPIC")
    if compressor:
        name = _variable(env, "COMPRESSOR_TOPIC")
        wrong = list(_topic_mistakes(name, compressor))
        if not wrong and not _works(lambda: _compressed_and_back(compressor)):
            wrong.append(f"{name}: {compressor} is not a compressor; zlib is one")
        yield from wrong


def _cipher_mistakes(env: Environment, topic: str, key: str | None) -> Iterator[str]:
    # The library takes a key without a cipher for one of AES, and so do we.
    name = _variable(env, "CIPHER_TOPIC" if env.get("CIPHER_TOPIC") else "CIPHER_KEY")
    wrong = list(_topic_mistakes(name, topic))
    if topic == AES:
        its_key = name.removesuffix("TOPIC") + "KEY" if name.endswith("TOPIC") else name
        wrong += _key_mistakes(its_key if key is None else _variable(env, "CIPHER_KEY"), key)
    if not wrong and not _works(lambda: _encrypted_and_back(topic, env)):
        wrong.append(f"{name}: {topic} is no cipher, or CIPHER_KEY is no key for it; {AES} is one")
    yield from wrong


def _works(probe: Callable[[], bytes]) -> bool:
    try:
        return probe() == _PROBE
    except Exception:  # whatever it is that was named says of what it is asked for, perhaps with the key
        return False


def _encrypted_and_back(topic: str, env: Environment) -> bytes:
    cipher: Cipher = resolve_topic(topic)(env)
    return cipher.decrypt(cipher.encrypt(_PROBE))


def _compressed_and_back(topic: str) -> bytes:
    named = resolve_topic(topic)
    compressor: Compressor = named() if isinstance(named, type) else named
    return compressor.decompress(compressor.compress(_PROBE))


def _variable(env: Any, name: str) -> str:
    """The variable that says it, or that would say it for every application."""
    return next((key for key in env.create_keys(name) if dict.get(env, key) is not None), name)


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
