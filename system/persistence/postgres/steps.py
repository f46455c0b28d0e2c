"""The schema of the tuned module: numbered steps that only go forward, for each application."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from system.persistence.conflicts import FENCE
from system.persistence.heartbeats import heartbeat_table
from system.persistence.sql import for_postgres
from system.persistence.tables import FIRST_VERSION, Table
from system.persistence.version_notes import note_tables
from system.persistence.versions import State, version_tables

from .agreement import agreement_statements
from .heads import ABOVE_THE_HEAD, IS_ABOVE_THE_HEAD
from .lease_tables import LEASE_TABLES

ROOM = "fillfactor = 70"
"""Room in each page of a table for the next version of a row: that then needs no new index entries."""


@dataclass(frozen=True)
class Target:
    """An application whose tables are in the schema of a database."""

    application: str
    schema: str
    parameters: Mapping[str, Any] = field(repr=False)
    """What connects to it."""
    tables: tuple[Table, ...] = ()
    shape: str = ""
    """What the rows in them are, see `system.followers.versions`."""

    @property
    def prefix(self) -> str:
        """What the names of its tables begin with."""
        return self.application.lower()


@dataclass(frozen=True)
class Migration:
    """One step. `statements` are templates, in which ``{schema}`` and ``{app}`` are filled in."""

    number: int
    title: str
    statements: Callable[[Target], Iterator[str]]


def _base(_: Target) -> Iterator[str]:
    """The library's own tables, as it makes them. A store that it has made already is taken over."""
    # Also where it is there already, CREATE SCHEMA asks for the right to make one.
    yield """
        DO $$ BEGIN
            IF to_regnamespace('{schema}') IS NULL THEN CREATE SCHEMA {schema}; END IF;
        END $$"""
    yield """
        CREATE TABLE IF NOT EXISTS {schema}.orderwright_schema (
            application text, version int, title text NOT NULL, applied_at timestamptz NOT NULL,
            PRIMARY KEY (application, version)
        )"""
    yield """
        DO $$ BEGIN
            CREATE TYPE {schema}.stored_event_uuid AS (
                originator_id uuid, originator_version bigint, topic text, state bytea);
        EXCEPTION WHEN duplicate_object THEN NULL;
        END $$"""
    yield """
        CREATE TABLE IF NOT EXISTS {schema}.{app}_events (
            originator_id uuid NOT NULL, originator_version bigint NOT NULL,
            topic text, state bytea, notification_id bigserial,
            PRIMARY KEY (originator_id, originator_version)
        )"""
    yield """
        CREATE UNIQUE INDEX IF NOT EXISTS {app}_events_notification_id_idx
        ON {schema}.{app}_events (notification_id ASC)"""
    yield """
        CREATE TABLE IF NOT EXISTS {schema}.{app}_tracking (
            application_name text, notification_id bigint, PRIMARY KEY (application_name)
        )"""
    # Without this row the library would take the table for one of an older layout, and move it away.
    yield "INSERT INTO {schema}.{app}_tracking VALUES ('__migration__', 1) ON CONFLICT DO NOTHING"
    # The library as good as switches autovacuum off; the few rows here are rewritten all day long.
    for name in ("vacuum_threshold", "vacuum_scale_factor", "analyze_threshold", "analyze_scale_factor"):
        yield f"ALTER TABLE {{schema}}.{{app}}_tracking RESET (autovacuum_{name})"


