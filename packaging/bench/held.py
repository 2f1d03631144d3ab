"""MiB that the window holds beyond 1.3 times the decoded pixels of the open exam, with reading ahead switched off.

Every slice of a volume is looked at once, so that all are decoded and painted, overlays included. What is counted is
the memory of this process: the decoder's child keeps no frame, and the AI is not started.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import psutil
from PySide6.QtWidgets import QApplication
from stage import PATIENCE_S, hang_at_size

from viewer.app.application import Application
from viewer.app.window_run import make_qt

SHARE = 1.3
"""Pixels with their halvings: 1 + 1/4 + 1/16 + ..."""
MIB = 1 << 20


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description="measure memory")
    parser.add_argument("path", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    qt = make_qt()
    app = Application(qt, remember=False)
    app.loader.prefetch = False
    try:
        hang_at_size(qt, app, args.path, 1, decoded=False)
        pixels = _look_at_all(qt, app)
        held = psutil.Process().memory_info().rss
    finally:
        app.shutdown()
    args.out.write_text(json.dumps({"viewer_rss_over_pixels_mib": (held - SHARE * pixels) / MIB}), encoding="utf-8")


def _look_at_all(qt: QApplication, app: Application) -> int:
    """Scroll through the volume, waiting for each slice; return the bytes of the pixels that are kept decoded."""
    state = app.session.active_state
    if state is None:
        raise SystemExit("nothing hangs")
    end = time.monotonic() + PATIENCE_S
    for index in range(state.image.frames):
        state.go_to_slice(index)
        while app.loader.get(state.image, index) is None:
            qt.processEvents()
            time.sleep(0.002)
            if time.monotonic() > end:
                raise SystemExit("the frames were not decoded in time")
        qt.processEvents()
    kept = (app.loader.get(state.image, index) for index in app.loader.loaded(state.image))
    return sum(pyramid[0].nbytes for pyramid in kept if pyramid is not None)


if __name__ == "__main__":
    main()
