"""Who runs each follower, as the store on PostgreSQL says. Anybody may ask, over any connection."""

from collections.abc import Collection, Mapping

from eventsourcing.persistence import PersistenceError, ProgrammingError

from system.persistence.store import Store

from .lease import LeasesUnavailable

_OWNERS = """
    SELECT follower, host || ':' || pid AS name FROM @orderwright_leases
    JOIN @orderwright_runners ON runner = owner WHERE expires_at > clock_timestamp()"""


def owners_in(store: Store, followers: Collection[str]) -> Mapping[str, str | None]:
    """The owner of each follower, ``host:pid``; None when nobody runs it. Raises `LeasesUnavailable`."""
    try:
        owners = {row["follower"]: row["name"] for row in store.rows(_OWNERS, {})}
    except ProgrammingError:  # no runner has been there yet, to make the tables
        owners = {}
    except PersistenceError as error:
        raise LeasesUnavailable(f"which process runs which follower is not known: {error}") from error
    return {follower: owners.get(follower) for follower in sorted(followers)}
