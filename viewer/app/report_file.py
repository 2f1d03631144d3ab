"""Writes the report as a PDF file; imported when one is asked for, so that the window comes up sooner."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMarginsF, QSizeF
from PySide6.QtGui import QPageLayout, QPageSize, QPainter, QPdfWriter

from gmic_core import __version__
from gmic_core.errors import StoreError
from viewer.app.pdf_text import with_spaces
from viewer.model.report import Report
from viewer.model.report_pictures import Decode, render_patches, render_views
from viewer.views.report_page import DPI, PAGE_MM, ReportPage, picture_size


def write_report(path: Path, report: Report, decode: Decode, tell: Callable[[int, int], None]) -> str:
    """Render the pictures of a report and write it; return what to tell the reader.

    Raises
    ------
    StoreError
        If the file cannot be written.
    GmicError
        If an image cannot be read, or ``tell`` said that it was cancelled.
    """
    total, done = len(report.views) + len(report.patches) + 1, 0

    def step() -> None:
        nonlocal done
        done += 1
        tell(done, total)

    tell(0, total)
    views = render_views(report, picture_size(report), decode, step)
    patches = render_patches(report, decode, step)
    made = f"{time.strftime('%Y-%m-%d %H:%M')}   GMIC Viewer {__version__}"
    part = path.with_name(f".{path.name}.part")  # a page that was not finished must not look like one
    try:
        _paint(part, ReportPage(report, views, patches, made))
        part.write_bytes(with_spaces(part.read_bytes()))
        part.replace(path)
    except OSError as error:
        raise StoreError(f"{path} could not be written ({error.strerror}); choose another folder.") from error
    finally:
        part.unlink(missing_ok=True)
    return f"Saved {path.name}."


def _paint(path: Path, page: ReportPage) -> None:
    writer = QPdfWriter(str(path))
    writer.setResolution(DPI)
    writer.setPageLayout(
        QPageLayout(
            QPageSize(QSizeF(*PAGE_MM), QPageSize.Unit.Millimeter),
            QPageLayout.Orientation.Portrait,
            QMarginsF(),
            QPageLayout.Unit.Millimeter,
        )
    )
    writer.setTitle("Breast image report - research use only")
    writer.setCreator(f"GMIC Viewer {__version__}")
    painter = QPainter()
    if not painter.begin(writer):
        raise StoreError(f"{path.parent} cannot be written; choose another folder.")
    page.paint(painter, DPI / 25.4)
    painter.end()
