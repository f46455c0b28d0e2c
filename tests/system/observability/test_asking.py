"""Questions that may never be answered keep nobody waiting."""

import itertools
import threading

from system.observability.asking import Question
from tests.support.waiting import wait_until


def test_an_answer_is_given_out_again_until_it_is_old() -> None:
    numbers = itertools.count(1)
    now = [0.0]
    question = Question(lambda: next(numbers), kept_seconds=1, patience=20, monotonic=lambda: now[0])
    assert [question.known().last.answer for _ in range(3)] == [1, 1, 1]  # type: ignore[union-attr]
    now[0] = 1.0
    known = question.known()
    assert known.last is not None
    assert (known.last.answer, known.waiting_since) == (2, None)


def test_nobody_waits_longer_than_patience_and_nobody_asks_twice() -> None:
    comes = threading.Event()
    asked: list[int] = []

    def ask() -> int:
        asked.append(1)
        comes.wait(60)
        return len(asked)

    question = Question(ask, kept_seconds=0, patience=0.05)
    first = question.known()
    assert first.last is None
    assert first.waiting_since is not None
    assert question.known() == first
    assert len(asked) == 1
    comes.set()
    wait_until(lambda: question.known().last is not None, what="the answer has come")


def test_several_questions_wait_together() -> None:
    comes = threading.Event()
    questions = [Question(lambda: comes.wait(60), kept_seconds=0, patience=60) for _ in range(3)]
    for question in questions:
        question.begin()
    comes.set()
    assert all(question.known().last is not None for question in questions)


def test_many_who_ask_at_once_ask_one_question() -> None:
    asked: list[int] = []
    question = Question(lambda: asked.append(1), kept_seconds=60, patience=20)
    threads = [threading.Thread(target=question.known) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1


def test_a_question_that_fails_is_asked_again() -> None:
    def ask() -> int:
        if next(numbers) == 1:
            raise ValueError("out of order")
        return 2

    numbers = itertools.count(1)
    question = Question(ask, kept_seconds=60, patience=20)
    assert question.known().last is None
    assert question.known().last is not None
