"""Events that followers could not process and have put aside."""

from collections.abc import Iterator

from system.bootstrap import Orderwright
from system.definition import orderwright as definition
from system.followers.parked import ParkedEvent
from system.followers.projection import Projection
from system.queries.events import found_event

from .cases import Case, CaseDetails, HeldBack
from .dry_run import DryRun, dry_run
from .lots import Lots, Place
from .reading import notification_at
from .retrying import Dealt, Retrier
from .source import ActionReport, CaseSource, Command, DealtEvent


class ParkedEvents(CaseSource):
    """The events in the parking lots of all followers, each lot as far as it can be read."""

    kinds = ("projection", "process")
    namespaces = tuple(definition.followers)

    def __init__(self, orderwright: Orderwright) -> None:
        self._orderwright = orderwright
        self._lots = Lots(orderwright)

    def list(self) -> Iterator[Case]:
        """The first event of every sequence. See `CaseSource.list`."""
        for follower in definition.followers:
            lot = self._lots.seen(follower)
            for waiting in lot.parked.values() if lot is not None else ():
                yield self._case(follower, waiting[0], held_back=len(waiting) - 1)

    def find(self, case_id: str) -> CaseDetails:
        """Also an event that waits behind another one. See `CaseSource.find`."""
        place = Place.parse(case_id)
        waiting = self._lots.sequence_at(place)
        index = [event.place for event in waiting].index((place.leader, place.position))
        behind = tuple(_held_back(place.follower, event) for event in waiting[index + 1 :])
        first = None if index == 0 else str(Place.of(place.follower, waiting[0]))
        case = self._case(place.follower, waiting[index], len(behind), first)
        row = notification_at(self._orderwright, place.leader, place.position)
        event = None if row is None else found_event(self._orderwright, place.leader, row)
        return CaseDetails(**vars(case), event=event, held_back_events=behind)

    def can_be_retried(self, case: Case) -> bool:  # noqa: ARG002 - it holds for each of them
        """See `CaseSource.can_be_retried`."""
        return True

    def retry(
        self,
        case_id: str,
        command: Command,
        *,
        sequence: bool,
        listed: Case | None = None,  # noqa: ARG002 - whether it still waits, the lot knows
    ) -> ActionReport:
        """Process the event after all, with `sequence` those behind it as well, in order and up to the first
        that fails. A retry that fails is no error: it is counted and reported. See `CaseSource.retry`.

        Raises `EarlierEventWaits` and `ConcurrentChanges`.
        """
        place = Place.parse(case_id)
        return _report(place, self._retrier(command).retry(place, whole_sequence=sequence))

    def discard(self, case_id: str, command: Command) -> ActionReport:
        """What waits behind it comes next. Raises as `retry` does. See `CaseSource.discard`."""
        place = Place.parse(case_id)
        return _report(place, self._retrier(command).discard(place))

    def dry_run(self, case_id: str, *, sequence: bool) -> DryRun:
        """Raises as `retry` does. See `CaseSource.dry_run`."""
        return dry_run(self._orderwright, self._lots, Place.parse(case_id), whole_sequence=sequence)

    def _retrier(self, command: Command) -> Retrier:
        return Retrier(self._orderwright, self._lots, command.context, command.reason)

    def _case(self, follower: str, event: ParkedEvent, held_back: int, behind: str | None = None) -> Case:
        projection, process = self.kinds
        return Case(
            case_id=str(Place.of(follower, event)),
            kind=projection if isinstance(self._lots.follower(follower), Projection) else process,
            where=follower,
            what=event.topic,
            sequence=event.sequence,
            error=event.error,
            attempts=event.attempts,
            first_at=event.first_at,
            last_at=event.last_at,
            leader=event.leader,
            position=event.position,
            stream_id=str(event.stream_id),
            stream_version=event.stream_version,
            held_back=held_back,
            waits_behind=behind,
        )


def _held_back(follower: str, event: ParkedEvent) -> HeldBack:
    case_id = str(Place.of(follower, event))
    return HeldBack(case_id, event.topic, str(event.stream_id), event.stream_version, event.first_at)


def _report(place: Place, dealt: Dealt) -> ActionReport:
    events = tuple(
        DealtEvent(
            str(Place.of(place.follower, outcome.event)), outcome.event.topic, outcome.result, outcome.error
        )
        for outcome in dealt.outcomes
    )
    sequence = dealt.outcomes[-1].event.sequence
    return ActionReport(str(place), sequence, events, dealt.still_waiting, dealt.replayed)
