"""Folders of exams as training samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gmic_core.errors import TrainingError
from gmic_core.exam.frames import FrameReader
from gmic_core.models.specs import GMIC2D_PARK, GMIC3D
from gmic_core.training.data.exam_folder import check_images, read_exam_folder
from gmic_core.training.data.exams import ExamSamples, WindowNoise, turned
from gmic_core.training.data.windows import spec_at
from gmic_core.types import Modality
from tests.helpers.raster_files import write_nifti, write_png

LABELS = """patient,study,side,benign,malignant,split
a,,L,0,1,training
a,,R,1,0,training
b,,L,0,0,validation
b,,R,0,0,validation
"""
ROWS, COLUMNS = 300, 220


def breast(seed: int, *, left: bool) -> np.ndarray:
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    noise = np.random.default_rng(seed).integers(0, 50, (ROWS, COLUMNS))
    image = np.where(np.hypot((rows - 150) / 130, columns / 180) < 1, 500 + noise, 0).astype(np.uint16)
    return image if left else np.ascontiguousarray(image[:, ::-1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, (patient, side) in enumerate([("a", "L"), ("a", "R"), ("b", "L"), ("b", "R")]):
        for view in ("CC", "MLO"):
            write_png(tmp_path / f"{patient}_{side}-{view}.png", breast(number, left=side == "L"))
    write_png(tmp_path / "a_L-CC_malignant.png", np.zeros((ROWS, COLUMNS), np.uint16))
    (tmp_path / "labels.csv").write_text(LABELS)
    (tmp_path / "notes.txt").write_text("nothing")
    return tmp_path


@pytest.fixture(scope="module")
def reader() -> Iterator[FrameReader]:
    with FrameReader(start=False) as reader:
        yield reader


SPEC = spec_at(GMIC2D_PARK, Modality.FFDM, 256, 192, 0.0)


def test_images_get_the_labels_of_their_breast(folder: Path) -> None:
    found = read_exam_folder(folder, Modality.FFDM)
    assert len(found.images) == 8
    assert len(found.split("training")) == 4
    assert {one.image.laterality: one.label.labels for one in found.split("training")} == {"L": (0, 1), "R": (1, 0)}
    assert found.left_out == {}
    assert "a" not in found.images[0].image_id.replace("image", "").replace("labels", "").split()


def test_samples_are_standardised_windows(folder: Path, reader: FrameReader) -> None:
    source = ExamSamples(read_exam_folder(folder, Modality.FFDM).split("training"), SPEC, reader)
    assert len(source) == 4
    sample = source.load(0, None)
    assert sample.pixels.shape == (1, 256, 192)
    assert sample.pixels.dtype == torch.float32
    assert abs(float(sample.pixels.mean())) < 1e-4
    assert float(sample.pixels.std(correction=0)) == pytest.approx(1.0, abs=1e-4)
    assert sample.labels == tuple(map(float, source.labels(0)))


def test_right_breasts_face_right_too(folder: Path, reader: FrameReader) -> None:
    source = ExamSamples(read_exam_folder(folder, Modality.FFDM).images, SPEC, reader)
    for i in range(len(source)):
        pixels = source.load(i, None).pixels[0]
        assert float(pixels[:, 0].mean()) > float(pixels[:, -1].mean())


def test_augmentation_follows_its_generator(folder: Path, reader: FrameReader) -> None:
    source = ExamSamples(read_exam_folder(folder, Modality.FFDM).images, SPEC, reader, WindowNoise(20, 20))
    one, same, other = (source.load(0, np.random.default_rng(seed)).pixels for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert one.shape == (1, 256, 192)


def test_part_of_a_volume_is_standardised_like_the_whole(tmp_path: Path, reader: FrameReader) -> None:
    volume = np.stack([breast(k, left=True) * (1 + k % 2) for k in range(10)]).astype(np.uint16)
    write_nifti(tmp_path / "a_L-CC.nii.gz", volume)
    (tmp_path / "labels.csv").write_text("patient,study,side,benign,malignant,split\na,,L,0,1,training\n")
    spec = spec_at(GMIC3D, Modality.DBT, 256, 192, 0.0)
    images = read_exam_folder(tmp_path, Modality.DBT).images
    whole = ExamSamples(images, spec, reader).load(0, None).pixels
    part = ExamSamples(images, spec, reader, WindowNoise(depth=4)).load(0, None).pixels
    assert whole.shape == (10, 256, 192)
    assert torch.equal(part, whole[3:7])
    drawn = ExamSamples(images, spec, reader, WindowNoise(0, 0, 4)).load(0, np.random.default_rng(0)).pixels
    assert any(torch.equal(drawn, whole[k : k + 4]) for k in range(7))


def test_an_image_without_label_is_named(folder: Path) -> None:
    (folder / "labels.csv").write_text(LABELS.replace("b,,R,0,0,validation\n", ""))
    with pytest.raises(TrainingError, match=r"b_R-CC.png has no label: labels.csv has no line .* side R"):
        read_exam_folder(folder, Modality.FFDM)


def test_a_label_without_image_is_counted(folder: Path) -> None:
    (folder / "labels.csv").write_text(LABELS + "c,,R,0,0,test\n")
    assert read_exam_folder(folder, Modality.FFDM).left_out == {"labels without an image": 1}


def test_a_damaged_header_is_named(folder: Path) -> None:
    (folder / "b_L-CC.png").write_bytes(b"no picture at all")
    with pytest.raises(TrainingError, match=r"b_L-CC.png cannot be read: .* Replace the file or take it out"):
        read_exam_folder(folder, Modality.FFDM)


def test_damaged_pixels_are_named_before_training_and_the_process_lives_on(folder: Path, reader: FrameReader) -> None:
    path = folder / "b_L-CC.png"
    content = bytearray(path.read_bytes())
    content[200:260] = bytes(60)  # inside the first chunk of pixels
    path.write_bytes(bytes(content))
    images = read_exam_folder(folder, Modality.FFDM).images
    with pytest.raises(TrainingError, match=r"b_L-CC.png \(image \d+ L-CC, labels.csv line 4\) cannot be read"):
        check_images(images, reader)
    told: list[tuple[int, int]] = []
    check_images([one for one in images if one.file != "b_L-CC.png"], reader, lambda *done: told.append(done))
    assert told[-1] == (7, 7)


def test_a_black_image_is_named(folder: Path, reader: FrameReader) -> None:
    write_png(folder / "a_L-CC.png", np.zeros((ROWS, COLUMNS), np.uint16))
    with pytest.raises(TrainingError, match=r"a_L-CC.png .* is black all over"):
        check_images(read_exam_folder(folder, Modality.FFDM).images, reader)


def test_a_file_that_breaks_while_training_is_named(folder: Path, reader: FrameReader) -> None:
    source = ExamSamples(read_exam_folder(folder, Modality.FFDM).images, SPEC, reader)
    (folder / "a_R-CC.png").unlink()
    with pytest.raises(TrainingError, match=r"a_R-CC.png \(image 1 R-CC, labels.csv line 3\) cannot be used"):
        source.load(0, None)


def test_another_modality_is_asked_for(folder: Path) -> None:
    with pytest.raises(TrainingError, match="holds no DBT image to train on; it holds FFDM"):
        read_exam_folder(folder, Modality.DBT)


def test_no_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"is no folder; give the folder that holds the exams and labels.csv"):
        read_exam_folder(tmp_path / "absent", Modality.FFDM)


def test_patches_are_turned_by_quarter_turns() -> None:
    patches = torch.arange(3 * 1 * 4 * 4, dtype=torch.float32).reshape(3, 1, 4, 4)
    seen = set()
    for seed in range(30):
        for before, after in zip(patches, turned(patches, np.random.default_rng(seed)), strict=True):
            turns = [k for k in range(4) if torch.equal(torch.rot90(before, k, (1, 2)), after)]
            assert len(turns) == 1
            seen.add(turns[0])
    assert seen == {0, 1, 2, 3}


def test_a_stated_spacing_resamples() -> None:
    spec = spec_at(GMIC2D_PARK, Modality.FFDM, 640, 448, 0.4)
    entry = spec.input_for(Modality.FFDM)
    assert (entry.rows, entry.columns, entry.spacing_mm) == (640, 448, 0.4)
    assert not entry.takes_spacing(0.41)
    assert replace(spec, inputs=GMIC2D_PARK.inputs) == GMIC2D_PARK
