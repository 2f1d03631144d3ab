"""What only a CUDA device can run: the fast mode, uploads, and their agreement with the CPU."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from gmic_core.exam.frames import FrameReader
from gmic_core.exam.scan import scan
from gmic_core.inference.engine import run_image
from gmic_core.inference.execution.modes import TOLERANCE
from gmic_core.inference.execution.upload import Uploader
from gmic_core.inference.network import load_network
from gmic_core.preprocessing import Moments
from tests.helpers.breasts import breast_volume
from tests.helpers.dicom_files import write_dbt

pytestmark = [
    pytest.mark.needs_cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]

SLICES = 20


@pytest.fixture(scope="module")
def reader() -> Iterator[FrameReader]:
    with FrameReader(start=False) as frames:
        yield frames


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cuda")
    pixels = breast_volume(SLICES, 1200, 900, seed=3, bits=10)
    (exam,) = scan([write_dbt(folder / "a.dcm", pixels, "L", "MLO", bits=10)]).exams
    return exam.images[0]


@pytest.mark.parametrize("mode", ["exact", "fast"])
def test_the_device_agrees_with_the_cpu(volume, reader, mode):
    here = run_image(volume, load_network("gmic3d", "digital-breast-3d-1", "cpu"), reader)
    there = run_image(volume, load_network("gmic3d", "digital-breast-3d-1", "cuda", mode), reader)
    assert there.provenance.mode == mode
    assert there.provenance.device.startswith("cuda:0 (")
    np.testing.assert_allclose(there.y_global, here.y_global, rtol=0, atol=TOLERANCE[mode])
    if [(roi.slice_index, roi.row0, roi.col0) for roi in there.rois] == [
        (roi.slice_index, roi.row0, roi.col0) for roi in here.rois
    ]:
        np.testing.assert_allclose(there.y, here.y, rtol=0, atol=TOLERANCE[mode])
    assert any("CPU" in note for note in there.notes) is False


def test_sixteen_bits_travel_and_are_standardised_there(reader):
    values = np.random.default_rng(0).integers(0, 65536, (3, 300, 200)).astype(np.uint16)
    moments = Moments().plus(values)
    device = torch.device("cuda:0")
    upload = Uploader(device, [moments])
    for _ in range(3):  # the page-locked buffers are used again
        (there,) = upload.standardised([(cut,) for cut in values])
        np.testing.assert_allclose(there[:, 0].cpu().numpy(), moments.apply(values), rtol=0, atol=1e-6)
