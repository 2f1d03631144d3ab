"""GMIC: the globally-aware multiple instance classifier for full-field digital mammograms.

Y. Shen et al., An interpretable classifier for high-resolution breast cancer screening images utilizing weakly
supervised localization, Medical Image Analysis 68:101908 (2021). Published weights: AGPL-3.0; the user brings them.
Written from the paper. The released networks apply a sigmoid to the class map.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from gmic_core.models import resnet, resnet22
from gmic_core.models.gmic_network import GmicImageNetwork
from gmic_core.models.registry import ModelSpec
from gmic_core.models.specs import GmicHyper, Norm, SaliencyActivation
from gmic_core.types import CLASSES


class Gmic2D(GmicImageNetwork):
    """Global network with BatchNorm; the prediction is the fusion of global and local features."""

    norm: ClassVar[Norm] = "batch"
    saliency_activation: ClassVar[SaliencyActivation] = "sigmoid"

    def __init__(self, spec: ModelSpec, hyper: GmicHyper) -> None:
        super().__init__(spec, hyper)
        self.fusion_dnn = nn.Linear(resnet22.OUT_CHANNELS + resnet.OUT_FEATURES, len(CLASSES))

    def combine(self, y_global: Tensor, y_local: Tensor, global_vector: Tensor, z: Tensor) -> Tensor:
        """Return y_fusion (1, 2), Eq. 6: [max over positions of h_g, z] through one layer."""
        del y_global, y_local
        return torch.sigmoid(self.fusion_dnn(torch.cat([global_vector, z], dim=1)))
