"""The fulfilment's facts, sorted by what they say of themselves that they mean."""

from collections.abc import Iterable
from typing import cast

from .events import FulfilmentEvent
from .fulfilment import Fulfilment
from .steps import Asked

Facts = frozenset[type[FulfilmentEvent]]

FACTS = frozenset(cast(Iterable[type[FulfilmentEvent]], Fulfilment.EVENTS.values()))
"""All of them."""

IN_LOG: Facts = frozenset(kind for kind in FACTS if kind.means.step is not None)
"""Facts that say where a step stands: the entries of the saga's log."""

MOVES_SAGA: Facts = frozenset(kind for kind in FACTS if kind.means.moves_saga)
"""Facts after which the saga stands somewhere else."""


def asking(whom: Asked) -> Facts:
    """The facts that ask somebody for work. Everybody else has nothing to do about them."""
    return frozenset(kind for kind in FACTS if kind.means.asks is whom)
