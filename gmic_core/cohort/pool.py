"""Workers on this machine: who gets which image, and what happens when one of them dies."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from gmic_core.cohort import worker
from gmic_core.cohort.plan import Outcome, RunOptions, Task
from gmic_core.cohort.worker import Begun, Main, Told, Working
from gmic_core.errors import InferenceError

TRIES = 2
"""An image during which a worker died so often is given up."""
FAILED_STARTS = 5
"""The run is given up when so many workers in a row die before they begin an image."""
STALL_S = 1800.0
"""A worker that says nothing for so long hangs: every slice is a sign of life, even on a very slow machine."""
POLL_S = 0.2
"""How often a signal is looked for."""
GRACE_S = 3.0
"""How long a worker may take to stop its decoder."""


@dataclass
class _Hand:
    """A running worker and what it was given: the image that it computes and the one that it reads ahead."""

    process: BaseProcess
    pipe: Connection
    given: deque[Task] = field(default_factory=deque)
    begun: bool = False
    heard: float = field(default_factory=time.monotonic)


class LocalPool:
    """Runs tasks in worker processes of this machine.

    Parameters
    ----------
    asked_to_stop : looked at several times a second.
    on_working : told how far an image is, now and then.
    stall_s : silence after which a worker is taken for hanging.
    main : entry point of the worker processes.
    """

    def __init__(
        self,
        options: RunOptions,
        workers: int,
        asked_to_stop: Callable[[], bool],
        on_working: Callable[[Working], None] = lambda _told: None,
        stall_s: float = STALL_S,
        main: Main = worker.main,
    ) -> None:
        self._options = options
        self._workers = workers
        self._asked_to_stop = asked_to_stop
        self._on_working = on_working
        self._stall = stall_s
        self._main = main
        self._waiting: deque[Task] = deque()
        self._hands: list[_Hand] = []
        self._deaths: dict[int, int] = {}
        self._failed_starts = 0

    def outcomes(self, tasks: Sequence[Task]) -> Generator[Outcome, None, None]:
        """Yield what becomes of each task, as they are done; ends early when asked to stop. Close it at the end.

        Raises
        ------
        InferenceError
            If no worker can be started.
        """
        self._waiting.extend(tasks)
        try:
            while not self._asked_to_stop() and (self._waiting or any(hand.given for hand in self._hands)):
                self._give()
                yield from self._take()
        finally:
            self._stop()

    # -- giving --------------------------------------------------------------------------------------------------
    def _give(self) -> None:
        """Give every worker an image, and one to read ahead while there are enough for all."""
        while len(self._hands) < min(self._workers, len(self._waiting) + sum(bool(h.given) for h in self._hands)):
            self._hands.append(_Hand(*worker.start(self._options, self._main)))
        for hand in sorted(self._hands, key=lambda one: len(one.given)):
            if self._waiting and (not hand.given or (len(hand.given) == 1 and len(self._waiting) >= self._workers)):
                task = self._waiting.popleft()
                if not hand.given:
                    hand.heard = time.monotonic()
                hand.given.append(task)
                try:
                    hand.pipe.send(task)
                except OSError:
                    continue  # it is dead: what it was given is taken back when its end is noticed

    # -- taking --------------------------------------------------------------------------------------------------
    def _take(self) -> Iterator[Outcome]:
        """Wait a moment for what workers say, and for those that say nothing any more."""
        wait([end for hand in self._hands for end in (hand.pipe, hand.process.sentinel)], POLL_S)
        for hand in list(self._hands):
            alive = hand.process.is_alive()  # asked first: what it said before its end is still in the pipe
            try:
                while hand.pipe.poll():
                    yield from self._heard(hand, hand.pipe.recv())
            except (EOFError, OSError):
                alive = False
            if alive and hand.given and time.monotonic() - hand.heard > self._stall:
                hand.process.kill()
                yield from self._lost(hand, f"did not get on for {self._stall / 60:g} minutes and was stopped")
            elif not alive:
                yield from self._lost(hand, "")

    def _heard(self, hand: _Hand, told: Told) -> Iterator[Outcome]:
        hand.heard = time.monotonic()
        if isinstance(told, Begun):
            hand.begun = True
            self._failed_starts = 0
        elif isinstance(told, Working):
            self._on_working(told)
        else:
            hand.given.popleft()
            hand.begun = False
            yield told

    def _lost(self, hand: _Hand, why: str) -> Iterator[Outcome]:
        """A worker is gone: the image that it had is tried again once, on another one; the rest goes back."""
        hand.process.join(GRACE_S)
        hand.pipe.close()
        self._hands.remove(hand)
        why = why or f"stopped unexpectedly ({_ending(hand.process.exitcode)})"
        if not hand.given:
            return
        if not hand.begun:
            self._failed_starts += 1
            self._waiting.extendleft(reversed(hand.given))
            if self._failed_starts >= FAILED_STARTS:
                raise InferenceError(
                    f"The worker processes do not come up: the last one {why} before it began an image. Check that "
                    "there is memory for them (--workers 1), then run the same command again."
                )
            return
        blamed = hand.given.popleft()
        self._waiting.extendleft(reversed(hand.given))
        self._deaths[blamed.position] = self._deaths.get(blamed.position, 0) + 1
        if self._deaths[blamed.position] < TRIES:
            self._waiting.append(blamed)  # last: what the others take of the memory may be free again by then
        else:
            yield Outcome(
                blamed.position,
                reason=f"The worker {why} during this image, {TRIES} times. If memory was short, use fewer workers "
                "(--workers 1); the image is tried again when the command is run again.",
                passing=True,
            )

    def _stop(self) -> None:
        """Let all workers go: closing the pipe tells them to, and a while later they are killed."""
        for hand in self._hands:
            hand.pipe.close()
        end = time.monotonic() + GRACE_S
        for hand in self._hands:
            hand.process.join(max(end - time.monotonic(), 0.0))
            if hand.process.is_alive():
                hand.process.kill()
                hand.process.join(GRACE_S)
        self._hands.clear()


def _ending(code: int | None) -> str:
    """Return an exit code in words."""
    if code is not None and code < 0:
        return f"signal {-code}" + (": killed, perhaps because the memory was full" if code == -9 else "")
    return f"exit code {code}"
