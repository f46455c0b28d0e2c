"""Taking turns: threads of one process come to their turn in the order of asking; work that has begun goes
before new work."""

import threading
from collections.abc import Callable

import pytest

from system.concurrency.turn import Turn, aside
from tests.support.fixtures import Environment, OpenWay
from tests.support.running_shop import Shop
from tests.support.waiting import PATIENCE_SECONDS, wait_until
from tests.support.ways import ByHand


class Queue:
    """Threads that ask for a turn one after the other, and what they did when they had it."""

    def __init__(self) -> None:
        self.turn = Turn()
        self.done: list[str] = []
        self._threads: list[threading.Thread] = []
        self._inside = 0

    def ask(self, name: str, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Somebody asks for a turn, and does something in it; this returns when he waits or is done."""
        waiting = len(self.turn._waiting)

        def takes_a_turn() -> None:
            with self.turn:
                self.does(name)
                meanwhile()

        thread = threading.Thread(target=takes_a_turn, daemon=True)
        self._threads.append(thread)
        thread.start()
        wait_until(lambda: len(self.turn._waiting) > waiting or not thread.is_alive())

    def does(self, what: str) -> None:
        """Do something that nobody may do at the same time."""
        self._inside += 1
        assert self._inside == 1, "two have a turn at once"
        self.done.append(what)
        self._inside -= 1

    def are_done(self) -> None:
        """Wait until everybody has had his turn."""
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
        assert not any(thread.is_alive() for thread in self._threads), "somebody starves"


@pytest.fixture
def queue() -> Queue:
    """Nobody asks yet."""
    return Queue()


def test_who_asked_first_comes_first(queue: Queue) -> None:
    with queue.turn:
        for name in ("ada", "bob", "eve", "dan"):
            queue.ask(name)
        assert queue.done == []
    queue.are_done()
    assert queue.done == ["ada", "bob", "eve", "dan"]
    queue.ask("ada")
    queue.are_done()
    assert queue.done[4:] == ["ada"], "the turn is free again"


def test_who_comes_while_a_turn_is_handed_on_waits_for_it(queue: Queue) -> None:
    has_it, goes_on = threading.Event(), threading.Event()

    def takes_its_time() -> None:
        has_it.set()
        assert goes_on.wait(PATIENCE_SECONDS)

    with queue.turn:
        queue.ask("ada", takes_its_time)
    assert has_it.wait(PATIENCE_SECONDS)
    queue.ask("bob")
    assert queue.done == ["ada"]
    goes_on.set()
    queue.are_done()
    assert queue.done == ["ada", "bob"]


def test_who_waits_for_the_store_lets_others_go_first_and_comes_after_those_who_wait(queue: Queue) -> None:
    with queue.turn:
        queue.ask("ada")
        queue.ask("bob")
        with aside():
            wait_until(lambda: "bob" in queue.done, what="others have had their turn meanwhile")
        queue.does("myself")
        queue.ask("eve")
        assert "eve" not in queue.done, "the turn is mine again"
        with aside():
            wait_until(lambda: "eve" in queue.done, what="I can step aside once more")
    queue.are_done()
    assert queue.done == ["ada", "bob", "myself", "eve"]


def test_who_has_no_turn_has_none_to_give(queue: Queue) -> None:
    with queue.turn:
        pass
    with aside():
        queue.ask("ada")
    with queue.turn:
        queue.ask("bob")
        assert queue.done == ["ada"]
    queue.are_done()


def test_a_turn_is_given_back_when_what_was_done_in_it_fails(queue: Queue) -> None:
    with pytest.raises(ValueError, match="no"), queue.turn:
        raise ValueError("no")
    queue.ask("ada")
    queue.are_done()


# The order of the logs that one follower reads


def test_orders_that_are_paid_are_finished_before_new_ones_are_begun(
    in_memory: Environment, open_way: OpenWay
) -> None:
    way = open_way(ByHand, in_memory)
    assert isinstance(way, ByHand)
    shop = Shop(way)
    shop.receive("CD-X1", 5)
    paid = shop.order("CD-X1")
    way.level()
    loop = way.runner.loops["OrderFulfilment"]
    assert loop.advance() == 0
    way.call_gateway()
    new = shop.order("CD-X1")

    loop.advance()
    assert shop.saga(paid).status == "PAYMENT_COMPLETED"
    assert shop.saga(new).status is None
    assert loop.has_more, "it looks for new ones at once, and not only when somebody rings"
    loop.advance()
    assert shop.saga(new).status == "PAYMENT_PENDING"
