"""One image through one network: streamed equals whole, events in order, cancel, sides."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from gmic_core.coverage import Structure
from gmic_core.errors import CancelledError, InferenceError
from gmic_core.exam.frames import FrameReader
from gmic_core.exam.geometry import ORIENTATIONS, PlaneMap, network_to_saliency
from gmic_core.exam.model import MammoImage
from gmic_core.exam.scan import scan
from gmic_core.inference.engine import Run, batch_size, batches_outward, run_image
from gmic_core.inference.events import ImageFinished, ImageStarted, Progress, SliceSaliency
from gmic_core.models.gmic_network import GlobalPass, GmicNetwork
from gmic_core.models.resnet22 import cells_of
from gmic_core.preprocessing import PREPROCESSING_VERSION, Moments, PixelLevels, Projection, plan_window
from gmic_core.types import ImageResult, Modality
from tests.helpers.breasts import breast, breast_volume, hanging, patient_orientation
from tests.helpers.dicom_files import write_dbt, write_mg
from tests.helpers.networks import COLUMNS, ROWS, small_network

SLICES = 5


@pytest.fixture(scope="module")
def reader() -> Iterator[FrameReader]:
    with FrameReader(start=False) as frames:
        yield frames


@pytest.fixture(scope="module")
def gmic3d():
    return small_network("gmic3d")


@pytest.fixture(scope="module")
def gmic2d():
    return small_network("gmic2d")


def only_image(path: Path) -> MammoImage:
    (exam,) = scan([path]).exams
    (image,) = exam.images
    return image


def volume_file(folder: Path, side: str = "L", syntax: str = "explicit") -> MammoImage:
    volume = hanging(breast_volume(SLICES, 400, 340, seed=3, bits=10), side)
    return only_image(write_dbt(folder / f"{side}-{syntax}.dcm", volume, side, "MLO", syntax=syntax, bits=10))


def prepared(image: MammoImage, spec, frames: np.ndarray) -> np.ndarray:
    projection = Projection(PixelLevels.of(image.pixel))
    for frame in frames:
        projection.add(frame)
    levels, highest = projection.finish()
    plan = plan_window(highest, levels, image, spec)
    windows = np.stack([plan.take(frame) for frame in frames])
    return Moments().plus(windows).apply(windows)


def assert_same_scores(a: ImageResult, b: ImageResult, tolerance: float = 1e-5) -> None:
    for name in ("y", "y_global", "y_local"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=0, atol=tolerance)
    np.testing.assert_allclose(a.profile, b.profile, rtol=0, atol=tolerance)
    for one, other in zip(a.rois, b.rois, strict=True):
        assert one.attention == pytest.approx(other.attention, abs=tolerance)
        assert one.slice_index == other.slice_index


def test_a_streamed_volume_equals_the_whole_one(tmp_path, reader, gmic3d):
    image = volume_file(tmp_path)
    result = run_image(image, gmic3d, reader)
    frames = np.stack([np.array(reader.read(image, k)) for k in range(SLICES)])
    x = torch.from_numpy(prepared(image, gmic3d.network.spec, frames))[None, None]
    with torch.inference_mode():
        whole = gmic3d.network(x)
    np.testing.assert_allclose(result.y, whole.y[0], rtol=0, atol=1e-5)
    np.testing.assert_allclose(result.y_global, whole.y_global[0], rtol=0, atol=1e-5)
    np.testing.assert_allclose(result.y_local, whole.y_local[0], rtol=0, atol=1e-5)
    np.testing.assert_allclose(result.profile, whole.saliency.amax(dim=(2, 3)), rtol=0, atol=1e-5)
    np.testing.assert_allclose(result.saliency, whole.saliency, rtol=0, atol=1e-3)  # float16
    assert [roi.slice_index for roi in result.rois] == whole.patch_slices.tolist()
    np.testing.assert_allclose([roi.attention for roi in result.rois], whole.attention[0], rtol=0, atol=1e-5)
    np.testing.assert_allclose([roi.local_scores for roi in result.rois], whole.patch_scores, rtol=0, atol=1e-5)
    to_network = PlaneMap(result.window_to_stored).inverse()
    corners = [to_network.apply_box((r.row0, r.col0, r.row1, r.col1))[:2] for r in result.rois]
    np.testing.assert_allclose(corners, whole.patch_corners, atol=1e-6)
    assert result.window_shape == (ROWS, COLUMNS)
    assert result.saliency.shape == (SLICES, 2, 7, 6)
    assert sum(roi.attention for roi in result.rois) == pytest.approx(1.0)


def test_the_result_does_not_depend_on_the_memory_budget(tmp_path, reader, gmic3d):
    image = volume_file(tmp_path, "R", "rle")
    frugal = run_image(image, gmic3d, reader, Run(budget=1))
    lavish = run_image(image, gmic3d, reader, Run(budget=1 << 30))
    assert_same_scores(frugal, lavish)
    partly = run_image(image, gmic3d, reader, Run(budget=2 * 3 * ROWS * COLUMNS * 2))  # keeps three windows of five
    assert_same_scores(frugal, partly)


def test_compressed_and_raw_frames_give_the_same(tmp_path, reader, gmic3d):
    raw, packed = (run_image(volume_file(tmp_path, "L", s), gmic3d, reader) for s in ("explicit", "jpegls"))
    assert_same_scores(raw, packed, 0.0)
    np.testing.assert_array_equal(raw.saliency, packed.saliency)


@pytest.mark.parametrize("name", ["gmic2d", "gmic2d_park"])
def test_an_image_equals_the_network_on_its_window(tmp_path, reader, name):
    loaded = small_network(name, seed=2)
    pixels = hanging(breast(400, 340, seed=5), "R")
    image = only_image(write_mg(tmp_path / "a.dcm", pixels, "R", "CC"))
    result = run_image(image, loaded, reader)
    with torch.inference_mode():
        whole = loaded.network(torch.from_numpy(prepared(image, loaded.network.spec, pixels[None]))[:, None])
    np.testing.assert_allclose(result.y, whole.y[0], rtol=0, atol=1e-6)
    np.testing.assert_allclose(result.y_local, whole.y_local[0], rtol=0, atol=1e-6)
    assert len(result.rois) == loaded.network.hyper.num_patches
    assert {roi.slice_index for roi in result.rois} == {0}


def test_events_tell_the_story_in_order(tmp_path, reader, gmic3d):
    image = volume_file(tmp_path)
    events = []
    result = run_image(image, gmic3d, reader, Run(on_event=events.append))
    started = [event for event in events if isinstance(event, ImageStarted)]
    maps = [event for event in events if isinstance(event, SliceSaliency)]
    assert len(started) == 1
    assert (started[0].model, started[0].slices, started[0].cells) == ("gmic3d", SLICES, (7, 6))
    assert started[0].untrained
    np.testing.assert_array_equal(started[0].saliency_to_stored, result.saliency_to_stored)
    assert events.index(started[0]) < events.index(maps[0])
    assert sorted(event.slice_index for event in maps) == list(range(SLICES))
    assert abs(maps[0].slice_index - SLICES // 2) <= 1
    for event in maps:
        assert event.values.dtype == np.float16
        np.testing.assert_array_equal(event.values, result.saliency[event.slice_index])
    stages = {}
    for event in events:
        if isinstance(event, Progress):
            assert event.done > stages.get(event.stage, 0)
            stages[event.stage] = event.done
            assert event.done <= event.total
    assert stages == {"reading": SLICES, "measuring": SLICES, "global network": SLICES, "patches": 3}
    assert isinstance(events[-1], ImageFinished)
    assert events[-1].result is result


def test_a_run_stops_between_batches(tmp_path, reader, gmic3d):
    image = volume_file(tmp_path)
    for stage in ("reading", "measuring", "global network"):
        events = []

        def cancelled(events: list = events, stage: str = stage) -> bool:
            return any(isinstance(event, Progress) and event.stage == stage for event in events)

        with pytest.raises(CancelledError):
            run_image(image, gmic3d, reader, Run(on_event=events.append, cancelled=cancelled))
        assert not any(isinstance(event, ImageFinished) for event in events)
        assert [event.stage for event in events if isinstance(event, Progress)][-1] == stage
    assert run_image(image, gmic3d, reader).rois  # the reader is as good as before


@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_mirrored_breasts_get_equal_scores_and_mirrored_maps(tmp_path, reader, gmic2d, view):
    facing = breast(400, 340, seed=6)
    left, right = (
        run_image(only_image(write_mg(tmp_path / f"{s}.dcm", hanging(facing, s), s, view)), gmic2d, reader)
        for s in "LR"
    )
    assert_same_scores(left, right, 0.0)
    np.testing.assert_array_equal(left.saliency, right.saliency)
    mirror = PlaneMap(np.array([[1.0, 0, 0], [0, -1, 339], [0, 0, 1]]))
    np.testing.assert_allclose((mirror @ PlaneMap(left.saliency_to_stored)).matrix, right.saliency_to_stored)
    np.testing.assert_allclose((mirror @ PlaneMap(left.window_to_stored)).matrix, right.window_to_stored)
    for one, other in zip(left.rois, right.rois, strict=True):
        assert mirror.apply_box((one.row0, one.col0, one.row1, one.col1)) == (
            other.row0, other.col0, other.row1, other.col1,
        )  # fmt: skip


@pytest.mark.parametrize("turn", ORIENTATIONS)
def test_the_score_does_not_depend_on_the_stored_orientation(tmp_path, reader, gmic2d, turn):
    facing = breast(400, 340, seed=7)
    files = []
    for number, stored in enumerate((ORIENTATIONS[0], turn)):
        directions = patient_orientation("R", "CC", stored)
        pixels = np.ascontiguousarray(stored.apply(facing))
        path = write_mg(tmp_path / f"{number}.dcm", pixels, "R", "CC", patient_orientation=directions)
        files.append(only_image(path))
    upright, turned = (run_image(image, gmic2d, reader) for image in files)
    assert upright.y == turned.y
    plane = turn.plane_map(400, 340)
    np.testing.assert_allclose((plane @ PlaneMap(upright.saliency_to_stored)).matrix, turned.saliency_to_stored)


def test_monochrome1_scores_like_its_negative(tmp_path, reader, gmic2d):
    pixels = breast(400, 340, seed=8)
    normal = only_image(write_mg(tmp_path / "2.dcm", pixels, "L", "CC"))
    negative = only_image(write_mg(tmp_path / "1.dcm", 4095 - pixels, "L", "CC", photometric="MONOCHROME1"))
    assert run_image(normal, gmic2d, reader).y == run_image(negative, gmic2d, reader).y


class Bright(GmicNetwork):
    """A network whose maps are the brightest pixel of each cell: what the geometry does, without any training."""

    def global_pass(self, x: torch.Tensor) -> GlobalPass:
        maps = torch.nn.functional.adaptive_max_pool2d(torch.sigmoid(x), cells_of(*x.shape[2:]))
        return GlobalPass(maps.repeat(1, 2, 1, 1), torch.zeros((len(x), 256)))


@pytest.fixture(scope="module")
def bright():
    loaded = small_network("gmic2d_park", num_patches=1)
    loaded.network.__class__ = Bright
    return loaded


@pytest.mark.parametrize("turn", ORIENTATIONS)
@pytest.mark.parametrize(("side", "view"), [("L", "CC"), ("R", "CC"), ("L", "MLO"), ("R", "MLO")])
def test_a_bright_dot_comes_back_where_it_was(tmp_path, reader, bright, turn, side, view):
    facing = np.zeros((400, 340), np.uint16)
    facing[20:380, :310] = 400
    facing[37, 171] = 4000
    stored = np.ascontiguousarray(turn.apply(facing))
    dot = np.argwhere(stored == 4000)[0]
    directions = patient_orientation(side, view, turn)
    image = only_image(write_mg(tmp_path / "a.dcm", stored, side, view, patient_orientation=directions))
    result = run_image(image, bright, reader)
    peaks = np.argwhere(result.saliency[0, 1] == result.saliency[0, 1].max())
    assert len(peaks) == 1
    cell = PlaneMap(result.saliency_to_stored).apply_box((*peaks[0], *(peaks[0] + 1)))
    assert cell[0] <= dot[0] < cell[2]
    assert cell[1] <= dot[1] < cell[3]
    to_cells = network_to_saliency(result.window_shape, result.saliency.shape[2:])
    via_window = PlaneMap(result.window_to_stored) @ to_cells.inverse()
    np.testing.assert_allclose(via_window.matrix, result.saliency_to_stored, atol=1e-9)
    (roi,) = result.rois
    assert roi.row0 <= dot[0] < roi.row1
    assert roi.col0 <= dot[1] < roi.col1


def test_nothing_on_the_maps_means_no_patches_and_the_global_score(tmp_path, reader):
    loaded = small_network("gmic3d")
    with torch.no_grad():
        loaded.network.left_postprocess_net["gn_conv_last"].weight.zero_()
    result = run_image(volume_file(tmp_path), loaded, reader)
    assert result.rois == ()
    assert np.isnan(result.y_local).all()
    assert result.y == result.y_global == (0.0, 0.0)
    assert any("no patch was chosen" in note for note in result.notes)


def test_provenance_and_identity(tmp_path, reader, gmic3d):
    image = volume_file(tmp_path)
    result = run_image(image, gmic3d, reader)
    assert (result.sop_uid, result.modality, result.laterality, result.view) == (image.sop_uid, "DBT", "L", "MLO")
    source = result.provenance
    assert (source.model, source.weights, source.untrained) == ("gmic3d", "random:0", True)
    assert source.weights_sha256 == "0" * 64
    assert (source.preprocessing_version, source.precision, source.device) == (PREPROCESSING_VERSION, "float32", "cpu")
    assert source.seconds > 0
    assert "torch 2." in source.software
    assert source.created.endswith("+00:00")


# --- refusals -------------------------------------------------------------------------------------------------


def test_pixels_that_contradict_the_tags_are_refused_until_confirmed(tmp_path, reader, gmic2d):
    facing = breast(400, 340, seed=9)
    image = only_image(write_mg(tmp_path / "a.dcm", facing, "R", "CC"))  # the tags say that it faces left
    with pytest.raises(InferenceError, match=r"chest wall is on the right edge .* show it on the left edge"):
        run_image(image, gmic2d, reader)
    result = run_image(image, gmic2d, reader, Run(orientation_confirmed=True))
    assert result.laterality == "R"


def test_an_open_question_waits_for_its_answer(tmp_path, reader, gmic2d):
    image = only_image(write_mg(tmp_path / "a.dcm", breast(400, 340), "L", "CC"))
    with pytest.raises(InferenceError, match=r"A question about this image is open: Left or right\?"):
        run_image(dataclasses.replace(image, questions=("Left or right?",)), gmic2d, reader)
    with pytest.raises(InferenceError, match="The view of this image is unknown"):
        run_image(dataclasses.replace(image, view=None), gmic2d, reader)


def test_a_network_refuses_what_it_was_not_made_for(tmp_path, reader, gmic2d, gmic3d):
    image = only_image(write_mg(tmp_path / "a.dcm", breast(400, 340), "L", "CC"))
    with pytest.raises(InferenceError, match="gmic3d does not take FFDM images; it takes DBT"):
        run_image(image, gmic3d, reader)
    with pytest.raises(InferenceError, match="this one has 3 frames"):
        run_image(dataclasses.replace(image, frames=3), gmic2d, reader)
    with pytest.raises(InferenceError, match="does not take OTHER"):
        run_image(dataclasses.replace(image, modality=Modality.OTHER), gmic2d, reader)


# --- batches --------------------------------------------------------------------------------------------------


def test_batches_go_outwards_from_the_middle_and_cover_everything():
    assert [list(batch) for batch in batches_outward(7, 2)] == [[2, 3], [4, 5], [0, 1], [6]]
    assert [list(batch) for batch in batches_outward(1, 4)] == [[0]]


def test_the_batch_fits_the_budget():
    assert batch_size((2116, 1339), 1) == 1
    assert batch_size((2116, 1339), 1 << 40, 2) == 2
    assert batch_size((2116, 1339), 1 << 40, 16) == 16


# -- what was not seen -------------------------------------------------------------------------------------------


def with_dot(facing: np.ndarray) -> np.ndarray:
    """Plant a dot of 12 x 12 pixels in the upper corner on the nipple's side, far from breast and crop."""
    planted = facing.copy()
    planted[..., 3:15, -20:-8] = 1000
    return planted


