"""Threads that are asked faster than they answer."""

from __future__ import annotations

import logging
import threading

import pytest

from viewer.services.asked import AskedThread

WAIT = 20.0


def test_of_each_thing_the_last_question_counts_and_merged_ones_know_of_those_before() -> None:
    answered: list[tuple[str, frozenset[int]]] = []
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def answer(key: str, question: frozenset[int]) -> None:
        if not begun.is_set():
            begun.set()
            go_on.wait(WAIT)
            assert thread.overtaken(key, question)
            return
        answered.append((key, question))
        if len(answered) == 2:
            done.set()

    thread = AskedThread[frozenset[int]]("test", answer, lambda before, now: before | now)
    thread.ask("one", frozenset({1}))
    assert begun.wait(WAIT)
    assert not thread.overtaken("one")
    thread.ask("one", frozenset({2}))
    thread.ask("one", frozenset({3}))
    thread.ask("two", frozenset({4}))
    thread.ask("three", frozenset({5}))
    thread.forget("three")
    go_on.set()
    assert done.wait(WAIT)
    thread.close()
    assert answered == [("two", frozenset({4})), ("one", frozenset({1, 2, 3}))]
    assert thread.overtaken("anything")  # nobody wants answers any more


def test_a_fault_costs_one_answer_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    answered = threading.Event()

    def answer(_key: str, question: int) -> None:
        if question == 0:
            raise ZeroDivisionError("of ours")
        answered.set()

    thread = AskedThread[int]("divisions", answer)
    with caplog.at_level(logging.ERROR):
        thread.ask("a", 0)
        thread.ask("b", 1)
        assert answered.wait(WAIT)
        thread.ask("a", 0)
        answered.clear()
        thread.ask("b", 2)
        assert answered.wait(WAIT)
        thread.close()
    assert "no answer from divisions" in caplog.text
    assert "ZeroDivisionError: of ours" in caplog.text
