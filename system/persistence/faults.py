"""Which errors say that the store could not do its part, whatever it was asked."""

from eventsourcing.persistence import (
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)

STORE_FAULTS = (OperationalError, InterfaceError, InternalError, ProgrammingError, NotSupportedError)
"""Not the event's fault: the store is away, overloaded or wrongly set up."""
