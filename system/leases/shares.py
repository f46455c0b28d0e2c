"""Who should own which follower, when several runners want it.

Everybody computes it from the same facts and comes to the same answer, so nobody has to be asked.
What is owned stays where it is as long as that is fair.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """A living runner: what it wants, and what it holds at present.

    A guest, such as a command that settles its own orders, gets only what no resident wants.
    """

    wanted: frozenset[str]
    held: frozenset[str] = frozenset()
    is_guest: bool = False


def fair_shares(runners: Mapping[str, Candidate]) -> dict[str, frozenset[str]]:
    """The followers that each runner should own, by its name.

    Nobody has two more than another that wants one of them.
    """
    shares: dict[str, set[str]] = {name: set() for name in sorted(runners)}
    wanting = _who_wants(runners)
    free = []
    for follower, names in wanting.items():
        holder = next((name for name in names if follower in runners[name].held), None)
        if holder is None:
            free.append(follower)
        else:
            shares[holder].add(follower)
    for follower in sorted(free, key=lambda follower: len(wanting[follower])):
        least = min(wanting[follower], key=lambda name: len(shares[name]))
        shares[least].add(follower)
    while move := _fairer(shares, wanting):
        follower, giver, taker = move
        shares[giver].remove(follower)
        shares[taker].add(follower)
    return {name: frozenset(share) for name, share in shares.items()}


def _who_wants(runners: Mapping[str, Candidate]) -> dict[str, list[str]]:
    """For each follower that somebody wants, the names of those who may have it, in order."""
    wanting = {}
    for follower in sorted({each for candidate in runners.values() for each in candidate.wanted}):
        names = [name for name in sorted(runners) if follower in runners[name].wanted]
        residents = [name for name in names if not runners[name].is_guest]
        wanting[follower] = residents or names
    return wanting


def _fairer(shares: Mapping[str, set[str]], wanting: Mapping[str, list[str]]) -> tuple[str, str, str] | None:
    """The follower that should rather be with another runner, with its owner and that other one."""
    unfair = [
        (len(shares[taker]) - len(share), follower, giver, taker)
        for giver, share in shares.items()
        for follower in share
        for taker in wanting[follower]
        if len(share) - len(shares[taker]) >= 2
    ]
    return min(unfair)[1:] if unfair else None
