"""What a hanging protocol says: rules for viewports, for the exams that it is for, and for the steps that it gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gmic_core.exam.model import Exam, MammoImage

FOCUS, ANY, OTHER = "focus", "any", "other"
"""Words that stand for what the active image has, for everything, and for what no other slot of the file names."""
CURRENT, PRIOR, OLDEST = "current", "prior", "oldest"
"""Which exam of the patient: the open one, the newest one before it, the first one that is there."""
DATES = (CURRENT, PRIOR, OLDEST, FOCUS, ANY)
EACH = ("exam", "modality", "side", "view", "image")
"""What a protocol can give one hanging step for."""
EXTRAS = (ANY, "none", "only")
"""Whether views with modifiers (spot compression, magnification, implant displaced) fit a slot."""


@dataclass(frozen=True)
class SlotRule:
    """What may hang in one viewport.

    Attributes
    ----------
    laterality : ``L``, ``R``, ``focus`` or ``any``.
    views, modalities : in order of preference; may hold ``focus``, ``any`` or ``other``.
    title : what hangs here; ``{label}`` stands for the active image's side and view.
    optional : left out when the exam holds none of the named modalities.
    date : one of :data:`DATES`.
    extra : one of :data:`EXTRAS`.
    """

    row: int
    column: int
    title: str
    laterality: str
    views: tuple[str, ...]
    modalities: tuple[str, ...]
    optional: bool = False
    date: str = CURRENT
    extra: str = ANY

    @property
    def follows_focus(self) -> bool:
        """Whether the active image decides what hangs here."""
        return FOCUS in (self.laterality, *self.views, *self.modalities)


@dataclass(frozen=True)
class Match:
    """Which exams a protocol is for.

    Attributes
    ----------
    modalities, views, sides : the exam holds at least one image of every one of these.
    prior : whether an earlier exam of the patient must be open; None: it makes no difference.
    """

    modalities: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    sides: tuple[str, ...] = ()
    prior: bool | None = None

    def reason(self, exam: Exam, priors: Sequence[Exam]) -> str | None:
        """Return why an exam cannot hang so, in words for the reader, or None where it can.

        Keys stand in them as ``{command.id}``, as in the command table.
        """
        for wanted, there in (
            (self.modalities, {str(image.modality) for image in exam.images}),
            (self.views, {image.view or "?" for image in exam.images}),
            (self.sides, {str(image.laterality or "?") for image in exam.images}),
        ):
            missing = [word for word in wanted if word not in there]
            if missing:
                return f"this exam has no {missing[0]} image."
        if self.prior and not priors:
            return "no earlier exam of this patient is open; open its folder as well ({file.open_folder})."
        if self.prior is False and priors:
            return "it is for patients without an earlier exam."
        return None


@dataclass(frozen=True)
class Steps:
    """Which hanging steps a protocol gives.

    Attributes
    ----------
    order : place in the sequence of all protocols' steps.
    each : one of :data:`EACH`.
    label : ``{label}`` and ``{modality}`` are filled in.
    fill : least number of filled viewports; with fewer there is no step.
    unless : ids of protocols; no step whose images are all in steps of these already.
    """

    order: int
    each: str
    label: str = ""
    fill: int = 1
    unless: tuple[str, ...] = ()


@dataclass(frozen=True)
class Protocol:
    """One way to arrange an exam.

    Attributes
    ----------
    grid : (rows, columns) of viewports.
    steps : None: it is hung by menu or key only.
    """

    id: str
    label: str
    grid: tuple[int, int]
    slots: tuple[SlotRule, ...]
    match: Match = field(default_factory=Match)
    steps: Steps | None = None

    @property
    def follows_focus(self) -> bool:
        """Whether the arrangement depends on the active image."""
        return any(slot.follows_focus for slot in self.slots)


def has_modifiers(image: MammoImage) -> bool:
    """Return whether an image is an extra exposure of its view: spot, magnified, implant displaced, rolled."""
    return bool(image.view_modifiers)
