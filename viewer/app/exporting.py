"""Screenshots, the PDF report and AI results: asks where to, then writes in the background."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QFileDialog

from gmic_core import __version__
from gmic_core.errors import GmicError, StoreError
from gmic_core.exam.model import MammoImage
from gmic_core.inference.document import NOTICE
from viewer.commands import Context
from viewer.services.jobs import JobRunner, Tell
from viewer.views import theme
from viewer.views.main_window import MainWindow
from viewer.views.status_bar import model_text

if TYPE_CHECKING:  # what writes reports and results is imported when one is asked for: the window comes up sooner
    from viewer.model.report_pictures import Decode

REPAINT_MS = 60
"""So long after identity was hidden the window has repainted itself without it."""
STRIP = 24
"""Height of the line of text under a picture of a viewport, in device-independent pixels."""


class Exports:
    """The one implementation of :class:`viewer.commands.requests.ExportRequests`.

    Parameters
    ----------
    decode : returns the stored pixels of a slice; called in a thread.
    """

    def __init__(self, context: Context, window: MainWindow, decode: Decode, jobs: JobRunner) -> None:
        self._context, self._session = context, context.session
        self._window, self._decode, self._jobs = window, decode, jobs
        self._folder = Path.home()

    def cancel(self) -> None:
        """Stop the export that runs."""
        self._jobs.cancel()

    # -- pictures ------------------------------------------------------------------------------------------------
    def screenshot(self, what: Literal["window", "viewport"], *, identified: bool) -> None:
        """Save the window or the active viewport as a PNG file."""
        take = self._grab_window if what == "window" else self._grab_viewport
        hidden = self._session.identity_hidden
        if identified or hidden:
            self._keep_picture(what, take())
            return
        self._session.set_identity_hidden(True)

        def grab() -> None:
            picture = take()
            self._session.set_identity_hidden(False)
            self._keep_picture(what, picture)

        QTimer.singleShot(REPAINT_MS, grab)

    def _grab_window(self) -> QImage:
        picture = self._window.grab().toImage()
        slots = self._session.slots
        self._describe(picture, [slot.state.image for slot in slots if slot.state is not None])
        return picture

    def _grab_viewport(self) -> QImage:
        """Return the active viewport with a line below it: what it is for, and where the overlay comes from."""
        view = self._window.grid.views[self._session.active]
        picture = view.grab().toImage()
        ratio = picture.devicePixelRatio()
        high = picture.height() + round(STRIP * ratio)
        whole = QImage(picture.width(), high, QImage.Format.Format_RGB32)
        whole.setDevicePixelRatio(ratio)
        whole.fill(theme.color(theme.PANEL))
        painter = QPainter(whole)
        painter.drawImage(QPoint(0, 0), picture)
        painter.setFont(theme.caption_font())
        line = QRect(8, round(picture.height() / ratio), round(picture.width() / ratio) - 16, STRIP)
        painter.setPen(theme.color(theme.WARNING))
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, NOTICE)
        room = line.width() - painter.fontMetrics().horizontalAdvance(NOTICE) - 16
        image = self._session.active_image
        text = model_text(self._session.results.get(image.sop_uid) if image is not None else None)
        painter.setPen(theme.color(theme.SECONDARY))
        text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, max(room, 0))
        painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        painter.end()
        self._describe(whole, [image] if image is not None else [])
        return whole

    def _describe(self, picture: QImage, shown: Sequence[MammoImage]) -> None:
        """Write the notice, and where what is shown comes from, into the file as well: a strip of text may be cut off.

        PNG keeps it as text chunks; nothing in it names a patient.
        """
        from viewer.model.report import provenance_rows

        session = self._session
        entries = [session.results.get(image.sop_uid) for image in shown] if session.overlays.settings.visible else []
        results = [entry.result for entry in entries if entry is not None and entry.result is not None]
        picture.setText("Software", f"GMIC Viewer {__version__}")
        picture.setText("Disclaimer", NOTICE)
        if results:
            picture.setText("Source", "\n".join(f"{what}: {how}" for what, how in provenance_rows(results)))

    def _keep_picture(self, what: str, picture: QImage) -> None:
        path = self._ask("Save screenshot", f"gmic-viewer-{what}", "PNG picture (*.png)")
        if path is None:
            return

        def work(_tell: Tell) -> str:
            if not picture.save(str(path), "PNG"):  # type: ignore[call-overload]  # the stubs say bytes, it takes str
                raise StoreError(f"{path} could not be written; choose another folder.")
            return f"Saved {path.name}."

        self._jobs.run("Saving the picture", work)

    # -- the report ----------------------------------------------------------------------------------------------
    def report(self, *, identified: bool) -> None:
        """Save the one-page report as a PDF file."""
        from viewer.app.report_file import write_report
        from viewer.model.report import gather

        try:
            report = gather(self._session, identified=identified)  # before the dialog: the page is what was seen
        except GmicError as error:
            self._session.notice.emit("error", str(error))
            return
        path = self._ask("Save PDF report", "gmic-report", "PDF document (*.pdf)")
        if path is not None:
            self._jobs.run("Saving the report", lambda tell: write_report(path, report, self._decode, tell))

    # -- AI results ----------------------------------------------------------------------------------------------
    def results(self, *, identified: bool) -> None:
        """Save scores, patches and maps of the open exam as ``gmic-core predict`` does, in a folder of their own."""
        from viewer.services.ai_export import gather_results, write_results

        exported = gather_results(self._session, identified=identified)
        name = QFileDialog.getExistingDirectory(self._window, "Save AI results in", str(self._folder))
        if not name:
            return
        self._folder = Path(name)
        folder = self._folder / f"gmic-results-{_now()}"

        def work(tell: Tell) -> str:
            count = write_results(folder, exported, tell)
            return f"Saved the results of {count} images in {folder.name}."

        self._jobs.run("Saving AI results", work)

    def _ask(self, title: str, stem: str, kind: str) -> Path | None:
        """Ask for a file; the proposed name holds no identity."""
        suffix = kind[kind.index("*.") + 1 : -1]
        proposed = self._folder / f"{stem}-{_now()}{suffix}"
        name, _ = QFileDialog.getSaveFileName(self._window, title, str(proposed), kind)
        if not name:
            return None
        path = Path(name) if Path(name).suffix else Path(f"{name}{suffix}")
        self._folder = path.parent
        return path


def _now() -> str:
    return time.strftime("%Y-%m-%d-%H%M%S")