def _search(_: Target) -> Iterator[str]:
    """Columns by which events are searched. Whoever does not fill them in has them filled in."""
    yield """
        ALTER TABLE {schema}.{app}_events
            ADD COLUMN IF NOT EXISTS correlation_id text,
            ADD COLUMN IF NOT EXISTS user_id text,
            ADD COLUMN IF NOT EXISTS recorded_at timestamptz"""
    yield """
        CREATE OR REPLACE FUNCTION {schema}.orderwright_describe() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            facts jsonb;
        BEGIN
            facts := convert_from(NEW.state, 'UTF8')::jsonb;
            NEW.correlation_id := facts ->> 'correlation_id';
            NEW.user_id := facts ->> 'user';
            NEW.recorded_at := facts -> 'timestamp' ->> '_data_';
            RETURN NEW;
        EXCEPTION WHEN data_exception OR character_not_in_repertoire OR untranslatable_character THEN
            RETURN NEW;  -- compressed, encrypted or damaged: it is found by its stream and position
        END $$"""
    yield "DROP TRIGGER IF EXISTS {app}_events_describe ON {schema}.{app}_events"
    yield """
        CREATE TRIGGER {app}_events_describe BEFORE INSERT OR UPDATE ON {schema}.{app}_events
        FOR EACH ROW WHEN (NEW.correlation_id IS NULL)
        EXECUTE FUNCTION {schema}.orderwright_describe()"""
    yield "UPDATE {schema}.{app}_events SET correlation_id = NULL WHERE correlation_id IS NULL"
    for name, what in {
        "topic": "(topic, notification_id)",
        "correlation": "(correlation_id, notification_id)",
        "user": "(user_id, notification_id) WHERE user_id IS NOT NULL",
        "recorded": "USING brin (recorded_at)",
    }.items():
        yield f"CREATE INDEX IF NOT EXISTS {{app}}_events_{name}_idx ON {{schema}}.{{app}}_events {what}"


_ROW = "originator_id, originator_version, topic, state, correlation_id, user_id, recorded_at"
_PARAMETERS = """
    ids uuid[], versions bigint[], topics text[], states bytea[],
    correlation_ids text[], user_ids text[], times timestamptz[]"""
_ARGUMENTS = "ids, versions, topics, states, correlation_ids, user_ids, times"


def _append(_: Target) -> Iterator[str]:
    """The append; what it guarantees and how is told in `recorder`.

    A writer of the library takes the table's own lock, which no insert gets past. Both kinds of
    writers wait for each other, so positions rise with commits whoever writes.
    """
    yield """
        CREATE OR REPLACE FUNCTION {schema}.orderwright_fence(moved bigint) RETURNS void
        LANGUAGE plpgsql AS $$
        BEGIN
            IF moved = 0 THEN
                RAISE unique_violation USING MESSAGE = 'the position was moved by somebody else';
            END IF;
        END $$"""
    yield f"""
        CREATE OR REPLACE FUNCTION {{schema}}.{{app}}_events_insert({_PARAMETERS})
        RETURNS bigint[] LANGUAGE plpgsql AS $$
        DECLARE
            positions bigint[];
        BEGIN
            PERFORM pg_advisory_xact_lock(1869764455, '{{schema}}.{{app}}_events'::regclass::oid::int);
            WITH inserted AS (
                INSERT INTO {{schema}}.{{app}}_events ({_ROW}) SELECT * FROM unnest({_ARGUMENTS})
                RETURNING notification_id
            )
            SELECT array_agg(notification_id ORDER BY notification_id) INTO positions FROM inserted;
            RETURN positions;
        END $$"""
    yield f"""
        CREATE OR REPLACE PROCEDURE {{schema}}.{{app}}_events_append({_PARAMETERS},
            leader text, read_up_to bigint, INOUT positions bigint[]) LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM set_config('synchronous_commit', 'off', true);
            IF leader IS NOT NULL THEN
                INSERT INTO {{schema}}.{{app}}_tracking AS t VALUES (leader, read_up_to)
                ON CONFLICT (application_name) DO UPDATE SET notification_id = excluded.notification_id
                WHERE t.notification_id < excluded.notification_id;
                PERFORM {{schema}}.orderwright_fence(CASE WHEN FOUND THEN 1 ELSE 0 END);
            END IF;
            positions := {{schema}}.{{app}}_events_insert({_ARGUMENTS});
            COMMIT;
            PERFORM pg_logical_emit_message(true, 'orderwright', '');
        END $$"""


def _read_models(target: Target) -> Iterator[str]:
    """The tables of the application's read models."""
    for table in target.tables:
        for statement in (table.create_statement, *table.add_columns_statements(), *table.index_statements()):
            yield for_postgres(statement, target.schema).decode().replace("%%", "%")
        yield f"ALTER TABLE {{schema}}.{table.name} SET ({ROOM})"
    yield from _of_other_versions(target.tables)


