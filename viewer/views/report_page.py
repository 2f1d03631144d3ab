"""The one-page report on paper: A4, black text on white, pictures on black; painted with any ``QPainter``.

The notice stands at the top, at the bottom and in every picture; nothing switches it off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPen

from gmic_core.exam.model import MammoImage
from gmic_core.inference.document import NOTICE
from viewer.model.report import PatchMark, PatchView, Report, View
from viewer.model.report_pictures import Picture
from viewer.views import theme

PAGE_MM = (210.0, 297.0)
EDGE_MM = 12.0
COLUMNS = 4
GAP_MM = 3.0
CAPTION_MM = 7.0
PATCH_MM = 20.0
DPI = 300
ROW_MM = {1: 88.0, 2: 62.0, 3: 39.0}
"""Height of a picture by how many rows of them there are."""
ORIGIN_MM = 2.2
BURNT_IN = "RESEARCH ONLY"
PATCHES_ARE = (
    "Patches by attention (the attention scores of one image sum to 1); alone: malignant / benign score of the patch "
    "by itself, no part of the published model."
)
SCORES_ARE = "Outputs of networks between 0 and 1; no calibrated probabilities of cancer."
INK, GREY, LINE = "#000000", "#4A4F55", "#B8BCC2"
BOX, CHOSEN = "#FFFFFF", "#FFE27A"


def picture_size(report: Report) -> tuple[int, int]:
    """Return (width, height) in pixels at which the views of a report are to be rendered."""
    width = (PAGE_MM[0] - 2 * EDGE_MM - (COLUMNS - 1) * GAP_MM) / COLUMNS
    return round(width / 25.4 * DPI), round(ROW_MM[_rows(report)] / 25.4 * DPI)


def _rows(report: Report) -> int:
    return min(max(-(-len(report.views) // COLUMNS), 1), 3)


@dataclass
class ReportPage:
    """Paints a report.

    Parameters
    ----------
    views, patches : pictures of ``report.views`` and ``report.patches``.
    made : when and by which program, for the foot.
    """

    report: Report
    views: Sequence[Picture]
    patches: Sequence[Picture]
    made: str

    def paint(self, painter: QPainter, dots_per_mm: float) -> None:
        """Paint the page from the painter's origin, which is the corner of the paper."""
        self._painter, self._scale = painter, dots_per_mm
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self._rect(0, 0, *PAGE_MM), QColor("#FFFFFF"))
        down = self._head(EDGE_MM)
        down = self._views(down)
        down = self._patches(down)
        down = self._scores(down)
        self._origin(down)
        self._foot()

    # -- parts, from top to bottom; each returns where the next one begins ---------------------------------------
    def _head(self, down: float) -> float:
        wide = PAGE_MM[0] - 2 * EDGE_MM
        self._text(EDGE_MM, down, wide, 6, "Breast image report", 4.2, bold=True)
        self._text(EDGE_MM, down, wide, 6, self.made, 2.4, GREY, right=True)
        down += 7
        for line in self.report.identity:
            self._text(EDGE_MM, down, wide, 4.5, line, 3.0)
            down += 4.5
        down += 1
        high = 3.0 + 4.2 * len(self.report.notices)
        self._painter.setPen(QPen(QColor(INK), 0.35 * self._scale))
        self._painter.setBrush(Qt.BrushStyle.NoBrush)
        self._painter.drawRect(self._rect(EDGE_MM, down, wide, high))
        for number, line in enumerate(self.report.notices):
            place = down + 1.5 + 4.2 * number
            self._text(EDGE_MM + 2, place, wide - 4, 4.2, line, 3.0, bold=number == 0)
        return down + high + 3

    def _views(self, down: float) -> float:
        wide = (PAGE_MM[0] - 2 * EDGE_MM - (COLUMNS - 1) * GAP_MM) / COLUMNS
        high = ROW_MM[_rows(self.report)]
        for number, (view, picture) in enumerate(zip(self.report.views, self.views, strict=True)):
            row, column = divmod(number, COLUMNS)
            left, top = EDGE_MM + column * (wide + GAP_MM), down + row * (high + CAPTION_MM + 1)
            place = self._rect(left, top, wide, high)
            self._picture(picture, place)
            self._boxes(picture, place, view.marks, view.image)
            self._burn_in(place, view)
            for line, text in enumerate(view.caption):
                self._text(left, top + high + 0.5 + 3.2 * line, wide, 3.2, text, 2.5, INK if line == 0 else GREY)
        down += _rows(self.report) * (high + CAPTION_MM + 1)
        more = [self.report.overlay] if self.report.overlay else []
        if any(view.marks for view in self.report.views):
            more.append("boxes: patches that the network chose in this slice, numbered where shown below")
        if self.report.left_out:
            more.append(f"{self.report.left_out} more images of the exam are not on this page")
        if more:
            self._text(EDGE_MM, down, PAGE_MM[0] - 2 * EDGE_MM, 3.4, ".  ".join(more) + ".", 2.3, GREY)
            down += 4.4
        return down

    def _patches(self, down: float) -> float:
        if not self.patches:
            return down
        step = (PAGE_MM[0] - 2 * EDGE_MM - PATCH_MM) / 7
        for number, (patch, picture) in enumerate(zip(self.report.patches, self.patches, strict=True)):
            left = EDGE_MM + number * step
            place = self._rect(left, down, PATCH_MM, PATCH_MM)
            self._picture(picture, place)
            self._boxes(picture, place, (PatchMark(0, patch.roi),), patch.view.image)
            self._patch_text(patch, left, down + PATCH_MM + 0.5)
        self._text(
            EDGE_MM, down + PATCH_MM + 9.6, PAGE_MM[0] - 2 * EDGE_MM, 3, PATCHES_ARE, 2.1, GREY,
        )  # fmt: skip
        return down + PATCH_MM + 14

    def _patch_text(self, patch: PatchView, left: float, down: float) -> None:
        for line, text in enumerate(patch.caption):
            self._text(left, down + 2.9 * line, PATCH_MM + 3, 2.9, text, 2.1, INK if line == 0 else GREY)

    def _scores(self, down: float) -> float:
        if not self.report.scores:
            self._text(EDGE_MM, down, 180, 4, "There is no AI result for this exam.", 2.8, GREY)
            return down + 6
        places = (EDGE_MM, EDGE_MM + 26, EDGE_MM + 44, EDGE_MM + 64, EDGE_MM + 84)
        widths = (26.0, 18.0, 18.0, 18.0, 102.0)
        heads = ("Breast", "Kind", "Malignant", "Benign", "How the score was made")
        for row, texts in enumerate((heads, *self.report.scores)):
            for column, text in enumerate(texts):
                number = column in (2, 3)
                self._text(
                    places[column], down, widths[column] - (2 if number else 0), 4, text, 2.6,
                    GREY if row == 0 else INK, right=number, bold=row > 0 and number,
                )  # fmt: skip
            down += 4
            if row == 0:
                self._rule(down)
                down += 0.6
        self._text(
            EDGE_MM, down, 180, 3.4, SCORES_ARE, 2.3, GREY,
        )  # fmt: skip
        return down + 5

    def _origin(self, down: float) -> None:
        """Say where the results come from, and what the networks had to say, as far as the page reaches."""
        wide, end = PAGE_MM[0] - 2 * EDGE_MM, PAGE_MM[1] - EDGE_MM - 6
        lines = [f"{what}: {value}" for what, value in self.report.provenance]
        lines += [f"Note: {note}" for note in self.report.notes]
        for number, text in enumerate(lines):
            high = self._height(text, wide, ORIGIN_MM)
            last = number == len(lines) - 1
            if down + high + (0.0 if last else 3.0) > end:  # what is left out needs a line that says so
                rest = f"{len(lines) - number} more notes are shown in the program."
                self._text(EDGE_MM, down, wide, 3, rest, ORIGIN_MM, GREY)
                return
            self._text(EDGE_MM, down, wide, high, text, ORIGIN_MM, GREY, wrap=True)
            down += high + 0.4

    def _foot(self) -> None:
        down, wide = PAGE_MM[1] - EDGE_MM - 4, PAGE_MM[0] - 2 * EDGE_MM
        self._rule(down - 0.6)
        self._text(EDGE_MM, down, wide, 4, NOTICE, 2.8, bold=True)
        self._text(EDGE_MM, down, wide, 4, "Page 1 of 1", 2.4, GREY, right=True)

    # -- pencils -------------------------------------------------------------------------------------------------
    def _rect(self, left: float, top: float, width: float, height: float) -> QRectF:
        return QRectF(left * self._scale, top * self._scale, width * self._scale, height * self._scale)

    def _font(self, size_mm: float, *, bold: bool = False) -> QFont:
        font = QFont(theme.FONT_FAMILY)
        font.setPixelSize(max(round(size_mm * self._scale), 1))
        # glyphs that depend on what stands beside them cannot be traced back to characters: the text of the file would
        # have no colons and brackets for whoever searches it
        font.setFeature(QFont.Tag("calt"), 0)
        font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
        return font

    def _height(self, text: str, width: float, size: float) -> float:
        self._painter.setFont(self._font(size))
        flags = Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap
        return float(self._painter.boundingRect(self._rect(0, 0, width, 100), flags, text).height() / self._scale)

    def _text(
        self, left: float, top: float, width: float, height: float, text: str, size: float, color: str = INK,
        *, right: bool = False, bold: bool = False, wrap: bool = False,
    ) -> None:  # fmt: skip
        painter = self._painter
        painter.setFont(self._font(size, bold=bold))
        painter.setPen(QColor(color))
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        if wrap:
            flags = side | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
        else:
            flags = side | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
            metrics = painter.fontMetrics()
            text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(width * self._scale) + 1)
        painter.drawText(self._rect(left, top, width, height), flags, text)

    def _rule(self, down: float) -> None:
        wide = PAGE_MM[0] - 2 * EDGE_MM
        self._painter.fillRect(self._rect(EDGE_MM, down, wide, 0.2), QColor(LINE))

    def _picture(self, picture: Picture, place: QRectF) -> None:
        pixels = picture.pixels
        height, width = pixels.shape[:2]
        image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        self._painter.drawImage(place, image)

    def _boxes(self, picture: Picture, place: QRectF, marks: Sequence[PatchMark], image: MammoImage) -> None:
        painter = self._painter
        height, width = picture.pixels.shape[:2]
        across, down = place.width() / width, place.height() / height
        painter.save()
        painter.setClipRect(place)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for mark in marks:
            inside = mark.roi.inside(image.rows, image.columns)
            if inside is None:
                continue
            row0, col0, row1, col1 = picture.to_picture.apply_box(inside)
            box = QRectF(
                place.left() + col0 * across, place.top() + row0 * down, (col1 - col0) * across, (row1 - row0) * down
            )
            painter.setPen(QPen(QColor(CHOSEN if mark.number else BOX), 0.2 * self._scale))
            painter.drawRect(box)
            if mark.number:
                painter.setFont(self._font(2.2, bold=True))
                painter.drawText(box.topLeft() + QPointF(0.4, 2.2) * self._scale, str(mark.number))
        painter.restore()

    def _burn_in(self, place: QRectF, view: View) -> None:
        """Write side and view, and what the picture is for, into the picture itself: it may be cut out."""
        painter = self._painter
        inside = place.adjusted(self._scale, self._scale, -self._scale, -self._scale)
        left_breast = view.image.laterality == "L"
        outer = Qt.AlignmentFlag.AlignRight if left_breast else Qt.AlignmentFlag.AlignLeft  # away from the breast
        painter.setPen(QColor("#C8CDD3"))
        painter.setFont(self._font(2.8, bold=True))
        painter.drawText(inside, outer | Qt.AlignmentFlag.AlignTop, view.image.label)
        painter.setFont(self._font(1.9))
        layer = view.layer
        text = f"{BURNT_IN} - UNTRAINED" if layer is not None and layer.untrained else BURNT_IN
        painter.drawText(inside, outer | Qt.AlignmentFlag.AlignBottom, text)
