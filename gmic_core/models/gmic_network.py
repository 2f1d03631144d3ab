"""The frame of the GMIC networks: a global network, a choice of patches, a local network, and their combination.

``forward`` is made of steps that can be called one by one, so that a volume need not be in memory at once:

    passes = [model.global_pass(batch) for batch in batches]     # (n, 1, H, W) slices
    y_global = model.global_score(saliency)                      # all slices' maps
    chosen = model.select(saliency, (H, W))
    local = model.local(patches)                                 # crop_patch() of the chosen slices
    y = model.combine(y_global, local.y_local, global_vector, local.z)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from gmic_core.errors import ModelError
from gmic_core.models import resnet, resnet22
from gmic_core.models.gmic_blocks import (
    RoiSelection,
    SliceDraw,
    crop_patch,
    gated_attention,
    pooled_cells,
    select_rois,
    top_t_mean,
)
from gmic_core.models.layout import use_channels_last
from gmic_core.models.registry import ModelSpec
from gmic_core.models.specs import GmicHyper, Norm, SaliencyActivation
from gmic_core.types import CLASSES

ATTENTION_UNITS = 128
SLICE_BATCH = 4


@dataclass(frozen=True)
class GlobalPass:
    """What the global network makes of n slices: saliency (n, 2, h, w), max over positions of h_g (n, 256)."""

    saliency: Tensor
    vector: Tensor


@dataclass(frozen=True)
class LocalPass:
    """What the local network makes of K patches.

    Attributes
    ----------
    attention : (1, K), sums to 1.
    y_local : (1, 2).
    patch_scores : (K, 2), the local head on each patch alone; not part of the published models.
    z : (1, 512), the attention-weighted features.
    features : (K, 512), of each patch alone.
    """

    attention: Tensor
    y_local: Tensor
    patch_scores: Tensor
    z: Tensor
    features: Tensor


@dataclass(frozen=True)
class GmicOutput:
    """Result of a network on one volume (3D) or on N images (2D).

    Attributes
    ----------
    saliency : (D, 2, h, w) or (N, 2, h, w).
    y_global, y_local, y : (1, 2) or (N, 2), benign and malignant; y_local is NaN where no patch could be chosen.
    patch_slices : int64 (K,), 3D only.
    patch_corners : int64 (K, 2) or (N, K, 2): row, column of the upper left corner in input pixels, before clamping.
    attention : (1, K) or (N, K).
    patch_scores : (K, 2) or (N, K, 2), the local head on each patch alone.
    patches : (K, 256, 256) or (N, K, 256, 256), what the local network saw.
    notes : what was not applicable, in sentences.

    Where only some of N images have patches, the others' rows hold corners of -1 and NaN.
    """

    saliency: Tensor
    y_global: Tensor
    y_local: Tensor
    y: Tensor
    patch_slices: Tensor | None
    patch_corners: Tensor
    attention: Tensor
    patch_scores: Tensor
    patches: Tensor
    notes: tuple[str, ...] = ()


class GmicNetwork(nn.Module):
    """Base of the three GMIC networks. Attribute names that look odd are the published weight files' keys.

    Attributes
    ----------
    spec, hyper : what this network is and how it is set.
    slice_batch : slices that go through the global network at once; memory, never the result, depends on it.
    zeta : slices on each side that a chosen patch closes; 0 for images.
    """

    norm: ClassVar[Norm] = "group"
    saliency_activation: ClassVar[SaliencyActivation] = "relu_tanh"

    def __init__(
        self,
        spec: ModelSpec,
        hyper: GmicHyper,
        norm: Norm | None = None,
        saliency: SaliencyActivation | None = None,
        zeta: int = 0,
    ) -> None:
        super().__init__()
        self.spec = spec
        self.hyper = hyper
        self.zeta = zeta
        self.slice_batch = SLICE_BATCH
        self._activation = saliency or self.saliency_activation
        classes = len(CLASSES)
        self.ds_net = resnet22.ResNet22(norm or self.norm)
        self.left_postprocess_net = nn.ModuleDict(
            {"gn_conv_last": nn.Conv2d(resnet22.OUT_CHANNELS, classes, 1, bias=False)}
        )
        self.dn_resnet = resnet.ResNet18()
        self.mil_attn_V = nn.Linear(resnet.OUT_FEATURES, ATTENTION_UNITS, bias=False)
        self.mil_attn_U = nn.Linear(resnet.OUT_FEATURES, ATTENTION_UNITS, bias=False)
        self.mil_attn_w = nn.Linear(ATTENTION_UNITS, 1, bias=False)
        self.classifier_linear = nn.Linear(resnet.OUT_FEATURES, classes, bias=False)
        use_channels_last(self.dn_resnet)

    # The steps, in order.

    def global_pass(self, x: Tensor) -> GlobalPass:
        """Run the global network on slices (n, 1, H, W).

        On the CPU they go one by one: a batch is not faster there, and its sums differ in the last bits with its size,
        which decided between equal slices (the first must win) and so depended on the batch.
        """
        self.check_image(x)
        if x.device.type != "cpu" or self.training or len(x) == 1:
            return self._global_pass(x)
        parts = [self._global_pass(one) for one in torch.split(x, 1)]
        return GlobalPass(torch.cat([part.saliency for part in parts]), torch.cat([part.vector for part in parts]))

    def _global_pass(self, x: Tensor) -> GlobalPass:
        features = self.ds_net(x)  # (n, 256, h, w)
        logits = self.left_postprocess_net["gn_conv_last"](features)
        return GlobalPass(self.activated(logits), features.amax(dim=(2, 3)))

    def activated(self, logits: Tensor) -> Tensor:
        """Return the saliency of a class map (n, 2, h, w) before its activation."""
        return torch.sigmoid(logits) if self._activation == "sigmoid" else torch.relu(torch.tanh(logits))

    def saliency_of(self, x: Tensor) -> Tensor:
        """Return the saliency maps (n, 2, h, w) of slices (n, 1, H, W)."""
        return self.global_pass(x).saliency

    def global_score(self, saliency: Tensor) -> Tensor:
        """Return y_global (1, 2) of one volume's or one image's maps (slices, 2, h, w)."""
        return top_t_mean(saliency, self.hyper.top_t)

    def select(self, saliency: Tensor, image_size: tuple[int, int], draw: SliceDraw | None = None) -> RoiSelection:
        """Choose the patches of one volume or image; the notes cover pooling and choice."""
        chosen = select_rois(
            saliency, image_size, self.hyper.num_patches, self.zeta, patch_size=self.spec.patch_size, draw=draw
        )
        _, note = pooled_cells(saliency.shape, self.hyper.top_t)
        notes = chosen.notes if note is None else (note, *chosen.notes)
        return RoiSelection(chosen.slices, chosen.corners, chosen.cells, chosen.centres, notes)

    def local(self, patches: Tensor) -> LocalPass:
        """Run the local network on at least one patch (K, 256, 256)."""
        return self.attend(self.dn_resnet(patches))

    def attend(self, features: Tensor) -> LocalPass:
        """Weigh the features (K, 512) of at least one patch and score them: all that follows the local network."""
        attention = gated_attention(features, self.mil_attn_V, self.mil_attn_U, self.mil_attn_w)
        z = attention @ features
        y_local = torch.sigmoid(self.classifier_linear(z))
        return LocalPass(attention, y_local, torch.sigmoid(self.classifier_linear(features)), z, features)

    def combine(self, y_global: Tensor, y_local: Tensor, global_vector: Tensor, z: Tensor) -> Tensor:
        """Return the prediction (1, 2) of an image with patches; without any it is y_global."""
        del global_vector, z  # only the fusion of 2D GMIC looks at them
        return 0.5 * y_global + 0.5 * y_local

    # The whole.

    def run_volume(self, slices: Tensor, draw: SliceDraw | None = None) -> GmicOutput:
        """Run everything on the slices (D, 1, H, W) of one volume, or on one image with D = 1.

        ``draw`` belongs to training, see :func:`~gmic_core.models.gmic_blocks.select_rois`.
        """
        parts = [self.global_pass(batch) for batch in torch.split(slices, self.slice_batch)]
        saliency = torch.cat([part.saliency for part in parts])
        vector = torch.cat([part.vector for part in parts]).amax(dim=0, keepdim=True)
        y_global = self.global_score(saliency)
        chosen = self.select(saliency, (slices.shape[2], slices.shape[3]), draw)
        if len(chosen) == 0:
            return _without_patches(saliency, y_global, chosen, self.spec.patch_size)
        patches = self.crop(slices, chosen)
        local = self.local(patches)
        y = self.combine(y_global, local.y_local, vector, local.z)
        return GmicOutput(
            saliency,
            y_global,
            local.y_local,
            y,
            chosen.slices,
            chosen.corners,
            local.attention,
            local.patch_scores,
            patches,
            chosen.notes,
        )

    def crop(self, slices: Tensor, chosen: RoiSelection) -> Tensor:
        """Cut the chosen patches (K, 256, 256) out of slices (D, 1, H, W)."""
        picks = zip(chosen.slices.tolist(), chosen.corners.tolist(), strict=True)
        return torch.stack(
            [crop_patch(slices[index, 0], (row, column), self.spec.patch_size) for index, (row, column) in picks]
        )

    def check_image(self, x: Tensor) -> None:
        """Make sure that ``x`` is slices (n, 1, H, W) that are large enough.

        Raises
        ------
        ModelError
            If it is not.
        """
        if x.ndim != 4 or x.shape[1] != 1:
            raise ModelError(f"{self.spec.name} takes slices of shape (n, 1, H, W), not {tuple(x.shape)}.")
        if 0 in resnet22.cells_of(x.shape[2], x.shape[3]):
            raise ModelError(f"An image of {x.shape[2]}x{x.shape[3]} pixels is too small for {self.spec.name}.")


def _without_patches(
    saliency: Tensor, y_global: Tensor, chosen: RoiSelection, patch_size: tuple[int, int]
) -> GmicOutput:
    """Return the result of an image on whose maps nothing stands out."""
    return GmicOutput(
        saliency,
        y_global,
        torch.full_like(y_global, float("nan")),
        y_global,
        chosen.slices,
        chosen.corners,
        saliency.new_zeros((1, 0)),
        saliency.new_zeros((0, len(CLASSES))),
        saliency.new_zeros((0, *patch_size)),
        chosen.notes,
    )


class GmicImageNetwork(GmicNetwork):
    """Base of the 2D networks: every image of the batch is a volume of one slice."""

    def forward(self, x: Tensor, draw: SliceDraw | None = None) -> GmicOutput:
        """Run everything on images (N, 1, H, W)."""
        self.check_image(x)
        if len(x) == 0:
            raise ModelError(f"{self.spec.name} was given no image (batch of 0).")
        results = [self.run_volume(image, draw) for image in torch.split(x, 1)]
        most = max(len(result.patch_corners) for result in results)
        results = [_padded(result, most) for result in results]
        notes = tuple(
            note if len(results) == 1 else f"Image {number}: {note}"
            for number, result in enumerate(results)
            for note in result.notes
        )

        def joined(name: str) -> Tensor:
            return torch.cat([cast(Tensor, getattr(result, name)) for result in results])

        def stacked(name: str) -> Tensor:
            return torch.stack([cast(Tensor, getattr(result, name)) for result in results])

        return GmicOutput(
            joined("saliency"),
            joined("y_global"),
            joined("y_local"),
            joined("y"),
            None,
            stacked("patch_corners"),
            joined("attention"),
            stacked("patch_scores"),
            stacked("patches"),
            notes,
        )


def _padded(result: GmicOutput, patches: int) -> GmicOutput:
    """Return the result with ``patches`` rows: images without any patch get corners of -1 and NaN."""
    if len(result.patch_corners) == patches:
        return result
    nan = float("nan")
    return GmicOutput(
        result.saliency,
        result.y_global,
        result.y_local,
        result.y,
        result.patch_slices,
        result.patch_corners.new_full((patches, 2), -1),
        result.attention.new_full((1, patches), nan),
        result.patch_scores.new_full((patches, len(CLASSES)), nan),
        result.patches.new_full((patches, *result.patches.shape[1:]), nan),
        result.notes,
    )
