"""The real window as it is measured: at one size, with results on every image, all frames decoded."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from PySide6.QtWidgets import QApplication

from gmic_core.exam.geometry import PlaneMap
from gmic_core.exam.model import MammoImage
from gmic_core.exam.scan import scan
from gmic_core.types import ImageResult, Provenance, Roi
from viewer.app.application import Application

VIEWPORT = (900, 1100)
"""Width and height of each viewport in pixels, as in the comparison of rendering methods in docs/adr."""

CELLS = (42, 31)
PATIENCE_S = 120.0


def hang_at_size(qt: QApplication, app: Application, path: Path, viewports: int, *, decoded: bool = True) -> None:
    """Hang the exam, give each viewport its size and every image a result, and (``decoded``) wait for all frames."""
    exam = scan([path]).exams[0]
    app.opening.open_exam(exam)
    app.opening.hang("single" if viewports == 1 else "2x2")
    app.window.show()
    for image in exam.images:
        app.session.results.restore(made_up_result(image))
    wanted = (VIEWPORT[0], VIEWPORT[1]) if viewports == 1 else (2 * VIEWPORT[0], 2 * VIEWPORT[1])
    for _ in range(3):  # the panels take their share of the window at each size anew
        qt.processEvents()
        grid = app.window.grid
        app.window.resize(
            app.window.width() + wanted[0] - grid.width(), app.window.height() + wanted[1] - grid.height()
        )
    states = [view.state for view in app.window.grid.views]
    if len(states) != viewports or None in states:
        raise SystemExit(f"{viewports} viewports were wanted, {len(states)} hang")
    if decoded:
        wait_for_frames(qt, app)


def wait_for_frames(qt: QApplication, app: Application) -> None:
    """Wait until every slice that hangs is decoded."""
    end = time.monotonic() + PATIENCE_S
    states = [view.state for view in app.window.grid.views if view.state is not None]
    while any(len(app.loader.loaded(state.image)) < state.image.frames for state in states):
        qt.processEvents()
        time.sleep(0.01)
        if time.monotonic() > end:
            raise SystemExit("the frames were not decoded in time")
    qt.processEvents()


def made_up_result(image: MammoImage) -> ImageResult:
    """Return a made-up result with smooth maps that cover about a third of the image."""
    rng = np.random.default_rng(0)
    coarse = rng.random((image.frames, 2, 7, 6)).repeat(6, axis=2).repeat(6, axis=3)[:, :, : CELLS[0], : CELLS[1]]
    maps = np.clip(1.6 * coarse - 0.6, 0.0, 1.0).astype(np.float16)
    to_stored = PlaneMap.resampling(image.rows / CELLS[0], image.columns / CELLS[1]).matrix
    rois = tuple(
        Roi(int(k), 300 + 40 * i, 300 + 30 * i, 556 + 40 * i, 556 + 30 * i, 1 / 8)
        for i, k in enumerate(np.linspace(0, image.frames - 1, 8))
    )
    provenance = Provenance(
        "gmic3d", "bench", "0" * 64, True, "none", "bench", "float32", "cpu", 0.0, "bench", "2026-01-01T00:00:00+00:00"
    )
    return ImageResult(
        sop_uid=image.sop_uid, modality=image.modality, laterality=image.laterality, view=image.view,
        y=(0.5, 0.5), y_global=(0.5, 0.5), y_local=(0.5, 0.5), rois=rois, saliency=maps,
        saliency_to_stored=to_stored, window_to_stored=np.eye(3), window_shape=(image.rows, image.columns),
        profile=maps.max(axis=(2, 3)).astype(np.float32), outside_fraction=0.0, provenance=provenance,
    )  # fmt: skip
