from __future__ import annotations

import numpy as np
import pytest

from gmic_core.exam.geometry import PlaneMap
from tests.helpers.hung_images import make_image, make_result
from viewer.model.results import ResultEntry, ResultsModel

IMAGE = make_image("R-CC", "DBT", frames=5)
UID = IMAGE.sop_uid
OTHER = make_image("L-CC", "DBT", frames=5)
TO_STORED = PlaneMap.resampling(10, 10)


def running(slices: int = 5) -> tuple[ResultsModel, list[object]]:
    """Return results with job ``a`` running on the image, and what is told from now on."""
    results = ResultsModel()
    results.expect("a", (UID,))
    start(results, "a", slices)
    told: list[object] = []
    results.changed.connect(told.append)
    results.slice_arrived.connect(lambda uid, index: told.append((uid, index)))
    return results, told


def start(results: ResultsModel, job: str, slices: int = 5) -> None:
    results.started(
        job, UID, slices=slices, cells=(3, 2), to_stored=TO_STORED, model="gmic3d", weights="random:0", untrained=True
    )


def entry(results: ResultsModel) -> ResultEntry:
    found = results.get(UID)
    assert found is not None
    return found


def values(level: float) -> np.ndarray:
    return np.full((2, 3, 2), level, np.float16)


def test_a_job_is_queued_then_runs() -> None:
    results = ResultsModel()
    results.expect("a", (UID, OTHER.sop_uid))
    assert entry(results).status == "queued"
    assert results.pending == (UID, OTHER.sop_uid)
    start(results, "a")
    known = entry(results)
    assert (known.status, known.model, known.weights, known.untrained) == ("running", "gmic3d", "random:0", True)
    assert known.saliency_to_stored is TO_STORED
    assert known.saliency is not None
    assert known.saliency.shape == (5, 2, 3, 2)


def test_slices_appear_one_by_one() -> None:
    results, told = running()
    results.slice_computed("a", UID, 3, values(0.25))
    assert told == [(UID, 3)]
    known = entry(results)
    cells = known.cells(3)
    assert cells is not None
    assert cells.shape == (2, 3, 2)
    assert cells.max() == 0.25
    assert known.cells(2) is None
    assert known.cells(5) is None
    assert known.cells(-1) is None
    profile = known.profile()
    assert profile.dtype == np.float32
    assert np.isnan(profile[[0, 1, 2, 4]]).all()
    assert profile[3].tolist() == [0.25, 0.25]


def test_progress_is_told() -> None:
    results, told = running()
    results.progress("a", UID, "slices", 2, 5)
    known = entry(results)
    assert (known.stage, known.done, known.total) == ("slices", 2, 5)
    assert told == [UID]


def test_a_finished_result_replaces_the_partial_map() -> None:
    results, told = running()
    results.slice_computed("a", UID, 0, values(0.5))
    result = make_result(IMAGE, untrained=True)
    results.finished("a", result)
    known = entry(results)
    assert known.status == "done"
    assert known.result is result
    assert known.saliency is result.saliency
    assert known.untrained
    assert known.profile() is result.profile
    assert known.saliency_to_stored is not None
    assert known.saliency_to_stored.apply([0, 0]) == pytest.approx([IMAGE.rows / 12 - 0.5, IMAGE.columns / 8 - 0.5])
    assert results.pending == ()
    assert told[-1] == UID


@pytest.mark.parametrize("job", ["old", ""])
def test_messages_of_another_job_are_dropped(job: str) -> None:
    results, told = running()
    start(results, job, slices=9)
    results.slice_computed(job, UID, 0, values(0.9))
    results.progress(job, UID, "slices", 1, 9)
    results.finished(job, make_result(IMAGE))
    results.failed(job, UID, "no")
    assert told == []
    assert entry(results).status == "running"
    assert entry(results).cells(0) is None


def test_messages_about_unknown_images_are_dropped() -> None:
    results, told = running()
    results.slice_computed("a", "2.25.404", 0, values(0.9))
    results.finished("a", make_result(OTHER))
    assert told == []
    assert results.get(OTHER.sop_uid) is None


def test_a_slice_before_the_start_is_dropped() -> None:
    results = ResultsModel()
    results.expect("a", (UID,))
    results.slice_computed("a", UID, 0, values(0.9))
    assert entry(results).cells(0) is None
    assert entry(results).profile().shape == (0, 2)


@pytest.mark.parametrize("cancelled", [True, False])
def test_a_run_that_ends_early_keeps_no_half_made_map(cancelled: bool) -> None:
    results, told = running()
    results.slice_computed("a", UID, 1, values(0.5))
    results.failed("a", UID, "out of memory; close other programs", cancelled=cancelled)
    known = entry(results)
    assert known.status == ("cancelled" if cancelled else "failed")
    assert known.message.startswith("out of memory")
    assert known.saliency is None
    assert known.cells(1) is None
    assert results.pending == ()
    assert told[-1] == UID


def test_late_messages_do_not_bring_an_ended_image_back() -> None:
    results, told = running()
    results.failed("a", UID, "", cancelled=True)
    told.clear()
    start(results, "a")
    results.slice_computed("a", UID, 1, values(0.5))
    results.progress("a", UID, "slices", 2, 5)
    results.finished("a", make_result(IMAGE))
    assert entry(results).status == "cancelled"
    assert told == []
    results.expect("b", (UID,))
    start(results, "b")
    results.finished("b", make_result(IMAGE))
    results.progress("b", UID, "late", 1, 2)
    results.failed("b", UID, "late", cancelled=True)  # the rest of the job was cancelled
    assert entry(results).status == "done"
    assert entry(results).result is not None


def test_running_again_starts_from_nothing() -> None:
    results, _ = running()
    results.slice_computed("a", UID, 1, values(0.5))
    results.expect("b", (UID,))
    assert entry(results).saliency is None
    start(results, "b")
    assert entry(results).cells(1) is None


def test_a_stored_result_is_shown_unless_something_newer_is_under_way() -> None:
    result = make_result(IMAGE)
    results, told = running()
    results.restore(result)
    assert entry(results).status == "running"
    assert told == []
    results.failed("a", UID, "gone")
    results.restore(result)
    assert entry(results).result is result
    newer = make_result(IMAGE)
    results.restore(newer)
    assert entry(results).result is result
    queued = ResultsModel()
    queued.expect("q", (UID,))
    queued.restore(result)
    assert entry(queued).status == "queued"


def test_clearing_forgets_and_tells() -> None:
    results, _ = running()
    told: list[str] = []
    results.cleared.connect(lambda: told.append("cleared"))
    results.clear()
    assert told == ["cleared"]
    assert results.get(UID) is None
    results.slice_computed("a", UID, 0, values(0.5))
    assert results.get(UID) is None
