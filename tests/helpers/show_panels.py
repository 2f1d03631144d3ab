"""Save pictures of the panels, to be looked at: ``python -m tests.helpers.show_panels OUT [NAME]``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication, QWidget

from gmic_core.exam.model import Rejection
from tests.helpers.panel_fakes import make_context, make_exam, make_result
from viewer import commands
from viewer.commands import Context
from viewer.views import theme


def full_context(*, untrained: bool = False) -> Context:
    """Return an exam with results for all of its images."""
    exam = make_exam(frames=66)
    context = make_context(exam)
    context.session.add_exams(
        [make_exam("2", name="SIMULATED^Berta", pid="SIM-2")],
        [Rejection(Path("ct_chest.dcm"), "CT of another body part (CHEST)"), Rejection(Path("notes.txt"), "no image")],
    )
    scores = ((0.12, 0.71), (0.08, 0.04), (0.20, 0.64), (0.05, 0.06))
    for number, image in enumerate(exam.images):
        notes = ("The two CC slices at the ends were not analysed.",) if number == 1 else ()
        result = make_result(image, y=scores[number % 4], untrained=untrained, notes=notes, patches=12, seed=number)
        context.session.results.restore(result)
    return context


def toolbars() -> QWidget:
    from PySide6.QtWidgets import QVBoxLayout

    from viewer.views.toolbar import Toolbar

    box = QWidget()
    layout = QVBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 8)
    for context in (make_context(), make_context(make_exam()), full_context()):
        layout.addWidget(Toolbar(context))
    box.resize(1280, 140)
    return box


def overlay() -> QWidget:
    from viewer.views.overlay_controls import OverlayControls

    box = OverlayControls(full_context())
    box.setContentsMargins(12, 12, 12, 12)
    box.resize(theme.AI_PANEL_WIDTH, 240)
    return box


def messages() -> QWidget:
    from PySide6.QtWidgets import QVBoxLayout

    from viewer.views.banner import BannerStack
    from viewer.views.status_bar import StatusBar

    box = QWidget()
    layout = QVBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    context = full_context(untrained=True)
    layout.addWidget(BannerStack(context))
    context.session.notice.emit("info", "Opened 2 exams with 16 images; 2 files were not used, see the study list.")
    context.session.notice.emit(
        "error",
        "Slice 12 of L-MLO DBT cannot be decoded (truncated JPEG-LS data); the slice stays black. "
        "Export the image from the archive again.",
    )
    layout.addStretch(1)
    layout.addWidget(StatusBar(context))
    busy = make_context(make_exam(frames=66))
    uids = tuple(image.sop_uid for image in busy.session.exam.images)
    busy.session.results.expect("job", uids)
    busy.session.results.progress("job", uids[0], "slices", 34, 66)
    busy.session.set_ai(state="running")
    layout.addWidget(StatusBar(busy))
    box.resize(1100, 260)
    return box


def help_sheet() -> QWidget:
    from viewer.views.help_sheet import HelpSheet

    box = QWidget()
    box.resize(1366, 768)
    HelpSheet(box).toggle()
    return box


def study() -> QWidget:
    from PySide6.QtWidgets import QHBoxLayout

    from viewer.views.study_tree import StudyTree

    box = QWidget()
    row = QHBoxLayout(box)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(12)
    empty = make_context()
    empty.settings.recent = ["/data/exams/2024/screening-0113", "/data/dbt/phantom-1"]
    for context in (empty, full_context(untrained=True), full_context()):
        row.addWidget(StudyTree(context))
    box.resize(3 * theme.TREE_WIDTH + 24, 640)
    return box


def ai() -> QWidget:
    from PySide6.QtWidgets import QHBoxLayout

    from viewer.views.ai_panel import AiPanel

    box = QWidget()
    row = QHBoxLayout(box)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(12)
    contexts = [make_context(make_exam()), full_context(), full_context(untrained=True), full_context()]
    contexts[1].session.activate(1)
    uid = contexts[1].session.active_image.sop_uid  # type: ignore[union-attr]
    commands.run("navigate.go_to_patch", contexts[1], uid, 1)
    contexts[3].session.overlays.update(visible=False)
    for context in contexts:
        row.addWidget(AiPanel(context))
    box.resize(len(contexts) * (theme.AI_PANEL_WIDTH + 12), 886)
    return box


SHOWN: dict[str, Callable[[], QWidget]] = {
    "toolbar": toolbars,
    "overlay": overlay,
    "messages": messages,
    "help": help_sheet,
    "ai": ai,
    "study": study,
}


def main() -> None:
    """Save the pictures."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    app = QApplication([])
    theme.apply(app)
    for name, build in SHOWN.items():
        if sys.argv[2:] and name not in sys.argv[2:]:
            continue
        widget = build()
        widget.setObjectName("window")
        widget.show()
        for _ in range(20):
            app.processEvents()
        widget.grab().save(str(out / f"{name}.png"))


if __name__ == "__main__":
    main()
