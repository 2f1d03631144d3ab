"""From file to hanging: every side, view and stored orientation comes out with its chest wall where it belongs.

The files are written from the anatomy (tests.helpers.breasts), read by the scanner and the frame reader, and turned by
the geometry; a swapped flip anywhere on the way shows.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gmic_core.exam.frames import FrameReader
from gmic_core.exam.geometry import ORIENTATIONS, Orientation, display_orientation, facing_orientation
from gmic_core.exam.model import MammoImage
from gmic_core.exam.orientation import check_orientation, observed_chest_wall
from gmic_core.exam.scan import scan
from tests.helpers.breasts import breast, breast_volume, patient_orientation
from tests.helpers.dicom_files import write_dbt, write_mg
from tests.helpers.raster_files import write_nifti, write_png

VIEWS = [(side, view) for side in "LR" for view in ("CC", "MLO")]


@pytest.fixture(scope="module")
def reader():
    with FrameReader() as reader:
        yield reader


def only(path: Path) -> MammoImage:
    (exam,) = scan([path]).exams
    (image,) = exam.images
    return image


def shown(image: MammoImage, frame: np.ndarray) -> np.ndarray:
    assert image.laterality is not None
    return display_orientation(image.patient_orientation, image.laterality, image.view).apply(frame)


def facing(image: MammoImage, frame: np.ndarray) -> np.ndarray:
    assert image.laterality is not None
    return facing_orientation(image.patient_orientation, image.laterality, image.view).apply(frame)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(("side", "view"), VIEWS)
@pytest.mark.parametrize("turn", ORIENTATIONS, ids=str)
def test_every_stored_orientation(
    tmp_path: Path, reader: FrameReader, turn: Orientation, side: str, view: str, photometric: str
) -> None:
    anatomy = breast(64, 48, seed=9)
    pixels = anatomy if photometric == "MONOCHROME2" else 4095 - anatomy
    stored = np.ascontiguousarray(turn.apply(pixels))
    path = write_mg(
        tmp_path / "a.dcm", stored, side, view, photometric=photometric,
        patient_orientation=patient_orientation(side, view, turn),
    )  # fmt: skip
    image = only(path)
    frame = reader.read(image, 0)
    np.testing.assert_array_equal(frame, stored)
    np.testing.assert_array_equal(facing(image, frame), pixels)
    hung = shown(image, frame)
    np.testing.assert_array_equal(hung, pixels if side == "L" else pixels[:, ::-1])
    tissue = hung != (0 if photometric == "MONOCHROME2" else 4095)
    left, right = tissue[:, 0].mean(), tissue[:, -1].mean()
    assert (left > 0.5, right > 0.5) == ((True, False) if side == "L" else (False, True))
    assert check_orientation(image, frame) is None


@pytest.mark.parametrize(("side", "view"), VIEWS)
@pytest.mark.parametrize("turn", ORIENTATIONS[::3], ids=str)
def test_tomosynthesis(tmp_path: Path, reader: FrameReader, turn: Orientation, side: str, view: str) -> None:
    volume = breast_volume(3, 64, 48, seed=9)
    path = write_dbt(
        tmp_path / "a.dcm", np.ascontiguousarray(turn.apply(volume)), side, view, syntax="jpegls",
        patient_orientation=patient_orientation(side, view, turn), frame_order=[2, 0, 1],
    )  # fmt: skip
    image = only(path)
    for k in range(3):
        np.testing.assert_array_equal(facing(image, reader.read(image, k)), volume[k])


@pytest.mark.parametrize(("side", "view"), VIEWS)
def test_orientation_that_only_the_cosines_tell(tmp_path: Path, reader: FrameReader, side: str, view: str) -> None:
    turn = Orientation(transpose=True, flip_rows=True)
    volume = breast_volume(2, 64, 48, seed=9)
    path = write_dbt(
        tmp_path / "a.dcm", np.ascontiguousarray(turn.apply(volume)), side, view,
        patient_orientation=patient_orientation(side, view, turn), overrides={"PatientOrientation": None},
    )  # fmt: skip
    image = only(path)
    np.testing.assert_array_equal(facing(image, reader.read(image, 1)), volume[1])


@pytest.mark.parametrize(("side", "view"), VIEWS)
def test_files_without_orientation_have_left_facing_right(
    tmp_path: Path, reader: FrameReader, side: str, view: str
) -> None:
    anatomy = breast(64, 48, seed=9)
    stored = anatomy if side == "L" else np.ascontiguousarray(anatomy[:, ::-1])
    png = only(write_png(tmp_path / "png" / f"0_{side}-{view}.png", stored))
    nifti = only(write_nifti(tmp_path / "nii" / f"0_{side}-{view}.nii", np.stack([stored] * 2)))
    dicom = only(write_mg(tmp_path / "a.dcm", stored, side, view, overrides={"PatientOrientation": None}))
    for image in (png, nifti, dicom):
        frame = reader.read(image, 0)
        np.testing.assert_array_equal(facing(image, frame), anatomy)
        assert check_orientation(image, frame) is None
        assert observed_chest_wall(frame, image) == ("left" if side == "L" else "right")


def test_volume_turned_by_180_degrees_is_asked(tmp_path: Path, reader: FrameReader) -> None:
    """Known in BCS-DBT: the tags describe the usual orientation, the pixels are turned."""
    volume = breast_volume(3, 64, 48, seed=9)[:, ::-1, ::-1]
    image = only(write_dbt(tmp_path / "a.dcm", volume, "L", "MLO"))
    question = check_orientation(image, reader.read(image, 1))
    assert question is not None
    assert question.startswith("L-MLO: the header says that the chest wall is on the left edge")
