"""Where cases come from: each kind has one source, and a further one is a class in a tuple."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from application.queries import InvalidQuery
from system.followers.parked import CaseNotFound
from system.recovery.dead_letters import desk as desk_module
from system.recovery.dead_letters.cases import Case, CaseDetails, CaseQuery, NotForThisCase
from system.recovery.dead_letters.desk import SOURCES, DeadLetterDesk
from system.recovery.dead_letters.dry_run import DryRun
from system.recovery.dead_letters.source import (
    ActionReport,
    CaseSource,
    Command,
    dealt_with,
    no_discard,
    no_dry_run,
)
from tests.support.fixtures import Environment, OpenWay
from tests.support.poison import Poison
from tests.support.stories import FRIDAY_NOON

from .at_the_desk import about, shop_by_hand


@dataclass
class Lamps(CaseSource):
    """A lamp that somebody has to change. A person can only do it."""

    orderwright: Any
    changed: list[str] = field(default_factory=list)

    kinds = ("lamp",)
    namespaces = ("lamp",)

    def list(self) -> tuple[Case, ...]:
        """One lamp."""
        return (Case("lamp:1", "lamp", "hall", "Lamp.Dark", "1", "dark", 1, FRIDAY_NOON, FRIDAY_NOON),)

    def find(self, case_id: str) -> CaseDetails:
        """The lamp."""
        (lamp,) = self.list()
        if case_id != lamp.case_id:
            raise CaseNotFound(case_id)
        return CaseDetails(**vars(lamp))

    def can_be_retried(self, case: Case) -> bool:
        """It can."""
        return True

    def retry(
        self, case_id: str, command: Command, *, sequence: bool, listed: Case | None = None
    ) -> ActionReport:
        """Change it."""
        return dealt_with(listed or self.find(case_id), f"changed, {command.reason}")

    def discard(self, case_id: str, command: Command) -> ActionReport:
        """It has to burn."""
        raise no_discard(self.find(case_id))

    def dry_run(self, case_id: str, *, sequence: bool) -> DryRun:
        """Nobody knows."""
        raise no_dry_run(self.find(case_id))


def test_no_two_sources_name_their_cases_alike() -> None:
    kinds = [kind for source in SOURCES for kind in source.kinds]
    namespaces = [name for source in SOURCES for name in source.namespaces]

    assert kinds == ["projection", "process", "call", "saga"]
    assert len(namespaces) == len({*namespaces})


def test_a_further_kind_of_case_is_a_class_in_the_tuple(
    in_memory: Environment, open_way: OpenWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, _, desk = shop_by_hand(open_way, in_memory)
    order = shop.order("CD-X1")
    Poison(shop.orderwright.saga_log, about(order))
    shop.settle()
    with pytest.raises(InvalidQuery):
        desk.cases(kind="lamp")

    monkeypatch.setattr(desk_module, "SOURCES", (*SOURCES, Lamps))
    monkeypatch.setattr(desk_module, "KINDS", (*desk_module.KINDS, "lamp"))

    assert [case.kind for case in desk.cases()] == ["lamp", "projection"]
    (lamp,) = desk.cases(kind="lamp")
    assert DeadLetterDesk(shop.orderwright).show("lamp:1").error == "dark"
    assert [event.result for event in desk.retry(lamp.case_id).events] == ["changed, fixed in 1.4"]
    with pytest.raises(CaseNotFound):
        desk.retry("lamp:2")
    with pytest.raises(NotForThisCase, match="a lamp cannot be discarded"):
        desk.discard(lamp.case_id)
    with pytest.raises(NotForThisCase, match="a dry run is for events only"):
        DeadLetterDesk(shop.orderwright).dry_run(lamp.case_id)
    assert DeadLetterDesk(shop.orderwright).preview_all(CaseQuery()).matching == 2
    report = desk.retry_all()
    assert (report.cured, report.failed) == (1, 1)
