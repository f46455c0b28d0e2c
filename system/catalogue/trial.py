"""Whether the present code bears a story of a corpus: each of its samples is read, folded, projected, told
and audited, in a system of its own in memory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast
from uuid import UUID

from system.audit.examine import Examiner
from system.audit.rules import breaches
from system.bootstrap import Orderwright, build
from system.definition import class_of
from system.definition import orderwright as definition
from system.followers.projection import Projection
from system.followers.unit_of_work import UnitOfWork
from system.queries.explain import explain
from system.settings.environment import IN_MEMORY, Settings

from .corpus import CorpusEvent, Sample, Story, Verdict

UNTOLD = "cannot be told"


class SampleFails(Exception):
    """The present code does not bear a sample; the message says at which stage and why."""


class Trial:
    """A story in a system in memory."""

    def __init__(self, orderwright: Orderwright, story: Story) -> None:
        self._orderwright = orderwright
        self._story = story
        for event in story.events:
            orderwright.applications[event.application].recorder.insert_events([event.stored_event])

    def bear(self, sample: Sample) -> None:
        """Take a sample through everything that reads events. Raises `SampleFails`."""
        event = self._story.events[sample.event]
        where = f"{sample.type} in version {sample.class_version}, shape {sample.shape}"
        stages: dict[str, Callable[[], object]] = {"read and brought up to date": lambda: self._read(event)}
        if self._story.is_whole:
            stages["folded into its aggregate"] = lambda: self._fold(event)
        stages["projected"] = lambda: self._project(sample.event)
        if self._story.order_id is not None:
            stages["told by explain"] = self._tell
            stages["audited as it was before"] = self._audit
        for stage, take in stages.items():
            try:
                take()
            except Exception as error:  # whatever the code at hand says to an event of another time
                raise SampleFails(f"{where} cannot be {stage}: {type(error).__name__}: {error}") from error

    def verdict(self) -> Verdict | None:
        """Where the order stands, and the rules that it breaks now that everything is over."""
        if self._story.order_id is None:
            return None
        order_id = UUID(self._story.order_id)
        examined = Examiner(self._orderwright).examine(order_id)
        if examined.facts is None:
            raise ValueError("; ".join(one.found for one in examined.breaches))
        rules = {str(one.rule) for one in breaches(examined.facts, is_at_rest=True)}
        return Verdict(examined.facts.order.name, tuple(sorted(rules)))

    def _read(self, event: CorpusEvent) -> Any:
        return self._orderwright.applications[event.application].mapper.to_domain_event(event.stored_event)

    def _fold(self, event: CorpusEvent) -> None:
        application = self._orderwright.applications[event.application]
        found: Any = application.repository.get(UUID(event.stream_id), version=event.stream_version)
        if found.version != event.stream_version:
            raise ValueError(f"its aggregate is at version {found.version}, and not {event.stream_version}")

    def _project(self, last: int) -> None:
        for name in definition.followers:
            projection = self._orderwright.applications[name]
            if not issubclass(class_of(name), Projection):
                continue
            work = UnitOfWork()
            for event in self._story.events[: last + 1]:
                if event.application in definition.follows[name]:
                    cast(Projection, projection).handle(self._read(event), work)
            projection.record_work(work)

    def _tell(self) -> None:
        story = explain(self._orderwright, UUID(cast(str, self._story.order_id)))
        untold = [sentence for sentence in story.sentences if UNTOLD in sentence]
        if untold or not story.sentences:
            raise ValueError("; ".join(untold) or "there is nothing to tell")

    def _audit(self) -> None:
        now, before = self.verdict(), self._story.verdict
        if before is not None and now != before:
            raise ValueError(f"it was {_said(before)}, and is {_said(cast(Verdict, now))}")


@contextmanager
def tried(story: Story) -> Iterator[Trial]:
    """A trial of a story, closed afterwards."""
    orderwright = build(Settings.from_environment({"PERSISTENCE_MODULE": IN_MEMORY}))
    try:
        yield Trial(orderwright, story)
    finally:
        orderwright.close()


def _said(verdict: Verdict) -> str:
    rules = f"breaking {', '.join(verdict.rules)}" if verdict.rules else "breaking no rule"
    return f"{verdict.status} and {rules}"
