"""A session with simulated images and results, and stand-ins for loader and application, for tests of panels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from gmic_core.exam.geometry import NetworkWindow, facing_orientation
from gmic_core.exam.model import Exam, MammoImage, PixelFormat, PixelSource, VoiWindow
from gmic_core.types import ImageResult, Laterality, Modality, Provenance, Roi
from tests.helpers.breasts import breast, hanging
from viewer.commands import Context
from viewer.commands.context import Storage, WeightsOffer
from viewer.model.render import build_pyramid
from viewer.model.session import Session
from viewer.model.settings import Settings
from viewer.model.viewstate import Slot

ROWS, COLUMNS = 512, 384
CELLS = (32, 24)


class FakeFrames:
    """Frames that are there when the test says so."""

    frame_ready = Signal(str, int)
    frame_failed = Signal(str, int, str)

    def __init__(self, *, ready: bool = True) -> None:
        self.ready = ready
        self.requested: list[tuple[str, int]] = []
        self._made: dict[tuple[str, int], tuple[npt.NDArray[np.generic], ...]] = {}

    def get(self, image: MammoImage, slice_index: int) -> tuple[npt.NDArray[np.generic], ...] | None:
        if not self.ready:
            return None
        key = (image.sop_uid, slice_index)
        if key not in self._made:
            facing = breast(image.rows, image.columns, seed=slice_index + len(image.label))
            self._made[key] = build_pyramid(hanging(facing, image.laterality or "L"))
        return self._made[key]

    def request(self, image: MammoImage, slice_index: int) -> None:
        self.requested.append((image.sop_uid, slice_index))

    def loaded(self, image: MammoImage) -> frozenset[int]:
        return frozenset(range(image.frames)) if self.ready else frozenset()


class Recorder:
    """Writes down its calls, and those of what hangs at it: ``worklist.open``."""

    def __init__(self, name: str, calls: list[tuple[object, ...]]) -> None:
        self._name, self._calls = name, calls

    def __call__(self, *args: object, **named: object) -> None:
        self._calls.append((self._name, *args, *named.values()))

    def __getattr__(self, name: str) -> Recorder:
        if name.startswith("_"):
            raise AttributeError(name)
        return Recorder(f"{self._name}.{name}", self._calls)


class RecordedActions:
    """Writes down what the application was asked to do."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.scale: float | None = 4.0
        self.panels = {"study": True, "ai": True}

    def __getattr__(self, name: str) -> Recorder:
        if name.startswith("_"):
            raise AttributeError(name)

        return Recorder(name, self.calls)

    def screen_scale(self) -> float | None:
        return self.scale

    def offered_weights(self) -> list[WeightsOffer]:
        return []

    def why_not_hang(self, layout: str) -> str | None:
        return None

    def offered_layouts(self) -> list[tuple[str, str]]:
        return [("2x2", "Four views"), ("mine", "A protocol of one's own")]

    def storage(self) -> Storage:
        return Storage(Path("/home/reader/.local/share/gmic-viewer"), 3, 5 << 20, 700 << 20, 6 << 30)

    def panel_visible(self, panel: str) -> bool:
        return self.panels[panel]


def make_image(
    side: str = "R",
    view: str = "CC",
    modality: Modality = Modality.FFDM,
    *,
    frames: int = 1,
    study: str = "1",
    spacing: tuple[float, float] | None = (0.1, 0.1),
    windows: Sequence[VoiWindow] = (VoiWindow(2048.0, 4096.0),),
    questions: tuple[str, ...] = (),
) -> MammoImage:
    """Return an image that FakeFrames can show; its UID tells what it is."""
    number = {"FFDM": 1, "DBT": 2, "S2D": 3, "MG": 4, "OTHER": 5}[modality]
    return MammoImage(
        sop_uid=f"2.25.{study}.{number}.{'RL'.index(side)}.{ord(view[0])}",
        modality=modality,
        laterality=Laterality(side),
        view=view,
        frames=frames,
        rows=ROWS,
        columns=COLUMNS,
        source=PixelSource("png", (Path(f"{study}-{side}-{view}-{modality}.png"),)),
        pixel=PixelFormat(bits_stored=12),
        patient_orientation=None,
        spacing_mm=spacing,
        slice_spacing_mm=1.0 if frames > 1 else None,
        windows=tuple(windows),
        questions=questions,
    )


