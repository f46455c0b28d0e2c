"""A page of events is processed as one unit of work; this is where its aggregates live meanwhile.

While a runner processes a page, `Repository.get` answers from the page's identity map, so an
aggregate is loaded once a page and a policy sees what an earlier policy of the page did.
Outside of a page (commands, the library's own runners) the repository works as the library's.

What the page will need is read at once, before it begins. Between pages a bounded number of
aggregates is kept. A kept aggregate is brought up to date with what was stored since before it is
used again. A page that failed drops all that it changed; of a long stream, which takes long to read,
a copy is made at the beginning of the pages that come next, so that it is read anew only once.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from typing import Any
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError

from application.streams import Repository as PlainRepository
from application.streams import UnreadableStream
from application.up_to_date import bring_up_to_date

KEPT_AGGREGATES = 4000

LONG = 50
"""A stream with so many events is long: to copy its aggregate is faster than to read it."""

COPIED_FOR_PAGES = 20
"""What a page that failed had changed is copied in so many pages, if none of them fails."""


class IdentityMap:
    """The aggregates of one follower, owned by the one thread that follows."""

    def __init__(self, repository: "Repository") -> None:
        self._repository = repository
        self._kept: OrderedDict[UUID, Any] = OrderedDict()
        self._touched: dict[UUID, Any] = {}
        self._stored_versions: dict[UUID, int] = {}  # of what is touched
        self._copies: dict[UUID, Any] = {}  # of what is touched, before it was
        self._copied_for: dict[UUID, int] = {}  # so many more pages

    @contextmanager
    def page(self) -> Iterator[None]:
        """Make this the place where aggregates are found, until the page is recorded or fails."""
        token = _identity_map.set(self)
        try:
            yield
        except BaseException:
            self._take_back()
            raise
        else:
            self._keep()
        finally:
            self._touched, self._stored_versions, self._copies = {}, {}, {}
            _identity_map.reset(token)

    def forget(self) -> None:
        """Keep no aggregate; all are read anew when they are asked for."""
        self._kept.clear()

    def _keep(self) -> None:
        for aggregate_id, aggregate in self._touched.items():
            if _is_readable(aggregate):
                self._kept[aggregate_id] = aggregate
                self._kept.move_to_end(aggregate_id)
            else:
                self._kept.pop(aggregate_id, None)
        while len(self._kept) > KEPT_AGGREGATES:
            self._kept.popitem(last=False)
        for aggregate_id in self._copies:
            self._copied_for[aggregate_id] -= 1
            if not self._copied_for[aggregate_id]:
                del self._copied_for[aggregate_id]

    def _take_back(self) -> None:
        """Everything is as it is stored again, or is read anew when it is needed."""
        for aggregate_id, aggregate in self._touched.items():
            version = self._stored_versions.get(aggregate_id)
            if _is_readable(aggregate) and aggregate.version == version:
                self._kept[aggregate_id] = aggregate
                continue
            copy = self._copies.get(aggregate_id)
            if copy is not None:
                self._kept[aggregate_id] = copy
            else:
                self._kept.pop(aggregate_id, None)
            if version is not None and version >= LONG:
                self._copied_for[aggregate_id] = COPIED_FOR_PAGES

    def fetch(self, aggregate_ids: Iterable[UUID]) -> None:
        """Bring all of these up to date at once. One that is not among them is still found later, and
        one that cannot be read is the fault of whoever asks for it."""
        wanted: dict[UUID, Any] = {
            id_: self._kept.get(id_) for id_ in aggregate_ids if id_ not in self._touched
        }
        if wanted:
            self._touched.update(wanted)  # so that they are dropped when this fails half-way
            bring_up_to_date(wanted, self._repository)
            self._touched.update(wanted)
            for aggregate_id, aggregate in wanted.items():
                if not _is_readable(aggregate):
                    continue
                self._stored_versions[aggregate_id] = aggregate.version
                if aggregate_id in self._copied_for:
                    self._copies[aggregate_id] = deepcopy(aggregate)

    def belongs_to(self, repository: "Repository") -> bool:
        """Whether this is an identity map of that repository."""
        return repository is self._repository

    def get(self, aggregate_id: UUID) -> Any:
        """The aggregate as of now, including what this page did to it. Raises `UnreadableEvent`."""
        self.fetch([aggregate_id])
        aggregate = self._touched[aggregate_id]
        if type(aggregate) is UnreadableStream:
            raise aggregate.error
        if aggregate is None:
            raise AggregateNotFoundError((aggregate_id, None))
        return aggregate

    def add(self, aggregate: Any) -> None:
        """Remember an aggregate that this page made."""
        self._touched[aggregate.id] = aggregate


def _is_readable(aggregate: Any) -> bool:
    """Whether there is such an aggregate and it could be loaded."""
    return aggregate is not None and type(aggregate) is not UnreadableStream


_identity_map: ContextVar[IdentityMap | None] = ContextVar("identity_map", default=None)


class Repository(PlainRepository):
    """A repository which asks the page in progress first."""

    def get(self, aggregate_id: UUID, *, version: int | None = None, **kwargs: Any) -> Any:
        """The aggregate, at a version if one is given. Raises `AggregateNotFoundError`, `UnreadableEvent`."""
        identity_map = _identity_map.get()
        if version is None and identity_map is not None and identity_map.belongs_to(self):
            return identity_map.get(aggregate_id)
        return super().get(aggregate_id, version=version, **kwargs)
