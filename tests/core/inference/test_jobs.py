"""Several networks or windows on one image: read once, results as one by one, and what a lack of memory does."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
import torch

from gmic_core.errors import InferenceError
from gmic_core.exam.frames import FrameReader
from gmic_core.exam.model import MammoImage
from gmic_core.exam.scan import scan
from gmic_core.inference.augmented import run_augmented, run_averaged
from gmic_core.inference.engine import Run, run_image, run_members
from gmic_core.inference.ensemble import ensemble_mean
from gmic_core.inference.events import ImageStarted, SliceSaliency
from gmic_core.inference.execution.onednn import OneDnnExecutor
from gmic_core.inference.reader import Frame
from tests.helpers.breasts import breast_volume
from tests.helpers.dicom_files import write_dbt
from tests.helpers.networks import small_network

SLICES = 5


class Counting:
    """Counts how often each slice is asked for."""

    def __init__(self, reader: FrameReader) -> None:
        self._reader = reader
        self.asked: Counter[int] = Counter()

    def read(self, image: MammoImage, slice_index: int) -> Frame:
        self.asked[slice_index] += 1
        return self._reader.read(image, slice_index)

    def submit(self, image: MammoImage, slice_index: int) -> Future[Frame]:
        self.asked[slice_index] += 1
        return self._reader.submit(image, slice_index)


@pytest.fixture(scope="module")
def frames() -> Iterator[FrameReader]:
    with FrameReader(start=False) as reader:
        yield reader


@pytest.fixture
def counting(frames) -> Counting:
    return Counting(frames)


@pytest.fixture(scope="module")
def packed(tmp_path_factory) -> MammoImage:
    folder: Path = tmp_path_factory.mktemp("packed")
    volume = breast_volume(SLICES, 400, 340, seed=3, bits=10)
    (exam,) = scan([write_dbt(folder / "a.dcm", volume, "L", "MLO", syntax="jpegls", bits=10)]).exams
    return exam.images[0]


@pytest.fixture(scope="module")
def members():
    return [small_network("gmic3d", seed) for seed in range(3)]


def same(a, b) -> None:
    assert a.y == b.y
    assert a.rois == b.rois
    np.testing.assert_array_equal(a.saliency, b.saliency)
    assert a.saliency_to_stored.tolist() == b.saliency_to_stored.tolist()


def test_an_ensemble_is_decoded_once_and_gives_what_its_members_give_alone(packed, members, counting):
    together = run_members(packed, members, counting)
    assert counting.asked == Counter({k: 1 for k in range(SLICES)})  # kept after the first pass
    for result, member in zip(together, members, strict=True):
        same(result, run_image(packed, member, counting))
    assert len({result.y for result in together}) == 3


def test_without_room_slices_are_read_three_times_however_many_networks_there_are(packed, members, counting):
    run_members(packed, members, counting, Run(budget=1))
    others = {k: times for k, times in counting.asked.items() if k != SLICES // 2}
    assert all(3 <= times <= 4 for times in others.values())  # the fourth: a slice with patches
    assert counting.asked[SLICES // 2] in (4, 5)  # and once to see on which side the chest wall is


def test_only_the_first_members_maps_are_told(packed, members, counting):
    events = []
    run_members(packed, members, counting, Run(on_event=events.append))
    assert [event.weights for event in events if isinstance(event, ImageStarted)] == ["random:0"]
    assert len([event for event in events if isinstance(event, SliceSaliency)]) == SLICES


def test_augmentations_share_decoding_and_report_their_spread(packed, members, counting):
    result, plain_members = run_averaged(packed, members[:2], counting, count=4, noise=40)
    assert counting.asked == Counter({k: 1 for k in range(SLICES)})
    plain = ensemble_mean(run_members(packed, members[:2], counting))
    np.testing.assert_array_equal(result.saliency, plain.saliency)
    assert [one.y for one in plain_members] == [one.y for one in plain.members]
    assert result.rois == plain.rois
    one_by_one = [run_augmented(packed, member, counting, count=4, noise=40) for member in members[:2]]
    expected = [np.mean([runs[n].y for runs in one_by_one], axis=0) for n in range(4)]
    np.testing.assert_allclose(result.augmentations, expected, atol=1e-12)
    np.testing.assert_allclose(result.y, np.mean(expected, axis=0), atol=1e-12)
    assert len({scores[1] for scores in result.augmentations}) == 4
    spread = np.std(expected, axis=0)[1]
    assert result.notes[-1].startswith("Scores are means of 4 augmentations (malignant ")
    assert f"SD {spread:.3f}), maps" not in result.notes[-1]
    assert f"SD {spread:.3f}, benign" in result.notes[-1]
    assert result.notes[-1].endswith("maps and patches are those of the plain window.")
    with pytest.raises(InferenceError, match="at least once, not 0 times"):
        run_averaged(packed, members, counting, count=0)


# --- a device without enough memory ---------------------------------------------------------------------------------


class Short(OneDnnExecutor):
    """Has memory for a few slices only, as a graphics card may."""

    largest_batch = 8

    def __init__(self, network, most: int) -> None:
        super().__init__(network)
        self.most, self.tried = most, []

    def global_pass(self, x):
        self.tried.append(len(x))
        if len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().global_pass(x)


def short_of_memory(most: int, **changes):
    loaded = small_network("gmic3d")
    executor = Short(loaded.network, most)
    return dataclasses.replace(loaded, given=executor, **changes), executor


def test_the_batch_is_halved_until_it_fits_and_the_result_says_so(packed, counting):
    loaded, executor = short_of_memory(2)
    result = run_image(packed, loaded, counting)
    assert executor.tried == [5, 4, 2, 2, 1]
    assert "The memory of the device was short: 2 slices were computed at once instead of 4." in result.notes
    same(result, run_image(packed, small_network("gmic3d"), counting))


def test_at_last_the_cpu_computes(packed, counting, monkeypatch):
    loaded, executor = short_of_memory(0, device_label="cuda:0 (small)", mode="fast")
    there = small_network("gmic3d")
    monkeypatch.setattr(type(loaded), "on_cpu", lambda _self: there)
    monkeypatch.setattr("gmic_core.inference.engine._elsewhere", lambda jobs: True)
    result = run_image(packed, loaded, counting)
    assert executor.tried == [5, 4, 2, 1]
    assert result.provenance.device == "cpu"
    assert result.provenance.mode == "exact"
    assert "The memory of the device was not enough for a single slice: the CPU computed instead." in result.notes


def test_the_cpus_own_lack_of_memory_is_an_error(packed, counting):
    loaded, _ = short_of_memory(0)
    with pytest.raises(torch.OutOfMemoryError):
        run_image(packed, loaded, counting)


def test_a_copy_on_the_cpu_computes_the_same(packed, counting):
    fast = dataclasses.replace(small_network("gmic3d"), device_label="cuda:0", mode="fast")
    copied = fast.on_cpu()
    assert (copied.device_label, copied.mode, copied.device.type) == ("cpu", "exact", "cpu")
    same(run_image(packed, copied, counting), run_image(packed, small_network("gmic3d"), counting))
