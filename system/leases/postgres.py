"""The leases of a store on PostgreSQL: rows that run out unless they are renewed.

Each statement is a transaction of its own, so a runner that freezes leaves no lock behind. Times
are the database's: the clocks of the machines need not agree. How long its own leases last a
runner tells by its own clock as well, counted from before it asked, so it errs on the safe side.
"""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.rows import TupleRow

from system.persistence.postgres.answers import PoliteConnection
from system.persistence.postgres.lease_tables import LEASE_TABLES
from system.persistence.postgres.sessions import RELIED_ON

from .lease import LeasesUnavailable
from .shares import Candidate, fair_shares

TIME_TO_LIVE_SECONDS = 3.0

LEFT_TO_OTHERS_SECONDS = 60.0
"""For so long a runner leaves a follower that has hung there to any other that would like to have it."""

_LOCK = 0x6F77206C65617365  # "ow lease"
_FORGOTTEN_AFTER = timedelta(minutes=1)
_LIMITS = "SET synchronous_commit = off; SET lock_timeout = '2s'; SET statement_timeout = '2s'"

_LOOK = """
    WITH forgotten AS (
        DELETE FROM {schema}.orderwright_runners WHERE seen_at < clock_timestamp() - %(forgotten_after)s
        AND runner <> %(me)s
    ), seen AS (
        INSERT INTO {schema}.orderwright_runners AS r (runner, host, pid, is_guest, wanted, seen_at)
        VALUES (%(me)s, %(host)s, %(pid)s, %(is_guest)s, %(wanted)s, clock_timestamp())
        ON CONFLICT (runner) DO UPDATE SET wanted = excluded.wanted, seen_at = excluded.seen_at
    ), kept AS (
        UPDATE {schema}.orderwright_leases SET expires_at = clock_timestamp() + %(time_to_live)s
        WHERE follower IN (
            SELECT follower FROM {schema}.orderwright_leases
            WHERE owner = %(me)s AND follower = ANY(%(keep)s::text[]) ORDER BY follower FOR UPDATE
        ) RETURNING follower
    )
    SELECT runner, is_guest, wanted, ARRAY(
        SELECT follower FROM {schema}.orderwright_leases
        WHERE owner = runner AND expires_at > clock_timestamp()
    ), ARRAY(SELECT follower FROM kept) FROM {schema}.orderwright_runners
    WHERE runner = %(me)s OR seen_at > clock_timestamp() - %(time_to_live)s"""

_CLAIM = """
    INSERT INTO {schema}.orderwright_leases AS l (follower, owner, expires_at)
    SELECT follower, %(me)s, clock_timestamp() + %(time_to_live)s
    FROM unnest(%(followers)s::text[]) AS follower ORDER BY follower
    ON CONFLICT (follower) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
    WHERE l.owner = excluded.owner OR l.expires_at <= clock_timestamp()
    RETURNING follower"""

_GIVE_BACK = (
    "DELETE FROM {schema}.orderwright_leases WHERE owner = %(me)s AND follower = ANY(%(followers)s::text[])"
)

_LEAVE = "DELETE FROM {schema}.orderwright_runners WHERE runner = %(me)s"

_OWNERS = """
    SELECT follower, host || ':' || pid FROM {schema}.orderwright_leases
    JOIN {schema}.orderwright_runners ON runner = owner WHERE expires_at > clock_timestamp()"""


class LeaseConnection(PoliteConnection):
    """One that is given up before the leases have run out."""

    within = (2.5, 2.5, None)


