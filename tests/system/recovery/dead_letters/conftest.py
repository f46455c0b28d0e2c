"""Events that cannot be processed are parked at once."""

from tests.support.poison import short_pauses

__all__ = ["short_pauses"]
