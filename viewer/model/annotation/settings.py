"""What the annotator has in hand, and how segmentations are shown: one set for all viewports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from viewer.model.annotation.brush import Brush, Ink

ToolName = Literal["navigate", "pan", "polygon", "paint", "erase", "pick"]
CLEAR = 0
"""The label of what is not segmented."""
OPACITY_STEP = 0.05


@dataclass(frozen=True)
class AnnotationSettings:
    """Tool, brush and looks.

    Attributes
    ----------
    label : the active label: what is painted.
    over : the only label that is painted over; None: any.
    visible : whether segmentations are shown at all.
    fill : whether they are filled; else outlines alone.
    opacity : of the filling, 0..1.
    linked : whether images show the outlines of the other modalities of their view.
    """

    tool: ToolName = "navigate"
    brush: Brush = field(default_factory=Brush)
    label: int = 1
    over: int | None = None
    visible: bool = True
    fill: bool = True
    opacity: float = 0.3
    linked: bool = True

    @property
    def ink(self) -> Ink:
        """What painting and filling do."""
        return Ink(self.label, self.over)

    @property
    def eraser(self) -> Ink:
        """What erasing does: as in ITK-SNAP it takes away the active label and leaves its neighbours alone."""
        return Ink(CLEAR, self.label)

    @property
    def paints(self) -> bool:
        """Whether the tool is a brush."""
        return self.tool in ("paint", "erase")
