"""Which image hangs where: protocols matched to an exam, whatever order its files came in.

Images are matched by *normalised* laterality, view, modality and the date of their exam, never by a description that
a vendor wrote. What fits a viewport but does not hang in it (extra views, several images of a view) is among the
slot's candidates, in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gmic_core.exam.model import Exam, MammoImage
from gmic_core.types import STANDARD_VIEWS, Laterality, Modality
from viewer.model.hanging_file import load_protocols, read_protocol
from viewer.model.hanging_rules import (
    ANY,
    CURRENT,
    FOCUS,
    OLDEST,
    OTHER,
    PRIOR,
    Protocol,
    SlotRule,
    has_modifiers,
)
from viewer.model.session import Session
from viewer.model.viewstate import Slot

__all__ = [
    "Place",
    "Protocol",
    "SlotRule",
    "arrange",
    "fill",
    "load_protocols",
    "read_protocol",
    "reading_order",
    "unplaced",
]

_SIDES = (Laterality.R, Laterality.L)
MODALITIES = (Modality.FFDM, Modality.MG, Modality.S2D, Modality.DBT, Modality.OTHER)
"""Modalities in the order in which they are read."""


@dataclass(frozen=True)
class Place:
    """A viewport with what fits it.

    Attributes
    ----------
    candidates : what fits, best first.
    image : what hangs: the first candidate that hangs nowhere before; None: nothing does.
    """

    rule: SlotRule
    candidates: list[MammoImage]
    image: MammoImage | None


def reading_order(images: Sequence[MammoImage]) -> list[MammoImage]:
    """Return images as they are read: CC, MLO, then other views, R before L; the same from any file order."""

    def rank(image: MammoImage) -> tuple[int, int, str, int, bool, bool]:
        view = image.view or "~"  # sorts behind every name
        return (
            STANDARD_VIEWS.index(view) if view in STANDARD_VIEWS else len(STANDARD_VIEWS),
            _SIDES.index(image.laterality) if image.laterality in _SIDES else len(_SIDES),
            view,
            MODALITIES.index(image.modality),
            has_modifiers(image),
            image.for_processing,
        )

    return sorted(_newest_first(images), key=rank)


def fill(
    protocol: Protocol,
    exam: Exam,
    priors: Sequence[Exam] = (),
    *,
    focus: MammoImage,
    prefer: Modality | None = None,
) -> list[Place]:
    """Return the viewports of an exam hung by a protocol; optional ones that nothing could fill are left out.

    Parameters
    ----------
    priors : earlier exams of the same patient, the newest first.
    focus : image that the protocol turns around.
    prefer : modality to hang where a slot could take several.
    """
    ordered = [reading_order(one.images) for one in (exam, *priors)]
    hung: set[str] = set()
    places = []
    for rule in protocol.slots:
        pools = _pools(rule, ordered, focus)
        candidates = _candidates(rule, protocol, pools, focus, prefer)
        if not candidates and rule.optional and not _could_exist(rule, pools):
            continue
        image = next((image for image in candidates if image.sop_uid not in hung), None)
        places.append(Place(rule, candidates, image))
        if image is not None:
            hung.add(image.sop_uid)
    return places


def arrange(
    protocol: Protocol,
    exam: Exam,
    session: Session,
    *,
    focus: MammoImage | None = None,
    prefer: Modality | None = None,
) -> tuple[tuple[int, int], list[Slot]]:
    """Return grid (rows, columns) and viewports of an exam hung by a protocol, for :meth:`Session.hang`.

    Parameters
    ----------
    session : keeps the one state of each image, and knows the patient's earlier exams.
    focus : image that the protocol turns around; None: the active image, or the first in reading order.
    prefer : modality to hang where a slot could take several.
    """
    images = reading_order(exam.images)
    if not images:
        return (1, 1), []
    priors = session.priors if session.exam is not None and session.exam.study_uid == exam.study_uid else []
    known = [*images, *(image for prior in priors for image in prior.images)]
    focus = focus or _active(session, known) or images[0]
    places = fill(protocol, exam, priors, focus=focus, prefer=prefer)
    if not any(place.image is not None for place in places):
        return _side_by_side(images, session, len(protocol.slots))
    return _compact([_slot(place, focus, session) for place in places])


def unplaced(exam: Exam, slots: Sequence[Slot]) -> list[MammoImage]:
    """Return the images that fit no viewport: they are to be had from the study list only."""
    placed = {image.sop_uid for slot in slots for image in slot.candidates}
    return [image for image in reading_order(exam.images) if image.sop_uid not in placed]


def _newest_first(images: Sequence[MammoImage]) -> list[MammoImage]:
    """Sort by time of acquisition, the last first: a view is repeated because the one before was not good enough."""
    return sorted(
        sorted(images, key=lambda image: image.sop_uid), key=lambda image: image.acquisition_time, reverse=True
    )


def _active(session: Session, images: Sequence[MammoImage]) -> MammoImage | None:
    active = session.active_image
    return next((image for image in images if active is not None and image.sop_uid == active.sop_uid), None)


# -- what fits a slot ------------------------------------------------------------------------------------------------
def _pools(rule: SlotRule, exams: list[list[MammoImage]], focus: MammoImage) -> list[list[MammoImage]]:
    """Return the images to choose from, exam by exam in order of preference; the first of ``exams`` is the open one.

    A view that the newest prior exam lacks (a diagnostic one, say) is taken from the one before it: dates are shown.
    """
    if rule.date == FOCUS:
        return [images for images in exams if any(image.sop_uid == focus.sop_uid for image in images)]
    return {CURRENT: exams[:1], PRIOR: exams[1:], OLDEST: exams[:0:-1], ANY: exams}[rule.date]


def _could_exist(rule: SlotRule, pools: Sequence[Sequence[MammoImage]]) -> bool:
    return any(image.modality in rule.modalities for images in pools for image in images)


def _candidates(
    rule: SlotRule,
    protocol: Protocol,
    pools: Sequence[Sequence[MammoImage]],
    focus: MammoImage,
    prefer: Modality | None,
) -> list[MammoImage]:
    """Return what fits a rule, the preferred image first; each pool comes in reading order."""
    same_side = [slot for slot in protocol.slots if slot.laterality == rule.laterality and slot is not rule]
    named_views = {view for slot in same_side for view in slot.views}
    named_modalities = {modality for slot in protocol.slots if slot is not rule for modality in slot.modalities}
    ranked = []
    for age, images in enumerate(pools):
        for image in images:
            side = {FOCUS: focus.laterality, ANY: image.laterality}.get(rule.laterality, rule.laterality)
            view = _rank(image.view or "?", rule.views, focus.view or "?", named_views)
            modality = _rank(image.modality, rule.modalities, focus.modality, named_modalities)
            wrong_extra = rule.extra != ANY and has_modifiers(image) != (rule.extra == "only")
            if image.laterality != side or view is None or modality is None or wrong_extra:
                continue
            is_focus = rule.follows_focus and image.sop_uid == focus.sop_uid
            unlike = image.modality is not prefer
            key = (not is_focus, age, has_modifiers(image), view, unlike, image.for_processing, modality)
            ranked.append((key, image))
    return [image for _, image in sorted(ranked, key=lambda item: item[0])]


def _rank(word: str, wanted: tuple[str, ...], of_focus: str, named_elsewhere: set[str]) -> int | None:
    """Return the place of a word in a list of preferences, or None where it does not fit."""
    for rank, name in enumerate(wanted):
        if (
            name in (word, ANY)
            or (name == FOCUS and word == of_focus)
            or (name == OTHER and word not in named_elsewhere)
        ):
            return rank
    return None


# -- viewports -------------------------------------------------------------------------------------------------------
def _slot(place: Place, focus: MammoImage, session: Session) -> Slot:
    rule, image = place.rule, place.image
    name = rule.title.format(label=focus.label)
    title = image.label if image else f"{name} is being made" if name in session.coming else f"no {name}"
    return Slot(rule.row, rule.column, title, session.state_of(image) if image else None, place.candidates)


def _compact(slots: list[Slot]) -> tuple[tuple[int, int], list[Slot]]:
    """Close the rows and columns that optional slots left empty."""
    rows = sorted({slot.row for slot in slots})
    columns = sorted({slot.column for slot in slots})
    for slot in slots:
        slot.row, slot.column = rows.index(slot.row), columns.index(slot.column)
    return (len(rows), len(columns)), slots


def _side_by_side(images: list[MammoImage], session: Session, places: int) -> tuple[tuple[int, int], list[Slot]]:
    """Hang images of unknown side as they come: an empty screen would hide that there is something to decide."""
    count = min(len(images), max(places, 1))
    columns = min(count, max(2, -(-count // 2)))
    slots = [
        Slot(index // columns, index % columns, image.label, session.state_of(image), list(images))
        for index, image in enumerate(images[:count])
    ]
    return (-(-count // columns), columns), slots
