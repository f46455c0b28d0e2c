"""Errors with stable codes. A caller acts on the code; a person reads the message.

``code`` never changes once published. ``field`` is a JSON pointer (RFC 6901) to the part
of the request that broke the rule, or None when no single part did.
"""

from typing import ClassVar


class DomainError(Exception):
    """Something that was asked for cannot be done, and nothing was recorded."""

    code: ClassVar[str] = "domain_error"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class NotFound(DomainError):
    """What the request names does not exist."""

    code = "not_found"


class Contradiction(DomainError):
    """The request contradicts what has already happened."""

    code = "contradiction"


class Refused(DomainError):
    """A rule of the business says no."""

    code = "refused"


class InvalidValue(Refused):
    """A value cannot mean anything in this business, for instance a negative price."""

    code = "invalid_value"


class VersionConflict(Contradiction):
    """The caller decided on a version of the stream that is no longer the current one."""

    code = "version_conflict"

    def __init__(self, *, expected: int, current: int) -> None:
        super().__init__(
            f"expected version {expected}, but the current version is {current}; "
            "read it again and decide anew"
        )
        self.expected = expected
        self.current = current
