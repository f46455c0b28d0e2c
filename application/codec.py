"""Event state as JSON bytes, exactly as the library's `JSONTranscoder` writes it, only faster.

Values that JSON has no word for are tagged: ``{"_type_": NAME, "_data_": VALUE}``. What would read
back as something else, or could not be read back everywhere, is refused before it is stored.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, SafeUUID

import orjson
from eventsourcing.persistence import JSONTranscoder, TranscodingNotRegisteredError

_TYPE, _DATA = "_type_", "_data_"
_AS_IT_IS = frozenset({bool, type(None)})
_LARGEST = 2**63 - 1


class UnstorableValue(ValueError):
    """A value that cannot be stored, because it would be read back as another one or not at all."""


class Codec(JSONTranscoder):
    """The library's transcoder with the transcodings that are registered there, and a faster JSON."""

    def encode(self, obj: Any) -> bytes:
        """Return the JSON. Raises `UnstorableValue`."""
        tagged = self._tagged(obj)
        try:
            return orjson.dumps(tagged)
        except orjson.JSONEncodeError as error:
            raise UnstorableValue(str(error)) from error

    def decode(self, data: bytes) -> Any:
        """Return the object that was encoded."""
        return self._untagged(orjson.loads(data))

    def _tagged(self, value: Any) -> Any:
        kind = type(value)
        if kind is str:
            if "\x00" in value:
                raise UnstorableValue("a text with NUL cannot be stored")
            return value
        if kind in _AS_IT_IS:
            return value
        if kind is int:
            if -_LARGEST - 1 <= value <= _LARGEST:
                return value
            raise UnstorableValue("a number beyond 64 bits cannot be stored")
        if kind is dict:
            return self._tagged_items(value)
        if kind is list or kind is tuple:
            return [self._tagged(item) for item in value]
        if kind is UUID:
            return {_TYPE: "uuid_hex", _DATA: value.hex}
        if kind is datetime:
            return {_TYPE: "datetime_iso", _DATA: value.isoformat()}
        if kind is float:
            raise UnstorableValue("a float cannot be stored: amounts are decimals")
        transcoding = self.types.get(kind)
        if transcoding is not None:
            return {_TYPE: transcoding.name, _DATA: self._tagged(transcoding.encode(value))}
        raise TranscodingNotRegisteredError(f"a {kind.__name__} cannot be stored: there is no rule for it")

    def _tagged_items(self, items: Mapping[Any, Any]) -> dict[str, Any]:
        tagged = {}
        for name, value in items.items():
            if type(name) is not str or name in (_TYPE, _DATA):
                raise UnstorableValue(f"{name!r} cannot be a name in what is stored")
            tagged[self._tagged(name)] = self._tagged(value)
        return tagged

    def _untagged(self, value: Any) -> Any:
        kind = type(value)
        if kind is dict:
            if len(value) == 2 and _TYPE in value and _DATA in value:
                return self._value_of(value[_TYPE], value[_DATA])
            for name, item in value.items():
                if type(item) is dict or type(item) is list:
                    value[name] = self._untagged(item)
        elif kind is list:
            return [
                self._untagged(item) if type(item) is dict or type(item) is list else item for item in value
            ]
        return value

    def _value_of(self, name: str, data: Any) -> Any:
        quick = _QUICK.get(name)
        if quick is not None:
            return quick(data)
        transcoding = self.names.get(name)
        if transcoding is None:
            raise TranscodingNotRegisteredError(f"a value named {name!r} cannot be read: no rule for it")
        return transcoding.decode(self._untagged(data))


def uuid_of_hex(text: str) -> UUID:
    """The UUID of 32 digits, without the detour over all the ways of writing one. Raises `ValueError`."""
    number = int(text, 16)
    if not 0 <= number < 1 << 128:
        raise ValueError(f"{text!r} is not a UUID")
    made = object.__new__(UUID)
    object.__setattr__(made, "int", number)
    object.__setattr__(made, "is_safe", SafeUUID.unknown)
    return made


_QUICK: Mapping[str, Callable[[Any], Any]] = {
    "uuid_hex": uuid_of_hex,
    "datetime_iso": datetime.fromisoformat,
    "decimal_str": Decimal,
}
