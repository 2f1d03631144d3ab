"""Windows and pixel sizes other than the usual ones: those of small breasts, those that weights were trained at.

Imports no torch.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from gmic_core.errors import WeightsError
from gmic_core.models.registry import InputSpec, ModelSpec
from gmic_core.types import Modality

SPACING_TOLERANCE = 0.02
"""Where weights or an experiment state a pixel spacing, images of any other are resampled to it."""
MAX_SIDE = 8192
MAX_SPACING_MM = 5.0


def scaled_spec(spec: ModelSpec, factor: int) -> ModelSpec:
    """Return the spec for images of pixels ``factor`` times as large: a window of the same field of view."""
    if factor == 1:
        return spec
    return replace(spec, inputs=tuple(_scaled(entry, factor) for entry in spec.inputs))


def _scaled(entry: InputSpec, factor: int) -> InputSpec:
    return replace(
        entry, rows=entry.rows // factor, columns=entry.columns // factor, spacing_mm=entry.spacing_mm * factor
    )


def spec_at(spec: ModelSpec, modality: Modality, rows: int, columns: int, spacing_mm: float) -> ModelSpec:
    """Return the spec with another window and pixel size for one modality; 0 leaves what it has."""
    entry = spec.input_for(modality)
    changed = replace(entry, rows=rows or entry.rows, columns=columns or entry.columns)
    if spacing_mm:
        changed = replace(changed, spacing_mm=spacing_mm, spacing_tolerance=SPACING_TOLERANCE)
    return replace(spec, inputs=tuple(changed if one is entry else one for one in spec.inputs))


@dataclass(frozen=True)
class TrainedInput:
    """The input that weights were trained at, where it is not the network's usual one.

    Attributes
    ----------
    modality : the only one that this holds for.
    rows, columns : of the window in network pixels.
    spacing_mm : side of such a pixel.
    spacing_tolerance : relative deviation that is taken as it is, without resampling.
    patch_size : rows and columns of an ROI patch in network pixels.
    """

    modality: Modality
    rows: int
    columns: int
    spacing_mm: float
    spacing_tolerance: float
    patch_size: tuple[int, int]

    @classmethod
    def of(cls, spec: ModelSpec, modality: Modality) -> TrainedInput:
        """Return what a spec says about one modality."""
        entry = spec.input_for(modality)
        return cls(modality, entry.rows, entry.columns, entry.spacing_mm, entry.spacing_tolerance, spec.patch_size)

    def applied(self, spec: ModelSpec) -> ModelSpec:
        """Return a network's spec with this input."""
        entry = spec.input_for(self.modality)
        own = InputSpec(self.modality, self.rows, self.columns, self.spacing_mm, self.spacing_tolerance)
        inputs = tuple(own if one is entry else one for one in spec.inputs)
        return replace(spec, inputs=inputs, patch_size=self.patch_size)

    def as_text(self) -> str:
        """Return JSON, for a weight file's header."""
        return json.dumps({**asdict(self), "modality": str(self.modality)}, sort_keys=True)

    @classmethod
    def parse(cls, text: str, name: str) -> TrainedInput:
        """Return what a weight file's header says.

        Parameters
        ----------
        name : of the file, for messages.

        Raises
        ------
        WeightsError
            If it is no such JSON, or a size is out of range.
        """
        try:
            found = json.loads(text)
            rows, columns = int(found["rows"]), int(found["columns"])
            height, width = (int(side) for side in found["patch_size"])
            spacing, tolerance = float(found["spacing_mm"]), float(found["spacing_tolerance"])
            parsed = cls(Modality(found["modality"]), rows, columns, spacing, tolerance, (height, width))
        except (ValueError, KeyError, TypeError) as error:
            raise WeightsError(
                f"{name} states an input size that cannot be read ({error}); export it again from the training run."
            ) from error
        if not all(16 <= side <= MAX_SIDE for side in (rows, columns, height, width)):
            raise WeightsError(f"{name} states sides outside 16 to {MAX_SIDE} pixels; export it again.")
        if not (0 < spacing <= MAX_SPACING_MM and 0 <= tolerance <= 1):
            raise WeightsError(f"{name} states pixels of {spacing} mm, give or take {tolerance:.0%}; export it again.")
        return parsed
