"""Order and loading of batches: drawn from (seed, epoch, position), loaded ahead in threads."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from gmic_core.training.samples import Sample, SampleSource, balanced_order

T = TypeVar("T")

ORDER, AUGMENT, DRAW, PATCHES, CHECK = range(5)
"""What a generator is for; the last word of its seed."""


def generator(seed: int, epoch: int, position: int, purpose: int) -> np.random.Generator:
    """Return the generator of one place in the run: the same in every process and after every resumption."""
    return np.random.default_rng(np.random.SeedSequence([seed, epoch, position, purpose]))


def epoch_order(
    labels: Sequence[tuple[int, int]], seed: int, epoch: int, batch_size: int, *, balanced: bool, whole_only: bool
) -> list[npt.NDArray[np.int64]]:
    """Return the images of each batch of an epoch.

    Parameters
    ----------
    whole_only : leave an incomplete last batch out (unless it is the only one): processes need equal shares.
    """
    rng = generator(seed, epoch, 0, ORDER)
    order = balanced_order(labels, rng) if balanced else rng.permutation(len(labels))
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    if whole_only and len(batches) > 1 and len(batches[-1]) < batch_size:
        batches.pop()
    return batches


def ahead(calls: Iterable[Callable[[], T]], workers: int, waiting: int) -> Iterator[T]:
    """Yield the calls' results in order; up to ``waiting`` of them run ahead in ``workers`` threads."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="samples")
    futures: deque[Future[T]] = deque()
    try:
        for call in calls:
            futures.append(pool.submit(call))
            if len(futures) > waiting:
                yield futures.popleft().result()
        while futures:
            yield futures.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def load_batches(
    source: SampleSource, batches: Sequence[Sequence[tuple[int, np.random.Generator | None]]], workers: int
) -> Iterator[list[Sample]]:
    """Yield batches of samples, loaded ahead by about one batch."""
    flat = [item for batch in batches for item in batch]
    longest = max((len(batch) for batch in batches), default=1)

    def call(index: int, rng: np.random.Generator | None) -> Callable[[], Sample]:
        return lambda: source.load(index, rng)

    samples = ahead((call(index, rng) for index, rng in flat), workers, max(workers, longest))
    try:
        for batch in batches:
            yield [next(samples) for _ in batch]
    finally:
        samples.close()  # type: ignore[attr-defined]  # a generator: its threads end here


class Background(Iterator[T]):
    """An iterator that runs in a thread, a few items ahead; close it when its user stops early."""

    def __init__(self, items: Iterator[T], ahead_by: int = 3) -> None:
        self._queue: queue.Queue[tuple[bool, T | BaseException | None]] = queue.Queue(ahead_by)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._fill, args=(items,), name="patches", daemon=True)
        self._thread.start()

    def _fill(self, items: Iterator[T]) -> None:
        try:
            for item in items:
                if not self._put((True, item)):
                    return
        except BaseException as error:  # noqa: BLE001  # raised again where the items are used
            self._put((False, error))
        else:
            self._put((False, None))

    def _put(self, entry: tuple[bool, T | BaseException | None]) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(entry, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def __next__(self) -> T:
        good, item = self._queue.get()
        if good:
            return item  # type: ignore[return-value]  # good entries hold an item
        self.close()
        if isinstance(item, BaseException):
            raise item
        raise StopIteration

    def close(self) -> None:
        """Stop the thread; items that were made ahead are dropped."""
        self._stop.set()
        self._thread.join()
