"""What the requests of several routes may say: types of fields, and fields. What one module's routes alone
take stands in that module. Rules are the domain's."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PlainValidator,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from application.errors import DomainError
from application.limits import MAX_REASON, amount_of, check_text
from application.queries import DEFAULT_LIMIT, PageRequest

from .limits import MAX_ERRORS

_COUNT = re.compile(r"[0-9]{1,15}")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[-+ ][0-9]{2}:[0-9]{2})"
)


def _refused(error: DomainError) -> PydanticCustomError:
    """The refusal of one value, collected with those of the others."""
    return PydanticCustomError(error.code, error.message)


def text_of(longest: int, rule: Callable[[str, int], str] = check_text) -> Callable[[str], str]:
    """A check of a text, which is refused together with the other faults of the request."""

    def check(value: str) -> str:
        try:
            return rule(value, longest)
        except DomainError as error:
            raise _refused(error) from None

    return check


def _amount(value: object) -> Decimal:
    """Exact: from text, or from a JSON number that was read as a decimal."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    if not isinstance(value, str):
        raise PydanticCustomError("wrong_type", 'an amount must be a text such as "12.50", or a number')
    try:
        return amount_of(value)
    except DomainError as error:
        raise _refused(error) from None


def _count(value: object) -> int:
    if isinstance(value, str) and _COUNT.fullmatch(value):
        return int(value)
    raise PydanticCustomError("invalid_query", "this must be a whole number")


def _time(value: object) -> datetime:
    """RFC 3339. A plus sign that the query string turned into a blank is understood."""
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            return datetime.fromisoformat(value[:11] + value[11:].replace(" ", "+").upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise PydanticCustomError(
        "invalid_query", "a time must be as RFC 3339 says, with its offset, such as 2024-05-17T12:00:00Z"
    )


def _version_or_moment(value: object) -> int | datetime:
    is_count = isinstance(value, str) and _COUNT.fullmatch(value)
    return _count(value) if is_count else _time(value)


Reason = Annotated[str, AfterValidator(text_of(MAX_REASON))]
Amount = Annotated[Decimal, PlainValidator(_amount)]
Count = Annotated[int, PlainValidator(_count)]
Time = Annotated[datetime, PlainValidator(_time)]
VersionOrMoment = Annotated[int | datetime, PlainValidator(_version_or_moment)]


class Model(BaseModel):
    """Knows its fields and no others, and converts nothing."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_most_unknown(cls, value: Any) -> Any:
        """Of very many unknown fields as many are left as an answer can list."""
        if not isinstance(value, dict) or len(value) <= len(cls.model_fields) + MAX_ERRORS:
            return value
        unknown = [name for name in value if name not in cls.model_fields]
        return {
            name: value[name]
            for name in (*unknown[:MAX_ERRORS], *(n for n in cls.model_fields if n in value))
        }


class ReasonBody(Model):
    """Why somebody does what the address names."""

    reason: Reason


class NoParameters(Model):
    """The query string of what has no parameters."""


class PageParameters(Model):
    """Which page of a list."""

    limit: Count = DEFAULT_LIMIT
    cursor: str | None = None

    @property
    def page(self) -> PageRequest:
        """The page that is asked for."""
        return PageRequest(self.limit, self.cursor)


class MomentParameters(Model):
    """Which past state is asked for, if any."""

    version: Count | None = None
    as_of: Time | None = None

    @field_validator("as_of")
    @classmethod
    def _one_moment(cls, as_of: datetime | None, info: ValidationInfo) -> datetime | None:
        if as_of is not None and info.data.get("version") is not None:
            raise PydanticCustomError("invalid_query", "version and as_of exclude each other")
        return as_of

    @property
    def point(self) -> int | datetime | None:
        """The version or the moment."""
        return self.as_of if self.version is None else self.version
