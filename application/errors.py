"""The errors of the domain, for those who may not import the domain itself."""

from domain.shared.errors import Contradiction, DomainError, InvalidValue, NotFound, Refused, VersionConflict

from .base import ConcurrentChanges
from .unreadable import UnreadableEvent

__all__ = [
    "ConcurrentChanges",
    "Contradiction",
    "DomainError",
    "InvalidValue",
    "NotFound",
    "Refused",
    "UnreadableEvent",
    "VersionConflict",
]
