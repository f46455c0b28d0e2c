"""Every story of the domain happens on Friday at noon, because Ada asks, unless it says otherwise."""

from collections.abc import Iterator

import pytest

from domain.shared.causes import because_of
from tests.support.stories import ADA_ASKS


@pytest.fixture(autouse=True, scope="module")
def ada_asks() -> Iterator[None]:
    """A cause in force."""
    with because_of(ADA_ASKS):
        yield
