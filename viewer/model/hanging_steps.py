"""Hanging steps: what ``.`` and ``,`` go through, worked out from the ``[steps]`` tables of the protocols."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gmic_core.exam.model import Exam, MammoImage
from gmic_core.types import Laterality, Modality
from viewer.model.hanging import MODALITIES, Place, fill, reading_order
from viewer.model.hanging_rules import Protocol, Steps
from viewer.model.session import Session


@dataclass(frozen=True)
class Stage:
    """One hanging step.

    Attributes
    ----------
    layout : id of the protocol.
    focus : image that a focus-following protocol turns around, or None.
    prefer : modality to hang where a slot could take several, or None.
    label : what is to be seen, e.g. ``compare R-CC``.
    shows : SOP UIDs of the images that hang, in the order of the slots.
    """

    layout: str
    focus: MammoImage | None
    prefer: Modality | None
    label: str
    shows: tuple[str, ...] = ()


def stages(exam: Exam, protocols: Mapping[str, Protocol], priors: Sequence[Exam] = ()) -> list[Stage]:
    """Return the hanging steps of an exam in order, whatever order its files came in.

    With the protocols of the program every image of the exam is in one of them.

    Parameters
    ----------
    priors : earlier exams of the same patient, the newest first.
    """
    with_steps = [(entry, entry.steps) for entry in protocols.values() if entry.steps is not None]
    found: list[Stage] = []
    for protocol, steps in sorted(with_steps, key=lambda pair: (pair[1].order, pair[0].id)):
        if not exam.images or protocol.match.reason(exam, priors) is not None:
            continue
        seen = {uid for stage in found if stage.layout in steps.unless for uid in stage.shows}
        before: tuple[str, ...] = ()
        for stage in _stages_of(protocol, steps, exam, priors):
            if stage.shows != before and not (seen and seen.issuperset(stage.shows)):
                found.append(stage)
            before = stage.shows
    return found


def _stages_of(protocol: Protocol, steps: Steps, exam: Exam, priors: Sequence[Exam]) -> Iterator[Stage]:
    images = reading_order(exam.images)
    if steps.each == "modality":
        yield from _by_modality(protocol, steps, exam, priors, images[0])
        return
    for focus in _focuses(steps.each, images):
        places = fill(protocol, exam, priors, focus=focus or images[0])
        shows = _shown(places)
        if len(shows) >= steps.fill and (steps.each != "image" or focus is None or focus.sop_uid in shows):
            label = _label(steps, protocol, focus or images[0], (focus or images[0]).modality)
            yield Stage(protocol.id, focus, None, label, shows)


def _by_modality(
    protocol: Protocol, steps: Steps, exam: Exam, priors: Sequence[Exam], first: MammoImage
) -> Iterator[Stage]:
    """Give a step for each modality that fills enough viewports, or one for all where none does but they together do.

    Of patients with earlier exams only viewports of the open exam count: the step is about today.
    """
    own = {image.sop_uid for image in exam.images}
    any_of_them = False
    for modality in (*MODALITIES, None):
        if modality is None and any_of_them:
            return
        places = fill(protocol, exam, priors, focus=first, prefer=modality)
        hung = [place.image for place in places if place.image is not None and place.image.sop_uid in own]
        count = sum(modality is None or image.modality is modality for image in hung)
        if count >= steps.fill:
            any_of_them = True
            label = _label(steps, protocol, first, modality) if modality else protocol.label
            yield Stage(protocol.id, None, modality, label, _shown(places))


def _focuses(each: str, images: Sequence[MammoImage]) -> list[MammoImage | None]:
    """Return the images around which a protocol gives steps; None: one step, around nothing in particular."""
    if each == "exam":
        return [None]
    if each == "image":
        return list(images)
    if each == "side":
        of_side = {side: [i for i in images if i.laterality is side] for side in (Laterality.R, Laterality.L)}
        return [group[0] for group in of_side.values() if group]
    first: dict[tuple[str, str], MammoImage | None] = {}
    for image in images:  # what lacks side or view stands alone
        first.setdefault((image.laterality or image.sop_uid, image.view or image.sop_uid), image)
    return list(first.values())


def _shown(places: Sequence[Place]) -> tuple[str, ...]:
    return tuple(place.image.sop_uid for place in places if place.image is not None)


def _label(steps: Steps, protocol: Protocol, focus: MammoImage, modality: Modality | None) -> str:
    about = _described(focus) if steps.each == "image" else focus.label
    return (steps.label or protocol.label).format(label=about, modality=modality or "")


def _described(image: MammoImage) -> str:
    """Return side and view with what sets an image apart from others of its view, e.g. ``R-MLO spot compression``."""
    raw = ("for processing",) if image.for_processing else ()
    return " ".join((image.label, *image.view_modifiers, *raw))


def current_stage(steps: Sequence[Stage], session: Session) -> int:
    """Return the index of the step that is on screen, or of the one nearest to it (-1: none is)."""
    shown = {slot.state.image.sop_uid for slot in session.slots if slot.state}

    def likeness(stage: Stage) -> float:
        if stage.layout != session.layout:
            return 0.0
        wanted = set(stage.shows)
        return 0.1 + len(shown & wanted) / max(len(shown | wanted), 1)

    scores = [likeness(stage) for stage in steps]
    best = max(scores, default=0.0)
    return scores.index(best) if best else -1
