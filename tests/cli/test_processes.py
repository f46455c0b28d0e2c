"""Serving and following in processes of their own: what is refused, and why."""

import pytest

from .console import Console

IN_MEMORY = {"PERSISTENCE_MODULE": "eventsourcing.popo"}


@pytest.mark.parametrize("command", ["api", "runner"])
def test_events_in_memory_have_one_process(console: Console, command: str) -> None:
    for environment in (IN_MEMORY, {"SQLITE_DBNAME": ":memory:"}):
        error = console.error(command, code=2, **environment)
        assert error["code"] == "usage"
        assert "use `orderwright serve`" in error["detail"]


def test_several_workers_need_postgresql(console: Console) -> None:
    error = console.error("api", "--workers", 2, code=2)
    assert "eventsourcing.sqlite is served by one worker; more than one needs PostgreSQL" in error["detail"]


def test_an_unknown_follower_is_told_with_those_there_are(console: Console) -> None:
    for words in (["--only", "Refunds"], ["--only", "Payments", "Refunds"]):
        detail = console.error("runner", *words, code=2)["detail"]
        assert "'Refunds' is not one of 'Inventory', 'OrderDashboard', 'OrderFulfilment', " in detail


def test_names_need_the_option_before_them(console: Console) -> None:
    assert "--only" in console.error("runner", "Payments", code=2)["detail"]
