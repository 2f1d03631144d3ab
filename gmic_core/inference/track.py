"""What one network has made of one window of an image so far, and in the end its result. Imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import torch
from torch import Tensor

from gmic_core import __version__
from gmic_core.exam.model import MammoImage
from gmic_core.inference.choice import acceptance_notes
from gmic_core.inference.events import ImageStarted
from gmic_core.inference.execution.modes import PRECISION
from gmic_core.inference.network import LoadedNetwork
from gmic_core.models.gmic_blocks import RoiSelection, crop_patch
from gmic_core.models.gmic_network import LocalPass
from gmic_core.models.resnet22 import OUT_CHANNELS, cells_of
from gmic_core.preprocessing import PREPROCESSING_VERSION, WindowPlan
from gmic_core.types import SIMULATED_ONLY, ImageResult, Provenance, Roi


class Track:
    """One network on one window of one image: scan the slices, choose patches, cut them, look at them.

    Parameters
    ----------
    window : which of the distinct windows of the image it is.

    Attributes
    ----------
    saliency : (slices, 2, h, w) on the network's device, filled batch by batch.
    """

    def __init__(self, loaded: LoadedNetwork, plan: WindowPlan, window: int, frames: int) -> None:
        self.loaded, self.plan, self.window = loaded, plan, window
        self._shape = (plan.window.rows, plan.window.columns)
        self._cells = cells_of(*self._shape)
        device = loaded.device
        self.saliency = torch.empty((frames, 2, *self._cells), device=device)
        self._vector = torch.full((1, OUT_CHANNELS), -torch.inf, device=device)
        self._chosen: RoiSelection | None = None
        self._slices: list[int] = []
        self._patches: dict[int, Tensor] = {}
        self._local: LocalPass | None = None

    @property
    def patch_slices(self) -> Sequence[int]:
        """Slice of each patch that was chosen, in the order of choice."""
        return self._slices

    def scan(self, batch: range, x: Tensor) -> None:
        """Run the global network on some standardised slices (n, 1, rows, columns)."""
        part = self.loaded.executor.global_pass(x)
        self.saliency[batch.start : batch.stop] = part.saliency
        self._vector = torch.maximum(self._vector, part.vector.amax(dim=0, keepdim=True))

    def choose(self) -> None:
        """Choose the patches, once all slices were scanned."""
        self._chosen = self.loaded.network.select(self.saliency, self._shape)
        self._slices = self._chosen.slices.tolist()

    def cut(self, k: int, plane: Tensor) -> int:
        """Cut the patches of one slice, standardised (rows, columns); return how many it has."""
        assert self._chosen is not None
        here = [i for i, on in enumerate(self._slices) if on == k]
        for i in here:
            row, column = (int(value) for value in self._chosen.corners[i])
            self._patches[i] = crop_patch(plane, (row, column), self.loaded.network.spec.patch_size).clone()
        return len(here)

    def look(self) -> None:
        """Run the local network on the patches, once all were cut."""
        if self._patches:
            patches = torch.stack([self._patches[i] for i in range(len(self._slices))])
            self._local = self.loaded.executor.local(patches.to(self.loaded.device))

    # -- what is told ------------------------------------------------------------------------------------------------
    def started(self, image: MammoImage) -> ImageStarted:
        """Return what is told before the first map."""
        weights = self.loaded.weights
        return ImageStarted(
            image.sop_uid,
            self.loaded.model,
            image.frames,
            self._cells,
            self.plan.window.saliency_to_stored(self._cells).matrix,
            weights.name,
            weights.sha256,
            weights.untrained,
            self._simulated_only,
        )

    def result(self, image: MammoImage, seconds: float, note: str = "") -> ImageResult:
        """Return the result.

        Parameters
        ----------
        seconds : that it took.
        note : what happened on the way, for the reader.
        """
        assert self._chosen is not None
        network, local, plan = self.loaded.network, self._local, self.plan
        y_global = network.global_score(self.saliency)
        y = y_global if local is None else network.combine(y_global, local.y_local, self._vector, local.z)
        maps = self.saliency.cpu().numpy()
        accepted = acceptance_notes(image, network.spec, simulated_only=self._simulated_only)
        notes = (*accepted, *plan.notes, *self._chosen.notes, self.loaded.mode_note, note)
        return ImageResult(
            sop_uid=image.sop_uid,
            modality=image.modality,
            laterality=image.laterality,
            view=image.view,
            y=_pair(y),
            y_global=_pair(y_global),
            y_local=(float("nan"), float("nan")) if local is None else _pair(local.y_local),
            rois=self._rois(local),
            saliency=maps.astype("float16"),
            saliency_to_stored=plan.window.saliency_to_stored(self._cells).matrix,
            window_to_stored=plan.window.stored_to_network().inverse().matrix,
            window_shape=self._shape,
            profile=maps.max(axis=(2, 3)).astype("float32"),
            outside_fraction=plan.outside_fraction,
            provenance=self._provenance(seconds),
            notes=tuple(text for text in notes if text),
            features=None if local is None else local.features.cpu().numpy(),
            vectors=self._vector.cpu().numpy(),
            coverage=plan.coverage,
        )

    def _rois(self, local: LocalPass | None) -> tuple[Roi, ...]:
        """Return the patches with their boxes in stored pixels: the part of each that the network's window covers."""
        if local is None or self._chosen is None:
            return ()
        to_stored = self.plan.window.stored_to_network().inverse()
        size = self.loaded.network.spec.patch_size
        scores, attention = local.patch_scores.tolist(), local.attention[0].tolist()
        rois = []
        for i, (row, column) in enumerate(self._chosen.corners.tolist()):
            last = min(row + size[0], self._shape[0]), min(column + size[1], self._shape[1])
            box = [round(value) for value in to_stored.apply_box((max(row, 0), max(column, 0), *last))]
            benign, malignant = scores[i]
            rois.append(Roi(self._slices[i], box[0], box[1], box[2], box[3], attention[i], (benign, malignant)))
        return tuple(rois)

    @property
    def _simulated_only(self) -> bool:
        return SIMULATED_ONLY in self.loaded.weights.training_data

    def _provenance(self, seconds: float) -> Provenance:
        weights = self.loaded.weights
        return Provenance(
            model=self.loaded.model,
            weights=weights.name,
            weights_sha256=weights.sha256,
            untrained=weights.untrained,
            training_data=weights.training_data,
            preprocessing_version=PREPROCESSING_VERSION,
            precision=PRECISION[self.loaded.mode],
            device=self.loaded.device_label,
            seconds=seconds,
            software=f"gmic-viewer {__version__}, torch {torch.__version__}",
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            mode=self.loaded.mode,
        )


def _pair(y: Tensor) -> tuple[float, float]:
    benign, malignant = y[0].tolist()
    return float(benign), float(malignant)