@pytest.mark.parametrize("side", ["L", "R"])
def test_a_dot_outside_changes_neither_score_nor_map_and_is_reported(tmp_path, reader, gmic2d, side):
    facing = breast(520, 460, seed=5)
    results = []
    for number, pixels in enumerate((facing, with_dot(facing))):
        path = write_mg(tmp_path / f"{number}.dcm", hanging(pixels, side), side, "CC", sop_uid=f"1.2.{number + 1}")
        results.append(run_image(only_image(path), gmic2d, reader))
    without, planted = results
    assert_same_scores(without, planted, 0.0)
    np.testing.assert_array_equal(without.saliency, planted.saliency)  # standardised over the window alone
    assert planted.window_to_stored.tolist() == without.window_to_stored.tolist()
    assert without.coverage is not None
    assert planted.coverage is not None
    column = 440 if side == "L" else 8
    dot = Structure(3, column, 15, column + 12, 144, attached=False)
    assert [one for one in planted.coverage.structures if not one.attached] == [dot]
    assert not [one for one in without.coverage.structures if not one.attached]
    note = (
        f"1 structure of 12x12 pixels at row 3, column {column} lies outside what the network saw and was not "
        "analysed. Side markers and labels count as well."
    )
    assert [text for text in planted.notes if text not in without.notes] == [note]


