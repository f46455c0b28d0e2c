"""The command line as a whole."""

import click

from system.observability.logs import configure_logs

from .audit import audit
from .bench import bench
from .checks import doctor, settings
from .commands import EXIT_CODES, Root
from .dead_letters import dead_letters
from .demo import demo
from .deploying import check_deployment
from .events import events
from .followers import followers
from .fulfilments import fulfilments
from .history import history
from .importing import import_orders
from .migrating import migrate_store
from .orders import orders
from .payments import payments
from .projections import projections
from .runner import runner
from .serving import api, serve
from .snapshots import snapshots
from .stock import stock
from .store_commands import store


@click.group(cls=Root, epilog=EXIT_CODES)
@click.version_option(package_name="orderwright", message="%(version)s")
def main() -> None:
    """Orderwright: an event-sourced order-fulfilment service.

    Where events are kept is set by the environment: see `orderwright settings`.
    """
    configure_logs("console", "ERROR")


for command in (
    serve,
    api,
    runner,
    migrate_store,
    demo,
    import_orders,
    orders,
    events,
    history,
    stock,
    fulfilments,
    dead_letters,
    followers,
    payments,
    projections,
    snapshots,
    store,
    doctor,
    audit,
    check_deployment,
    settings,
    bench,
):
    main.add_command(command)
