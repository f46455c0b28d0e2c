"""Callers act on error codes: each error has one of its own, and a published one never goes away."""

import pkgutil
from collections import Counter
from collections.abc import Iterator
from importlib import import_module

from domain.shared.errors import DomainError

PUBLISHED = {
    *("domain_error", "not_found", "contradiction", "refused", "invalid_value", "version_conflict"),
    *("unknown_currency", "invalid_amount", "invalid_sku", "invalid_quantity"),
    *("order_without_items", "too_many_items", "order_total_not_positive"),
    *("order_already_cancelled", "order_cancelled", "order_not_found"),
    *("idempotency_key_reused", "order_ref_taken", "concurrent_changes"),
    *("payment_outcome_contradicted", "payment_not_completed", "payment_not_found"),
    *("insufficient_stock", "receipt_not_found", "receipt_already_recorded", "product_not_found"),
    "invalid_query",
}
"""Add to these; never take one away or give it to another error."""


def errors(kind: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    """Every error of the domain and the application."""
    yield kind
    for below in kind.__subclasses__():
        yield from errors(below)


def imported_errors() -> list[type[DomainError]]:
    """The same, after everything that may define one was imported."""
    for ring in ("domain", "application"):
        for module in pkgutil.walk_packages(import_module(ring).__path__, f"{ring}."):
            import_module(module.name)
    return [error for error in errors() if not error.__module__.startswith("tests.")]


def test_every_error_states_a_code_of_its_own() -> None:
    silent = [error.__qualname__ for error in imported_errors() if "code" not in vars(error)]
    shared = [code for code, count in Counter(error.code for error in imported_errors()).items() if count > 1]

    assert (silent, shared) == ([], [])


def test_published_codes_stay() -> None:
    assert PUBLISHED - {error.code for error in imported_errors()} == set()
