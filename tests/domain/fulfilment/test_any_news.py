"""Whatever news comes in whatever order, the invariants of a fulfilment hold, and it comes to rest."""

from typing import Any

from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from domain.fulfilment import PROCESS_PAYMENT, RESERVE_INVENTORY, STEPS, Fulfilment, SagaStatus, StepStatus
from tests.domain.fulfilment.news import NEWS, hear, started
from tests.support.stories import new_events, replayed, state

any_news = st.lists(st.sampled_from(sorted(NEWS)), max_size=25)
BUSY = {StepStatus.EXECUTING, StepStatus.COMPENSATING}
HOLDING = BUSY | {StepStatus.COMPLETED, StepStatus.COMPENSATION_FAILED}
UNDOING = {"Fulfilment.RefundRequested": PROCESS_PAYMENT, "Fulfilment.ReleaseRequested": RESERVE_INVENTORY}


def check_every_event(events: list[Any]) -> None:
    """Follow the events one by one, and hold each against what came before it."""
    fulfilment: Fulfilment | None = None
    for event in events:
        if fulfilment is not None:
            check_is_allowed(event, fulfilment)
        fulfilment = event.mutate(fulfilment)
        busy = [status for status in fulfilment.step_statuses.values() if status in BUSY]
        assert len(busy) <= 1, "steps run one after the other"
    asked = [event for event in events if isinstance(event, Fulfilment.CancellationRequested)]
    assert len(asked) <= 1, "the order's cancellation is asked for once"


def check_is_allowed(event: Any, before: Fulfilment) -> None:
    """Whether the fulfilment could record the event in the state before it."""
    assert before.status is not SagaStatus.FAILED, "after FAILED nothing changes"
    statuses = before.step_statuses
    if event.TOPIC in UNDOING:
        step = UNDOING[event.TOPIC]
        assert before.status is SagaStatus.COMPENSATING
        assert statuses[step] is StepStatus.COMPLETED, "a step is undone only after it was done"
        later = STEPS[[s.name for s in STEPS].index(step) + 1 :]
        assert not any(statuses.get(s.name) in HOLDING for s in later), "in reverse order"
    if isinstance(event, Fulfilment.CancellationRequested | Fulfilment.Failed):
        assert not HOLDING & set(statuses.values()), "nothing is held any more"
    if isinstance(event, Fulfilment.Failed):
        assert before.is_order_cancelled
    if isinstance(event, Fulfilment.ConfirmationRequested | Fulfilment.Completed):
        assert not before.is_order_cancelled
        assert all(statuses.get(step.name) is StepStatus.COMPLETED for step in STEPS)


@settings(max_examples=300, deadline=None)
@forall(news=any_news)
def test_the_invariants_hold(news: list[str]) -> None:
    fulfilment = started()
    hear(fulfilment, *news)

    check_every_event(new_events(fulfilment))


@settings(max_examples=100, deadline=None)
@forall(news=any_news)
def test_what_it_remembers_is_what_its_events_say(news: list[str]) -> None:
    fulfilment = started()
    hear(fulfilment, *news)

    assert state(replayed(new_events(fulfilment))) == state(fulfilment)


@settings(max_examples=100, deadline=None)
@forall(news=any_news)
def test_news_that_is_told_twice_changes_nothing_the_second_time(news: list[str]) -> None:
    once, twice = started(), started()
    hear(once, *news)
    for one in news:
        hear(twice, one, one)

    assert new_events(twice) == new_events(once)


@settings(max_examples=100, deadline=None)
@forall(news=any_news, helped_at_last=st.booleans())
def test_once_everybody_answers_it_comes_to_rest_and_leaves_nothing_behind(
    news: list[str], helped_at_last: bool
) -> None:
    fulfilment = started()
    hear(fulfilment, *news)

    answer_what_is_open(fulfilment, helped_at_last)

    statuses = set(fulfilment.step_statuses.values())
    if fulfilment.status is SagaStatus.COMPLETED:
        assert statuses == {StepStatus.COMPLETED}
        assert not fulfilment.is_order_cancelled
    elif helped_at_last:
        assert fulfilment.status is SagaStatus.FAILED
        assert not statuses & HOLDING
    else:
        assert fulfilment.status is SagaStatus.FAILED or StepStatus.COMPENSATION_FAILED in statuses


def answer_what_is_open(fulfilment: Fulfilment, helped_at_last: bool) -> None:
    """Play everybody who owes an answer, until nobody does."""
    words = {PROCESS_PAYMENT: ("paid", "refunded"), RESERVE_INVENTORY: ("reserved", "released")}
    for _ in range(10):
        for step, status in list(fulfilment.step_statuses.items()):
            done, undone = words[step]
            if status is StepStatus.EXECUTING:
                hear(fulfilment, done)
            elif status is StepStatus.COMPENSATING or (
                helped_at_last and status is StepStatus.COMPENSATION_FAILED
            ):
                hear(fulfilment, undone)
        if fulfilment.status is SagaStatus.COMPENSATING and fulfilment.awaited_step is None:
            hear(fulfilment, "cancelled by us")
        hear(fulfilment, "confirmed")
