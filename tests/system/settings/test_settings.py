"""Settings come from the environment; what is wrong with it is said all at once."""

from pathlib import Path

import pytest

from system.definition import orderwright
from system.settings.environment import InvalidSettings, Settings
from system.settings.postgres_names import who_reads
from system.stores import application_environment


def mistakes(environment: dict[str, str]) -> list[str]:
    """The lines of the one message that lists every mistake."""
    with pytest.raises(InvalidSettings) as error:
        Settings.from_environment(environment)
    first, *lines = str(error.value).splitlines()
    assert first == "the settings cannot be used:"
    return [line.strip() for line in lines]


def test_nothing_has_to_be_set() -> None:
    settings = Settings.from_environment({})
    assert settings.persistence_module == "eventsourcing.sqlite"
    assert settings.data == Path("var")


def test_every_mistake_is_listed_in_one_message() -> None:
    found = mistakes(
        {
            "PERSISTENCE_MODULE": "eventsourcing.oracle",
            "ORDERWRIGHT_PAGE_SIZE": "many",
            "ORDERWRIGHT_POLL_SECONDS": "-1",
            "ORDERWRIGHT_LOG_STYLE": "loud",
            "ORDERWRIGHT_COLOUR": "teal",
            "ORDERS_POSTGRES_ENABLE_DB_FUNCTIONS": "y",
        }
    )
    assert [line.partition(":")[0] for line in found] == [
        "ORDERWRIGHT_COLOUR",
        "PERSISTENCE_MODULE",
        "ORDERWRIGHT_POLL_SECONDS",
        "ORDERWRIGHT_PAGE_SIZE",
        "ORDERWRIGHT_LOG_STYLE",
        "ORDERS_POSTGRES_ENABLE_DB_FUNCTIONS",
    ]
    assert found[0] == "ORDERWRIGHT_COLOUR: there is no such setting"
    assert "(got 'many')" in found[3]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ORDERWRIGHT_PAGE_SIZE", "0"),
        ("ORDERWRIGHT_PAGE_SIZE", "1.5"),
        ("ORDERWRIGHT_POLL_SECONDS", "0"),
        ("ORDERWRIGHT_POLL_SECONDS", "nan"),
        ("ORDERWRIGHT_POLL_SECONDS", "inf"),
        ("ORDERWRIGHT_GATEWAY_LATENCY_MS", "-0.1"),
        ("ORDERWRIGHT_GATEWAY_LATENCY_MS", "nan"),
        ("ORDERWRIGHT_GATEWAY_CONCURRENCY", "1000"),
        ("ORDERWRIGHT_GATEWAY_RETRY_SECONDS", "nan"),
        ("ORDERWRIGHT_API_THREADS", "15"),
        ("ORDERWRIGHT_MAX_BODY_BYTES", "1"),
        ("ORDERWRIGHT_LOG_LEVEL", "LOUD"),
        ("ORDERWRIGHT_SNAPSHOT_EVERY", "-1"),
        ("ORDERWRIGHT_SNAPSHOT_EVERY_STOCKITEM", "often"),
        ("ORDERWRIGHT_SNAPSHOT_EVERY_ORDER", "1.5"),
    ],
)
def test_what_cannot_be_is_refused_by_name(name: str, value: str) -> None:
    (line,) = mistakes({name: value})
    assert line.startswith(f"{name}: ")
    assert repr(value) in line


def test_how_often_snapshots_are_taken_is_set_for_all_and_for_single_aggregates() -> None:
    every = {"ORDERWRIGHT_SNAPSHOT_EVERY": "50", "ORDERWRIGHT_SNAPSHOT_EVERY_STOCKITEM": "0"}
    policy = Settings.from_environment(every).snapshot_policy
    assert (policy.of("StockItem"), policy.of("Order")) == (0, 50)
    assert Settings.from_environment({}).snapshot_policy.of("StockItem") == 100


