"""Agreement of followers and logs in PostgreSQL, see `agreement`. The library's module and the tuned
one have the same tables, so that a store can be moved from one to the other."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.persistence import IntegrityError, Tracking

from system.persistence.agreement import REFUSED, REFUSED_STATE, KeepsAgreement, agreement_tables
from system.persistence.sql import for_postgres
from system.persistence.tables import Change, Step, Table, postgres_parameters, postgres_statement

from .answers import Pace, at_pace

MARK_COLUMN = "ALTER TABLE {schema}.{app}_tracking ADD COLUMN IF NOT EXISTS mark text"


def agreement_statements(app: str) -> Iterator[str]:
    """Templates of statements that make the tables and the trigger that refuses events, for the
    application whose tables begin with `app`; ``{schema}`` and ``{app}`` are to be filled in."""
    yield MARK_COLUMN
    for table in agreement_tables(f"{app}_"):
        yield table.create_statement.replace("@", "{schema}.")
    yield f"""
        CREATE OR REPLACE FUNCTION {{schema}}.{{app}}_events_refused() RETURNS trigger
        LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT FROM {{schema}}.{{app}}_disagreements) THEN
                RAISE SQLSTATE '{REFUSED_STATE}' USING MESSAGE = '{REFUSED}';
            END IF;
            RETURN NULL;
        END $$"""
    yield "DROP TRIGGER IF EXISTS {app}_events_refused ON {schema}.{app}_events"
    yield """
        CREATE TRIGGER {app}_events_refused BEFORE INSERT ON {schema}.{app}_events
        FOR EACH STATEMENT EXECUTE FUNCTION {schema}.{app}_events_refused()"""


def agreement_once(app: str, schema: str) -> str:
    """One statement that does all that where it was not done yet. It locks no table that is in use
    when there is nothing to do, so it can be sent at every start."""
    steps = "\n".join(f"EXECUTE $step${statement}$step$;" for statement in agreement_statements(app))
    template = (
        "DO $once$ BEGIN IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = '{app}_events_refused' "
        f"AND tgrelid = '{{schema}}.{{app}}_events'::regclass) THEN {steps} END IF; END $once$"
    )
    return template.replace("{schema}", f'"{schema}"').replace("{app}", app)


class PostgresAgreement(KeepsAgreement):
    """The part of `AgreementStore` that is PostgreSQL's own."""

    datastore: Any
    events_table_name: str
    tracking_table_name: str
    table_storage: ClassVar[str] = ""
    """How tables of rows are to be kept, at the end of the statement that makes one."""

    @property
    def agreement_prefix(self) -> str:
        """What the names of this application's tables begin with."""
        return self.events_table_name.removesuffix("events")

    @property
    def tracking(self) -> str:
        """See `KeepsAgreement`."""
        return self.tracking_table_name

    def create_agreement_tables(self) -> None:
        """Make what is not there yet."""
        app = self.agreement_prefix.removesuffix("_")
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute(agreement_once(app, self.datastore.schema).encode())

    def steps_to_make(self, table: Table, like: Table) -> list[Step]:
        """See `KeepsAgreement`."""
        names = {"schema": self.datastore.schema, "like": like.name, "name": table.name}
        return [(f"{table.create_statement}{self.table_storage}", {}), (_SAME_RIGHTS.format(**names), {})]

    def present_streams(self, stream_ids: Sequence[UUID]) -> set[UUID]:
        """See `AgreementStore`."""
        statement = (
            f"SELECT DISTINCT originator_id FROM @{self.events_table_name} WHERE originator_id = ANY(:ids)"
        )
        return {row["originator_id"] for row in self.rows(statement, {"ids": list(stream_ids)})}

    def move_mark(self, cursor: Any, tracking: Tracking, mark: str, before: str | None) -> None:
        """Keep the mark of a position. Raises `IntegrityError` when another one is kept than before."""
        statement = (
            f"UPDATE @{self.tracking_table_name} SET mark = :mark "
            "WHERE application_name = :leader AND mark IS NOT DISTINCT FROM :before"
        )
        names = {"leader": tracking.application_name, "mark": mark, "before": before}
        cursor.execute(for_postgres(statement, self.datastore.schema), names)
        if cursor.rowcount == 0:
            raise IntegrityError(f"the position in {tracking.application_name} was moved by somebody else")

    def try_changes(self, tables: Iterable[Table], changes: Iterable[Change]) -> float:
        """See `KeepsAgreement`."""
        with at_pace(Pace.SLOW), self.datastore.transaction(commit=False) as cursor:
            for table in tables:
                cursor.execute(for_postgres(table.create_statement, _OF_THIS_SESSION))
            began = time.perf_counter()
            for change in changes:
                statement = postgres_statement(change, _OF_THIS_SESSION)
                cursor.execute(statement.encode(), postgres_parameters(change))
            return time.perf_counter() - began

    def bytes_of(self, table: Table) -> int | None:
        """See `KeepsAgreement`."""
        name = f'"{self.datastore.schema}".{table.name}'
        (found,) = self.rows("SELECT pg_total_relation_size(CAST(:name AS regclass)) AS size", {"name": name})
        return int(found["size"])

    def checkpoint(self, leader: str) -> tuple[int, str | None]:
        """See `AgreementStore`."""
        found = self.rows(
            f"SELECT notification_id AS position, mark FROM @{self.tracking_table_name} "
            "WHERE application_name = :leader ORDER BY notification_id DESC LIMIT 1",
            {"leader": leader},
        )
        return (found[0]["position"], found[0]["mark"]) if found else (0, None)

    def restart_steps(self, leaders: Sequence[str], nonce: str) -> list[Step]:
        """See `KeepsAgreement`."""
        back = (
            f"INSERT INTO @{self.tracking_table_name} (application_name, notification_id, mark) "
            "VALUES (:leader, 0, :nonce) ON CONFLICT (application_name) DO UPDATE "
            "SET notification_id = 0, mark = excluded.mark"
        )
        return [(back, {"leader": leader, "nonce": nonce}) for leader in leaders]

    def next_position(self) -> int | None:
        """See `AgreementStore`."""
        found = self.rows(f"SELECT coalesce(pg_sequence_last_value({_SEQUENCE}), 0) + 1 AS next", self._log)
        return int(found[0]["next"])

    def raise_sequence(self, head: int) -> None:
        """See `AgreementStore`."""
        due = self.next_position()
        if due is not None and due <= head:
            self.transact([(f"SELECT setval({_SEQUENCE}, :head)", {**self._log, "head": head})])

    @property
    def _log(self) -> dict[str, str]:
        return {"log": f'"{self.datastore.schema}".{self.events_table_name}'}


_OF_THIS_SESSION = "pg_temp"

_SEQUENCE = "CAST(pg_get_serial_sequence(:log, 'notification_id') AS regclass)"
"""The sequence of a log's positions, whatever it is called."""

_SAME_RIGHTS = """
DO $$ DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT grantee, string_agg(privilege_type, ', ') AS rights
        FROM information_schema.role_table_grants
        WHERE table_schema = '{schema}' AND table_name = '{like}'
        AND grantee NOT IN (current_user, 'PUBLIC') GROUP BY grantee
    LOOP
        EXECUTE format('GRANT %s ON @{name} TO %I', one.rights, one.grantee);
    END LOOP;
END $$"""
"""What lets others use a table as they may use one that is like it."""
