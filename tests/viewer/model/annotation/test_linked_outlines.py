"""Outlines over other modalities: where the lesion is, dashed, of the same breast and view only."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import nibabel
import numpy as np
import pytest
from scipy import ndimage

from gmic_core.exam.geometry import ORIENTATIONS, Orientation, PlaneMap
from gmic_core.exam.model import Exam, MammoImage
from gmic_core.exam.scan import scan
from gmic_core.phantom.exam import write_exam
from gmic_core.segmentation.label_descriptions import LabelDescription
from gmic_core.types import Modality
from tests.helpers.panel_fakes import make_exam
from tests.helpers.small_exams import small_exam
from viewer.model.annotation.label_map import LabelMap
from viewer.model.annotation.linked_outlines import Projection, linked_outlines, linked_text, project
from viewer.model.annotation.paint import LabelLayer, lay_labels
from viewer.model.annotation.place import image_shape
from viewer.model.annotation.state import Origin, Segmentation
from viewer.model.placement import fit_scale, fitted, stored_to_screen, view_mm_map
from viewer.model.session import Session

RED = (LabelDescription(1, "mass", (255, 0, 0)),)


def never() -> bool:
    return False


def segment(session: Session, image: MammoImage, labels: np.ndarray, path: Path | None = None) -> Segmentation:
    """Give an image a segmentation, projected as the application does."""
    found = Segmentation(image.sop_uid, LabelMap.of(labels), RED, Origin(path))
    session.annotation.put(found)
    session.annotation.set_projection(image.sop_uid, project(found.map.planes, found.map.boxes, frozenset(), never))
    return found


def on_screen(session: Session, target: MammoImage, size: tuple[int, int] = (900, 700)) -> np.ndarray:
    """Return bool (rows, columns): where outlines of other images lie on a fitted viewport."""
    to_screen = fitted_map(session, target, size)
    canvas = np.zeros((*size, 4), np.uint8)
    for one in linked_outlines(session, target):
        lay_labels(canvas, one.layer, to_screen @ one.to_target)
    return canvas[..., 2] == 255


def fitted_map(session: Session, target: MammoImage, size: tuple[int, int]) -> PlaneMap:
    return stored_to_screen(target, fitted(size[1], fit_scale(target, size[1], size[0])), size[1], size[0])


# -- on simulated breasts ------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def breasts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Exam]]:
    """A lesion in the right breast, and one in the left."""
    found = {}
    for side, seed in (("R", 4), ("L", 3)):
        folder = write_exam(small_exam(seed), tmp_path_factory.mktemp(f"lesion-{side}"))
        found[side] = folder, scan([folder]).exams[0]
    return found


def truth(folder: Path, image: MammoImage) -> np.ndarray:
    path = folder / f"{image.label}_{image.modality}_truth.nii.gz"
    return np.asarray(nibabel.load(path).dataobj).T.reshape(image_shape(image)).astype(np.uint8)


def turned(image: MammoImage, orientation: Orientation) -> MammoImage:
    """The same image as another program stores it: turned or mirrored, and its header says so."""
    across, down = image.patient_orientation or ("", "")
    if orientation.transpose:
        across, down = down, across
    opposite = str.maketrans("APRLHF", "PALRFH")
    across = across.translate(opposite) if orientation.flip_cols else across
    down = down.translate(opposite) if orientation.flip_rows else down
    rows, columns = orientation.shape(image.rows, image.columns)
    return replace(image, rows=rows, columns=columns, patient_orientation=(across, down))


LESIONS = [(side, view) for side in "RL" for view in ("CC", "MLO")]


@pytest.mark.parametrize(("side", "view"), LESIONS)
@pytest.mark.parametrize(
    ("source", "target", "apart_mm"),
    [("DBT", "FFDM", 2.0), ("DBT", "S2D", 0.6), ("FFDM", "DBT", 2.0), ("S2D", "DBT", 0.6), ("FFDM", "S2D", 2.0)],
)
def test_the_outline_of_one_modality_lies_on_the_lesion_of_another(
    breasts: dict[str, tuple[Path, Exam]], side: str, view: str, source: str, target: str, apart_mm: float
) -> None:
    """Other pixels, other matrix; a mammogram casts the lesion aside by its height, less than 2 mm here."""
    folder, exam = breasts[side]
    session = Session()
    session.open_exam(exam)
    images = {str(image.modality): image for image in exam.images if image.label == f"{side}-{view}"}
    segment(session, images[source], truth(folder, images[source]))
    drawn = on_screen(session, images[target])
    assert drawn.sum() > 20
    places = fitted_map(session, images[target], drawn.shape).inverse().apply(np.argwhere(drawn))
    mask = truth(folder, images[target]).any(axis=0)
    spacing = images[target].spacing_mm
    assert spacing is not None
    away = np.maximum(
        ndimage.distance_transform_edt(~mask, spacing), ndimage.distance_transform_edt(mask, spacing)
    )  # to the border of the truth, from either side
    rows, columns = np.rint(places).astype(int).T
    assert away[rows, columns].max() < apart_mm
    others = [image for image in exam.images if image.label != f"{side}-{view}"]
    assert len(others) == 9
    assert [linked_outlines(session, image) for image in others] == [()] * 9


@pytest.mark.parametrize(("side", "view"), LESIONS)
def test_the_projection_of_a_volume_is_what_the_mammogram_shows(
    breasts: dict[str, tuple[Path, Exam]], side: str, view: str
) -> None:
    folder, exam = breasts[side]
    images = {str(image.modality): image for image in exam.images if image.label == f"{side}-{view}"}
    session = Session()
    session.open_exam(exam)
    segment(session, images["DBT"], truth(folder, images["DBT"]))
    (one,) = linked_outlines(session, images["FFDM"])
    mask = truth(folder, images["FFDM"])[0] > 0
    places = np.rint(one.to_target.inverse().apply(np.argwhere(np.ones_like(mask)))).astype(int)
    rows, columns = np.clip(places, 0, np.array(one.layer.plane.shape) - 1).T
    seen = (one.layer.plane[rows, columns] > 0).reshape(mask.shape)
    dice = 2 * (seen & mask).sum() / (seen.sum() + mask.sum())
    assert dice > 0.85
    to_mm = view_mm_map(images["FFDM"])
    apart = np.linalg.norm(to_mm.apply(np.argwhere(seen).mean(0)) - to_mm.apply(np.argwhere(mask).mean(0)))
    assert apart < 1.4


@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
@pytest.mark.parametrize(("side", "view"), LESIONS)
def test_an_image_stored_turned_or_mirrored_gives_and_gets_the_same_outline(
    breasts: dict[str, tuple[Path, Exam]], side: str, view: str, orientation: Orientation
) -> None:
    folder, exam = breasts[side]
    images = {str(image.modality): image for image in exam.images if image.label == f"{side}-{view}"}
    dbt, ffdm = images["DBT"], images["FFDM"]
    labels = truth(folder, dbt)
    drawn = []
    for volume, map_, mammogram in (
        (dbt, labels, ffdm), (turned(dbt, orientation), orientation.apply(labels), ffdm),
        (dbt, labels, turned(ffdm, orientation)),
    ):  # fmt: skip
        session = Session()
        session.open_exam(replace(exam, images=(volume, mammogram)))
        segment(session, volume, map_)
        canvas = on_screen(session, mammogram)
        rows, columns = np.nonzero(canvas)
        drawn.append((rows.min(), rows.max(), columns.min(), columns.max()))
    assert np.abs(np.array(drawn) - drawn[0]).max() <= 1  # device pixels of 0.13 mm


# -- what belongs together -----------------------------------------------------------------------------------------
@pytest.fixture
def session() -> Session:
    session = Session()
    session.open_exam(make_exam())
    return session


def image(session: Session, label: str, modality: Modality) -> MammoImage:
    assert session.exam is not None
    return next(one for one in session.exam.images if one.label == label and one.modality is modality)


def square(shape: tuple[int, int, int], *, slices: slice = slice(None)) -> np.ndarray:
    labels = np.zeros(shape, np.uint8)
    labels[slices, 200:260, 100:150] = 1
    return labels


def test_no_other_side_or_view_ever_gets_an_outline(session: Session) -> None:
    assert session.exam is not None
    for source, target in product(session.exam.images, repeat=2):
        session.annotation.clear()
        segment(session, source, square(image_shape(source)))
        expected = source.label == target.label and source is not target
        assert bool(linked_outlines(session, target)) is expected


def test_an_image_in_question_neither_gives_nor_gets_any(session: Session) -> None:
    dbt, ffdm = image(session, "R-CC", Modality.DBT), image(session, "R-CC", Modality.FFDM)
    segment(session, dbt, square(image_shape(dbt)))
    assert linked_text(session, ffdm) == "Dashed: outlines of the DBT, for orientation."
    for asked in (dbt, ffdm):
        session.replace_image(replace(asked, questions=("Which way?",)))
        assert linked_outlines(session, image(session, "R-CC", Modality.FFDM)) == ()
        session.replace_image(asked)
    unknown = replace(ffdm, spacing_mm=None)
    spot = replace(ffdm, view_modifiers=("spot compression",))
    for other in (unknown, spot):
        session.replace_image(other)
        assert linked_outlines(session, other) == ()
        assert linked_text(session, other) == ""


def test_an_image_with_a_file_of_its_own_shows_that_alone_and_one_drawn_anew_keeps_its_guide(session: Session) -> None:
    dbt, ffdm = image(session, "L-MLO", Modality.DBT), image(session, "L-MLO", Modality.FFDM)
    segment(session, dbt, square(image_shape(dbt)))
    segment(session, ffdm, square(image_shape(ffdm)))
    assert len(linked_outlines(session, ffdm)) == 1
    segment(session, ffdm, square(image_shape(ffdm)), Path("/somewhere/mask.nii.gz"))
    assert linked_outlines(session, ffdm) == ()
    assert len(linked_outlines(session, dbt)) == 1
    session.annotation.update(linked=False)
    assert linked_outlines(session, dbt) == ()
    session.annotation.update(linked=True, visible=False)
    assert linked_outlines(session, dbt) == ()


def test_another_segmentation_takes_the_projection_of_the_one_before_away(session: Session) -> None:
    dbt, ffdm = image(session, "L-CC", Modality.DBT), image(session, "L-CC", Modality.FFDM)
    segment(session, dbt, square(image_shape(dbt)))
    session.annotation.put(Segmentation(dbt.sop_uid, LabelMap(image_shape(dbt))))
    assert linked_outlines(session, ffdm) == ()
    segment(session, dbt, square(image_shape(dbt)))
    session.annotation.remove(dbt.sop_uid)
    assert session.annotation.projections == {}


# -- projecting and painting ---------------------------------------------------------------------------------------
def test_hidden_labels_hide_nothing_and_higher_numbers_lie_in_front() -> None:
    labels = np.zeros((4, 10, 12), np.uint16)
    labels[0, 2:8, 2:8] = 300
    labels[3, 4:6, 4:10] = 500
    found = LabelMap.of(labels)
    whole = project(found.planes, found.boxes, frozenset(), never)
    assert whole is not None
    assert whole.box == (2, 2, 8, 10)
    assert (whole.plane == labels.max(axis=0)).all()
    part = project(found.planes, found.boxes, frozenset({500}), never)
    assert part is not None
    assert (part.plane == labels[0]).all()
    assert project(found.planes, found.boxes, frozenset({300, 500}), never) is None
    assert project({}, {}, frozenset(), never) is None
    assert project(found.planes, found.boxes, frozenset(), lambda: True) is None


def test_colours_and_visibility_are_those_of_the_segmentation(session: Session) -> None:
    dbt, ffdm = image(session, "R-CC", Modality.DBT), image(session, "R-CC", Modality.FFDM)
    found = segment(session, dbt, square(image_shape(dbt), slices=slice(3, 5)))
    assert on_screen(session, ffdm).sum() > 60
    session.annotation.describe(dbt.sop_uid, LabelDescription(1, "mass", (0, 0, 255)))
    assert on_screen(session, ffdm).sum() == 0
    session.annotation.describe(dbt.sop_uid, LabelDescription(1, "mass", (255, 0, 0), visible=False))
    assert found.name(1).visible is False
    assert on_screen(session, ffdm).sum() == 0


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_a_dashed_outline_is_half_of_a_whole_one_in_all_directions_and_inside_the_label(ratio: float) -> None:
    plane = np.zeros((80, 90), np.uint8)
    plane[10:70, 20:60] = 1
    counts, edges = {}, []
    for dashed in (False, True):
        canvas = np.zeros((80, 90, 4), np.uint8)
        lay_labels(canvas, LabelLayer(plane, (10, 20, 70, 60), RED, 0.0, dashed), PlaneMap.identity(), ratio)
        line = canvas[..., 2] == 255
        assert not line[plane == 0].any()
        counts[dashed] = int(line.sum())
        edges = [line[10, 20:60], line[69, 20:60], line[10:70, 20], line[10:70, 59]]
    assert counts[False] == {1.0: 196, 2.0: 384}[ratio]
    assert 0.4 < counts[True] / counts[False] < 0.72
    for edge in edges:
        assert 0.3 < edge.mean() < 0.75


def test_a_label_that_the_screen_cuts_off_has_no_line_along_the_edge() -> None:
    plane = np.ones((80, 90), np.uint8)
    canvas = np.zeros((40, 40, 4), np.uint8)
    far = PlaneMap.scale_offset(1.0, 1.0, -20.0, -20.0)
    lay_labels(canvas, LabelLayer(plane, (0, 0, 80, 90), RED, 0.0, dashed=True), far)
    assert not canvas.any()


def test_a_projection_is_told_once(session: Session) -> None:
    told: list[str] = []
    session.annotation.projected.connect(told.append)
    dbt = image(session, "R-CC", Modality.DBT)
    session.annotation.set_projection(dbt.sop_uid, None)
    assert told == []
    found = Projection(np.ones((2, 2), np.uint8), (0, 0, 2, 2), frozenset())
    session.annotation.set_projection(dbt.sop_uid, found)
    session.annotation.set_projection(dbt.sop_uid, found)
    assert told == [dbt.sop_uid]
