"""Reading mini-MIAS: truth, folds by woman, films without markers."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from gmic_core.errors import TrainingError
from gmic_core.models.specs import GMIC2D
from gmic_core.training.data.exams import WindowNoise
from gmic_core.training.data.mini_mias import MiniMiasSamples, breast_only, folds_of, read_info, split_films
from gmic_core.training.data.windows import spec_at
from gmic_core.types import Modality

INFO = """Some words first.
mdb001 G CIRC B 535 425 197
mdb002 D NORM
mdb003 F CIRC B 477 133 30
mdb003 F SPIC M 500 168 26
mdb004 D CALC M *NOTE 3*
mdb005 F CIRC B
"""
SPEC = spec_at(GMIC2D, Modality.MG, 512, 320, 0.4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Info.txt").write_text(INFO)
    (tmp_path / "png").mkdir()
    for number in range(1, 6):
        cv2.imwrite(str(tmp_path / "png" / f"mdb{number:03d}.png"), film(right=bool(number % 2)))
    return tmp_path


def film(*, right: bool) -> np.ndarray:
    """Return a breast at the left edge (at the right one for right breasts), with a marker and scanned noise."""
    rows, columns = np.mgrid[:1024, :1024]
    noise = np.random.default_rng(0).integers(0, 12, (1024, 1024))
    image = np.where(np.hypot((rows - 520) / 450, columns / 420) < 1, 120 + noise, noise).astype(np.uint8)
    image[60:160, 800:900] = 250
    return np.ascontiguousarray(image[:, ::-1]) if right else image


def test_lines_become_films_with_rows_from_the_top(folder: Path) -> None:
    films = read_info(folder / "Info.txt")
    assert [film.name for film in films] == ["mdb001", "mdb002", "mdb003", "mdb004", "mdb005"]
    assert [(film.benign, film.malignant) for film in films] == [(1, 0), (0, 0), (1, 1), (0, 1), (1, 0)]
    first = films[0].circles[0]
    assert (first.row, first.column, first.radius, first.malignant) == (1023 - 425, 535, 197, False)
    assert [len(film.circles) for film in films] == [1, 0, 2, 0, 0]
    assert [film.woman for film in films] == [0, 0, 1, 1, 2]
    assert [str(film.laterality) for film in films] == ["R", "L", "R", "L", "R"]


def test_everything_but_the_breast_is_black() -> None:
    cleaned = breast_only(film(right=False))
    assert cleaned[110, 850] == 0
    assert cleaned[900, 900] == 0
    assert cleaned[520, 100] >= 120
    assert cleaned[520, 0] >= 120


def test_films_face_right_and_are_standardised(folder: Path) -> None:
    source = MiniMiasSamples(folder, read_info(folder / "Info.txt"), SPEC, Modality.MG, WindowNoise(10, 10))
    for i in range(5):
        sample = source.load(i, None)
        assert sample.pixels.shape == (1, 512, 320)
        assert float(sample.pixels[0, 260, 20]) > float(sample.pixels[0, 260, 319])
        assert abs(float(sample.pixels.mean())) < 1e-4
        assert sample.labels == tuple(map(float, source.labels(i)))
    moved = source.load(0, np.random.default_rng(0))
    assert moved.pixels.shape == (1, 512, 320)


def test_a_damaged_film_is_named(folder: Path) -> None:
    (folder / "png" / "mdb002.png").write_bytes(b"\x89PNG")
    source = MiniMiasSamples(folder, read_info(folder / "Info.txt"), SPEC, Modality.MG)
    with pytest.raises(TrainingError, match=r"png/mdb002.png is missing or damaged"):
        source.load(1, None)


def test_a_damaged_line_is_named(folder: Path) -> None:
    (folder / "Info.txt").write_text(INFO + "mdb006 X CIRC B 1 2 3\n")
    with pytest.raises(TrainingError, match=r"Info.txt, line 8: not understood"):
        read_info(folder / "Info.txt")


def test_a_missing_data_set_says_what_belongs_there(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"--data must be the folder of mini-MIAS with Info.txt and png/"):
        read_info(tmp_path / "Info.txt")


@pytest.mark.needs_shared
def test_the_real_set_has_the_numbers_that_its_authors_give(shared: Path) -> None:
    films = read_info(shared / "data" / "mini-mias" / "Info.txt")
    assert len(films) == 322
    assert sum(film.malignant for film in films) == 52
    assert sum(film.benign for film in films) == 64
    findings = [film for film in films if film.benign or film.malignant]
    assert [film.name for film in findings if not film.circles] == ["mdb059", "mdb216", "mdb233", "mdb245"]


@pytest.mark.needs_shared
def test_folds_keep_women_together_and_classes_even(shared: Path) -> None:
    films = read_info(shared / "data" / "mini-mias" / "Info.txt")
    assert sorted(folds_of(films)) == list(range(161))
    tested: list[int] = []
    for fold in range(5):
        splits = split_films(films, fold)
        women = [{film.woman for film in chosen} for chosen in splits.values()]
        assert len(set.union(*women)) == sum(map(len, women)) == 161
        for name in ("validation", "test"):
            assert 10 <= sum(film.malignant for film in splits[name]) <= 11
        tested += [film.number for film in splits["test"]]
    assert sorted(tested) == list(range(1, 323))


@pytest.mark.needs_shared
def test_findings_of_real_films_lie_in_the_breast(shared: Path) -> None:
    folder = shared / "data" / "mini-mias"
    films = [film for film in read_info(folder / "Info.txt") if film.circles][:24]
    source = MiniMiasSamples(folder, films, SPEC, Modality.MG)
    for i, film_ in enumerate(films):
        pixels, plan = source.prepared(i)
        assert all(pixels[circle.row, circle.column] > 0 for circle in film_.circles)
        assert plan.outside_fraction < 0.4
