"""Keeps the other versions of a read model up to date: the new one before a switch, the old one after it.

The follower itself keeps the version that is in use. What is done here waits for it: it reads what came
in after a pause, in a page a leader, so a version that nobody looks at costs little.
"""

from collections.abc import Sequence

from system.concurrency.background import LONGEST_PAUSE, BackgroundLoop
from system.concurrency.turn import Turn
from system.followers.builder import Builder, VersionGone
from system.followers.follower import Follower
from system.followers.projection import Projection
from system.persistence.faults import STORE_FAULTS

PAGE_SIZE = 500
PAUSE_SECONDS = 0.5
"""So long what comes in is let come, to be read at once."""
LOOK_AT_LEAST_EVERY_SECONDS = 10.0
"""So often where nothing was heard of the follower."""


class VersionKeeper(BackgroundLoop):
    """Brings forward every version of one read model that is ready and not in use. Does nothing while
    there is none, but to ask whether there is, once a second at most."""

    faults = STORE_FAULTS
    first_pause = LONGEST_PAUSE
    pausing = "other versions of a read model wait"
    failed = "another version of a read model could not be brought forward"

    def __init__(self, projection: Projection, leaders: Sequence[Follower], turn: Turn) -> None:
        super().__init__(f"versions-of-{projection.name}", follower=projection.name)
        self._projection = projection
        self._leaders = leaders
        self._turn = turn
        self._builders: dict[int, Builder] = {}

    def step(self) -> int:
        """Read a page a leader of what each version lacks; how many events there were."""
        kept = self._projection.versions.kept()
        read = 0
        # One that is in use by now is kept to the end once more: what the follower had read for another
        # version, before it knew, is read here.
        for number in {*kept, *self._builders}:
            try:
                count = self._brought_forward(number)
            except VersionGone:
                count = 0
            if not count and number not in kept:
                self._builders.pop(number, None)
            read += count
        return read

    def _brought_forward(self, number: int) -> int:
        if number not in self._builders:
            self._builders[number] = Builder(self._projection, self._leaders, number, PAGE_SIZE)
        count = 0
        for _ in self._leaders:
            with self._turn:
                count += self._builders[number].advance()
            self.pulse.beat()
        return count

    def work(self) -> None:
        """Bring forward what there is, and rest when that was all."""
        read = self.step()
        if any(builder.has_more for builder in self._builders.values()):
            return
        if not read:
            self.rest(LOOK_AT_LEAST_EVERY_SECONDS)
        self.pulse.rest(lambda: self.wakeup.sleep(PAUSE_SECONDS))
