"""How many workers a machine carries, and how its cores and memory are shared among them. Imports no torch."""

from __future__ import annotations

import os

from gmic_core.memory import usable_memory

WORKER_BYTES = 2 << 30
"""What a worker and its decoder take at their peak: torch and weights 0.5 GiB, an image 0.8, frames ahead up to 0.5."""
CORES_PER_WORKER = 4
"""With more, the threads of one network wait for each other; with fewer, memory is spent on too many networks."""
MOST_WORKERS = 8
"""That are started unasked."""
AHEAD_SHARE = 16
"""Frames of one image that are read ahead may take this part of a worker's share of the memory."""
LEAST_AHEAD, MOST_AHEAD = 64 << 20, 1 << 30


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_workers(core_count: int, memory: int) -> int:
    """Return a sensible number of workers: one per four cores, as far as the memory carries them.

    Parameters
    ----------
    memory : bytes.
    """
    return max(1, min(core_count // CORES_PER_WORKER, memory // (2 * WORKER_BYTES), MOST_WORKERS))


def threads_each(core_count: int, workers: int) -> int:
    """Return the threads of torch in each of several workers; a smaller OMP_NUM_THREADS is respected."""
    share = max(core_count // max(workers, 1), 1)
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return min(share, int(wanted)) if wanted.isdigit() and int(wanted) > 0 else share


def ahead_bytes(memory: int, workers: int) -> int:
    """Return how many bytes of frames a worker may hold of one image that it reads ahead."""
    return min(max(memory // max(workers, 1) // AHEAD_SHARE, LEAST_AHEAD), MOST_AHEAD)


def memory_warning(workers: int, memory: int | None = None) -> str:
    """Return what to tell a user who wants more workers than the memory carries; "" when it carries them."""
    there = usable_memory() if memory is None else memory
    if workers * WORKER_BYTES <= there:
        return ""
    fits = max(there // WORKER_BYTES, 1)
    return (
        f"{workers} workers may need {workers * WORKER_BYTES >> 30} GiB of memory, this machine has {there >> 30}; "
        f"--workers {fits} would fit."
    )