def test_a_dot_outside_in_one_slice_of_a_volume_changes_nothing(tmp_path, reader, gmic3d):
    volume = breast_volume(SLICES, 520, 460, seed=3, bits=10)
    planted = volume.copy()
    planted[2:3] = with_dot(volume[2:3])
    results = [
        run_image(only_image(write_dbt(tmp_path / f"{n}.dcm", one, "L", "MLO", bits=10)), gmic3d, reader)
        for n, one in enumerate((volume, planted))
    ]
    assert_same_scores(results[0], results[1], 0.0)
    np.testing.assert_array_equal(results[0].saliency, results[1].saliency)
    assert results[1].coverage is not None
    assert results[1].coverage.projected
    assert Structure(3, 440, 15, 452, 144, attached=False) in results[1].coverage.structures


def test_the_same_dot_inside_the_window_changes_the_map(tmp_path, reader, gmic2d):
    facing = breast(520, 460, seed=5)
    planted = facing.copy()
    planted[260:272, 150:162] = 4000
    results = [
        run_image(only_image(write_mg(tmp_path / f"{n}.dcm", one, "L", "CC")), gmic2d, reader)
        for n, one in enumerate((facing, planted))
    ]
    assert (results[0].saliency != results[1].saliency).any()
    assert results[1].coverage == results[0].coverage
