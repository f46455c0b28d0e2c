"""Where cases come from: each kind has a source, which knows what can be done about a case of its own."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from application.base import CommandContext
from system.bootstrap import Orderwright

from .cases import Case, CaseDetails, NotForThisCase
from .dry_run import DryRun


@dataclass(frozen=True)
class Command:
    """Who does something about a case, and why."""

    context: CommandContext
    reason: str | None


@dataclass(frozen=True)
class DealtEvent:
    """What was done to one event: `result` is retried, failed or discarded."""

    case_id: str
    what: str
    result: str
    error: str | None = None


@dataclass(frozen=True)
class ActionReport:
    """What an action came to. `replayed` says that the same command had done all of it before."""

    case_id: str
    sequence: str
    events: tuple[DealtEvent, ...]
    still_waiting: int
    replayed: bool

    @property
    def error(self) -> str | None:
        """With what the retry failed again, if it did."""
        return next((event.error for event in self.events if event.error is not None), None)


class CaseSource(Protocol):
    """The cases of some kinds. Lives as long as one piece of work at the desk, and belongs to its thread.

    What is asked for by a case id raises `CaseNotFound` when nothing waits under it.
    """

    kinds: ClassVar[tuple[str, ...]]
    """What its cases are called."""
    namespaces: ClassVar[Collection[str]]
    """What its case ids begin with, up to the first colon. No other source has the same."""

    def __init__(self, orderwright: Orderwright) -> None: ...

    def list(self) -> Iterable[Case]:
        """Every case, in no order, without what waits for it."""
        ...

    def find(self, case_id: str) -> CaseDetails:
        """One case, without what waits for it."""
        ...

    def can_be_retried(self, case: Case) -> bool:
        """Whether a retry could help, so that it is retried together with others."""
        ...

    def retry(
        self, case_id: str, command: Command, *, sequence: bool, listed: Case | None = None
    ) -> ActionReport:
        """Have it tried once more, with `sequence` all that waits behind it as well. `listed` is the case
        itself, from a caller that has it. Raises `NotForThisCase`, and what the retry is refused with."""
        ...

    def discard(self, case_id: str, command: Command) -> ActionReport:
        """Give it up for good. Raises `NotForThisCase`."""
        ...

    def dry_run(self, case_id: str, *, sequence: bool) -> DryRun:
        """What `retry` would change now. It changes nothing. Raises `NotForThisCase`."""
        ...


def dealt_with(case: Case, result: str) -> ActionReport:
    """The report on a case that nothing waits behind."""
    return ActionReport(case.case_id, case.sequence, (DealtEvent(case.case_id, case.what, result),), 0, False)


def no_dry_run(case: Case) -> NotForThisCase:
    """The refusal where others decide what a retry comes to."""
    return NotForThisCase(
        f"a dry run is for events only: what a retry of a {case.kind} leads to is decided by the payment "
        "provider or the inventory when it is asked"
    )


def no_discard(case: Case) -> NotForThisCase:
    """The refusal where an order would be left half done."""
    return NotForThisCase(
        f"a {case.kind} cannot be discarded: money or stock may depend on it. Retry it, or end it "
        f"with `orderwright fulfilments force-fail {case.sequence} --reason ...`"
    )
