"""The private PostgreSQL of the tests is the one that benchmarks use as well."""

from system.bench.private_postgres import (
    PrivatePostgres,
    copy_installation,
    find_binaries,
    installations,
)

__all__ = ["PrivatePostgres", "copy_installation", "find_binaries", "installations"]
