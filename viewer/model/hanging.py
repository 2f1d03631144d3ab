"""Which image hangs where: protocols matched to an exam, whatever order its files came in.

Images are matched by *normalised* laterality, view and modality, never by a description that a vendor wrote. What fits
a viewport but does not hang in it (extra views, several images of a view) is among the slot's candidates, in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gmic_core.exam.model import Exam, MammoImage
from gmic_core.types import STANDARD_VIEWS, Laterality, Modality
from viewer.model.hanging_file import ANY, FOCUS, OTHER, Protocol, SlotRule, load_protocols, read_protocol
from viewer.model.session import Session
from viewer.model.viewstate import Slot

__all__ = [
    "Protocol",
    "SlotRule",
    "Stage",
    "arrange",
    "current_stage",
    "load_protocols",
    "read_protocol",
    "reading_order",
    "stages",
    "unplaced",
]

_SIDES = (Laterality.R, Laterality.L)
_MODALITIES = (Modality.FFDM, Modality.MG, Modality.S2D, Modality.DBT, Modality.OTHER)


@dataclass(frozen=True)
class Stage:
    """One hanging step.

    Attributes
    ----------
    layout : id of the protocol.
    focus : image that a focus-following protocol turns around, or None.
    prefer : modality to hang where a slot could take several, or None.
    label : what is to be seen, e.g. ``compare R-CC``.
    """

    layout: str
    focus: MammoImage | None
    prefer: Modality | None
    label: str


def reading_order(images: Sequence[MammoImage]) -> list[MammoImage]:
    """Return images as they are read: CC, MLO, then other views, R before L; the same from any file order."""

    def rank(image: MammoImage) -> tuple[int, int, str, int, bool, bool]:
        view = image.view or "~"  # sorts behind every name
        return (
            STANDARD_VIEWS.index(view) if view in STANDARD_VIEWS else len(STANDARD_VIEWS),
            _SIDES.index(image.laterality) if image.laterality in _SIDES else len(_SIDES),
            view,
            _MODALITIES.index(image.modality),
            bool(image.view_modifiers),
            image.for_processing,
        )

    return sorted(_newest_first(images), key=rank)


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
    session : keeps the one state of each image of the open exam.
    focus : image that the protocol turns around; None: the active image, or the first in reading order.
    prefer : modality to hang where a slot could take several.
    """
    images = reading_order(exam.images)
    if not images:
        return (1, 1), []
    focus = focus or _active(session, images) or images[0]
    hung: set[str] = set()
    slots = []
    for rule in protocol.slots:
        candidates = _candidates(rule, protocol, images, focus, prefer)
        if not candidates and rule.optional and not _could_exist(rule, images):
            continue
        image = next((image for image in candidates if image.sop_uid not in hung), None)
        slots.append(_slot(rule, candidates, image, focus, session))
        if image is not None:
            hung.add(image.sop_uid)
    return _compact(slots) if hung else _side_by_side(images, session, len(protocol.slots))


def unplaced(exam: Exam, slots: Sequence[Slot]) -> list[MammoImage]:
    """Return the images that fit no viewport: they are to be had from the study list only."""
    placed = {image.sop_uid for slot in slots for image in slot.candidates}
    return [image for image in reading_order(exam.images) if image.sop_uid not in placed]


def stages(exam: Exam) -> list[Stage]:
    """Return the hanging steps of an exam, from the overview to the single view; every image is in one of them."""
    images = reading_order(exam.images)
    found = [Stage("2x2", None, modality, f"four views, {modality}") for modality in _overviews(images)]
    preferred = [stage.prefer for stage in found]
    shown = set()
    for group in _by_view(images):  # of several that would fit, the first one hangs
        newest = {image.modality: image for image in reversed(group)}
        shown |= {image.sop_uid for image in newest.values() if _in_overview(image, preferred)}
        columns = {_column(image.modality): image for image in reversed(group)}
        if len(columns) > 1:
            found.append(Stage("compare", group[0], None, f"compare {group[0].label}"))
            shown |= {image.sop_uid for image in columns.values()}
    nothing_to_compare = not any(stage.layout == "compare" for stage in found)
    found += [
        Stage("single", image, None, f"{image.label} {image.modality}")
        for image in images
        if nothing_to_compare or image.sop_uid not in shown
    ]
    return found


