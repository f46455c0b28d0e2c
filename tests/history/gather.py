"""Adds to the corpus that is kept here what is missing in it: ``python -m tests.history.gather``. The
stories that are there stay as they are.

They come from a shop in which much has happened, once as this release stores it, and once as the first one
stored it: without the fields that came later.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eventsourcing.persistence import StoredEvent

from system.bootstrap import Orderwright, build
from system.catalogue.harvest import Harvest, harvest
from system.settings.environment import IN_MEMORY, Settings
from system.steps.streams import streams_of
from tests.docs.seeded_shop import seed

from .frozen import FOLDER as PAYLOADS

CORPUS = Path(__file__).parent / "corpus"


def main(folder: Path = CORPUS) -> list[Harvest]:
    """Harvest both shops."""
    with TemporaryDirectory() as place:
        today = seed(Path(place)).opened()
        with as_the_first_release_stored(today) as first:
            found = [harvest(today, folder), harvest(first, folder)]
        today.close()
    return found


@contextmanager
def as_the_first_release_stored(today: Orderwright) -> Iterator[Orderwright]:
    """A store in memory with the orders of another one that the first release could have had: those in US
    dollars."""
    first = build(Settings.from_environment({"PERSISTENCE_MODULE": IN_MEMORY}))
    rows = today.orders.recorder.select_log(0, 1000)
    placed = [row for row in rows if row[2] == "Order.Created" and b'"currency":"USD"' in row[3]]
    for order in placed:
        for name, stream_id in streams_of(order[0]).items():
            events = today.applications[name].recorder.select_stream(stream_id)
            old = [
                StoredEvent(one.originator_id, one.originator_version, one.topic, first_version(one))
                for one in events
            ]
            first.applications[name].recorder.insert_events(old)
    yield first
    first.close()


def first_version(event: StoredEvent) -> bytes:
    """The state of an event as its first version had it, by what is frozen of that."""
    state: dict[str, Any] = json.loads(event.state)
    if state.pop("class_version", 1) > 1:
        known = json.loads((PAYLOADS / f"{event.topic}.v1.json").read_text())["state"]
        state = {name: value for name, value in state.items() if name in known}
    return json.dumps(state, separators=(",", ":")).encode()


if __name__ == "__main__":
    for one in main():
        sys.stdout.write(f"{one.samples} samples in {one.stories} stories\n")
        sys.stdout.writelines(f"left out: {each}\n" for each in one.left_out)
