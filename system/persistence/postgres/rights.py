"""May the role make tables where they belong? Looked at before a migration begins."""

from typing import Any

import psycopg
from eventsourcing.persistence import PersistenceError

from .steps import Target

_ROLE = "SELECT current_user, current_database(), has_database_privilege(current_database(), 'CREATE')"
_SCHEMA = """
    SELECT has_schema_privilege(oid, 'USAGE'), has_schema_privilege(oid, 'CREATE')
    FROM pg_namespace WHERE nspname = %s"""
_OF_OTHERS = """
    SELECT relname, rolname FROM pg_class JOIN pg_roles ON pg_roles.oid = relowner
    WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %s) AND relkind = 'r'
    AND (relname = 'orderwright_schema' OR relname = ANY(%s::text[]))
    AND NOT pg_has_role(relowner, 'USAGE') ORDER BY relname LIMIT 1"""


class NotAllowed(PersistenceError):
    """A role lacks a right that a migration needs, or that reading and writing needs."""


def require_rights(connection: psycopg.Connection[Any], target: Target) -> None:
    """Return when the role may make the tables of an application, and may change those that are there.
    Raises `NotAllowed`."""
    role, database, may_create = connection.execute(_ROLE).fetchone() or ("", "", False)
    where = f"schema {target.schema} of database {database}"
    schema = connection.execute(_SCHEMA, (target.schema,)).fetchone()
    if schema is None:
        if not may_create:
            raise NotAllowed(
                f"there is no {where}, and role {role} may not make one: have an administrator do "
                f'CREATE SCHEMA "{target.schema}" AUTHORIZATION "{role}"'
            )
        return
    if not all(schema):
        raise NotAllowed(
            f"role {role} may not make tables in {where}: have an administrator do "
            f'GRANT USAGE, CREATE ON SCHEMA "{target.schema}" TO "{role}"'
        )
    names = [f"{target.prefix}_events", f"{target.prefix}_tracking", *(table.name for table in target.tables)]
    foreign = connection.execute(_OF_OTHERS, (target.schema, names)).fetchone()
    if foreign is not None:
        table, owner = foreign
        raise NotAllowed(
            f"table {table} in {where} belongs to role {owner}, and only its owner may change it: migrate as "
            f"{owner}, or make {role} a member of it"
        )