def _column(modality: Modality) -> Modality:
    """Return which column of the comparison a modality hangs in."""
    return modality if modality in (Modality.DBT, Modality.S2D) else Modality.FFDM


def current_stage(steps: Sequence[Stage], session: Session) -> int:
    """Return the index of the step that is on screen, or of the one nearest to it (-1: none is)."""
    active = session.active_image
    shown = [slot.state.image.modality for slot in session.slots if slot.state]

    def likeness(stage: Stage) -> int:
        if stage.layout != session.layout:
            return 0
        if stage.focus is None:
            return 2 if shown and stage.prefer is shown[0] else 1
        if active is None or (stage.focus.laterality, stage.focus.view) != (active.laterality, active.view):
            return 0
        return 2 if stage.focus.sop_uid == active.sop_uid else 1

    scores = [likeness(stage) for stage in steps]
    best = max(scores, default=0)
    return scores.index(best) if best else -1


def _newest_first(images: Sequence[MammoImage]) -> list[MammoImage]:
    """Sort by time of acquisition, the last first: a view is repeated because the one before was not good enough."""
    return sorted(
        sorted(images, key=lambda image: image.sop_uid), key=lambda image: image.acquisition_time, reverse=True
    )


def _active(session: Session, images: Sequence[MammoImage]) -> MammoImage | None:
    active = session.active_image
    return next((image for image in images if active is not None and image.sop_uid == active.sop_uid), None)


def _could_exist(rule: SlotRule, images: Sequence[MammoImage]) -> bool:
    return any(image.modality in rule.modalities for image in images)


def _candidates(
    rule: SlotRule, protocol: Protocol, images: Sequence[MammoImage], focus: MammoImage, prefer: Modality | None
) -> list[MammoImage]:
    """Return what fits a rule, the preferred image first; ``images`` come in reading order."""
    same_side = [slot for slot in protocol.slots if slot.laterality == rule.laterality and slot is not rule]
    named_views = {view for slot in same_side for view in slot.views}
    named_modalities = {modality for slot in protocol.slots if slot is not rule for modality in slot.modalities}
    ranked = []
    for image in images:
        side = {FOCUS: focus.laterality, ANY: image.laterality}.get(rule.laterality, rule.laterality)
        view = _rank(image.view or "?", rule.views, focus.view or "?", named_views)
        modality = _rank(image.modality, rule.modalities, focus.modality, named_modalities)
        if image.laterality != side or view is None or modality is None:
            continue
        is_focus = rule.follows_focus and image.sop_uid == focus.sop_uid
        unlike = image.modality is not prefer
        key = (not is_focus, bool(image.view_modifiers), view, unlike, image.for_processing, modality)
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


def _slot(
    rule: SlotRule, candidates: list[MammoImage], image: MammoImage | None, focus: MammoImage, session: Session
) -> Slot:
    place = rule.title.format(label=focus.label)
    title = image.label if image else f"{place} is being made" if place in session.coming else f"no {place}"
    return Slot(rule.row, rule.column, title, session.state_of(image) if image else None, candidates)


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


def _in_overview(image: MammoImage, modalities: Sequence[Modality | None]) -> bool:
    return image.modality in modalities and image.laterality is not None and image.view in STANDARD_VIEWS


def _overviews(images: Sequence[MammoImage]) -> list[Modality | None]:
    """Return the modalities that fill at least two of the four standard places; [None] where none does."""
    found: list[Modality | None] = []
    for modality in _MODALITIES:
        places = {(image.laterality, image.view) for image in images if _in_overview(image, [modality])}
        if len(places) > 1:
            found.append(modality)
    return found or [None]


def _by_view(images: Sequence[MammoImage]) -> list[list[MammoImage]]:
    """Return groups of images of one side and view, in reading order; what lacks either stands alone."""
    groups: dict[tuple[str, str], list[MammoImage]] = {}
    for image in images:
        groups.setdefault((image.laterality or image.sop_uid, image.view or image.sop_uid), []).append(image)
    return list(groups.values())
