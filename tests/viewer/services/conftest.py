"""Small simulated exams for the services."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gmic_core.exam.model import Exam
from gmic_core.exam.scan import scan
from tests.helpers.dicom_files import breast, breast_volume, write_dbt, write_mg
from tests.helpers.gui_thread import FakeGuiThread


@pytest.fixture
def post() -> FakeGuiThread:
    return FakeGuiThread()


def mirrored(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels[..., ::-1])


@pytest.fixture
def exam(tmp_path: Path) -> Exam:
    """R-CC and L-CC FFDM and an L-CC DBT of eight slices, all tiny."""
    folder = tmp_path / "exam"
    folder.mkdir()
    write_mg(folder / "a.dcm", mirrored(breast(320, 256, seed=1)), laterality="R", view="CC")
    write_mg(folder / "b.dcm", breast(320, 256, seed=2), laterality="L", view="CC")
    write_dbt(
        folder / "c.dcm", breast_volume(8, 320, 256, seed=3), laterality="L", view="CC", syntax="jpegls", spacing=0.0948
    )
    (found,) = scan([folder]).exams
    assert [image.modality for image in found.images].count("FFDM") == 2
    return found