class PostgresLeases:
    """Leases in two tables, over a connection of their own.

    A guest owns only what no resident runner wants. With `makes_tables` they are made at first use.
    """

    def __init__(
        self,
        parameters: Mapping[str, Any],
        schema: str,
        followers: Collection[str],
        wanted: Collection[str],
        *,
        is_guest: bool = False,
        makes_tables: bool = False,
    ) -> None:
        self.wanted = frozenset(wanted)
        self._followers = sorted(followers)
        self._parameters = {**parameters, "connect_timeout": 2, "session": RELIED_ON, "autocommit": True}
        self._schema = f'"{schema}"'
        self._makes_tables = makes_tables
        host, pid = socket.gethostname(), os.getpid()
        self._name = f"{host}:{pid}:{uuid4().hex}"
        self._is_guest = is_guest
        self._me = {"me": self._name, "host": host, "pid": pid, "is_guest": is_guest}
        self._lock = threading.Lock()
        self._connection: LeaseConnection | None = None
        self._held: dict[str, float] = {}
        self._left_until: dict[str, float] = {}
        self._is_known = False

    def renew(self, running: Collection[str], hanging: Collection[str] = ()) -> frozenset[str]:
        """See `Leases`."""
        now = time.monotonic()
        self._left_until = {name: until for name, until in self._left_until.items() if until > now}
        self._left_until |= dict.fromkeys(hanging, now + LEFT_TO_OTHERS_SECONDS)
        return self._renew(self.wanted - set(hanging), frozenset(running) - set(hanging))

    def standing(self) -> frozenset[str]:
        """See `Leases`."""
        now = time.monotonic()
        return frozenset(follower for follower, until in self._held.items() if until > now)

    def release(self, running: Collection[str] = ()) -> None:
        """See `Leases`."""
        if running:
            self._renew(frozenset(), frozenset(running))
            return
        try:
            if self._connection is not None and self._is_known:
                with self._connected() as connection:
                    self._execute(connection, _GIVE_BACK, followers=self._followers)
                    self._execute(connection, _LEAVE)
        finally:
            self._held, self._is_known = {}, False
            self._disconnect()

    def owners(self) -> Mapping[str, str | None]:
        """See `Leases`."""
        with self._connected() as connection:
            owners: dict[str, str] = dict(self._execute(connection, _OWNERS))
        return {follower: owners.get(follower) for follower in self._followers}

    def _renew(self, wanted: frozenset[str], running: frozenset[str]) -> frozenset[str]:
        began = time.monotonic()
        # What runs although its lease has run out has to stop first, whoever owns it by now.
        late = running - self.standing()
        with self._connected() as connection:
            left = (wanted - late) & set(self._left_until)
            runners, mine = self._look(connection, wanted - late - left, keep=running - late)
            share = fair_shares(runners)[self._name] | (left - self._wanted_by_others(runners))
            claim = share | (running - late)
            surplus = runners[self._name].held - claim - running
            if surplus:
                self._execute(connection, _GIVE_BACK, followers=list(surplus))
            if claim - mine:
                rows = self._execute(connection, _CLAIM, followers=list(claim - mine))
                mine |= {row[0] for row in rows}
        self._held = dict.fromkeys(mine, began + TIME_TO_LIVE_SECONDS)
        return share & mine

    def _wanted_by_others(self, runners: Mapping[str, Candidate]) -> frozenset[str]:
        others = [each for name, each in runners.items() if name != self._name and not each.is_guest]
        return frozenset().union(*(each.wanted for each in others))

    def _look(
        self, connection: LeaseConnection, wanted: frozenset[str], keep: frozenset[str]
    ) -> tuple[dict[str, Candidate], set[str]]:
        """Tell that this runner lives, and keep what it runs. All living runners, with what they want and
        hold; and what was kept. Mostly that is all there is to do."""
        rows = self._execute(
            connection, _LOOK, wanted=sorted(wanted), forgotten_after=_FORGOTTEN_AFTER, keep=sorted(keep)
        )
        self._is_known = True
        mine = {follower for row in rows[:1] for follower in row[4]}
        runners = {
            name: Candidate(frozenset(wants), frozenset(held), is_guest)
            for name, is_guest, wants, held, _ in rows
        }
        me = runners.get(self._name)  # which the first look does not see yet
        runners[self._name] = Candidate(wanted, me.held if me else frozenset(), self._is_guest)
        return runners, mine

    def _execute(self, connection: LeaseConnection, statement: str, **parameters: object) -> list[TupleRow]:
        time_to_live = timedelta(seconds=TIME_TO_LIVE_SECONDS)
        query = statement.replace("{schema}", self._schema).encode()
        cursor = connection.execute(query, {**self._me, "time_to_live": time_to_live, **parameters})
        return cursor.fetchall() if cursor.description else []

    @contextmanager
    def _connected(self) -> Iterator[LeaseConnection]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._connect()
                yield self._connection
            except psycopg.Error as error:
                self._disconnect()
                raise LeasesUnavailable(f"which process runs which follower is not known: {error}") from error

    def _connect(self) -> LeaseConnection:
        connection = LeaseConnection.connect(**self._parameters)
        connection.execute(_LIMITS)
        if self._makes_tables:
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
                for statement in LEASE_TABLES:
                    connection.execute(statement.replace("{schema}", self._schema).encode())
        return connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error):
                connection.close()
