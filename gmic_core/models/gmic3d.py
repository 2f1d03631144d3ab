"""3D-GMIC: classification of whole tomosynthesis volumes with patches from few slices.

J. Park et al., An efficient deep neural network to find small objects in large 3D images, arXiv:2210.08645 (2022).
Published weights: NYU research-only licence, no modification; the user brings them. Written from the paper.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor

from gmic_core.errors import ModelError
from gmic_core.models.gmic_blocks import SliceDraw
from gmic_core.models.gmic_network import GmicNetwork, GmicOutput
from gmic_core.models.registry import ModelSpec
from gmic_core.models.specs import Gmic3DHyper, GmicHyper


class Gmic3D(GmicNetwork):
    """Every slice through the global network; pooling and patches over all slices; y = mean of global and local."""

    def __init__(self, spec: ModelSpec, hyper: GmicHyper) -> None:
        settings = cast(Gmic3DHyper, hyper)
        super().__init__(spec, hyper, norm=settings.norm, saliency=settings.saliency, zeta=settings.zeta)

    def forward(self, x: Tensor, draw: SliceDraw | None = None) -> GmicOutput:
        """Run everything on one volume (1, 1, D, H, W)."""
        if x.ndim != 5 or x.shape[0] != 1 or x.shape[1] != 1 or x.shape[2] == 0:
            raise ModelError(f"{self.spec.name} takes one volume of shape (1, 1, D, H, W), not {tuple(x.shape)}.")
        return self.run_volume(x[0].transpose(0, 1), draw)