def make_exam(study: str = "1", *, frames: int = 12, name: str = "SIMULATED^Ada", pid: str = "SIM-1") -> Exam:
    """Return four views of DBT and FFDM."""
    images = [
        make_image(side, view, modality, frames=frames if modality is Modality.DBT else 1, study=study)
        for modality in (Modality.DBT, Modality.FFDM)
        for view in ("CC", "MLO")
        for side in ("R", "L")
    ]
    return Exam(pid, name, f"2.25.{study}", "20240318", tuple(images))


def make_result(
    image: MammoImage,
    *,
    y: tuple[float, float] = (0.12, 0.71),
    patches: int = 6,
    untrained: bool = False,
    notes: tuple[str, ...] = (),
    seed: int = 0,
) -> ImageResult:
    """Return a result whose map has a malignant peak in the middle slice and a benign one beside it."""
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[0 : CELLS[0], 0 : CELLS[1]]
    depth = np.exp(-(((np.arange(image.frames) - image.frames // 2) / 3.0) ** 2))
    peak = np.exp(-(((rows - 12) / 2.5) ** 2 + ((cols - 8) / 2.5) ** 2))
    other = np.exp(-(((rows - 20) / 3.0) ** 2 + ((cols - 13) / 3.0) ** 2))
    saliency = np.stack([other * y[0], peak * y[1]])[None] * depth[:, None, None, None]
    turn = facing_orientation(image.patient_orientation, image.laterality or Laterality.L, image.view)
    window = NetworkWindow(turn, (image.rows, image.columns), 0, 0, image.rows, image.columns)
    weights = np.sort(rng.dirichlet(np.full(patches, 0.8)))[::-1] if patches else []
    rois = []
    for k, alpha in enumerate(weights):
        row, col = int(rng.integers(60, 300)), int(rng.integers(30, 120))
        box = window.stored_to_network().inverse().apply_box((row, col, row + 128, col + 128))
        row0, col0, row1, col1 = (round(value) for value in box)
        rois.append(
            Roi(int(k * 5 % image.frames), row0, col0, row1, col1, float(alpha), (0.2, round(0.9 - 0.1 * k, 2)))
        )
    sha = "3fa94c1e" + "0" * 56
    return ImageResult(
        image.sop_uid,
        image.modality,
        image.laterality,
        image.view,
        y,
        (y[0] + 0.02, y[1] + 0.01),
        (y[0] - 0.02, y[1] - 0.01),
        tuple(rois),
        saliency.astype(np.float16),
        window.saliency_to_stored(CELLS).matrix,
        window.stored_to_network().inverse().matrix,
        (image.rows, image.columns),
        saliency.max(axis=(2, 3)).astype(np.float32),
        0.004,
        Provenance(
            "gmic3d" if image.modality is Modality.DBT else "gmic2d_park",
            "random:0" if untrained else "digital-breast-3d-1",
            sha,
            untrained,
            "none" if untrained else "simulated breasts, 400 exams",
            "gmic3d-1",
            "float32",
            "cpu",
            34.2,
            "gmic-viewer 0.1.0, torch 2.13.0",
            "2025-01-01T12:00:00Z",
        ),
        notes,
    )


def make_context(exam: Exam | None = None, *, ready: bool = True) -> Context:
    """Return a context; an exam is hung R-CC L-CC over R-MLO L-MLO with its first images."""
    context = Context(Session(), Settings(), FakeFrames(ready=ready), RecordedActions())
    context.session.set_ai(state="idle", device="CPU")
    if exam is not None:
        context.session.add_exams([exam], [])
        context.session.open_exam(exam)
        hang_four(context.session, exam)
    return context


def hang_four(session: Session, exam: Exam) -> None:
    """Hang the first image of each standard view, as the 2x2 protocol does."""
    slots = []
    for row, view in enumerate(("CC", "MLO")):
        for column, side in enumerate(("R", "L")):
            fits = [image for image in exam.images if image.label == f"{side}-{view}"]
            state = session.state_of(fits[0]) if fits else None
            slots.append(Slot(row, column, f"{side}-{view}", state, fits))
    session.hang("2x2", (2, 2), slots)
    for index in range(len(slots)):
        session.set_viewport_size(index, 400, 500)