def _of_other_versions(tables: Sequence[Table]) -> Iterator[str]:
    """What makes the tables and columns of other versions of a read model that are not there yet."""
    for table in tables:
        some = table.at(_SOME)
        for statement in (some.create_statement, *some.add_columns_statements(), *some.index_statements()):
            text = statement.replace("@", "{schema}.")
            yield f"""
                DO $$ DECLARE
                    version text;
                BEGIN
                    FOR version IN
                        SELECT DISTINCT substring(relname FROM '_v[0-9]+$') FROM pg_class
                        WHERE relnamespace = '{{schema}}'::regnamespace AND relkind = 'r'
                        AND relname ~ '^({"|".join(each.name for each in tables)})_v[0-9]+$'
                    LOOP
                        EXECUTE replace($text${text}$text$, '_v{_SOME}', version);
                    END LOOP;
                END $$"""


_SOME = 999999999
"""Stands for the number of any version."""


def _leases(_: Target) -> Iterator[str]:
    """Who follows what."""
    yield from LEASE_TABLES


def _times(_: Target) -> Iterator[str]:
    """Without this the index of times knows nothing of what came since the last vacuum, and a search
    by time reads all of that."""
    yield "ALTER INDEX {schema}.{app}_events_recorded_idx SET (autosummarize = on)"
    yield "SELECT brin_summarize_new_values('{schema}.{app}_events_recorded_idx')"


def _calls(target: Target) -> Iterator[str]:
    """What read models know of retries, deadlines and disputes; tables that are new are made."""
    yield from _read_models(target)
    yield "DROP INDEX IF EXISTS {schema}.payment_ledger_due"  # it ordered calls another way


def _durable_reads(_: Target) -> Iterator[str]:
    """What waits for the disk when there is something to wait for.

    An append can be seen between its two commits. Who has read gets on when everything that was
    written by then is on disk, and where there are standbys that a commit waits for, when it is there
    as well: only a commit can wait for those.
    """
    yield """
        CREATE OR REPLACE FUNCTION {schema}.orderwright_durable() RETURNS boolean
        LANGUAGE plpgsql VOLATILE AS $$
        BEGIN
            IF NOT pg_is_in_recovery() AND (
                current_setting('synchronous_standby_names') <> ''
                OR pg_current_wal_insert_lsn() > pg_current_wal_flush_lsn()
            ) THEN
                PERFORM pg_logical_emit_message(true, 'orderwright', '');
            END IF;
            RETURN true;
        END $$"""


def _positions_rise(_: Target) -> Iterator[str]:
    """An append gets positions above all that are there, also where the sequence was put back."""
    yield f"""
        CREATE OR REPLACE FUNCTION {{schema}}.orderwright_fence(moved bigint) RETURNS void
        LANGUAGE plpgsql AS $$
        BEGIN
            IF moved = 0 THEN
                RAISE unique_violation USING CONSTRAINT = '{FENCE}',
                    MESSAGE = 'the position was moved by somebody else';
            END IF;
        END $$"""
    above_the_head = ABOVE_THE_HEAD.format(log="{schema}.{app}_events", name="'{schema}.{app}_events'")
    yield f"""
        CREATE OR REPLACE FUNCTION {{schema}}.{{app}}_events_insert({_PARAMETERS})
        RETURNS bigint[] LANGUAGE plpgsql AS $$
        DECLARE
            positions bigint[];
        BEGIN
            PERFORM pg_advisory_xact_lock(1869764455, '{{schema}}.{{app}}_events'::regclass::oid::int);
            -- A writer of the library's holds the table's own lock: what it stores is to be seen below.
            LOCK TABLE {{schema}}.{{app}}_events IN ROW EXCLUSIVE MODE;
            WITH {above_the_head}, inserted AS (
                INSERT INTO {{schema}}.{{app}}_events ({_ROW}) SELECT * FROM unnest({_ARGUMENTS})
                WHERE {IS_ABOVE_THE_HEAD} RETURNING notification_id
            )
            SELECT array_agg(notification_id ORDER BY notification_id) INTO positions FROM inserted;
            RETURN positions;
        END $$"""


