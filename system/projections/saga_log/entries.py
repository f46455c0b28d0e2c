"""How a fact of the fulfilment reads: where the saga stands after it, and its entry in the log."""

from datetime import datetime
from typing import Any

from application.views import StepView, utc_text
from domain.fulfilment import SagaStatus
from system.persistence.tables import Guard


def log_entry(event: Any) -> StepView | None:
    """The saga log's entry for an event, or None when it does not say where a step stands."""
    means = event.means
    if means.step is None:
        return None
    note = None if means.note is None else means.note.format_map(_Facts(event))
    return StepView(
        event.step, str(means.step), event.attempt, event.timestamp, note, getattr(event, "next_at", None)
    )


def saga_status(event: Any) -> str | None:
    """The saga status that an event leads to, or None when it leaves it as it is.

    While a saga is being compensated only FAILED moves it on: see `status_after`.
    """
    status = event.means.saga_after(getattr(event, "step", None))
    return None if status is None else str(status)


def status_after(before: str | None, event: Any) -> str | None:
    """The saga's status after an event, given the one before."""
    status = saga_status(event)
    return before if status is None else _moved_on(before, status)


def _moved_on(present: str | None, given: str) -> str:
    stays = present == SagaStatus.COMPENSATING and given != SagaStatus.FAILED
    return str(SagaStatus.COMPENSATING) if stays else given


SAGA_STATUS = Guard(
    sql="CASE WHEN {present} = 'COMPENSATING' AND {given} <> 'FAILED' THEN {present} ELSE {given} END",
    after=_moved_on,
)
"""The same rule for a column of a table."""


class _Facts(dict[str, str]):
    """What an event says, by name, for the text of a note."""

    def __init__(self, event: Any) -> None:
        super().__init__()
        self._event = event

    def __missing__(self, name: str) -> str:
        fact = getattr(self._event, name)
        return utc_text(fact) if isinstance(fact, datetime) else str(fact)
