"""One breast: its neutral tissue and both compressed views of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gmic_core.phantom.compression import Compression, neutral_shape
from gmic_core.phantom.outline import body_size, make_outline
from gmic_core.phantom.parenchyma import make_neutral
from gmic_core.phantom.spec import BreastSpec, Size, ViewName
from gmic_core.phantom.squeeze import squeeze
from gmic_core.phantom.strands import NeutralGrid
from gmic_core.phantom.view_tissue import ViewTissue

Array = npt.NDArray[np.float64]

_NEUTRAL_MM: dict[Size, float] = {"full": 0.5, "small": 0.8}
_MAX_NEUTRAL_VOXELS = 14_000_000
"""Four potentials of this size take 224 MB; a large breast gets a slightly coarser grid."""


class Breast:
    """One breast; both its compressed views come from the same anatomy.

    Parameters
    ----------
    spec : what it is to be; the same spec gives the same tissue, whatever the number of threads.
    """

    def __init__(self, spec: BreastSpec) -> None:
        self.spec = spec
        shape = neutral_shape(body_size(spec))
        voxels = 4.0 * shape.radius_mm**2 * shape.depth_mm
        spacing = max(_NEUTRAL_MM[spec.size], (voxels / _MAX_NEUTRAL_VOXELS) ** (1.0 / 3.0))
        self._maps: dict[ViewName, Compression] = {
            "CC": Compression(shape, make_outline(spec, "CC")),
            "MLO": Compression(shape, make_outline(spec, "MLO")),
        }
        self._tissue = make_neutral(spec, NeutralGrid(shape, spacing))

    def view(self, view: ViewName) -> ViewTissue:
        """Return one compressed view, without findings."""
        return squeeze(self.spec, self._maps[view], self._tissue)

    def to_view(self, view: ViewName, neutral: npt.ArrayLike) -> Array:
        """Return view-frame (z, y, x) of neutral points (depth, lateral, superior), (n, 3) mm, inside the breast."""
        return self._maps[view].to_view(neutral)

    def to_neutral(self, view: ViewName, points: npt.ArrayLike) -> Array:
        """Return neutral (depth, lateral, superior) of view-frame points (z, y, x), (n, 3) mm, inside the breast."""
        return self._maps[view].to_neutral(points)

    def glandular_fraction(self) -> float:
        """Return the fibroglandular share of the compressed volume, skin and muscle left out."""
        return self._tissue.glandular

    def dense_at(self, neutral: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Return the fibroglandular share (n,) at neutral points (n, 3) mm."""
        return self._tissue.dense_at(np.asarray(neutral, np.float64))
