"""The run that is timed on a CUDA device computes what the engine computes; on any device."""

from __future__ import annotations

from pathlib import Path

import gpu
import in_memory
import pytest

from gmic_core.inference.engine import Run, run_image
from gmic_core.preprocessing import Moments
from tests.helpers.breasts import breast_volume
from tests.helpers.dicom_files import write_dbt
from tests.helpers.networks import small_network


def test_both_ways_give_the_engines_scores(tmp_path: Path) -> None:
    volume = breast_volume(5, 400, 340, seed=3, bits=10)
    decoded = in_memory.decode(write_dbt(tmp_path / "volume.dcm", volume, "L", "MLO", bits=10))
    loaded = small_network("gmic3d")
    wanted = run_image(decoded.image, loaded, decoded, Run()).y
    windows = decoded.windows(loaded.network.spec)
    moments = Moments().plus(windows)
    assert gpu.from_host(loaded, windows, moments) == pytest.approx(wanted, abs=1e-6)
    assert gpu.from_device(loaded, gpu.torch.from_numpy(windows), moments) == pytest.approx(wanted, abs=1e-6)
