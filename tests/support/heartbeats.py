"""Loops whose hearts beat when a test says so."""

from system.runner.heart import SHORTEST_SECONDS, Heart
from system.runner.loop import FollowerLoop


def beating(loop: FollowerLoop) -> tuple[Heart, list[float]]:
    """A heart for a loop that nobody runs, and the time by which it beats."""
    time = [1000.0]
    return Heart(loop.subscriptions, lambda: time[0]), time


def measured(loop: FollowerLoop) -> None:
    """Have it beat twice, for so long apart that there is a rate."""
    heart, time = beating(loop)
    heart.beat(has_more=False)
    time[0] += SHORTEST_SECONDS
    heart.beat(has_more=False)
