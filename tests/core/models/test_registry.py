"""The table of networks: light to import, strict about names and values."""

from __future__ import annotations

import dataclasses
import pickle
import subprocess
import sys

import numpy as np
import pytest

import gmic_core.models
from gmic_core.errors import ModelError
from gmic_core.models import available_models, create_model, get_spec
from gmic_core.models.registry import register
from gmic_core.types import Modality


def test_the_table_is_read_without_torch() -> None:
    code = (
        "import sys; from gmic_core.models.registry import available_models, get_spec;"
        "import gmic_core.models.store, gmic_core.cli.models, gmic_core.cli;"
        "[get_spec(name).hyper() for name in available_models()];"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_public_names_resolve() -> None:
    for name in gmic_core.models.__all__:
        assert getattr(gmic_core.models, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'resnet50'"):
        _ = gmic_core.models.resnet50


def test_an_unknown_network_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ModelError, match="no network 'gmic4d'; there are gmic3d, gmic2d, gmic2d_park"):
        create_model("gmic4d")


def test_an_unknown_hyperparameter_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        ModelError, match="gmic3d has no hyperparameter t, z; it has top_t, num_patches, zeta, norm, sal"
    ):
        create_model("gmic3d", t=1.0, z=3)
    with pytest.raises(ModelError, match="gmic2d has no hyperparameter zeta; it has top_t, num_patches"):
        create_model("gmic2d", zeta=10)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"top_t": 0.0}, "top_t must be a positive number"),
        ({"top_t": float("nan")}, "top_t must be a positive number"),
        ({"top_t": "big"}, "not 'big'"),
        ({"num_patches": 0}, "num_patches must be a whole number of at least 1, not 0"),
        ({"num_patches": 2.5}, "num_patches must be a whole number"),
        ({"num_patches": True}, "num_patches must be a whole number"),
        ({"zeta": -1}, "zeta must be a whole number of at least 0"),
        ({"norm": "layer"}, "norm must be one of group, batch, not 'layer'"),
        ({"saliency": "softmax"}, "saliency must be one of relu_tanh, sigmoid"),
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        get_spec("gmic3d").hyper(**values)


def test_numpy_numbers_are_numbers() -> None:
    assert get_spec("gmic3d").hyper(top_t=np.float32(0.5), num_patches=np.int64(3)).num_patches == 3


def test_released_settings_are_those_of_the_papers() -> None:
    released = dict(get_spec("gmic3d").released)
    assert {number: hyper.num_patches for number, hyper in released.items()} == {1: 12, 2: 12, 3: 8, 4: 16, 5: 8}
    assert released[5].top_t == 2.293890202354881
    assert get_spec("gmic3d").released_hyper(6) is None
    assert [hyper.top_t for _, hyper in get_spec("gmic2d").released] == [0.02, 0.03, 0.03, 0.05, 0.1]
    assert get_spec("gmic2d_park").released == ()


def test_input_sizes_are_those_of_the_papers() -> None:
    def size(name: str, modality: Modality) -> tuple[int, int]:
        entry = get_spec(name).input_for(modality)
        return entry.rows, entry.columns

    assert size("gmic3d", Modality.DBT) == (2116, 1339)
    assert size("gmic2d", Modality.FFDM) == (2944, 1920)
    assert size("gmic2d_park", Modality.FFDM) == (2866, 1814)
    assert size("gmic2d_park", Modality.S2D) == (2116, 1339)


def test_the_windows_of_one_paper_cover_the_same_field() -> None:
    ffdm, s2d = (get_spec("gmic2d_park").input_for(modality) for modality in (Modality.FFDM, Modality.S2D))
    assert ffdm.rows * ffdm.spacing_mm == pytest.approx(s2d.rows * s2d.spacing_mm, rel=1e-3)
    assert ffdm.columns * ffdm.spacing_mm == pytest.approx(s2d.columns * s2d.spacing_mm, rel=1e-3)


def test_hologic_spacings_are_taken_as_they_are() -> None:
    ffdm = get_spec("gmic2d").input_for(Modality.FFDM)
    assert [ffdm.takes_spacing(spacing) for spacing in (0.0652, 0.07, 0.085, 0.1)] == [True, True, False, False]
    volume = get_spec("gmic3d").input_for(Modality.DBT)
    assert [volume.takes_spacing(spacing) for spacing in (0.07, 0.085, 0.0948, 0.1167)] == [False, True, True, True]


def test_a_modality_that_is_not_taken_is_refused_with_a_reason() -> None:
    with pytest.raises(ModelError, match="gmic3d does not take FFDM images; it takes DBT"):
        get_spec("gmic3d").input_for(Modality.FFDM)


def test_specs_are_frozen_and_travel_between_processes() -> None:
    for name in available_models():
        spec = get_spec(name)
        assert pickle.loads(pickle.dumps(spec)) == spec
        with pytest.raises(dataclasses.FrozenInstanceError):
            spec.name = "other"


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ModelError, match="registered twice"):
        register(get_spec("gmic3d"))
