"""The state of an aggregate as bytes, and back.

Only values of known types are written, and only those come back: plain ones, and the value types that the
memory of the aggregate reaches (see `fingerprint`). Nothing that is stored names a module or is run.

Plain values are written as JSON has them, everything else as a list that begins with a sign. Of a
collection the members stand in a column; tuples of one length make a column for each place. A long column
is a part of its own, written once and named by its number, and read when somebody looks into the collection.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import orjson

from domain.shared.aggregates import Aggregate

from .codec import uuid_of_hex
from .fingerprint import shape_of
from .unread import UnreadDict

FORMAT = 1
"""Of what is written. Another one makes every fingerprint another."""

LONG_COLUMN = 64
LARGE_DICT = 500

_PENDING = "_pending_events"
_PLAIN = frozenset((str, int, bool, type(None)))
_LARGEST = 2**63


class UnkeepableState(ValueError):
    """A state that cannot be stored so that it comes back as it was."""


def fingerprint_of(aggregate_class: type[Aggregate]) -> str:
    """What a stored state has to carry, so that it is of use to the code that runs here."""
    return f"{shape_of(aggregate_class).fingerprint}-{FORMAT}"


def state_of(aggregate: Aggregate) -> bytes:
    """The state of an aggregate that has nothing to be recorded. Raises `UnkeepableState`."""
    if aggregate.pending_events:
        raise UnkeepableState("it has events that are not recorded")
    state = {name: value for name, value in vars(aggregate).items() if name != _PENDING}
    writer = _Writer(type(aggregate))
    parts = [orjson.dumps(writer.value(state)), *map(orjson.dumps, writer.columns)]
    return b"\n".join((orjson.dumps([len(part) for part in parts]), b"".join(parts)))


def aggregate_of(aggregate_class: type[Aggregate], state: bytes) -> Any:
    """The aggregate that has such a state. Raises whatever comes of bytes that `state_of` did not make."""
    lengths, _, parts = state.partition(b"\n")
    head, *columns = _cut(memoryview(parts), orjson.loads(lengths))
    values = _Reader(aggregate_class, columns).value(orjson.loads(head))
    aggregate = object.__new__(aggregate_class)
    vars(aggregate).update(values)
    vars(aggregate)[_PENDING] = []
    return aggregate


def _cut(whole: memoryview, lengths: Sequence[int]) -> Iterator[memoryview]:
    if sum(lengths) != len(whole):
        raise ValueError("it is not as long as it should be")
    for length in lengths:
        yield whole[:length]
        whole = whole[length:]


class _Writer:
    def __init__(self, aggregate_class: type[Aggregate]) -> None:
        self._types = shape_of(aggregate_class).value_types
        self.columns: list[Sequence[Any]] = []
        self._changeable: dict[int, object] = {}

    def value(self, value: Any) -> Any:
        kind = type(value)
        if kind is int and not -_LARGEST <= value < _LARGEST:
            raise UnkeepableState("a number beyond 64 bits")
        if kind in _PLAIN:
            return value
        write = _WRITE.get(kind)
        if write is not None:
            return write(value)
        if kind is tuple:
            return ["t", self._column(value)]
        self._check_alone(value)
        if kind is list:
            return ["l", self._column(value)]
        if kind is dict or kind is UnreadDict:
            sign = "d" if len(value) < LARGE_DICT else "z"
            return [sign, self._column(tuple(value)), self._column(tuple(value.values()))]
        if kind in (set, frozenset):
            return ["s" if kind is set else "f", self._column(tuple(value))]
        if self._types.get(kind.__name__) is not kind:
            raise UnkeepableState(f"a {kind.__name__}, which no memory of it makes")
        if isinstance(value, Enum):
            return ["e", kind.__name__, value.name]
        return ["v", kind.__name__, [self.value(getattr(value, name)) for name in _fields(kind)]]

    def _check_alone(self, value: Any) -> None:
        """What can be changed may stand in one place only: read back, it would be two."""
        kind = type(value)
        if kind is frozenset or isinstance(value, Enum) or (is_dataclass(kind) and _is_frozen(kind)):
            return
        if id(value) in self._changeable:
            raise UnkeepableState(f"the same {kind.__name__} in two places")
        self._changeable[id(value)] = value

    def _column(self, values: Sequence[Any]) -> list[Any]:
        kinds = set(map(type, values))
        if kinds <= _PLAIN:
            return self._plain_column(values, kinds)
        if kinds == {tuple} and len(lengths := set(map(len, values))) == 1 and 0 not in lengths:
            return ["#", *(self._column(place) for place in zip(*values, strict=True))]
        return ["*", *map(self.value, values)]

    def _plain_column(self, values: Sequence[Any], kinds: set[type[Any]]) -> list[Any]:
        if int in kinds:
            numbers = values if len(kinds) == 1 else [each for each in values if type(each) is int]
            for each in (min(numbers), max(numbers)):
                self.value(each)
        if len(values) < LONG_COLUMN or len(kinds) > 1:  # 1 and True are the same to Python
            return ["=", *values]
        values = list(values)
        for number, known in enumerate(self.columns):
            if known == values and type(known[0]) in kinds:
                return ["@", number]
        self.columns.append(values)
        return ["@", len(self.columns) - 1]


class _Reader:
    def __init__(self, aggregate_class: type[Aggregate], columns: Sequence[memoryview]) -> None:
        self._types = shape_of(aggregate_class).value_types
        self._parts = columns
        self._columns: dict[int, Sequence[Any]] = {}

    def value(self, written: Any) -> Any:
        if type(written) is not list:
            return written
        sign = written[0]
        if sign == "d":
            return self._dict(written)
        if sign == "z":
            return UnreadDict(lambda: self._dict(written))
        make = _COLLECTIONS.get(sign)
        if make is not None:
            return make(self._column(written[1]))
        if sign == "e":
            return getattr(self._types[written[1]], written[2])
        if sign == "v":
            return self._made(self._types[written[1]], written[2])
        return _READ[sign](written[1])

    def _dict(self, written: list[Any]) -> dict[Any, Any]:
        return dict(zip(self._column(written[1]), self._column(written[2]), strict=True))

    def _made(self, kind: type[Any], values: Sequence[Any]) -> Any:
        # Without its rules: what was right when it was recorded stays, see decision 024.
        made = object.__new__(kind)
        for name, value in zip(_fields(kind), values, strict=True):
            object.__setattr__(made, name, self.value(value))
        return made

    def _column(self, written: list[Any]) -> Any:
        sign = written[0]
        if sign == "@":
            number = written[1]
            if number not in self._columns:
                self._columns[number] = orjson.loads(self._parts[number])
            return self._columns[number]
        if sign == "#":
            return zip(*(self._column(place) for place in written[1:]), strict=True)
        return written[1:] if sign == "=" else list(map(self.value, written[1:]))


def _fields(kind: Any) -> Mapping[str, Any]:
    """The fields of a value type, by their names."""
    found: Mapping[str, Any] = kind.__dataclass_fields__
    return found


def _is_frozen(kind: Any) -> bool:
    return bool(kind.__dataclass_params__.frozen)


_WRITE: Mapping[type[Any], Callable[[Any], list[Any]]] = {
    UUID: lambda value: ["u", value.hex],
    Decimal: lambda value: ["n", str(value)],
    datetime: lambda value: ["T", value.isoformat()],
    date: lambda value: ["D", value.isoformat()],
    timedelta: lambda value: ["x", [value.days, value.seconds, value.microseconds]],
    bytes: lambda value: ["b", value.hex()],
}
_READ: Mapping[str, Callable[[Any], Any]] = {
    "u": uuid_of_hex,
    "n": Decimal,
    "T": datetime.fromisoformat,
    "D": date.fromisoformat,
    "x": lambda parts: timedelta(*parts),
    "b": bytes.fromhex,
}
_COLLECTIONS: Mapping[str, Callable[[Any], Any]] = {"t": tuple, "l": list, "s": set, "f": frozenset}
