"""Leases where two come at the same moment, a follower hangs, rows are lost, or clocks disagree: nobody
begins with what another one runs."""

import fcntl
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from system.leases import postgres as postgres_leases
from system.leases.lease import FileLeases, SoleOwner
from tests.support.fixtures import Environment
from tests.support.logs import tell_postgres

from .test_leases import ALL, IN_EQUAL_PARTS, NOBODY, OpenLeases, open_leases

__all__ = ["open_leases"]


def test_one_that_hangs_is_given_up_at_once_and_not_taken_back_while_it_hangs(
    durable_persistence: Environment, open_leases: OpenLeases
) -> None:
    leases, other = open_leases(durable_persistence), open_leases(durable_persistence)
    assert leases.renew(()) == ALL
    for _ in range(2):
        assert "Payments" not in leases.renew(ALL, ["Payments"])
    assert other.renew(()) == {"Payments"}


def test_where_nobody_else_could_have_it_one_that_hangs_stops_all_the_same() -> None:
    alone = SoleOwner(ALL, ALL)
    assert alone.renew(ALL, ["Payments"]) == ALL - {"Payments"}
    assert alone.renew(()) == ALL


def test_those_who_only_look_do_not_take_each_other_for_an_owner(tmp_path: Path) -> None:
    one, other = (FileLeases(tmp_path, ALL, ALL) for _ in range(2))
    looks = one._locked("Payments", fcntl.LOCK_SH)
    assert looks is not None
    assert set(other.owners().values()) == {None}


# On PostgreSQL


def test_what_was_granted_stays_granted_while_it_has_not_begun(
    on_postgres: Environment, open_leases: OpenLeases
) -> None:
    leases, other = open_leases(on_postgres), open_leases(on_postgres)
    assert [leases.renew(()) for _ in range(3)] == [ALL] * 3
    assert other.renew(()) == NOBODY


def test_of_two_that_saw_everything_free_at_the_same_moment_only_one_gets_it(
    on_postgres: Environment, open_leases: OpenLeases, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = open_leases(on_postgres), open_leases(on_postgres)
    look = second._look  # type: ignore[attr-defined]

    def is_overtaken(*args: Any, **kwargs: Any) -> Any:
        seen = look(*args, **kwargs)
        monkeypatch.undo()
        assert first.renew(()) != NOBODY
        return seen

    monkeypatch.setattr(second, "_look", is_overtaken)
    got = second.renew(())
    assert not got & first.standing()
    assert not second.standing() & first.standing()
    assert set(second.owners().values()) != {None}


def test_what_another_one_owns_by_now_is_not_kept_although_our_own_clock_says_that_it_is_ours(
    on_postgres: Environment, open_leases: OpenLeases
) -> None:
    """The clock of the database was put forward, or it is another server since a moment ago."""
    first, second = open_leases(on_postgres), open_leases(on_postgres)
    assert first.renew(()) == ALL
    tell_postgres(on_postgres, "UPDATE orderwright_leases SET expires_at = clock_timestamp()")
    got = second.renew(())
    assert got

    assert not first.renew(ALL) & got
    assert not first.standing() & got
    assert second.renew(got) == got


def test_what_runs_is_owned_again_before_anybody_begins_with_it_where_the_rows_were_lost(
    on_postgres: Environment, open_leases: OpenLeases
) -> None:
    """A standby that has taken over may lack the latest of them: no lease waits for the disk."""
    first, second = open_leases(on_postgres), open_leases(on_postgres)
    assert (first.renew(()), second.renew(())) == (ALL, NOBODY)
    tell_postgres(on_postgres, "DELETE FROM orderwright_leases")
    assert len(first.renew(ALL)) in IN_EQUAL_PARTS
    assert second.renew(()) == NOBODY, "the first has been told to stop some, but still runs all"
    assert first.renew(NOBODY) | second.renew(()) == ALL


def test_what_runs_is_given_to_nobody_although_our_own_clock_says_that_it_has_run_out(
    on_postgres: Environment, open_leases: OpenLeases
) -> None:
    first, second = open_leases(on_postgres), open_leases(on_postgres)
    assert first.renew(()) == ALL
    first._held.clear()  # type: ignore[attr-defined]  # our clock is a little ahead
    assert first.renew(ALL) == NOBODY
    assert second.renew(()) == NOBODY


def test_a_lease_counts_from_before_it_was_asked_for(
    on_postgres: Environment, open_leases: OpenLeases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer may come so late that somebody else has what it grants."""
    leases = open_leases(on_postgres)
    look, times = leases._look, iter([0.0, 0.0, 0.0])  # type: ignore[attr-defined]
    clock = SimpleNamespace(monotonic=lambda: next(times, postgres_leases.TIME_TO_LIVE_SECONDS))

    def takes_long(*args: Any, **kwargs: Any) -> Any:
        list(times)
        return look(*args, **kwargs)

    monkeypatch.setattr(postgres_leases, "time", clock)
    monkeypatch.setattr(leases, "_look", takes_long)
    assert leases.renew(()) == ALL
    assert leases.standing() == NOBODY


def test_who_leaves_gives_back_its_own_and_nothing_else(
    on_postgres: Environment, open_leases: OpenLeases
) -> None:
    payments = open_leases(on_postgres, ["Payments", "PaymentLedger"])
    everything = open_leases(on_postgres)
    payments.renew(())
    rest = everything.renew(())
    payments.release()
    assert {name for name, owner in everything.owners().items() if owner is not None} == rest
