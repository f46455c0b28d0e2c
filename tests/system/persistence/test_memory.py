"""What the store in memory cannot keep is refused."""

from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent, Tracking

from system.persistence.memory import InMemoryRecorder
from system.persistence.tables import Changes, Table


def test_rows_are_refused_in_memory_with_all_that_belongs_to_them() -> None:
    store, stream = InMemoryRecorder(), uuid4()
    rows = Changes()
    rows.add(Table("shelf", {"sku": "TEXT"}, key=("sku",)), {"sku": "TEAPOT"}, inserts=True)

    with pytest.raises(NotImplementedError, match="shelf"):
        store.insert_events(
            [StoredEvent(stream, 1, "A.B", b"{}")], tracking=Tracking("Inventory", 3), rows=rows
        )

    assert store.select_events(stream) == []
    assert store.max_tracking_id("Inventory") is None