def _appends_and_reads(target: Target) -> Iterator[str]:
    """Positions that rise whatever became of the sequence, and reads that wait for the disk."""
    yield from _positions_rise(target)
    yield from _durable_reads(target)


def _marks(target: Target) -> Iterator[str]:
    """A position knows the event that it stands at, and moves only from where it was read; a log that
    disagrees with its followers takes no events. Processes of the release before go on with the old
    procedure, which knows of neither."""
    yield from agreement_statements(target.prefix)
    yield f"""
        CREATE OR REPLACE PROCEDURE {{schema}}.{{app}}_events_append({_PARAMETERS},
            leader text, read_up_to bigint, mark_read text, mark_before text, INOUT positions bigint[])
        LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM set_config('synchronous_commit', 'off', true);
            IF leader IS NOT NULL THEN
                INSERT INTO {{schema}}.{{app}}_tracking AS t (application_name, notification_id, mark)
                VALUES (leader, read_up_to, mark_read)
                ON CONFLICT (application_name) DO UPDATE
                SET notification_id = excluded.notification_id, mark = excluded.mark
                WHERE t.notification_id < excluded.notification_id
                AND (mark_read IS NULL OR t.mark IS NOT DISTINCT FROM mark_before);
                PERFORM {{schema}}.orderwright_fence(CASE WHEN FOUND THEN 1 ELSE 0 END);
            END IF;
            positions := {{schema}}.{{app}}_events_insert({_ARGUMENTS});
            COMMIT;
            PERFORM pg_logical_emit_message(true, 'orderwright', '');
        END $$"""


def _pauses(target: Target) -> Iterator[str]:
    """When the next call to the provider is due is told apart from when it was asked for, and deadlines
    go with what they were set for."""
    yield from _read_models(target)
    for table in target.tables:
        for statement in table.tidying_statements():
            yield for_postgres(statement, target.schema).decode()


def _calls_apart(target: Target) -> Iterator[str]:
    """Which calls are due is told by tables of their own, which are made, and no longer by the ledger."""
    yield from _read_models(target)
    for table in target.tables:
        columns = [f"DROP COLUMN IF EXISTS {name}" for name in table.dropped_columns]
        if columns:  # with the indexes that they are in
            yield f"ALTER TABLE {{schema}}.{table.name} {', '.join(columns)}"


def _versions(target: Target) -> Iterator[str]:
    """What is noted of the versions of a read model. The one that is there is the first."""
    if not target.tables:
        return
    tables = version_tables(f"{target.prefix}_")
    for table in (*tables, *note_tables(f"{target.prefix}_")):
        yield for_postgres(table.create_statement, target.schema).decode()
    yield f"""
        INSERT INTO {{schema}}.{tables[0].name} (number, shape, state, taken_ms)
        VALUES ({FIRST_VERSION}, '{target.shape}', '{State.READY}', 0) ON CONFLICT DO NOTHING"""


def _heartbeats(target: Target) -> Iterator[str]:
    """The heartbeats of the application as a follower. The rows are rewritten all day long, as those of
    leases are."""
    table = heartbeat_table(f"{target.prefix}_")
    yield for_postgres(table.create_statement, target.schema).decode()
    yield f"ALTER TABLE {{schema}}.{table.name} SET (fillfactor = 50)"


MIGRATIONS = (
    Migration(1, "the event store", _base),
    Migration(2, "search by type and metadata", _search),
    Migration(3, "append in one round trip", _append),
    Migration(4, "read models", _read_models),
    Migration(5, "leases of the followers", _leases),
    Migration(6, "the index of times is kept up to date", _times),
    Migration(7, "retries, deadlines and disputes", _calls),
    Migration(8, "positions above the head, durable reads", _appends_and_reads),
    Migration(9, "positions know the event they stand at", _marks),
    Migration(10, "pauses between calls, and no deadlines of what has ended", _pauses),
    Migration(11, "calls to the provider apart from the ledger of payments", _calls_apart),
    Migration(12, "versions of read models", _versions),
    Migration(13, "heartbeats of the followers", _heartbeats),
)
