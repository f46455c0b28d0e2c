"""Collects one masked sample of every type, version and shape of event in a store, each with its story.

The logs are read once, page by page. What is kept in memory are the names of the shapes that were found, and
the story that is being masked.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import orjson
from eventsourcing.persistence import Notification

from application.mapping import SafeMapper
from application.unreadable import UnreadableEvent
from domain.orders import OrderReference
from domain.shared.errors import DomainError
from domain.shared.ids import order_id_from_ref
from system.bootstrap import Orderwright
from system.followers.follower import Follower
from system.followers.parking import parking_lot_id
from system.steps.streams import STREAM_ID, streams_of

from .corpus import Corpus, CorpusEvent, Sample, Story
from .masking import Mask, Secret, Unmaskable
from .shapes import name_of, shape_of
from .trial import SampleFails, tried

PAGE = 500
LONGEST = 500
"""Of a stream that is longer no beginning is kept: a sample from there stands alone."""

Kind = tuple[str, int, str]
"""Topic, version and the name of a shape."""

Look = Callable[[str, int, int], object]
"""Told the application, up to which position its log is read, and where it ends."""


@dataclass(frozen=True)
class LeftOut:
    """A kind of event of which there is no sample, with the place of one, and why."""

    type: str
    application: str
    position: int
    why: str


@dataclass(frozen=True)
class Harvest:
    """What was collected. `samples` were added now, `known` were there already."""

    folder: str
    events: int
    stories: int
    samples: int
    known: int
    left_out: tuple[LeftOut, ...]


def harvest(orderwright: Orderwright, folder: Path, look: Look = lambda *_: None) -> Harvest:
    """Collect what a corpus does not have yet, into a folder that is empty or a corpus.

    Raises `NoCorpus`, and `OSError`. Stopped, it is gone on with by calling it again.
    """
    corpus = Corpus(folder)
    corpus.prepare()
    return _Harvester(orderwright, corpus).run(look)


@dataclass(frozen=True)
class _Row:
    """A stored event of an application's log; `state` is what it says in the version it was stored in."""

    application: str
    event: Notification
    kind: Kind
    state: Mapping[str, Any]


