"""Leases: each follower has one owner at a time, over processes and machines.

A lease is a promise among runners not to get in each other's way, and no more than that: that a
follower's position only moves forward is what makes a second owner harmless, see `runner.subscription`.
"""

import fcntl
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from eventsourcing.persistence import OperationalError

A_PROCESS = "a process"
"""The owner, where its name cannot be told."""


class LeasesUnavailable(OperationalError):
    """Nobody can tell at present who owns what."""


class Leases(Protocol):
    """The leases of one runner."""

    wanted: frozenset[str]
    """The followers that this runner would like to own."""

    def renew(self, running: Collection[str], hanging: Collection[str] = ()) -> frozenset[str]:
        """Keep what is ours, take what is free up to a fair share; the followers to run from now on.

        `running` are those at work in this process. One of them that is not in the answer has to be
        stopped; until it is no longer running it is kept, so that nobody else begins with it. Those that
        are `hanging` are given up at once all the same.
        Raises `LeasesUnavailable`.
        """
        ...

    def standing(self) -> frozenset[str]:
        """The followers that are ours for the moment, as far as can be told without asking anybody."""
        ...

    def release(self, running: Collection[str] = ()) -> None:
        """Give everything back but what is still running. Call it again when nothing is.

        Raises `LeasesUnavailable`; what could not be given back runs out by itself.
        """
        ...

    def owners(self) -> Mapping[str, str | None]:
        """Who owns each follower: ``host:pid`` where that can be told, None when nobody does.

        Raises `LeasesUnavailable`.
        """
        ...


class SoleOwner:
    """The leases of a store that only this process can see (events in memory)."""

    def __init__(self, followers: Collection[str], wanted: Collection[str]) -> None:
        self.wanted = frozenset(wanted)
        self._owners: dict[str, str | None] = dict.fromkeys(sorted(followers))

    def renew(
        self,
        running: Collection[str],  # noqa: ARG002 - it never hands over
        hanging: Collection[str] = (),
    ) -> frozenset[str]:
        """See `Leases`."""
        self._owners |= dict.fromkeys(self.wanted, A_PROCESS)
        return self.wanted - set(hanging)

    def standing(self) -> frozenset[str]:
        """See `Leases`."""
        return frozenset(name for name, owner in self._owners.items() if owner is not None)

    def release(self, running: Collection[str] = ()) -> None:
        """See `Leases`."""
        self._owners |= dict.fromkeys(set(self._owners) - set(running))

    def owners(self) -> Mapping[str, str | None]:
        """See `Leases`."""
        return MappingProxyType(self._owners)


class FileLeases:
    """Locks on files beside the SQLite files, one a follower. The system takes those of a dead
    process back; who comes first has all, there is no sharing."""

    def __init__(self, folder: Path, followers: Collection[str], wanted: Collection[str]) -> None:
        self.wanted = frozenset(wanted)
        self._folder = folder
        self._followers = sorted(followers)
        self._held: dict[str, int] = {}

    def renew(
        self,
        running: Collection[str],  # noqa: ARG002 - it never hands over what moves
        hanging: Collection[str] = (),
    ) -> frozenset[str]:
        """See `Leases`."""
        for name in set(self._held) & set(hanging):
            os.close(self._held.pop(name))
        for name in sorted(self.wanted - set(self._held) - set(hanging)):
            descriptor = self._locked(name, fcntl.LOCK_EX)
            if descriptor is not None:
                self._held[name] = descriptor
        return self.standing()

    def standing(self) -> frozenset[str]:
        """See `Leases`."""
        return frozenset(self._held)

    def release(self, running: Collection[str] = ()) -> None:
        """See `Leases`."""
        for name in set(self._held) - set(running):
            os.close(self._held.pop(name))

    def owners(self) -> Mapping[str, str | None]:
        """See `Leases`."""
        return {name: A_PROCESS if self._is_owned(name) else None for name in self._followers}

    def _is_owned(self, follower: str) -> bool:
        # Shared, so that those who only look do not take each other for an owner.
        descriptor = self._locked(follower, fcntl.LOCK_SH)
        if descriptor is not None:
            os.close(descriptor)
        return descriptor is None

    def _locked(self, follower: str, kind: int) -> int | None:
        """The descriptor of a follower's file with a lock on it; None when another one has it."""
        try:
            path = self._folder / f"{follower}.lock"
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            except BaseException as error:
                os.close(descriptor)
                if isinstance(error, BlockingIOError):
                    return None
                raise
        except OSError as error:
            raise LeasesUnavailable(f"the lock of {follower}: {error}") from error
        return descriptor
