"""Whether every log has what its followers have read, as readiness tells it."""

import structlog
from eventsourcing.persistence import PersistenceError

from system.bootstrap import Orderwright

log = structlog.get_logger()


def log_agreement(orderwright: Orderwright) -> tuple[bool, str]:
    """Whether they agree, and in words which do not. A store that does not tell is no agreement."""
    try:
        found = orderwright.disagreements()
    except PersistenceError as error:
        log.warning("whether logs and followers agree is not known", error=str(error))
        return False, "the store does not tell whether logs and followers agree"
    if not found:
        return True, "every log has what its followers have read"
    names = "; ".join(f"{one.follower} at {one.position} of {one.leader}" for one in found)
    return False, f"followers have read what their log does not have: {names}"
