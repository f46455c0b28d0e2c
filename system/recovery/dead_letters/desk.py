"""The list of everything that waits for a person, the one that waits longest first."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from application.paging import PAGE_BYTES, check_limit, decode_cursor, encode_cursor
from application.queries import InvalidQuery, PageRequest
from application.views import FoundEvent, Page
from domain.shared.ids import fulfilment_id, payment_id, reservation_id
from system.bootstrap import Orderwright
from system.queries.events import found_event

from .calls import call_cases
from .cases import Case, CaseDetails, CaseQuery, HeldBack, Place, no_such_case
from .lots import Lots
from .reading import notification_at
from .sagas import PREFIX as SAGA
from .sagas import saga_case, saga_cases
from .waiting import orders_among, waiting_for

CALL = "call:"

COMPLETED_AT_ONCE = 20
BYTES_OF_A_CASE = 700
BYTES_OF_A_LINE = 30


def list_cases(orderwright: Orderwright, query: CaseQuery, page: PageRequest) -> Page[Case]:
    """One page of the cases that match, with what waits for them; it ends early with the case with which
    it has about `PAGE_BYTES`. Raises `InvalidQuery`."""
    cases, cursor = page_of_cases(matching(orderwright, query), page)
    completed: list[Case] = []
    bytes_left = PAGE_BYTES
    for first in range(0, len(cases), COMPLETED_AT_ONCE):
        for case in _completed(orderwright, cases[first : first + COMPLETED_AT_ONCE]):
            completed.append(case)
            bytes_left -= _bytes_of(case)
            if bytes_left <= 0 and len(completed) < len(cases):
                return Page(tuple(completed), _cursor(case))
    return Page(tuple(completed), cursor)


def page_of_cases(cases: Sequence[Case], page: PageRequest) -> tuple[Sequence[Case], str | None]:
    """The page of a list, and the cursor of the next one. Raises `InvalidQuery`."""
    limit = check_limit(page)
    if page.cursor is not None:
        after = _place(page.cursor)
        cases = [case for case in cases if _in_list(case) > after]
    shown = cases[:limit]
    return shown, _cursor(shown[-1]) if len(cases) > limit else None


def matching(orderwright: Orderwright, query: CaseQuery) -> list[Case]:
    """Every case that matches, in the order of the list, without what waits for it."""
    sources: Iterable[Iterable[Case]] = (
        Lots(orderwright).cases(),
        saga_cases(orderwright),
        call_cases(orderwright, orderwright.clock()),
    )
    sequences = frozenset() if query.order_id is None else _sequences_of(query.order_id)
    found = [case for source in sources for case in source if query.matches(case, sequences)]
    return sorted(found, key=_in_list)


def show_case(orderwright: Orderwright, case_id: str) -> CaseDetails:
    """A case, also of an event that waits behind another one. Raises `CaseNotFound`."""
    event: FoundEvent | None = None
    behind: tuple[HeldBack, ...] = ()
    if case_id.startswith((SAGA, CALL)):
        case = case_of(orderwright, case_id)
    else:
        place = Place.parse(case_id)
        case, behind = Lots(orderwright).case_at(place)
        event = _event(orderwright, place)
    (completed,) = _completed(orderwright, [case])
    return CaseDetails(**vars(completed), event=event, held_back_events=behind)


def case_of(orderwright: Orderwright, case_id: str) -> Case:
    """The case of a saga or a call. Raises `CaseNotFound`."""
    if case_id.startswith(SAGA):
        return saga_case(orderwright, case_id)
    for case in call_cases(orderwright, orderwright.clock()):
        if case.case_id == case_id:
            return case
    raise no_such_case(case_id)


def _event(orderwright: Orderwright, place: Place) -> FoundEvent | None:
    notification = notification_at(orderwright, place.leader, place.position)
    return None if notification is None else found_event(orderwright, place.leader, notification)


def _completed(orderwright: Orderwright, cases: Sequence[Case]) -> list[Case]:
    """The cases with the orders that they are about, and what waits with those."""
    orders = orders_among(orderwright, {case.sequence for case in cases})
    waiting = waiting_for(orderwright, set(orders.values()))

    def completed(case: Case) -> Case:
        order_id = orders.get(case.sequence)
        if order_id is None:
            return case
        return replace(case, order_id=str(order_id), waiting=waiting[order_id])

    return [completed(case) for case in cases]


def _sequences_of(order_id: UUID) -> frozenset[str]:
    """What the events of an order wait under: the order, or their stream when they cannot be read."""
    derived: Iterable[Callable[[UUID], UUID]] = (fulfilment_id, payment_id, reservation_id)
    return frozenset({str(order_id), *(str(id_of(order_id)) for id_of in derived)})


def _bytes_of(case: Case) -> int:
    """About how many bytes a case takes in an answer: its order may hold many products."""
    lines = case.waiting.stock if case.waiting is not None else ()
    return BYTES_OF_A_CASE + len(case.error or "") + sum(BYTES_OF_A_LINE + len(line.sku) for line in lines)


def _cursor(case: Case) -> str:
    return encode_cursor(case.first_at.isoformat(), case.case_id)


def _in_list(case: Case) -> tuple[datetime, str]:
    return case.first_at, case.case_id


def _place(cursor: str) -> tuple[datetime, str]:
    time, case_id = decode_cursor(cursor, str, str)
    try:
        at = datetime.fromisoformat(time)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise InvalidQuery("the cursor is not one of this list's", field="/cursor")
    return at, case_id
