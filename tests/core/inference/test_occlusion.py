"""A place hidden from the network: what fills it, what stays, what it changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

from gmic_core.errors import ExamError, InferenceError
from gmic_core.exam.frames import FrameReader
from gmic_core.exam.model import MammoImage
from gmic_core.exam.scan import scan
from gmic_core.inference.engine import Run, run_image
from gmic_core.inference.events import ImageFinished
from gmic_core.inference.occlusion import OccludedReader, Occlusion, change
from gmic_core.inference.reruns import run_occluded
from tests.helpers.breasts import breast_volume
from tests.helpers.dicom_files import write_dbt
from tests.helpers.networks import small_network


@pytest.fixture(scope="module")
def reader() -> Iterator[FrameReader]:
    with FrameReader(start=False) as frames:
        yield frames


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> MammoImage:
    pixels = breast_volume(3, 400, 340, seed=3, bits=10)
    path = write_dbt(tmp_path_factory.mktemp("volume") / "v.dcm", pixels, "L", "CC", bits=10)
    (image,) = scan([Path(path)]).exams[0].images
    return image


def test_a_box_is_filled_with_the_mean_of_the_ring_around_it() -> None:
    frame = np.zeros((40, 40), np.uint16)
    frame[:20] = 100
    frame[:, 20:] += 50
    frame[10:30, 10:30] = 4000  # a bright mass, all of it inside the place
    filled = Occlusion(10, 10, 30, 30, 0, 0).fill(frame)
    ring = np.concatenate([frame[7:10, 7:33].ravel(), frame[30:33, 7:33].ravel()])
    ring = np.concatenate([ring, frame[10:30, 7:10].ravel(), frame[10:30, 30:33].ravel()])
    assert ring.size == 26 * 26 - 20 * 20
    assert set(np.unique(filled[10:30, 10:30])) == {75}  # half of it 100, half of it 50 brighter
    assert round(float(ring.mean())) == 75
    outside = np.ones_like(frame, bool)
    outside[10:30, 10:30] = False
    assert (filled[outside] == frame[outside]).all()
    assert frame[15, 15] == 4000  # the image itself is untouched
    assert filled.dtype == np.uint16


def test_an_ellipse_leaves_the_corners_of_its_box() -> None:
    frame = np.arange(41 * 41, dtype=np.uint16).reshape(41, 41)
    filled = Occlusion(10, 10, 31, 31, 0, 0, "ellipse").fill(frame)
    assert filled[20, 10] == filled[10, 20] == filled[20, 30] == filled[20, 20] == frame[20, 20]  # mean of a plane
    assert filled[10, 10] == frame[10, 10]
    assert filled[30, 30] == frame[30, 30]
    assert np.count_nonzero(filled != frame) == np.count_nonzero(
        (np.hypot(*np.mgrid[-20:21, -20:21]) <= 10.5) & (frame != frame[20, 20])
    )


def test_a_place_at_the_edge_is_filled_from_what_there_is() -> None:
    frame = np.full((20, 20), 7, np.int16)
    frame[:8, :8] = -300
    filled = Occlusion(-5, -5, 8, 8, 0, 0).fill(frame)
    assert (filled == 7).all()


@pytest.mark.parametrize("box", [(50, 50, 60, 60), (-3, -3, 23, 23)])
def test_a_place_outside_or_as_large_as_the_image_is_refused(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(InferenceError, match="outside the image or covers all of it"):
        Occlusion(*box, 0, 0).fill(np.zeros((20, 20), np.uint16))


@pytest.mark.parametrize("box", [(5, 5, 5, 9, 0, 0), (5, 5, 9, 5, 0, 0), (5, 5, 9, 9, 3, 2)])
def test_an_empty_place_is_refused(box: tuple[int, int, int, int, int, int]) -> None:
    with pytest.raises(InferenceError, match="draw it larger"):
        Occlusion(*box)


def test_only_the_slices_meant_are_changed_whichever_way_they_are_read(volume, reader) -> None:
    occlusion = Occlusion(150, 40, 200, 90, 1, 1)
    hidden = OccludedReader(reader, occlusion)
    for k in range(3):
        stored = np.array(reader.read(volume, k))
        wanted = occlusion.fill(stored) if k == 1 else stored
        assert (hidden.read(volume, k) == wanted).all()
        assert (hidden.submit(volume, k).result() == wanted).all()
        assert (stored != wanted).any() == (k == 1)


def test_a_slice_that_cannot_be_read_says_so_through_the_occlusion(volume) -> None:
    class Broken:
        def submit(self, _image: MammoImage, _slice: int) -> Future[np.ndarray]:
            asked: Future[np.ndarray] = Future()
            asked.set_exception(ExamError("The slice is damaged."))
            return asked

    with pytest.raises(ExamError, match="damaged"):
        OccludedReader(Broken(), Occlusion(1, 1, 9, 9, 0, 2)).submit(volume, 0).result()


def test_the_network_runs_in_the_window_that_it_had_and_the_change_is_where_the_place_is(volume, reader) -> None:
    loaded = small_network("gmic3d")
    before = run_image(volume, loaded, reader)
    events: list[object] = []
    occlusion = Occlusion(150, 40, 230, 120, 0, 2)
    after = run_occluded(volume, loaded, reader, occlusion, Run(on_event=events.append))
    assert (after.window_to_stored == before.window_to_stored).all()
    assert after.y != before.y
    assert isinstance(events[-1], ImageFinished)
    moved = np.abs(change(before, after).astype(np.float32)).max(axis=(0, 1))
    row, column = np.unravel_index(moved.argmax(), moved.shape)
    at = before.saliency_to_stored @ [row, column, 1.0]
    assert 110 < at[0] < 270
    assert 0 < at[1] < 160


def test_results_of_other_weights_are_not_compared(volume, reader) -> None:
    before = run_image(volume, small_network("gmic3d"), reader)
    other = dataclasses.replace(before, provenance=dataclasses.replace(before.provenance, weights_sha256="f" * 64))
    with pytest.raises(InferenceError, match="run it again first"):
        change(before, other)
    assert (change(before, before) == 0).all()
