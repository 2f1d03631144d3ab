"""Workers on this machine: who gets what, and what a dead worker costs."""

from __future__ import annotations

import multiprocessing
from contextlib import closing
from pathlib import Path

import pytest

from gmic_core.cohort.plan import Outcome, RunOptions, Task
from gmic_core.cohort.pool import LocalPool
from gmic_core.errors import InferenceError
from tests.core.inference.test_predict import header
from tests.helpers import fake_cohort_worker


def tasks(*models: str, ref: str = "random:0") -> list[Task]:
    return [
        Task(position, header("FFDM", str(position)), str(position), "9", model, (ref,), "")
        for position, model in enumerate(models)
    ]


def run(todo: list[Task], workers: int = 2, stall_s: float = 60.0) -> dict[int, Outcome]:
    pool = LocalPool(
        RunOptions(threads=3), workers, lambda: False, stall_s=stall_s, main=fake_cohort_worker.main
    )  # fmt: skip
    done: dict[int, Outcome] = {}
    with closing(pool.outcomes(todo)) as outcomes:
        for outcome in outcomes:
            assert outcome.position not in done
            done[outcome.position] = outcome
    return done


def test_every_task_is_done_once_and_both_workers_work() -> None:
    done = run(tasks(*["slow"] * 8))
    assert sorted(done) == list(range(8))
    assert len({outcome.entry["pid"] for outcome in done.values() if outcome.entry}) == 2
    assert {outcome.entry["threads"] for outcome in done.values() if outcome.entry} == {3}
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("dies", "The worker stopped unexpectedly (exit code 9) during this image, 2 times."),
        ("killed", "The worker stopped unexpectedly (signal 9: killed, perhaps because the memory was full)"),
    ],
)
def test_an_image_that_takes_workers_down_costs_itself_only(model: str, words: str) -> None:
    done = run(tasks("fine", model, "fine", "fine"))
    assert [bool(done[position].entry) for position in range(4)] == [True, False, True, True]
    assert done[1].reason.startswith(words)
    assert done[1].passing


def test_an_image_is_tried_once_more_on_a_fresh_worker(tmp_path: Path) -> None:
    done = run(tasks("dies once", "fine", ref=str(tmp_path / "mark")), workers=1)
    assert all(outcome.entry for outcome in done.values())


def test_a_worker_that_says_nothing_is_replaced() -> None:
    done = run(tasks("hangs", "fine"), stall_s=1.5)
    assert done[1].entry
    assert "did not get on for 0.025 minutes and was stopped" in done[0].reason


def test_workers_that_do_not_come_up_end_the_run() -> None:
    pool = LocalPool(RunOptions(), 1, lambda: False, main=fake_cohort_worker.main_that_fails)
    with (
        closing(pool.outcomes(tasks("fine"))) as outcomes,
        pytest.raises(InferenceError, match=r"do not come up: the last one stopped unexpectedly \(exit code 3\)"),
    ):
        list(outcomes)
    assert multiprocessing.active_children() == []


def test_a_stop_is_heeded_and_leaves_no_process() -> None:
    stopped = False
    pool = LocalPool(RunOptions(), 2, lambda: stopped, main=fake_cohort_worker.main)
    done = []
    with closing(pool.outcomes(tasks(*["slow"] * 50))) as outcomes:
        for outcome in outcomes:
            done.append(outcome)
            stopped = len(done) >= 3
    assert 3 <= len(done) < 10
    assert multiprocessing.active_children() == []
