"""Decisions that no event caused: what a person, a deadline or a realignment told a saga, told once more.

What a person's command found to be so, in the work of the steps themselves, was not recorded with it. So it
is tried with everything that can have been so: each state that the order and the work of each step ever had.
Only when none of them leads to what was recorded, the code at hand decides otherwise.
"""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from itertools import product
from typing import Any, cast

from application.orders import Orders
from domain.fulfilment import Fulfilment, interventions
from domain.orders import Order
from domain.shared.causes import because_of
from domain.shared.errors import DomainError
from system.recovery.catching_up import begin_fulfilment, tell_what_is_so
from system.recovery.truth import Truth
from system.steps.side import StepSide
from system.steps.table import SIDES

from .recorded import RecordedSaga
from .stage import Decision, cause_of

Act = Callable[[Fulfilment], object]


class UnknownCommand(Exception):
    """Nobody here knows what the command told the saga."""


def decisions(saga: RecordedSaga, version: int, recorded: Sequence[Any]) -> Iterator[Decision]:
    """What the code at hand can decide where these events were recorded by a command, after a version.

    A command that would be refused decides nothing. Raises `UnknownCommand`, and whatever a decision raises.
    """
    first = recorded[0]
    with because_of(cause_of(first)):
        for begin, act in _ways(saga, version, first):
            state = begin()
            try:
                act(state)
            except DomainError:
                yield Decision((), saga.at(version))
            else:
                yield Decision(tuple(state.collect_events()), state)


def is_known(first: Any) -> bool:
    """Whether an event says itself which command recorded it."""
    return isinstance(
        first, Fulfilment.StepOverdue | Fulfilment.CompensationOverdue | Fulfilment.InterventionMade
    )


def _ways(saga: RecordedSaga, version: int, first: Any) -> Iterator[tuple[Callable[[], Fulfilment], Act]]:
    def as_it_was() -> Fulfilment:
        return cast(Fulfilment, saga.at(version))

    if isinstance(first, Fulfilment.StepOverdue | Fulfilment.CompensationOverdue):
        yield as_it_was, lambda state: state.step_overdue(first.step, first.due_at)
    elif isinstance(first, Fulfilment.InterventionMade):
        if first.action not in _INTERVENTIONS:
            raise UnknownCommand
        intervene = _INTERVENTIONS[first.action]
        for truth in _truths(saga):
            yield as_it_was, lambda state, truth=truth: intervene(state, first, truth)  # type: ignore[misc]  # mypy does not infer its default
    else:
        begin = as_it_was if version else _beginning(saga)
        for order, truth in product(_orders(saga), list(_truths(saga))):
            yield begin, lambda state, order=order, truth=truth: tell_what_is_so(state, order, truth)  # type: ignore[misc]  # as above


_INTERVENTIONS: dict[str, Callable[[Fulfilment, Any, Truth], None]] = {
    "retry": lambda saga, made, truth: interventions.retry(saga, made.reason, truth.tell),
    "resume-from": lambda saga, made, truth: interventions.resume_from(
        saga, made.step, made.reason, truth.tell
    ),
    "force-complete": lambda saga, made, truth: interventions.force_complete(
        saga, made.reason, missing=truth.missing
    ),
    "force-fail": lambda saga, made, truth: interventions.force_fail(saga, made.reason, held=truth.held),
}


def _beginning(saga: RecordedSaga) -> Callable[[], Fulfilment]:
    placed = next((e for e in saga.told[Orders.name].events if isinstance(e, Order.Created)), None)
    if placed is None:
        raise UnknownCommand
    return lambda: begin_fulfilment(placed)


def _truths(saga: RecordedSaga) -> Iterator[Truth]:
    """Everything that can have been so about the work of the steps."""
    works = [_works(side, saga.told[side.application].events) for side in SIDES]
    for work in product(*works):
        yield Truth({side.step: one for side, one in zip(SIDES, work, strict=True)})


def _works(side: StepSide[Any], events: Sequence[Any]) -> list[Any]:
    """The work for a step as it was after each of its events, where that makes a difference to anybody."""
    found: dict[Any, Any] = {None: None}
    work = None
    for event in events:
        work = event.mutate(work)
        found.setdefault((side.status(work), side.failure(work), side.held(work)), deepcopy(work))
    return list(found.values())


def _orders(saga: RecordedSaga) -> list[Order | None]:
    """The order after each of its events."""
    found: list[Order | None] = []
    order = None
    for event in saga.told[Orders.name].events:
        order = event.mutate(order)
        found.append(deepcopy(order))
    return found or [None]