class _Harvester:
    def __init__(self, orderwright: Orderwright, corpus: Corpus) -> None:
        self._applications = orderwright.applications
        self._corpus = corpus
        self._secret = Secret()
        self._covered = {
            (sample.type, sample.class_version, sample.shape)
            for _, story in corpus.stories()
            for sample in story.samples
        }
        self._known = len(self._covered)
        self._late: dict[Kind, _Row] = {}
        self._left_out: dict[tuple[str, str], LeftOut] = {}
        self._stories = 0

    def run(self, look: Look) -> Harvest:
        """Read every log, then take alone what was found in long streams only."""
        events = 0
        for name, application in self._applications.items():
            head = application.recorder.max_notification_id() or 0
            for page in _pages(application, head):
                for event in page:
                    self._look_at(name, event)
                events += len(page)
                look(name, page[-1].id, head)
        for kind, row in self._late.items():
            if kind not in self._covered:
                self._take([row], None, is_whole=False)
        samples = len(self._covered) - self._known
        left_out = tuple(self._left_out.values())
        return Harvest(str(self._corpus.folder), events, self._stories, samples, self._known, left_out)

    def _look_at(self, application: str, event: Notification) -> None:
        try:
            if self._kind(application, event) in self._covered:
                return
            row = self._row(application, event)
            order_id = self._order_of(row)
            story = self._order(order_id) if order_id is not None else self._stream(row)
        except UnreadableEvent as error:
            self._leave_out(application, event, error.why)
            return
        if any(one.event.id == event.id and one.application == application for one in story):
            self._take(story, order_id)
        else:
            self._late.setdefault(row.kind, row)

    def _take(self, story: Sequence[_Row], order_id: UUID | None, *, is_whole: bool = True) -> None:
        try:
            self._keep(story, order_id, is_whole=is_whole)
        except (Unmaskable, SampleFails, DomainError, ValueError) as error:
            for row in story:
                if row.kind not in self._covered:
                    self._leave_out(row.application, row.event, str(error))

    def _keep(self, story: Sequence[_Row], order_id: UUID | None, *, is_whole: bool) -> None:
        """Mask a story, try whether this release bears it, and keep it with what it is a sample of."""
        mask = self._mask(story)
        samples: dict[Kind, Sample] = {}
        for number, row in enumerate(story):
            if row.kind not in self._covered and row.kind not in samples:
                samples[row.kind] = Sample(*row.kind, number)
        masked = Story(
            tuple(self._masked(row, mask) for row in story),
            tuple(samples.values()),
            None if order_id is None else str(mask.stream(order_id)),
            is_whole,
        )
        with tried(masked) as trial:
            for sample in masked.samples:
                trial.bear(sample)
            masked = replace(masked, verdict=trial.verdict())
        self._corpus.add(masked)
        self._covered |= samples.keys()
        self._stories += 1

    def _mask(self, story: Sequence[_Row]) -> Mask:
        mask = Mask(self._secret, self._reference_of)
        for row in story:
            mask.learn(row.event.topic, row.state)
        for name in self._applications:
            mask.learn_parking_lot(parking_lot_id(name))
        for row in story:
            mask.learn_place(_stream_of(row.event), row.event.originator_version)
        return mask

    def _masked(self, row: _Row, mask: Mask) -> CorpusEvent:
        transcoder = _mapper(self._applications[row.application]).transcoder
        state = orjson.loads(transcoder.encode(mask.masked(row.event.topic, row.state)))
        stream_id = str(mask.stream(_stream_of(row.event)))
        return CorpusEvent(row.application, stream_id, row.event.originator_version, row.event.topic, state)

    # What belongs together

    def _kind(self, application: str, event: Notification) -> Kind:
        state = _mapper(self._applications[application]).stored_json(event)
        version = state.get("class_version", 1) if isinstance(state, dict) else 1
        return event.topic, version, name_of(shape_of(state))

    def _row(self, application: str, event: Notification) -> _Row:
        mapper = _mapper(self._applications[application])
        mapper.to_domain_event(event)  # what this release cannot read is no sample of anything
        return _Row(application, event, self._kind(application, event), mapper.stored_state(event))

    def _order_of(self, row: _Row) -> UUID | None:
        """The order in whose story an event belongs; None where it belongs to a stream of its own."""
        stream_id, name = _stream_of(row.event), row.application
        order_id = row.state.get("order_id", stream_id)
        if row.event.topic == OrderReference.Claimed.TOPIC:
            return cast(UUID, order_id)
        is_its_stream = (
            name in STREAM_ID and isinstance(order_id, UUID) and STREAM_ID[name](order_id) == stream_id
        )
        return order_id if is_its_stream and not row.event.topic.startswith("ParkingLot.") else None

    def _order(self, order_id: UUID) -> list[_Row]:
        """Everything about an order in its own streams, what is a cause of others first."""
        rows = [
            self._row(name, event)
            for name, stream_id in streams_of(order_id).items()
            for event in self._applications[name].recorder.select_stream(stream_id, 1, LONGEST)
        ]
        reference = self._reference_of(order_id)
        claim = None if reference is None else order_id_from_ref(reference)
        if claim is not None and claim != order_id:
            name = next(iter(STREAM_ID))
            claims = self._applications[name].recorder.select_stream(claim, 1, 1)
            rows += [row for row in (self._row(name, one) for one in claims) if _claims(row, order_id)]
        return sorted(rows, key=lambda row: cast(datetime, row.state["timestamp"]))

    def _stream(self, row: _Row) -> list[_Row]:
        """The stream of an event up to there."""
        recorder = self._applications[row.application].recorder
        last = min(row.event.originator_version, LONGEST)
        events = recorder.select_stream(_stream_of(row.event), 1, last)
        return [self._row(row.application, event) for event in events]

    def _reference_of(self, order_id: UUID) -> str | None:
        name = next(iter(STREAM_ID))
        application = self._applications[name]
        for event in application.recorder.select_stream(order_id, 1, 1):
            try:
                reference = _mapper(application).stored_state(event).get("order_ref")
            except UnreadableEvent:
                return None
            return reference if isinstance(reference, str) else None
        return None

    def _leave_out(self, application: str, event: Notification, why: str) -> None:
        self._left_out.setdefault((event.topic, why), LeftOut(event.topic, application, event.id, why))


def _pages(application: Follower, head: int) -> Iterator[Sequence[Notification]]:
    position = 0
    while position < head:
        rows = [row for row in application.recorder.select_log(position, PAGE) if row[4] <= head]
        if not rows:
            return
        yield [Notification(*row) for row in rows]
        position = rows[-1][4]


def _claims(row: _Row, order_id: UUID) -> bool:
    return row.event.topic == OrderReference.Claimed.TOPIC and row.state.get("order_id") == order_id


def _mapper(application: Follower) -> SafeMapper:
    return cast(SafeMapper, application.mapper)


def _stream_of(event: Notification) -> UUID:
    return cast(UUID, event.originator_id)
