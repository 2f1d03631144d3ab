"""BCS-DBT downloads: the real header of a volume of that collection, in every variant that it comes in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from gmic_core.exam.frames import FrameReader
from gmic_core.exam.model import MammoImage
from gmic_core.exam.orientation import check_orientation
from gmic_core.exam.scan import scan
from gmic_core.types import Modality
from tests.helpers.breasts import breast_volume

pytestmark = pytest.mark.needs_shared
ROWS, COLS, SLICES = 128, 96, 3
Change = Callable[[Dataset], None]


def write(path: Path, shared: Path, volume: np.ndarray, change: Change = lambda _header: None) -> Path:
    """Write the real header over a simulated breast; ``change`` makes it another variant."""
    header = pydicom.dcmread(next((shared / "data" / "dbt-dicom").glob("*.dcm")))
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.NumberOfFrames, header.Rows, header.Columns = volume.shape
    header.PixelData = (volume >> 2).tobytes()  # the header states 10 bits
    header["PixelData"].VR = "OW"
    header["PixelData"].is_undefined_length = False
    change(header)
    path.parent.mkdir(parents=True, exist_ok=True)
    header.save_as(path, enforce_file_format=True)
    return path


def only_image(*paths: Path) -> MammoImage:
    result = scan(list(paths))
    assert [len(exam.images) for exam in result.exams] == [1]
    return result.exams[0].images[0]


def question_of(image: MammoImage) -> str | None:
    """Return what the pixels make the program ask, as the window does when the middle slice is there."""
    reader = FrameReader()
    try:
        return check_orientation(image, reader.read(image, image.frames // 2))
    finally:
        reader.close()


def table(path: Path, series: str, view: str) -> Path:
    """Write the collection's table of file paths with one row; names of folders as in the real one."""
    study = "Breast-Cancer-Screening-DBT/DBT-P00853"
    row = f"DBT-P00853,DBT-S03835,{view},{study}/01-01-2000-DBT-S03835-MAMMO/1-1.dcm,{study}/1.2.3/{series}/1-1.dcm"
    path.write_text(f"PatientID,StudyUID,View,descriptive_path,classic_path\n{row}\n")
    return path


def no_side(header: Dataset) -> None:
    del header.ViewCodeSequence, header.ViewPosition
    del header.SharedFunctionalGroupsSequence[0].FrameAnatomySequence


def generated_2d(header: Dataset) -> None:
    header.ImageType = ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"]


# Patient Orientation P, L of this left CC view: its chest wall is stored on the right
AS_STATED = np.ascontiguousarray(breast_volume(SLICES, ROWS, COLS)[:, ::-1, ::-1])
TURNED = np.ascontiguousarray(AS_STATED[:, ::-1, ::-1])


def test_the_volume_as_its_header_says(shared: Path, tmp_path: Path) -> None:
    image = only_image(write(tmp_path / "1-1.dcm", shared, AS_STATED))
    assert (image.modality, image.label, image.frames) == (Modality.DBT, "L-CC", SLICES)
    assert image.questions == ()
    assert question_of(image) is None


def test_a_volume_that_is_turned_by_180_degrees_is_asked_about(shared: Path, tmp_path: Path) -> None:
    image = only_image(write(tmp_path / "1-1.dcm", shared, TURNED))
    assert image.label == "L-CC"
    assert question_of(image) == (
        "L-CC: the header says that the chest wall is on the right edge of the stored image, the pixels show it on the "
        "left edge. Confirm the side and orientation before using any AI result."
    )


def test_without_side_and_view_the_reader_or_the_table_tells(shared: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "dbt" / "1-1.dcm", shared, AS_STATED, no_side)
    alone = only_image(path)
    assert (alone.label, len(alone.questions)) == ("?-?", 2)
    paths = table(tmp_path / "paths.csv", alone.series_uid, "lcc")
    told = only_image(path, paths)
    assert (told.label, told.questions) == ("L-CC", ())
    assert question_of(told) is None


def test_a_table_that_contradicts_the_header_is_asked_about(shared: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "1-1.dcm", shared, AS_STATED)
    image = only_image(path, table(tmp_path / "paths.csv", only_image(path).series_uid, "rcc2"))
    assert (image.laterality, image.view) == (None, "CC")
    assert image.questions == ("Which breast is this? The file says L-CC, the BCS-DBT table R-CC.",)


def test_a_turned_volume_of_the_table_is_asked_about_too(shared: Path, tmp_path: Path) -> None:
    def nothing_stated(header: Dataset) -> None:
        no_side(header)
        del header.PatientOrientation
        for item in header.PerFrameFunctionalGroupsSequence:
            del item.PlaneOrientationSequence

    path = write(tmp_path / "1-1.dcm", shared, AS_STATED, nothing_stated)
    paths = table(tmp_path / "paths.csv", only_image(path).series_uid, "lcc")
    image = only_image(path, paths)
    question = question_of(image)  # without any orientation a left breast is expected to face right
    assert question is not None
    assert "chest wall is on the left edge of the stored image, the pixels show it on the right edge" in question


def test_a_single_frame_marked_generated_2d_is_the_synthetic_image(shared: Path, tmp_path: Path) -> None:
    image = only_image(write(tmp_path / "1-1.dcm", shared, AS_STATED[:1], generated_2d))
    assert (image.modality, image.label, image.frames) == (Modality.S2D, "L-CC", 1)
    volume = only_image(write(tmp_path / "v" / "1-1.dcm", shared, AS_STATED, generated_2d))
    assert (volume.modality, volume.frames) == (Modality.DBT, SLICES)  # several frames are slices, whatever the mark