def test_an_aggregate_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    (line,) = mistakes({"ORDERWRIGHT_SNAPSHOT_EVERY_STOCK": "10"})
    assert line == (
        "ORDERWRIGHT_SNAPSHOT_EVERY_STOCK: there is no such aggregate; there are FULFILMENT, ORDER, "
        "ORDERREFERENCE, PARKINGLOT, PAYMENT, RESERVATION, STOCKITEM, SUPPLY"
    )


def test_an_empty_value_is_as_good_as_none() -> None:
    assert Settings.from_environment({"ORDERWRIGHT_PAGE_SIZE": ""}).page_size == 500


def test_postgres_needs_to_know_where() -> None:
    found = mistakes({"PERSISTENCE_MODULE": "eventsourcing.postgres"})
    assert [line.partition(":")[0] for line in found] == [
        "POSTGRES_DBNAME",
        "POSTGRES_HOST",
        "POSTGRES_USER",
    ]


def test_one_sqlite_file_for_all_applications_is_refused() -> None:
    (line,) = mistakes({"SQLITE_DBNAME": "/tmp/all-in-one.sqlite"})
    assert line.startswith("SQLITE_DBNAME: each application needs its own file")


def test_settings_are_frozen_and_do_not_show_the_environment() -> None:
    settings = Settings.from_environment({"POSTGRES_PASSWORD": "s3cret"})
    with pytest.raises(ValueError, match="frozen"):
        settings.page_size = 7  # type: ignore[misc]  # that is the point
    assert "s3cret" not in repr(settings)
    assert "s3cret" not in settings.model_dump_json()


def test_what_is_set_for_one_application_goes_before_our_defaults(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {"ORDERWRIGHT_DATA": str(tmp_path), "ORDERS_SQLITE_DBNAME": str(tmp_path / "elsewhere.sqlite")}
    )
    environment = application_environment(settings)
    assert environment["ORDERS_SQLITE_DBNAME"] == str(tmp_path / "elsewhere.sqlite")
    assert environment["INVENTORY_SQLITE_DBNAME"] == str(tmp_path / "Inventory.sqlite")


def test_every_variable_is_explained() -> None:
    assert all(description for _, description in Settings.variables().values())


@pytest.mark.parametrize("names", ["http://shop", "shop:8000", "a,,b", "shop example", "[::1]", "*.shop"])
def test_hosts_are_names(names: str) -> None:
    (mistake,) = mistakes({"ORDERWRIGHT_ALLOWED_HOSTS": names})
    assert mistake.startswith("ORDERWRIGHT_ALLOWED_HOSTS: name hosts without scheme and port")


@pytest.mark.parametrize("names", ["shop", "shop.example.com, orders_api", "*", "10.0.0.7", "shop."])
def test_hosts_that_can_be_allowed(names: str) -> None:
    assert Settings.from_environment({"ORDERWRIGHT_ALLOWED_HOSTS": names}).allowed_hosts == names


AT_A_SERVER = {
    "PERSISTENCE_MODULE": "system.persistence.postgres",
    "POSTGRES_DBNAME": "shop",
    "POSTGRES_HOST": "db.example.org",
    "POSTGRES_USER": "shop",
}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("POSTGRES_SLLMODE", "require", "there is no such setting; is POSTGRES_SSLMODE meant?"),
        ("ORDERS_POSTGRES_DBNAMES", "x", "there is no such setting; is ORDERS_POSTGRES_DBNAME meant?"),
        ("POSTGRES_DATABASE_URL", "x", "there is no such setting"),
        ("POSTGRES_PRE_PING", "y", "is read with PERSISTENCE_MODULE=eventsourcing.postgres alone"),
        ("POSTGRES_GET_PASSWORD_TOPIC", "a:b", "only the library's pool would ask for that password"),
        ("POSTGRES_PASSWORD_FILE", "/run/secrets/db", "is read by the container image of PostgreSQL"),
        ("POSTGRES_PORT", "tcp://10.0.0.1:5432", "must be a whole number"),
        ("PAYMENTS_POSTGRES_POOL_SIZE", "many", "must be a whole number"),
        (
            "POSTGRES_SSLMODE",
            "verify",
            "must be one of disable, allow, prefer, require, verify-ca, verify-full",
        ),
        ("POSTGRES_SSLROOTCERT", __file__, "is looked at only when POSTGRES_SSLMODE is require"),
    ],
)
def test_what_nobody_reads_or_understands_is_refused(name: str, value: str, says: str) -> None:
    (line,) = mistakes(AT_A_SERVER | {name: value})
    assert line.startswith(f"{name}: {says}")


