"""A result against the plain modules: agreement, a flipped patch, a device that is not to be trusted."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gmic_core.exam.frames import FrameReader
from gmic_core.exam.scan import scan
from gmic_core.inference.agreement import Agreement
from gmic_core.inference.engine import run_image
from gmic_core.inference.execution.executor import ModuleExecutor
from gmic_core.inference.verify import reference_networks, verdict, verified
from tests.helpers.breasts import breast_volume
from tests.helpers.dicom_files import write_dbt
from tests.helpers.networks import small_network


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    pixels = breast_volume(4, 400, 340, seed=3, bits=10)
    (exam,) = scan([write_dbt(tmp_path_factory.mktemp("v") / "a.dcm", pixels, "L", "CC", bits=10)]).exams
    return exam.images[0]


def test_the_cpu_agrees_with_its_modules(volume):
    loaded = small_network("gmic3d")
    with FrameReader(start=False) as reader:
        result = run_image(volume, loaded, reader)
        note = verified(volume, result, reference_networks([loaded]), reader).notes[-1]
    assert note.startswith("Verified against the plain modules on the CPU: scores differ by ")
    assert note.endswith("; the same patches.")
    assert float(note.split(" by ")[1].split(",")[0]) < 1e-5


def test_a_device_that_computes_wrongly_is_found_out(volume):
    class Off(ModuleExecutor):
        def local(self, patches):
            found = super().local(patches)
            return replace(found, y_local=found.y_local + 0.1)

    loaded = small_network("gmic3d")
    wrong = replace(loaded, given=Off(loaded.network))
    with FrameReader(start=False) as reader, torch.inference_mode():
        result = run_image(volume, wrong, reader)
        note = verified(volume, result, reference_networks([wrong]), reader).notes[-1]
    assert "scores differ by 0.05," in note
    assert note.endswith("which is MORE than the 1e-05 of the exact mode: do not trust this device.")


def test_a_flipped_patch_is_named(volume):
    with FrameReader(start=False) as reader:
        result = run_image(volume, small_network("gmic3d"), reader)
    note = verdict(Agreement(0.02, 1e-6, (2, 3)), result)
    assert note.endswith("maps by 1e-06; patch 2, 3 flipped, so the local scores are not of the same patches.")
