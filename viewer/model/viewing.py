"""Aids to looking that belong to no single image: the slab and the lens. They stay on while images come and go."""

from __future__ import annotations

from dataclasses import dataclass, replace

from psygnal import Signal

from viewer.model.placement import Placement
from viewer.model.slab import Slab

LENS_STRENGTHS = (2.0, 3.0, 4.0)
"""How much more than its surroundings the lens magnifies."""


@dataclass(frozen=True)
class Lens:
    """The magnifier under the mouse.

    Attributes
    ----------
    on : whether it is shown.
    strength : one of :data:`LENS_STRENGTHS`.
    """

    on: bool = False
    strength: float = LENS_STRENGTHS[0]

    def scale(self, scale: float, one_to_one: float) -> float:
        """Return the lens's scale: stronger than its surroundings, and never less than one pixel per stored pixel.

        Parameters
        ----------
        scale : of the viewport, device pixels per mm.
        one_to_one : the scale at which a stored pixel takes one device pixel.
        """
        return max(scale * self.strength, one_to_one)

    def stronger(self) -> Lens:
        """Return the lens with the next strength; after the strongest comes the weakest."""
        place = LENS_STRENGTHS.index(self.strength) + 1
        return replace(self, strength=LENS_STRENGTHS[place % len(LENS_STRENGTHS)])


@dataclass(frozen=True)
class Field:
    """Where the sweep at 1:1 stands.

    Attributes
    ----------
    number, total : e.g. 2 of 6.
    placement : what the viewport shows while the reader stays there.
    """

    sop_uid: str
    number: int
    total: int
    placement: Placement


class ViewingModel:
    """Slab, lens and sweep of all viewports.

    Signals
    -------
    slab_changed(), lens_changed()
    """

    slab_changed = Signal()
    lens_changed = Signal()

    def __init__(self) -> None:
        self.slab = Slab()
        self.lens = Lens()
        self.field: Field | None = None

    def set_slab(self, slab: Slab) -> None:
        """Show slices combined like this from now on."""
        if slab != self.slab:
            self.slab = slab
            self.slab_changed.emit()

    def set_lens(self, lens: Lens) -> None:
        """Show, hide or change the lens."""
        if lens != self.lens:
            self.lens = lens
            self.lens_changed.emit()

    def field_shown(self, sop_uid: str, placement: Placement) -> Field | None:
        """Return the sweep's field if it is what a viewport shows; a reader who panned or zoomed has left it."""
        field = self.field
        return field if field is not None and (field.sop_uid, field.placement) == (sop_uid, placement) else None

    def escape(self) -> bool:
        """Take the lens away; return whether it was there."""
        was_on = self.lens.on
        self.set_lens(replace(self.lens, on=False))
        return was_on
