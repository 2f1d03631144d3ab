"""The systems that this project knows, as data. Imports no torch.

Pixel spacings. The networks of both papers saw Hologic images (3D-GMIC paper, section III: Selenia Dimensions only),
whose detector pixel is 0.070 mm; the spacing at the breast that such files may state instead is 0.0652 mm. Section
V-D.3 gives FFDM images of 3328x2560 the field of view of volumes of 2457x1890: 3328 / 2457 * 0.070 = 0.0948 mm, and
the two windows agree with that (2866 / 2116 * 0.070 = 0.0948). The larger format, 4096x3328 against 2457x1996, gives
0.1167 mm.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal, get_args

from gmic_core.errors import ModelError
from gmic_core.models.registry import InputSpec, ModelSpec, register
from gmic_core.types import Modality

Norm = Literal["group", "batch"]
SaliencyActivation = Literal["relu_tanh", "sigmoid"]

FFDM_SPACING_MM = 0.070
FFDM_SPACING_TOLERANCE = 0.10  # 0.063 .. 0.077: takes 0.0652 (at the breast), not the 0.085 and 0.1 of other makers
TOMO_SPACING_MM = 0.0948
TOMO_SPACING_TOLERANCE = 0.25  # 0.071 .. 0.1185: both Hologic formats, and the 0.085 that volumes state at the breast

MASK_THRESHOLD_2D = 0
MASK_THRESHOLD_3D = 100  # of the maximum projection: reconstructed volumes have no zero background


@dataclass(frozen=True)
class GmicHyper:
    """What the GMIC networks have in common.

    Attributes
    ----------
    top_t : fraction of ONE slice's saliency cells that is averaged; volumes use values above 1.
    num_patches : K, patches in all, not per class.
    """

    top_t: float
    num_patches: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not _is_number(self.top_t) or not 0.0 < self.top_t < float("inf"):
            raise ModelError(f"top_t must be a positive number (a fraction of one slice's cells), not {self.top_t!r}.")
        _check_count("num_patches", self.num_patches, least=1)


@dataclass(frozen=True)
class Gmic3DHyper(GmicHyper):
    """Hyperparameters of 3D-GMIC.

    Attributes
    ----------
    zeta : slices on each side of a chosen patch in which its place is not chosen again.
    norm : normalisation of the global network.
    saliency : activation of the class map.
    """

    zeta: int = 10
    norm: Norm = "group"
    saliency: SaliencyActivation = "relu_tanh"

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        _check_count("zeta", self.zeta, least=0)
        _check_choice("norm", self.norm, get_args(Norm))
        _check_choice("saliency", self.saliency, get_args(SaliencyActivation))


def _is_number(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, Real)  # also numpy's


def _check_count(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ModelError(f"{name} must be a whole number of at least {least}, not {value!r}.")


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ModelError(f"{name} must be one of {', '.join(choices)}, not {value!r}.")


NYU_DATA = "NYU Breast Cancer Screening Dataset"
FILM_NOTE = "Not made for this kind of image (origin unstated, e.g. digitised film): scores are not comparable."

_GMIC3D_K = (12, 12, 8, 16, 8)
_GMIC3D_T = (1.5108578607685, 2.0584660301930686, 1.1336909878403076, 1.5651680987233705, 2.293890202354881)
_GMIC2D_T = (0.02, 0.03, 0.03, 0.05, 0.1)


def _ffdm(modality: Modality, rows: int, columns: int) -> InputSpec:
    return InputSpec(modality, rows, columns, FFDM_SPACING_MM, FFDM_SPACING_TOLERANCE)


def _tomo(modality: Modality) -> InputSpec:
    return InputSpec(modality, 2116, 1339, TOMO_SPACING_MM, TOMO_SPACING_TOLERANCE)


GMIC3D = register(
    ModelSpec(
        name="gmic3d",
        title="3D-GMIC",
        paper=(
            "J. Park et al., An efficient deep neural network to find small objects in large 3D images, "
            "arXiv:2210.08645 (2022)"
        ),
        weights_licence="NYU research-only licence, no modification (files released with 3D-GMIC)",
        training_data=f"{NYU_DATA} and NYU Combo v1 (Hologic Selenia Dimensions)",
        factory="gmic_core.models.gmic3d:Gmic3D",
        is_3d=True,
        accepts=(Modality.DBT,),
        inputs=(_tomo(Modality.DBT),),
        defaults=Gmic3DHyper(top_t=_GMIC3D_T[0], num_patches=_GMIC3D_K[0]),
        released=tuple(
            (number, Gmic3DHyper(top_t=t, num_patches=k))
            for number, (t, k) in enumerate(zip(_GMIC3D_T, _GMIC3D_K, strict=True), start=1)
        ),
        parameters=14_108_784,
        mask_threshold=MASK_THRESHOLD_3D,
        variants=((), (("norm", "batch"),)),
    )
)

GMIC2D = register(
    ModelSpec(
        name="gmic2d",
        title="GMIC",
        paper=(
            "Y. Shen et al., An interpretable classifier for high-resolution breast cancer screening images utilizing "
            "weakly supervised localization, Medical Image Analysis 68:101908 (2021)"
        ),
        weights_licence="AGPL-3.0 (files released with GMIC)",
        training_data=NYU_DATA,
        factory="gmic_core.models.gmic2d:Gmic2D",
        is_3d=False,
        accepts=(Modality.FFDM,),
        tolerates=(Modality.MG,),
        tolerance_note=FILM_NOTE,
        inputs=(_ffdm(Modality.FFDM, 2944, 1920), _ffdm(Modality.MG, 2944, 1920)),
        defaults=GmicHyper(top_t=_GMIC2D_T[0], num_patches=6),
        released=tuple((number, GmicHyper(top_t=t, num_patches=6)) for number, t in enumerate(_GMIC2D_T, start=1)),
        parameters=14_110_322,
        mask_threshold=MASK_THRESHOLD_2D,
    )
)

GMIC2D_PARK = register(
    ModelSpec(
        name="gmic2d_park",
        title="GMIC (2D networks of the 3D-GMIC paper)",
        paper=GMIC3D.paper,
        weights_licence="none: no weights were released",
        training_data=GMIC3D.training_data,
        factory="gmic_core.models.gmic2d_park:Gmic2DPark",
        is_3d=False,
        accepts=(Modality.FFDM, Modality.S2D),
        tolerates=(Modality.MG,),
        tolerance_note=FILM_NOTE,
        inputs=(_ffdm(Modality.FFDM, 2866, 1814), _tomo(Modality.S2D), _ffdm(Modality.MG, 2866, 1814)),
        defaults=GmicHyper(top_t=0.05, num_patches=6),
        released=(),
        parameters=14_108_784,
        mask_threshold=MASK_THRESHOLD_2D,
    )
)
