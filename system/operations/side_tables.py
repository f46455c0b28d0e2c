"""The tables of the side stores, made at once by somebody who may make tables."""

from system.bootstrap import Orderwright
from system.verification.kept import seals_of


def make_side_tables(orderwright: Orderwright) -> None:
    """Make the tables of snapshots, seals and counts where they are not there, so that who serves the store
    needs no right to make any. Raises the library's `PersistenceError`."""
    orderwright.snapshots.store.open()
    with orderwright.event_counts(), seals_of(orderwright):
        pass
