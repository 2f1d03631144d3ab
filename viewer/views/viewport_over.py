"""What lies over the picture of a viewport: boxes, words, and what stands there while the picture is missing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QPainter

from gmic_core.exam.geometry import PlaneMap
from gmic_core.types import Laterality
from viewer.model import corner_text
from viewer.model.identity import shown_message
from viewer.model.orientation_marks import edge_letters
from viewer.model.placement import image_laterality
from viewer.model.priors import relation
from viewer.model.seen_window import why_not_analysed
from viewer.model.session import Session
from viewer.model.viewstate import ImageState
from viewer.views import theme, viewport_marks, viewport_trials, viewport_unseen
from viewer.views.viewport_edges import place_edges
from viewer.views.viewport_pixels import ViewportPixels
from viewer.views.viewport_text import CLEARANCE, Placed, Touches, place_lines


@dataclass(frozen=True)
class Look:
    """How a viewport looks at its image now.

    Attributes
    ----------
    to_screen : stored pixels -> device pixels.
    size : of the viewport in device-independent pixels.
    ratio : device pixels per device-independent pixel.
    """

    to_screen: PlaneMap
    size: QSize
    ratio: float

    @property
    def rect(self) -> QRectF:
        """The whole viewport."""
        return QRectF(QPointF(0, 0), QSizeF(self.size))


class ViewportOver:
    """Chooses and paints what lies over the pixels of one viewport."""

    def __init__(self, session: Session, pixels: ViewportPixels) -> None:
        self._session, self._pixels = session, pixels

    def paint_missing(self, painter: QPainter, state: ImageState, look: Look, message: str | None) -> None:
        """Paint where the picture will come, or why it does not (``message``)."""
        if message is not None:
            message = shown_message(message, self._session)
            painter.setFont(theme.body_font())
            painter.setPen(theme.color(theme.ERROR))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(look.rect.adjusted(24, 48, -24, -48), flags, message)
            return
        text = f"loading slice {state.slice_index + 1}" if state.image.frames > 1 else "loading"
        viewport_marks.paint_placeholder(painter, state.image, look.to_screen, look.ratio, text)

    def paint_boxes(self, painter: QPainter, state: ImageState, look: Look) -> None:
        """Paint the patches of this slice and, fainter, of those nearby; and what is tried out on the result."""
        settings, entry = self._session.overlays.settings, self._pixels.entry(state)
        viewport_unseen.paint(painter, settings, entry, state, look.to_screen, look.ratio)
        viewport_trials.paint(painter, self._session, state, look.to_screen, look.ratio)
        if entry is None or entry.result is None or not (settings.visible and settings.boxes):
            return
        chosen = self._session.selected_patch
        selected = chosen[1] if chosen is not None and chosen[0] == state.image.sop_uid else None
        size = (state.image.rows, state.image.columns)
        boxes = viewport_marks.visible_boxes(
            entry.result.rois, size, state.slice_index, look.to_screen, look.ratio, selected
        )
        viewport_marks.paint_boxes(painter, boxes, look.rect)

    def outside(self, state: ImageState, at: tuple[float, float]) -> str:
        """Return what is added to the readout of a stored place that the network did not see."""
        entry = self._pixels.entry(state)
        if entry is None or entry.result is None or not self._session.overlays.settings.visible:
            return ""
        within = -0.5 <= at[0] < state.image.rows - 0.5 and -0.5 <= at[1] < state.image.columns - 0.5
        why = why_not_analysed(entry.result, *at) if within else ""
        return f"   {why}" if why else ""

    def lines(self, state: ImageState, look: Look, readout: str) -> list[Placed]:
        """Return the corner text with its places; ``readout`` stands lowest."""
        zoom = corner_text.zoom_of(look.to_screen)
        size, touches = QSizeF(look.size), self.touches(state, look)
        placed = place_lines(
            size,
            image_laterality(state.image) is Laterality.R,
            self._marker(state),
            corner_text.person_lines(self._session.exam_of(state.image.sop_uid), hidden=self._session.identity_hidden),
            [corner_text.Line(readout), *self._about_image(state, zoom)],
            touches,
        )
        letters = edge_letters(state.image)
        return placed + (place_edges(size, letters, placed, touches) if letters is not None else [])

    def _about_image(self, state: ImageState, zoom: float) -> list[corner_text.Line]:
        """Return what is known about the image; its warnings may name the patient or a file."""
        lines = corner_text.image_lines(state, zoom)
        return [replace(line, text=shown_message(line.text, self._session)) for line in lines]

    def _marker(self, state: ImageState) -> corner_text.Line:
        """Return the side marker; key image, slab and sweep stand beside it, where no breast can push them away."""
        line = corner_text.marker_line(state.image, untrained=self._shows_untrained(state))
        entry = self._pixels.entry(state)
        line = replace(line, badges=(*line.badges, *viewport_trials.badges(self._session, entry)))
        unseen = viewport_unseen.badges(self._session.overlays.settings, entry, state)
        line = replace(line, badges=(*line.badges, *unseen))
        line = replace(line, badges=(*self._exam_badges(state), *line.badges))
        if state.slice_index in self._session.marks.of(state.image.sop_uid).key_slices:
            line = replace(line, badges=(*line.badges, ("key image", "normal")))
        return replace(line, badges=(*line.badges, *self._looking_badges(state)))

    def _looking_badges(self, state: ImageState) -> list[tuple[str, corner_text.Tone]]:
        """Return in which way the image is looked at: at a linked depth, as a slab, as a field of the sweep."""
        badges: list[tuple[str, corner_text.Tone]] = []
        if self._session.links.depth and state.image.frames > 1:
            badges.append(("depth linked", "secondary"))
        slab, shown = self._session.viewing.slab, self._pixels.shown(state)
        if shown is not None and slab.on and state.image.frames > 1:
            badges.append((slab.text(state.image), "normal"))
            if shown.missing:
                badges.append((f"{len(shown.slices) - shown.missing} / {len(shown.slices)} slices loaded", "warning"))
        if self._session.active_state is state:
            placement = self._session.placement(self._session.active)
            field = self._session.viewing.field_shown(state.image.sop_uid, placement)
            badges += [(f"field {field.number} / {field.total}", "normal")] if field else []
        return badges

    def _exam_badges(self, state: ImageState) -> list[tuple[str, corner_text.Tone]]:
        """Return a badge where the image is not of the open exam: nobody may take a prior for today's image."""
        exam = self._session.exam
        other = self._session.exam_of(state.image.sop_uid)
        if exam is None or other is None or other is exam:
            return []
        date = other.date if not self._session.identity_hidden else ""
        when = f" {date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 else ""
        return [(relation(exam, other) + when, "warning")]

    def _shows_untrained(self, state: ImageState) -> bool:
        """Whether anything from random weights is shown on this image."""
        entry = self._pixels.entry(state)
        visible = self._session.overlays.settings.visible
        return entry is not None and entry.untrained and entry.saliency is not None and visible

    def touches(self, state: ImageState, look: Look) -> Touches:
        """Return what tells whether a rectangle comes too near to breast or outlined structures; at first nothing."""
        tissue = self._pixels.tissue(state.image)
        if tissue is None:
            return lambda _rect: False
        on_screen = tissue.on_screen(look.to_screen)
        settings, entry = self._session.overlays.settings, self._pixels.entry(state)
        marked = viewport_unseen.structure_places(settings, entry, look.to_screen, look.ratio)

        def touches(rect: QRectF) -> bool:
            grown = rect.adjusted(-CLEARANCE, -CLEARANCE, CLEARANCE, CLEARANCE)
            edges = (grown.top(), grown.left(), grown.bottom(), grown.right())
            return any(map(grown.intersects, marked)) or on_screen(*(edge * look.ratio for edge in edges))

        return touches