def test_names_for_postgresql_matter_where_it_is_the_store() -> None:
    Settings.from_environment({"POSTGRES_SLLMODE": "require", "POSTGRES_PORT": "tcp://10.0.0.1:5432"})
    assert mistakes(
        {**AT_A_SERVER, "PERSISTENCE_MODULE": "eventsourcing.sqlite"}
        | {"ORDERS_PERSISTENCE_MODULE": "eventsourcing.postgres", "POSTGRES_SLLMODE": "require"}
    ) == ["POSTGRES_SLLMODE: there is no such setting; is POSTGRES_SSLMODE meant?"]


def test_what_others_set_beside_it_does_no_harm() -> None:
    """The container image reads the same file of variables, and Kubernetes names its services."""
    Settings.from_environment(
        AT_A_SERVER
        | {
            "POSTGRES_DB": "shop",
            "POSTGRES_PASSWORD": "s3cret",
            "POSTGRES_PASSWORD_FILE": "/run/secrets/db",
            "POSTGRES_INITDB_ARGS": "--data-checksums",
            "POSTGRES_HOST_AUTH_METHOD": "scram-sha-256",
            "POSTGRES_SERVICE_HOST": "10.0.0.1",
            "POSTGRES_SERVICE_PORT": "5432",
            "POSTGRES_PORT_5432_TCP_ADDR": "10.0.0.1",
            "POSTGRES_PORT": "5432",
            "LEDGER_POSTGRES_URL": "of another program",
            "POSTGRES_SSLMODE": "verify-full",
            "POSTGRES_SSLROOTCERT": "system",
        }
    )


def test_the_name_of_the_image_is_told_apart_from_ours() -> None:
    without = {name: value for name, value in AT_A_SERVER.items() if name != "POSTGRES_DBNAME"}
    (line,) = mistakes(without | {"POSTGRES_DB": "shop"})
    assert line.startswith("POSTGRES_DBNAME: is needed")
    assert line.endswith("(POSTGRES_DB is for the container image of PostgreSQL)")


def test_files_of_certificates_have_to_be_there(tmp_path: Path) -> None:
    missing = str(tmp_path / "root.pem")
    found = mistakes(AT_A_SERVER | {"POSTGRES_SSLMODE": "verify-full", "POSTGRES_SSLROOTCERT": missing})
    assert found == [f"POSTGRES_SSLROOTCERT: the file {missing} cannot be read: No such file or directory"]


def test_there_is_no_tls_over_a_unix_socket() -> None:
    found = mistakes(AT_A_SERVER | {"POSTGRES_HOST": "/run/postgresql", "POSTGRES_SSLMODE": "require"})
    assert found == ["POSTGRES_SSLMODE: there is no TLS over a unix socket (/run/postgresql)"]


@pytest.mark.parametrize("application", sorted(orderwright.nodes))
def test_every_application_can_have_settings_of_its_own(application: str) -> None:
    name = f"{application.upper()}_POSTGRES_PORT"
    (line,) = mistakes(AT_A_SERVER | {name: "many"})
    assert line == f"{name}: must be a whole number (got 'many')"
    assert who_reads(name) == "read by the event store, when that is PostgreSQL"
