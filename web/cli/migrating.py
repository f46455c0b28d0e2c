"""Bring the schema of a PostgreSQL store up to this release."""

import click

from system.operations.side_tables import make_side_tables
from system.persistence.postgres.migrations import Applied, migrate
from system.persistence.postgres.suitable import require_suitable
from system.settings.environment import TUNED_POSTGRES
from system.stores import databases_of, migration_targets

from .commands import Command, wants_json
from .output import write_json, write_line
from .store import opened, settings_now


@click.command("migrate", cls=Command)
def migrate_store() -> None:
    """Make or upgrade the tables of PERSISTENCE_MODULE=system.persistence.postgres.

    Safe to run at any time and by several at once: each step is taken once. There is no way back;
    a release that is older than the schema refuses to start.
    """
    settings = settings_now()
    targets = migration_targets(settings)
    if not targets:
        raise click.UsageError(
            f"only PERSISTENCE_MODULE={TUNED_POSTGRES} has migrations; the other stores make their "
            "tables at the first start"
        )

    def tell(step: Applied) -> None:
        if not wants_json():
            write_line(f"{step.application}: {step.number} {step.title}")

    require_suitable(databases_of(settings), must_write=True)
    applied = migrate(targets, tell, lambda whom: click.echo(whom, err=True))
    with opened() as orderwright:  # the first time, this claims the references of earlier orders, with a bar
        make_side_tables(orderwright)
    if wants_json():
        write_json({"applied": applied})
    elif not applied:
        write_line("The schema is up to date.")
