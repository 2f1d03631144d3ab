"""The client against a worker process that behaves as told: queue, cancel, violent ends, stale words."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from gmic_core.exam.model import VoiTable
from gmic_core.inference.events import ImageFinished
from tests.helpers import fake_worker
from tests.viewer.services.bench import Bench, spawned
from viewer.services import deaths, inference
from viewer.services.protocol import Failed, Told


def weights(ref: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(("gmic2d", "gmic3d", "gmic2d_park"), (ref,))


@pytest.fixture
def bench(post, exam, tmp_path):
    bench = Bench(post, exam, tmp_path / "home", main=fake_worker.main)
    yield bench
    begin = time.monotonic()
    bench.client.close()
    assert time.monotonic() - begin < 5.0
    assert spawned() == []
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("gmic-worker")] == []


def test_an_exam_goes_through_one_image_at_a_time(bench, exam):
    job = bench.client.submit(exam.images, weights("ok"))
    assert {bench.status(image) for image in exam.images} == {"queued"}
    assert bench.session.ai.jobs == (job,)
    for image in exam.images:
        bench.wait(image, "done")
    assert [state for k, state in enumerate(bench.states) if k == 0 or bench.states[k - 1] != state] == [
        "starting", "running", "idle",
    ]  # fmt: skip
    assert bench.session.ai.jobs == ()
    assert bench.session.ai.device == "cpu"


def test_words_of_unknown_and_stale_jobs_change_nothing(bench):
    image = bench.images("FFDM")[0]
    bench.client.submit([image], weights("slow"))
    bench.wait(image, "running")
    result = fake_worker.fake_result(image, "gmic2d")
    bench.client._apply(bench.client._link, Told("job-99", ImageFinished(result)))
    bench.client._apply(bench.client._link, Failed("job-99", image.sop_uid, "stale"))
    bench.client._apply(object(), Failed("job-1", image.sop_uid, "of a process that was replaced"))
    assert bench.status(image) == "running"
    first = bench.client.submit([image], weights("ok"))  # other weights: only the new job counts from here
    assert bench.status(image) == "queued"
    bench.client._apply(bench.client._link, Told("job-1", ImageFinished(result)))
    assert bench.status(image) == "queued"
    bench.wait(image, "done")
    assert bench.entry(image).job_id == first


def test_another_run_of_one_image_leaves_the_rest_of_the_first_job_alone(bench):
    one, two = bench.images("FFDM")
    first = bench.client.submit([one, two], weights("slow"))
    bench.wait(one, "running")
    second = bench.client.submit([one], weights("ok"))
    bench.wait(two, "running")
    assert (bench.entry(one).job_id, bench.entry(two).job_id) == (second, first)
    bench.client.cancel(first)
    bench.wait(one, "done")


def test_the_same_work_is_not_done_twice(bench):
    one, two = bench.images("FFDM")
    first = bench.client.submit([one, two], weights("slow"))
    bench.wait(one, "running")
    bench.client.submit([one, two], weights("slow"))
    assert (bench.entry(one).job_id, bench.entry(two).job_id) == (first, first)
    assert bench.session.ai.jobs == (first,)


def test_images_that_no_network_takes_get_the_reason_at_once(bench, exam):
    image, asked = bench.images("FFDM")
    other = replace(image, sop_uid="1.2.3", modality="OTHER")
    asked = replace(asked, questions=("Which breast is this?",))
    bench.session.open_exam(replace(exam, images=(image, other, asked)))
    bench.client.submit([other, asked, image], {})
    assert "No network takes images of the kind OTHER" in bench.entry(other).message
    assert "Which breast is this?" in bench.entry(asked).message
    assert "No weights are chosen for gmic2d" in bench.entry(image).message
    assert bench.client.worker_pid is None  # nothing to do, nothing started


def test_a_bad_image_does_not_stop_the_others(bench):
    one, two = bench.images("FFDM")
    bench.client.submit([one], weights("bad"))
    bench.client.submit([two], weights("ok"))
    bench.wait(two, "done")
    assert (bench.status(one), bench.entry(one).message) == ("failed", "It was a bad image.")
    assert bench.session.ai.state == "idle"


def test_cancel_marks_everything_at_once_and_the_worker_lives(bench):
    one, two = bench.images("FFDM")
    bench.client.submit([one, two], weights("slow"))
    bench.wait(one, "running")
    pid = bench.client.worker_pid
    bench.client.cancel()
    assert (bench.status(one), bench.status(two)) == ("cancelled", "cancelled")
    assert bench.entry(one).saliency is None
    bench.wait_state("idle", 2.0)
    bench.client.submit([one], weights("ok"))
    bench.wait(one, "done")
    assert bench.client.worker_pid == pid


def test_one_job_can_be_cancelled_alone(bench):
    one, two = bench.images("FFDM")
    first = bench.client.submit([one], weights("slow"))
    bench.client.submit([two], weights("ok"))
    bench.client.cancel("job-99")
    bench.wait(one, "running")
    bench.client.cancel(first)
    assert (bench.status(one), bench.status(two)) == ("cancelled", "queued")
    bench.wait(two, "done")


def test_a_worker_that_does_not_listen_is_replaced_within_two_seconds(bench):
    one, two = bench.images("FFDM")
    bench.client.submit([one], weights("deaf"))
    bench.wait(one, "running")
    pid = bench.client.worker_pid
    begin = time.monotonic()
    bench.client.cancel()
    bench.client.submit([two], weights("ok"))
    bench.post.run_until(lambda: bench.client.worker_pid not in (None, pid), 5.0)
    assert time.monotonic() - begin < 2.0
    bench.wait(two, "done")
    assert bench.status(one) == "cancelled"
    assert bench.notices == []  # the reader asked for it


def test_a_late_kill_does_not_hit_the_next_image(bench, monkeypatch):
    monkeypatch.setattr(inference, "CANCEL_S", 0.2)
    one, two = bench.images("FFDM")
    bench.client.submit([one], weights("slow"))
    bench.wait(one, "running")
    pid = bench.client.worker_pid
    bench.client.cancel()
    bench.client.submit([two], weights("slow"))
    bench.wait(two, "running")
    time.sleep(0.4)
    bench.post.run_all()
    assert (bench.client.worker_pid, bench.status(two)) == (pid, "running")


def test_a_worker_that_dies_of_an_image_tries_once_more_and_the_queue_goes_on(bench):
    one, two = bench.images("FFDM")
    bench.client.submit([one], weights("die"))
    bench.client.submit([two], weights("ok"))
    bench.wait(two, "done")
    assert bench.status(one) == "failed"
    assert bench.entry(one).message == "The AI process stopped unexpectedly (exit code 7). Run it again."
    (first, again), (second, given_up) = bench.notices
    assert (first, second) == ("error", "error")
    assert "was restarted; the images are not affected." in again
    assert again.endswith(f"{one.label} runs again from its beginning.")
    assert given_up.endswith(f"{one.label} was not finished: press {{ai.run_exam}} to run it again.")
    bench.client.submit([one], weights("ok"))
    bench.wait(one, "done")
    assert bench.session.ai.message == ""


def test_the_queue_survives_twenty_kills_in_the_middle_of_an_image(bench, exam):
    """The reader keeps the window, the place in the queue and, in the end, every result."""
    bench.client.submit(exam.images, weights("slow"))
    first = bench.client._current
    for _ in range(20):
        bench.post.run_until(lambda: bench.session.results.get(first.sop_uid).status == "running")
        assert bench.session.results.get(first.sop_uid).saliency is not None
        pid = bench.client.worker_pid
        os.kill(pid, signal.SIGKILL)
        bench.post.run_until(lambda pid=pid: bench.client.worker_pid not in (None, pid))
        assert bench.session.results.pending == tuple(image.sop_uid for image in exam.images)
    assert {text.rpartition(". ")[2] for _, text in bench.notices} == {
        f"{first.image.label} runs again from its beginning."
    }
    for image in exam.images:
        bench.client.submit([image], weights("ok"))
    for image in exam.images:
        bench.wait(image, "done")
    assert bench.session.ai.state == "idle"


def test_an_image_during_which_the_process_is_killed_for_ever_is_given_up(bench, monkeypatch):
    monkeypatch.setattr(deaths, "KILLS", 2)
    image = bench.images("FFDM")[0]
    bench.client.submit([image], weights("slow"))
    for _ in range(2):
        bench.wait(image, "running")
        pid = bench.client.worker_pid
        os.kill(pid, signal.SIGKILL)
        bench.post.run_until(lambda pid=pid: bench.client.worker_pid not in (None, pid))
    assert bench.status(image) == "failed"
    assert "exit code -9" in bench.entry(image).message


def test_killing_the_worker_over_and_over_harms_nothing(bench):
    image = bench.images("FFDM")[0]
    bench.client.start()
    for round_ in range(20):
        if round_ % 4 == 3:
            bench.wait_state("idle")  # else it is killed while it starts
        pid = bench.client.worker_pid
        os.kill(pid, signal.SIGKILL)
        bench.post.run_until(lambda pid=pid: bench.client.worker_pid not in (None, pid))
    assert len(bench.notices) == 20
    bench.client.submit([image], weights("ok"))
    bench.wait(image, "done")


def test_a_worker_that_cannot_start_is_given_up_until_asked(post, exam, tmp_path):
    bench = Bench(post, exam, tmp_path / "home", main=fake_worker.main_that_fails)
    image = bench.images("FFDM")[0]
    bench.client.submit([image], weights("ok"))
    bench.wait_state("dead")
    assert "cannot be started (exit code 3)" in bench.session.ai.message
    assert "Ctrl+R" in bench.session.ai.message
    assert bench.status(image) == "failed"
    assert bench.client.worker_pid is None
    bench.client._main = fake_worker.main
    bench.client.restart()
    bench.wait_state("idle")
    assert bench.session.ai.message == ""
    bench.client.close()
    assert spawned() == []


def test_a_system_out_of_processes_is_told(bench, monkeypatch):
    def refuse(*_args, **_options):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(inference, "WorkerLink", refuse)
    image = bench.images("FFDM")[0]
    bench.client.submit([image], weights("ok"))
    assert bench.session.ai.state == "dead"
    assert "Resource temporarily unavailable" in bench.entry(image).message


def test_images_of_the_exam_on_screen_go_first_and_the_other_exam_finds_its_run_again(bench, exam):
    one, two = bench.images("FFDM")
    left = replace(exam, study_uid="1.2.840.1", images=(one, two))
    other = replace(one, sop_uid="1.2.840.2")
    bench.session.open_exam(left)
    bench.client.submit([one, two], weights("slow"))
    bench.wait(one, "running")
    bench.session.open_exam(replace(exam, images=(other,)))
    bench.client.submit([other], weights("ok"))
    assert bench.status(one) == "none"
    bench.session.open_exam(left)
    assert (bench.status(one), bench.status(two)) == ("running", "queued")
    assert bench.entry(one).saliency is not None
    bench.session.open_exam(replace(exam, images=(other,)))
    bench.client._link.cancel(bench.client._current)  # the running image ends: the next one is of the exam on screen
    bench.post.run_until(lambda: bench.client._current is not None and bench.client._current.sop_uid != one.sop_uid)
    assert bench.client._current.sop_uid == other.sop_uid


def test_results_are_kept_and_come_back_only_for_the_same_weights(bench, exam):
    bench.client.submit(exam.images, weights("random:5"))
    for image in exam.images:
        bench.wait(image, "done")
    shown: list[int] = []

    def reopen(chosen) -> int:
        bench.session.open_exam(exam)
        shown.clear()
        begin = time.monotonic()
        bench.client.restore(exam.images, chosen, lambda: shown.append(1))
        bench.post.run_until(lambda: shown != [], 5.0)
        assert time.monotonic() - begin < 0.5
        return sum(bench.status(image) == "done" for image in exam.images)

    assert reopen(weights("random:5")) == 3
    assert np.isfinite(bench.entry(exam.images[0]).saliency).all()
    assert reopen(weights("random:6")) == 0
    assert reopen({"gmic2d": ("random:5",)}) == 2
    assert reopen({}) == 0


def test_results_that_come_back_too_late_are_dropped(bench, exam):
    bench.client.submit(exam.images, weights("random:5"))
    for image in exam.images:
        bench.wait(image, "done")
    done: list[int] = []
    bench.session.open_exam(exam)
    bench.client.restore(exam.images, weights("random:5"), lambda: done.append(1))
    bench.session.open_exam(replace(exam, study_uid="1.2.840.7"))
    bench.post.run_until(lambda: done != [])
    assert {bench.status(image) for image in exam.images} == {"none"}


def test_large_tables_for_display_do_not_travel(bench):
    image = replace(bench.images("FFDM")[0], voi_tables=(VoiTable(0, 16, tuple(range(65536))),))
    bench.client.submit([image], weights("slow"))
    assert bench.client._current.image.voi_tables == ()


def test_closing_in_the_middle_of_a_run_takes_less_than_five_seconds_even_from_a_deaf_worker(post, exam, tmp_path):
    bench = Bench(post, exam, tmp_path / "home", main=fake_worker.main)
    image = bench.images("FFDM")[0]
    bench.client.submit([image], weights("deaf"))
    bench.wait(image, "running")
    begin = time.monotonic()
    bench.client.close(3.0)
    assert time.monotonic() - begin < 3.5
    assert spawned() == []
