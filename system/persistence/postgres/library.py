"""The library's own pools of connections, made to connect as ours do: nobody waits for ever."""

from typing import Any

from eventsourcing.persistence import InfrastructureFactory
from eventsourcing.postgres import PostgresFactory

from .answers import connection_class
from .factory import connection_parameters, statement_timeout_of
from .pool import RECONNECT_FOR_SECONDS


def with_limits(factory: InfrastructureFactory[Any]) -> InfrastructureFactory[Any]:
    """The same factory; one of the library's for PostgreSQL has its pool, which is not open yet, make
    connections that are found broken and that give up in time."""
    if type(factory) is PostgresFactory:
        pool: Any = factory.datastore.pool
        parameters = connection_parameters(factory.env)
        del parameters["password"]  # the library may have a function for it
        pool.kwargs = {**pool.kwargs, **parameters}
        pool.connection_class = connection_class(statement_timeout_of(factory.env), pool.drain)
        pool.reconnect_timeout = RECONNECT_FOR_SECONDS
    return factory
