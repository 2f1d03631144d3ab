"""Headers and results for tests of the viewer's state, and where things must appear on the screen.

``expected_screen`` is written out from the standard hanging (chest wall on the inner edge, CC with the lateral side up,
MLO with the head up), independently of ``gmic_core.exam.geometry``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gmic_core.exam.geometry import NetworkWindow, Orientation, facing_orientation
from gmic_core.exam.model import Exam, MammoImage, PixelFormat, PixelSource
from gmic_core.types import ImageResult, Laterality, Modality, Provenance, Roi
from tests.helpers.breasts import patient_orientation


def make_image(
    label: str = "R-CC",
    modality: str = "FFDM",
    *,
    uid: str = "",
    frames: int = 1,
    shape: tuple[int, int] = (60, 40),
    stored: Orientation | None = None,
    spacing: tuple[float, float] | None = (0.1, 0.1),
    bits: int = 12,
    photometric: str = "MONOCHROME2",
    signed: bool = False,
    **fields: Any,
) -> MammoImage:
    """Return the header of a right-facing breast of ``shape`` and ``spacing``, stored turned by ``stored``.

    ``label`` is side and view, e.g. ``L-MLO``; ``?`` stands for unknown. Without ``stored`` the file states no Patient
    Orientation and is stored as the standard assumes: L faces right, R faces left.
    """
    side, view = label.split("-", 1)
    turn = stored or Orientation()
    if spacing is not None and turn.transpose:
        spacing = spacing[::-1]
    rows, columns = turn.shape(*shape)
    return MammoImage(
        uid or f"{label}.{modality}",
        Modality(modality),
        None if side == "?" else Laterality(side),
        None if view == "?" else view,
        frames,
        rows,
        columns,
        PixelSource("png", (Path(f"{label}.png"),)),
        PixelFormat(bits_stored=bits, photometric=photometric, signed=signed),
        patient_orientation=patient_orientation(side, view, turn) if stored is not None else None,
        spacing_mm=spacing,
        **fields,
    )


def make_exam(*images: MammoImage, patient: str = "SIM-1", study: str = "2.25.1") -> Exam:
    """Return an exam of these images."""
    return Exam(patient, "SIMULATED^Breast", study, "20240131", images)


def expected_screen(
    image: MammoImage,
    facing_point: tuple[float, float],
    facing_shape: tuple[int, int],
    facing_spacing: tuple[float, float],
    placement: tuple[float, float, float],
    size: tuple[int, int],
) -> tuple[float, float]:
    """Return the (row, column) of the viewport at which a pixel of the right-facing breast must appear.

    Parameters
    ----------
    placement : scale in device pixels per mm, and the (down, depth) in mm that is in the viewport's middle.
    size : (width, height) of the viewport.
    """
    scale, down, depth = placement
    width, height = size
    point_down = (facing_point[0] - (facing_shape[0] - 1) / 2) * facing_spacing[0]
    point_depth = (facing_point[1] + 0.5) * facing_spacing[1]  # from the chest wall, which is the left edge
    row = (height - 1) / 2 + scale * (point_down - down)
    right = scale * (point_depth - depth)
    middle = (width - 1) / 2
    return row, middle + right if image.laterality == "L" else middle - right


def network_window(image: MammoImage, facing_shape: tuple[int, int], scale: float = 1.0) -> NetworkWindow:
    """Return a window that is shifted and larger than the breast, as preprocessing makes them."""
    assert image.laterality is not None
    turn = facing_orientation(image.patient_orientation, image.laterality, image.view)
    rows, cols = (round(side * scale) + 6 for side in facing_shape)
    return NetworkWindow(turn, (image.rows, image.columns), -4.0, 2.0, rows, cols, scale, scale)


def make_result(
    image: MammoImage,
    *,
    cells: tuple[int, int] = (6, 4),
    saliency: npt.NDArray[np.floating] | None = None,
    rois: tuple[Roi, ...] = (),
    untrained: bool = False,
) -> ImageResult:
    """Return a finished result whose map covers the whole image."""
    if saliency is None:
        saliency = np.zeros((image.frames, 2, *cells), np.float16)
    maps = np.asarray(saliency, np.float16)
    provenance = Provenance(
        model="gmic3d",
        weights="random:0" if untrained else "sample_model_1",
        weights_sha256="0" * 64,
        untrained=untrained,
        training_data="none" if untrained else "NYU",
        preprocessing_version="1",
        precision="float32",
        device="cpu",
        seconds=1.5,
        software="test",
        created="2024-01-31T00:00:00Z",
    )
    rows, columns = image.rows / cells[0], image.columns / cells[1]
    to_stored = np.array([[rows, 0, rows / 2 - 0.5], [0, columns, columns / 2 - 0.5], [0, 0, 1.0]])
    return ImageResult(
        sop_uid=image.sop_uid,
        modality=image.modality,
        laterality=image.laterality,
        view=image.view,
        y=(0.04, 0.71),
        y_global=(0.05, 0.70),
        y_local=(0.03, 0.72),
        rois=rois,
        saliency=maps,
        saliency_to_stored=to_stored,
        window_to_stored=np.eye(3),
        window_shape=(image.rows, image.columns),
        profile=np.asarray(maps.astype(np.float32).max(axis=(2, 3)), np.float32),
        outside_fraction=0.0,
        provenance=provenance,
    )


def with_orientation(image: MammoImage, orientation: tuple[str, str] | None) -> MammoImage:
    """Return the image with another Patient Orientation."""
    return replace(image, patient_orientation=orientation)
