"""Side, view, modality and orientation from every way in which tags state them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from gmic_core.exam.dicom import read_dicom
from gmic_core.exam.model import MammoImage
from gmic_core.types import Modality
from tests.helpers.breasts import breast, breast_volume
from tests.helpers.dicom_files import code, write_dbt, write_mg, write_sc

PIXELS = breast(32, 24)
NO_TAGS = {"ImageLaterality": None, "ViewPosition": None, "ViewCodeSequence": None, "PatientOrientation": None}


def mg(tmp_path: Path, **overrides: Any) -> MammoImage:
    return read_dicom(write_mg(tmp_path / "a.dcm", PIXELS, "R", "CC", overrides=NO_TAGS | overrides)).image


def item(**values: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize(
    ("tags", "side"),
    [
        ({"ImageLaterality": "L"}, "L"),
        ({"Laterality": "R"}, "R"),
        ({"ImageLaterality": "L", "Laterality": "L"}, "L"),
        ({"SharedFunctionalGroupsSequence": [item(FrameAnatomySequence=[item(FrameLaterality="L")])]}, "L"),
        ({"PerFrameFunctionalGroupsSequence": [item(FrameAnatomySequence=[item(FrameLaterality="R")])]}, "R"),
        ({"ViewPosition": "RCC"}, "R"),
        ({"ViewPosition": "L MLO"}, "L"),
        ({}, None),
        ({"ImageLaterality": "B"}, None),
        ({"ImageLaterality": "U"}, None),
    ],
)
def test_side(tmp_path: Path, tags: dict[str, Any], side: str | None) -> None:
    image = mg(tmp_path, **tags)
    assert image.laterality == side
    asks_for_side = any(question.startswith("Which breast is this?") for question in image.questions)
    assert asks_for_side is (side is None)


@pytest.mark.parametrize(
    ("tags", "view"),
    [
        ({"ViewPosition": "MLO"}, "MLO"),
        ({"ViewPosition": "XCCL"}, "XCCL"),
        ({"ViewPosition": "LMLO"}, "MLO"),
        ({"PatientOrientation": ["MLO"]}, "MLO"),
        ({"ViewCodeSequence": [code("399162004", "SCT", "cranio-caudal")]}, "CC"),
        ({"ViewCodeSequence": [code("R-10226", "SRT", "medio-lateral oblique")]}, "MLO"),
        ({"ViewCodeSequence": [code("R-10242", "SNM3", "cranio-caudal")]}, "CC"),
        ({"ViewCodeSequence": [code("399260004", "SCT", "medio-lateral")]}, "ML"),
        ({"ViewCodeSequence": [code("R-10228", "SRT", "latero-medial")]}, "LM"),
        ({"ViewCodeSequence": [code("X1", "99VENDOR", "Cranio-Caudal")]}, "CC"),
        ({"PerFrameFunctionalGroupsSequence": [item(ViewCodeSequence=[code("399368009", "SCT", "MLO")])]}, "MLO"),
        ({"SharedFunctionalGroupsSequence": [item(ViewCodeSequence=[code("399162004", "SCT", "CC")])]}, "CC"),
        ({"ViewCodeSequence": [code("X1", "99VENDOR", "unheard of")]}, None),
        ({"ViewPosition": "AP"}, None),
        ({}, None),
    ],
)
def test_view(tmp_path: Path, tags: dict[str, Any], view: str | None) -> None:
    image = mg(tmp_path, ImageLaterality="L", **tags)
    assert image.view == view
    assert bool(image.questions) is (view is None)


def test_contradicting_sides_are_asked(tmp_path: Path) -> None:
    image = mg(tmp_path, ImageLaterality="R", Laterality="L", ViewPosition="CC")
    assert image.laterality is None
    assert image.questions == ("Which breast is this? The file says R in Image Laterality and L in Laterality.",)


def test_frames_of_both_sides_are_asked(tmp_path: Path) -> None:
    groups = [item(FrameAnatomySequence=[item(FrameLaterality=side)]) for side in "LR"]
    image = mg(tmp_path, PerFrameFunctionalGroupsSequence=groups, ViewPosition="CC")
    assert image.laterality is None
    assert "Frame Laterality" in image.questions[0]


def test_contradicting_views_are_asked(tmp_path: Path) -> None:
    codes = [code("399162004", "SCT", "cranio-caudal")]
    image = mg(tmp_path, ImageLaterality="R", ViewPosition="MLO", ViewCodeSequence=codes)
    assert image.view is None
    assert image.questions == ("Which view is this? The file says CC in View Code Sequence and MLO in View Position.",)


def test_finer_code_wins_over_the_word_cc(tmp_path: Path) -> None:
    codes = [code("399192008", "SCT", "cranio-caudal exaggerated laterally")]
    image = mg(tmp_path, ImageLaterality="R", ViewPosition="CC", ViewCodeSequence=codes)
    assert (image.view, image.questions) == ("XCCL", ())
    assert "stated as CC and as XCCL; the latter was taken" in image.warnings


def test_view_modifiers(tmp_path: Path) -> None:
    modifiers = [code("399163009", "SCT", "Magnification"), code("R-102D7", "SRT", "Spot Compression")]
    path = write_mg(tmp_path / "a.dcm", PIXELS, "L", "MLO", view_modifiers=modifiers)
    assert read_dicom(path).image.view_modifiers == ("magnification", "spot compression")


# --- modality --------------------------------------------------------------------------------------------------


def test_ffdm(tmp_path: Path) -> None:
    assert mg(tmp_path).modality is Modality.FFDM


@pytest.mark.parametrize(
    "tags",
    [
        {"ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"]},
        {"ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS"]},
        {"ImageType": ["DERIVED", "PRIMARY", "TOMO_2D"]},
        {"SeriesDescription": "R CC C-View"},
        {"SeriesDescription": "L MLO Intelligent 2D"},
        {"SeriesDescription": "S-View"},
        {"AcquisitionDeviceProcessingDescription": "Insight 2D"},
        {"DerivationDescription": "synthetic 2D from tomosynthesis"},
    ],
    ids=str,
)
def test_synthetic_2d(tmp_path: Path, tags: dict[str, Any]) -> None:
    assert mg(tmp_path, **tags).modality is Modality.S2D


@pytest.mark.parametrize("text", ["Routine views 2D", "R CC Conventional", "reviewed"])
def test_ordinary_words_make_no_synthetic_image(tmp_path: Path, text: str) -> None:
    assert mg(tmp_path, SeriesDescription=text).modality is Modality.FFDM


def test_raw_image_is_shown_with_a_note(tmp_path: Path) -> None:
    image = read_dicom(write_mg(tmp_path / "a.dcm", PIXELS, for_processing=True)).image
    assert image.modality is Modality.FFDM
    assert image.for_processing
    assert "a raw image (FOR PROCESSING), not meant for reading" in image.warnings


def test_tomosynthesis(tmp_path: Path) -> None:
    image = read_dicom(write_dbt(tmp_path / "a.dcm", breast_volume(5, 32, 24), "L", "MLO")).image
    assert (image.modality, image.frames, image.laterality, image.view) == (Modality.DBT, 5, "L", "MLO")


def test_single_frame_tomosynthesis_object_marked_generated_2d(tmp_path: Path) -> None:
    volume = breast_volume(1, 32, 24)
    assert read_dicom(write_dbt(tmp_path / "a.dcm", volume, generated_2d=True)).image.modality is Modality.S2D
    assert read_dicom(write_dbt(tmp_path / "b.dcm", volume)).image.modality is Modality.DBT


def test_generated_2d_may_stand_in_the_frame_type(tmp_path: Path) -> None:
    frame_type = item(XRay3DFrameTypeSequence=[item(FrameType=["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"])])
    overrides = {"PerFrameFunctionalGroupsSequence": [frame_type]}
    image = read_dicom(write_dbt(tmp_path / "a.dcm", breast_volume(1, 32, 24), overrides=overrides)).image
    assert image.modality is Modality.S2D


def test_multi_frame_secondary_capture_of_a_breast(tmp_path: Path) -> None:
    overrides = {"ImageLaterality": "R", "ViewPosition": "MLO"}
    image = read_dicom(write_sc(tmp_path / "a.dcm", breast_volume(4, 32, 24), overrides=overrides)).image
    assert (image.modality, image.frames, image.label) == (Modality.DBT, 4, "R-MLO")


def test_digitised_film(tmp_path: Path) -> None:
    overrides = {"Modality": "RG", "Laterality": "L", "ViewPosition": "MLO", "PatientOrientation": ["A", "F"]}
    image = read_dicom(write_sc(tmp_path / "a.dcm", PIXELS, overrides=overrides)).image
    assert (image.modality, image.label, image.patient_orientation) == (Modality.MG, "L-MLO", ("A", "F"))


def test_secondary_capture_of_something_else(tmp_path: Path) -> None:
    overrides = {"Modality": "OT", "BodyPartExamined": "CHEST"}
    image = read_dicom(write_sc(tmp_path / "a.dcm", PIXELS, overrides=overrides)).image
    assert image.modality is Modality.OTHER
    assert image.questions == ()


def test_projections_are_no_volume(tmp_path: Path) -> None:
    overrides = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.13.1.4"}
    image = read_dicom(write_dbt(tmp_path / "a.dcm", breast_volume(9, 32, 24), overrides=overrides)).image
    assert (image.modality, image.frames) == (Modality.OTHER, 9)
    assert "projections of a tomosynthesis, not a reconstructed volume" in image.warnings
    assert mg(tmp_path, ImageType=["ORIGINAL", "PRIMARY", "TOMO_PROJ"]).modality is Modality.OTHER


def test_a_mammogram_is_one_whatever_its_body_part(tmp_path: Path) -> None:
    assert mg(tmp_path, BodyPartExamined="AXILLA").modality is Modality.FFDM


# --- orientation -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "read"),
    [
        (["P", "L"], ("P", "L")),
        (["A", "FR"], ("A", "FR")),
        (["R", "P"], ("R", "P")),
        (["A", "P"], None),
        (["L", "F"], None),
        (["CC"], None),
        (None, None),
    ],
)
def test_patient_orientation(tmp_path: Path, stated: list[str] | None, read: tuple[str, str] | None) -> None:
    path = write_mg(tmp_path / "a.dcm", PIXELS, "R", "CC", overrides={"PatientOrientation": stated})
    assert read_dicom(path).image.patient_orientation == read


def test_orientation_from_cosines_when_patient_orientation_is_missing(tmp_path: Path) -> None:
    overrides = {"PatientOrientation": None}
    image = read_dicom(write_dbt(tmp_path / "a.dcm", breast_volume(3, 32, 24), "R", "CC", overrides=overrides)).image
    assert image.patient_orientation == ("P", "L")
