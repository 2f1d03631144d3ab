"""A thread that is asked about things faster than it can answer: of each thing only the last question counts."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

Question = TypeVar("Question")
CLOSE_S = 3.0


def _newer(_before: Question, now: Question) -> Question:
    return now


class AskedThread(Generic[Question]):
    """Answers questions by key, the one asked last first; the thread begins with the first of them.

    Parameters
    ----------
    name : of the thread.
    answer : called in the thread with key and question; it asks :meth:`overtaken` now and then.
    merge : joins a question that was not answered yet with a newer one about the same thing; default: the newer one.
    """

    def __init__(
        self,
        name: str,
        answer: Callable[[str, Question], None],
        merge: Callable[[Question, Question], Question] = _newer,
    ) -> None:
        self._name, self._answer, self._merge = name, answer, merge
        self._change = threading.Condition()
        self._asked: dict[str, Question] = {}
        self._closed = False
        self._thread: threading.Thread | None = None

    def ask(self, key: str, question: Question) -> None:
        """Ask; what was asked about this before and has no answer yet gets none of its own."""
        with self._change:
            before = self._asked.pop(key, None)
            self._asked[key] = question if before is None else self._merge(before, question)
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._change.notify()

    def forget(self, key: str) -> None:
        """Take a question back that is not being answered yet."""
        with self._change:
            self._asked.pop(key, None)

    def close(self) -> None:
        """Stop."""
        with self._change:
            self._closed = True
            self._change.notify()
        if self._thread is not None:
            self._thread.join(CLOSE_S)

    def overtaken(self, key: str, given_up: Question | None = None) -> bool:
        """Return whether an answer is no longer wanted: something newer was asked about this, or the end has come.

        Parameters
        ----------
        given_up : the question that is being answered, where the newer one must know of it.
        """
        with self._change:
            newer = self._asked.get(key)
            if newer is not None and given_up is not None:
                self._asked[key] = self._merge(given_up, newer)
            return self._closed or newer is not None

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._asked or self._closed)
                if self._closed:
                    return
                key, question = self._asked.popitem()
            try:
                self._answer(key, question)
            except Exception:  # a fault in one answer must not cost those that come after
                log.exception("no answer from %s", self._name)
