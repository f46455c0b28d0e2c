"""Connections are as secret as the settings say: every one of them, or none is made."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from eventsourcing.persistence import OperationalError

from system.bootstrap import build, utc_now
from system.gateways.simulated import SimulatedGateway
from system.operations.doctor import examine
from system.persistence.postgres import migrations
from system.runner.service import RunnerService
from system.settings.environment import Settings
from system.stores import migration_targets
from tests.support.fixtures import Environment
from tests.support.network import Network
from tests.support.postgres import PrivatePostgres
from tests.support.running_shop import Shop
from tests.support.tls import Authority, TlsDoor
from tests.support.waiting import wait_until
from tests.support.ways import ByHand


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Whom the shop trusts to know its server."""
    return Authority(tmp_path / "trusted")


@pytest.fixture
def door(postgres: PrivatePostgres, authority: Authority) -> Iterator[TlsDoor]:
    """A server that takes no plain connection, and wants a certificate of its clients."""
    with TlsDoor(postgres, authority, asks_for_certificate=True) as door:
        yield door


def secret(door: TlsDoor, on_postgres: Environment, authority: Authority) -> Environment:
    """The environment of a store, by way of that server."""
    return (
        on_postgres
        | door.environment(on_postgres["POSTGRES_DBNAME"])
        | {
            "POSTGRES_SSLMODE": "verify-full",
            "POSTGRES_SSLROOTCERT": str(authority.papers.root),
            "POSTGRES_SSLCERT": str(authority.papers.certificate),
            "POSTGRES_SSLKEY": str(authority.papers.key),
        }
    )


def test_everything_that_connects_does_so_with_tls(
    on_postgres: Environment, door: TlsDoor, authority: Authority
) -> None:
    environment = secret(door, on_postgres, authority)
    settings = Settings.from_environment(environment)
    migrations.migrate(migration_targets(settings))
    shop = Shop(ByHand(environment, SimulatedGateway(), utc_now))
    shop.receive("CD-X1", 5)
    order = shop.order("CD-X1")
    shop.settle()
    assert shop.status(order) == "CONFIRMED"
    service = RunnerService(shop.orderwright)  # with its leases and its connection for news
    service.start()
    wait_until(lambda: service.is_running, what="it has its leases")
    assert examine(environment).is_healthy
    service.stop()
    shop.way.close()
    assert door.secured > 5
    assert door.turned_away == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"POSTGRES_HOST": "127.0.0.1"}, "server certificate for .* does not match host name"),
        ({"POSTGRES_SSLROOTCERT": "another's"}, "certificate verify failed"),
    ],
)
def test_a_server_that_is_not_who_it_should_be_is_not_spoken_to(
    on_postgres: Environment,
    door: TlsDoor,
    authority: Authority,
    tmp_path: Path,
    change: Environment,
    says: str,
) -> None:
    environment = secret(door, on_postgres, authority) | change
    if "POSTGRES_SSLROOTCERT" in change:
        environment["POSTGRES_SSLROOTCERT"] = str(Authority(tmp_path / "others").papers.root)
    with pytest.raises(OperationalError, match=says):
        build(Settings.from_environment(environment))


def test_a_server_without_tls_is_not_spoken_to_where_tls_is_asked_for(
    on_postgres: Environment, postgres: PrivatePostgres
) -> None:
    with Network(postgres) as network:
        environment = (
            on_postgres
            | network.environment(on_postgres["POSTGRES_DBNAME"])
            | {"POSTGRES_SSLMODE": "require"}
        )
        with pytest.raises(OperationalError, match="server does not support SSL"):
            build(Settings.from_environment(environment))


def test_a_server_that_wants_tls_gets_it_also_without_a_setting(
    on_postgres: Environment, postgres: PrivatePostgres, authority: Authority
) -> None:
    with TlsDoor(postgres, authority) as door:
        build(
            Settings.from_environment(on_postgres | door.environment(on_postgres["POSTGRES_DBNAME"]))
        ).close()
        assert door.secured
        assert not door.turned_away
