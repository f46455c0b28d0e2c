"""Every fact that says where a step stands can be written into the log, with its note."""

import pytest

from domain.fulfilment.categories import IN_LOG
from system.projections.saga_log.entries import log_entry
from tests.history.samples import sample_of

OVERDUE = "it was due at 2024-05-17T12:00:00.123456Z and took longer than allowed"


@pytest.mark.parametrize("name", sorted(kind.__name__ for kind in IN_LOG))
def test_a_fact_about_a_step_is_an_entry_with_what_it_says(name: str) -> None:
    (kind,) = (kind for kind in IN_LOG if kind.__name__ == name)
    event = sample_of(kind)

    entry = log_entry(event)

    assert entry is not None
    assert (entry.step, entry.attempt, entry.at) == ("ReserveInventory", 2, event.timestamp)
    assert entry.status == kind.means.step
    expected = OVERDUE if name.endswith("Overdue") else getattr(event, "error", None)
    assert entry.error == expected or kind.means.note not in (None, "{error}")
