"""Means of a comparison, and the files and images that were not compared, with the reasons."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHeaderView, QTableView, QVBoxLayout, QWidget

from gmic_core.comparison.folder import Compared
from gmic_core.comparison.report import WORDS
from gmic_core.comparison.sources import Unused
from gmic_core.comparison.tables import Mean
from gmic_core.types import CLASSES, Finding
from viewer.commands import Context
from viewer.model.identity import shown_message
from viewer.views import parts
from viewer.views.text_table import Column, TextTable, dress, number

MEANS = (
    Column("class"),
    Column("figure"),
    Column("what it is"),
    Column("on"),
    Column("images", "Images that have the figure: those that show a lesion of the class.", True),
    Column("mean", "", True),
    Column("SD", "Of the sample, over images (n - 1).", True),
    Column("95 %", "Bootstrap interval of the mean, images drawn with replacement.", True),
)
WRAPPED = 200
"""Rows up to which reasons are wrapped; of more each has one line, and the whole reason under the mouse."""
NO_MEAN = "Nothing was compared yet, or no image shows a lesion: nothing can be averaged."


class MeansPage(QWidget):
    """Mean, SD and bootstrap interval of every figure, per class; Table V in one line above.

    Attributes
    ----------
    head : the line.
    rows : the table's.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.head, self.rows = parts.Label("", ""), TextTable(MEANS)
        self.head.setWordWrap(True)
        self.table = QTableView(self)
        self.table.setModel(self.rows)
        dress(self.table, "Means over images", "Mean over images with a lesion of the class; all its labels together")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.head)
        column.addWidget(self.table, 1)

    def refresh(self) -> None:
        """Show the means of what was compared."""
        found = self._context.session.comparing.found
        means = sorted(found.means, key=lambda one: -one.finding) if found is not None else []
        self.rows.set_rows([mean_texts(one) for one in means])
        self.table.resizeColumnsToContents()
        self.head.setText(table_v(found) if found is not None and means else NO_MEAN)


def mean_texts(one: Mean) -> tuple[str, ...]:
    """Return the row of a mean."""
    volume, plain = one.name.endswith("_3d"), one.name.removesuffix("_3d")
    at = one.interval
    return (
        CLASSES[one.finding], one.name, WORDS[plain], "all slices" if volume else "projection", str(one.images),
        number(at.value), number(one.sd), f"{number(at.low)} - {number(at.high)}",
    )  # fmt: skip


def table_v(found: Compared) -> str:
    """Return DSC and PxAP of both classes, mean and SD, as Table V of the 3D-GMIC paper names them."""
    by = {(one.finding, one.name): one for one in found.means}
    words = []
    for ending, where in (("", "projection"), ("_3d", "all slices")):
        cells = []
        for name, short in (("dice_soft", "DSC"), ("pxap", "PxAP")):
            for finding in (Finding.MALIGNANT, Finding.BENIGN):
                one = by.get((finding, f"{name}{ending}"))
                if one is not None:
                    sd = "" if one.sd != one.sd else f" ± {one.sd:.3f}"
                    cells.append(f"{short}({CLASSES[finding][0].upper()}) {one.interval.value:.3f}{sd}")
        if cells:
            words.append(f"{where}: {', '.join(cells)}")
    return f"As in Table V, mean ± SD; {'; '.join(words)}."


class ReasonsPage(QWidget):
    """What was not compared, and what should be known of what was.

    Attributes
    ----------
    unused, notes : rows of both tables.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        columns = (Column("file or image"), Column("reason"))
        self.unused, self.notes = TextTable(columns), TextTable((columns[0], Column("note")))
        self.heads = [parts.heading("Not compared"), parts.heading("Worth knowing")]
        self.tables = [QTableView(self), QTableView(self)]
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(8)
        names = ("Files and images that were not compared", "Notes on files that were compared")
        for head, table, rows, name in zip(self.heads, self.tables, (self.unused, self.notes), names, strict=True):
            table.setModel(rows)
            dress(table, name, "A file or an image, and what about it")
            table.setWordWrap(True)
            table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
            table.horizontalHeader().resizeSection(0, 260)
            table.horizontalHeader().setStretchLastSection(True)
            column.addWidget(head)
            column.addWidget(table, 2 if rows is self.unused else 1)
        self._fitting = QTimer(self)
        self._fitting.setSingleShot(True)
        self._fitting.setInterval(0)
        self._fitting.timeout.connect(self._fit)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Wrap the reasons anew."""
        super().resizeEvent(event)
        self._fitting.start()

    def _fit(self) -> None:
        for table, rows in zip(self.tables, (self.unused, self.notes), strict=True):
            if len(rows.rows) <= WRAPPED:
                table.resizeRowsToContents()

    def refresh(self) -> None:
        """Show the reasons of what was compared."""
        found = self._context.session.comparing.found
        unused = found.batch.unused if found is not None else []
        notes = found.batch.notes if found is not None else []
        self.unused.set_rows(self._texts(unused))
        self.notes.set_rows(self._texts(notes))
        for head, title, entries in zip(self.heads, ("Not compared", "Worth knowing"), (unused, notes), strict=True):
            head.setText(f"{title} ({len(entries)})")
        self._fitting.start()

    def _texts(self, entries: list[Unused]) -> list[tuple[str, str]]:
        session = self._context.session
        if not session.identity_hidden:
            return [(one.name, one.reason) for one in entries]
        texts = []
        for place, one in enumerate(entries, start=1):  # names of files may name a patient
            reason = one.reason.replace(one.name, "the file")
            texts.append((f"File {place}", shown_message(reason, session)))
        return texts
