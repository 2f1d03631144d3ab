"""Which network takes what, what has to be said about it, and the mean over several weights."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from gmic_core.errors import InferenceError
from gmic_core.exam.model import MammoImage, PixelFormat, PixelSource
from gmic_core.inference.choice import acceptance_notes, check_acceptance, default_model, expected_notes, refusal
from gmic_core.inference.ensemble import ensemble_mean
from gmic_core.models.registry import get_spec
from gmic_core.types import ImageResult, Laterality, Modality, Provenance, Roi

NAN = float("nan")


def header(modality: str = "FFDM", **fields) -> MammoImage:
    image = MammoImage(
        "1.2", Modality(modality), Laterality.L, "CC", 1, 10, 10, PixelSource("dicom", ()), PixelFormat()
    )
    return dataclasses.replace(image, **fields)


@pytest.mark.parametrize(
    ("modality", "model"), [("DBT", "gmic3d"), ("FFDM", "gmic2d"), ("MG", "gmic2d"), ("S2D", "gmic2d_park")]
)
def test_every_modality_has_its_network(modality, model):
    image = header(modality)
    assert default_model(image) == model
    assert refusal(image, get_spec(model)) is None
    check_acceptance(image, get_spec(model))


def test_other_images_have_none():
    with pytest.raises(InferenceError, match="No network takes images of the kind OTHER"):
        default_model(header("OTHER"))


@pytest.mark.parametrize(
    ("image", "model", "reason"),
    [
        (header("S2D"), "gmic2d", "gmic2d does not take S2D images; it takes FFDM, MG."),
        (header("FFDM"), "gmic3d", "gmic3d does not take FFDM images; it takes DBT."),
        (
            header(questions=("Which view?", "Which side?")),
            "gmic2d",
            "A question about this image is open: Which view?",
        ),
        (header(laterality=None), "gmic2d", "The side of this image is unknown; state it before running a network."),
        (header(view=None), "gmic2d", "The view of this image is unknown; state it before running a network."),
        (header(frames=4), "gmic2d", "gmic2d takes single images, this one has 4 frames."),
    ],
)
def test_refusals_say_why(image, model, reason):
    assert refusal(image, get_spec(model)) == reason


def test_inputs_beside_the_training_data_are_pointed_out():
    assert acceptance_notes(header(manufacturer="HOLOGIC, Inc."), get_spec("gmic2d")) == ()
    assert "digitised film" in acceptance_notes(header("MG"), get_spec("gmic2d"))[0]
    notes = acceptance_notes(header(for_processing=True, manufacturer="GE"), get_spec("gmic2d"))
    assert [note.split(";")[0] for note in notes] == ["The image is FOR PROCESSING", "Made by GE"]


@pytest.mark.parametrize("module", ["choice", "events", "highlights", "scores", "ensemble"])
def test_the_viewer_may_import_it_without_torch(module):
    code = f"import sys, gmic_core.inference.{module}; sys.exit('torch' in sys.modules or 'cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- ensembles ------------------------------------------------------------------------------------------------


def member(y, y_local, saliency, weights, seconds=1.0, untrained=False, notes=()) -> ImageResult:
    source = Provenance("gmic3d", weights, f"sha-{weights}", untrained, "NYU", "1", "float32", "cpu", seconds, "s", "c")
    maps = np.full((2, 2, 3, 4), saliency, np.float16)
    roi = Roi(1, 0, 0, 8, 8, 1.0)
    return ImageResult(
        "1.2", Modality.DBT, Laterality.L, "CC", y, y, y_local, (roi,), maps, np.eye(3), np.eye(3), (9, 9),
        maps.max(axis=(2, 3)).astype(np.float32), 0.0, source, notes,
    )  # fmt: skip


def test_one_member_is_the_result():
    only = member((0.1, 0.2), (0.3, 0.4), 0.5, "a")
    assert ensemble_mean([only]) is only


def test_the_mean_over_members():
    mean = ensemble_mean(
        [
            member((0.1, 0.2), (NAN, NAN), 0.25, "a", 1.5, notes=("x", "y")),
            member((0.3, 0.6), (0.5, 0.7), 0.75, "b", 2.5, untrained=True, notes=("y",)),
        ]
    )
    assert mean.y == pytest.approx((0.2, 0.4))
    assert mean.y_local == pytest.approx((0.5, 0.7))  # a member without patches has no local score to average
    assert (mean.saliency == 0.5).all()
    assert (mean.profile == 0.5).all()
    assert len(mean.rois) == 2
    assert mean.notes == ("x", "y")
    source = mean.provenance
    assert (source.weights, source.weights_sha256, source.untrained) == ("a + b", "sha-a + sha-b", True)
    assert source.seconds == 4.0


def test_without_any_patches_the_local_score_stays_nan():
    assert np.isnan(ensemble_mean([member((0, 0), (NAN, NAN), 0, n) for n in "ab"]).y_local).all()


def test_members_of_different_images_do_not_mix():
    first = member((0, 0), (0, 0), 0, "a")
    with pytest.raises(InferenceError, match="one network on one image"):
        ensemble_mean([first, dataclasses.replace(first, sop_uid="9")])
    with pytest.raises(InferenceError, match="at least one"):
        ensemble_mean([])


def test_what_the_header_tells_is_known_before_the_run() -> None:
    spec = get_spec("gmic3d")
    image = header("DBT", frames=40, spacing_mm=(0.0948, 0.0948))
    assert expected_notes(image, spec) == ()
    notes = expected_notes(
        dataclasses.replace(image, manufacturer="SIEMENS", for_processing=True, frames=1, spacing_mm=(0.05, 0.05)), spec
    )
    assert [note.split(";")[0] for note in notes] == [
        "The image is FOR PROCESSING",
        "The volume has a single slice",
        "Made by SIEMENS",
        "Its pixels of 0.05x0.05 mm will be resampled to the 0.0948 mm that the network was trained on.",
    ]
    (unknown,) = expected_notes(dataclasses.replace(image, spacing_mm=None), spec)
    assert unknown.startswith("The pixel spacing is unknown")
    (simulated,) = expected_notes(image, spec, simulated_only=True)
    assert "simulated breasts only" in simulated
