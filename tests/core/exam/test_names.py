"""Side and view from file names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmic_core.exam.names import masked_image, parse_name
from gmic_core.types import Modality


@pytest.mark.parametrize(
    ("stem", "prefix", "side", "view", "modality"),
    [
        ("0_L-CC", "0", "L", "CC", None),
        ("0_R-MLO", "0", "R", "MLO", None),
        ("exam7_R_MLO", "exam7", "R", "MLO", None),
        ("Exam 7_l_mlo", "Exam 7", "L", "MLO", None),
        ("case.LEFT.CC", "case", "L", "CC", None),
        ("a_LMLO", "a", "L", "MLO", None),
        ("R-CC", "", "R", "CC", None),
        ("12_L-XCCL", "12", "L", "XCCL", None),
        ("3_L-ML", "3", "L", "ML", None),
        ("0_L-CC_DBT", "0", "L", "CC", Modality.DBT),
        ("0_S2D_R-CC", "0", "R", "CC", Modality.S2D),
        ("0_R-CC_2", "0", "R", "CC", None),
    ],
)
def test_names(stem: str, prefix: str, side: str, view: str, modality: Modality | None) -> None:
    name = parse_name(stem)
    assert name is not None
    assert (name.prefix, name.laterality, name.view, name.modality) == (prefix, side, view, modality)


@pytest.mark.parametrize(
    "stem", ["mdb001", "L", "CC", "0_CC", "0_L", "scarcc", "xl-cc", "0_R-CC_benign", "0_B-CC", "", "L-CCX"]
)
def test_names_without_side_and_view(stem: str) -> None:
    assert parse_name(stem) is None


@pytest.mark.parametrize(
    ("stem", "image"),
    [
        ("0_R-CC_benign", "0_R-CC"),
        ("1_R-MLO_malignant", "1_R-MLO"),
        ("1_R-MLO_malignant_seg", "1_R-MLO"),
        ("case_L_CC_mask2", "case_L_CC"),
        ("vb-seg", "vb"),
        ("0_R-CC", None),
        ("benign", None),
        ("prosegment", None),
    ],
)
def test_masks(stem: str, image: str | None) -> None:
    assert masked_image(stem) == image


@given(st.text(max_size=250))
def test_any_text_is_answered_quickly(stem: str) -> None:
    parse_name(stem)
    masked_image(stem)


@given(st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True), st.sampled_from("LR"), st.sampled_from(["CC", "MLO"]))
def test_usual_names_give_back_what_they_are_made_of(prefix: str, side: str, view: str) -> None:
    name = parse_name(f"{prefix}_{side}-{view}")
    assert name is not None
    assert (name.laterality, name.view) == (side, view)
