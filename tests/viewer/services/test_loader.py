"""Frames come in the order in which a reader needs them, and within the memory cap."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from gmic_core.exam.frames import FrameReader
from viewer.services.loader import FrameLoader


class Log:
    """Collects what a loader tells."""

    def __init__(self, loader: FrameLoader) -> None:
        self.ready: list[tuple[str, int]] = []
        self.failed: list[tuple[str, int, str]] = []
        self.windows: dict[str, object] = {}
        self.questions: dict[str, str] = {}
        loader.frame_ready.connect(lambda uid, k: self.ready.append((uid, k)))
        loader.frame_failed.connect(lambda uid, k, text: self.failed.append((uid, k, text)))
        loader.window_ready.connect(self.windows.__setitem__)
        loader.question_raised.connect(self.questions.__setitem__)


@pytest.fixture
def reader():
    with FrameReader() as reader:
        yield reader


def volume_of(exam):
    return next(image for image in exam.images if image.modality == "DBT")


def test_the_middle_slice_first_then_outward_from_the_reader(exam, reader, post):
    loader = FrameLoader(reader, post)
    log = Log(loader)
    dbt = volume_of(exam)
    loader.open_exam(replace(exam, images=(dbt,)))
    loader.request(dbt, 4)
    post.run_until(lambda: loader.idle)
    loader.close()
    order = [k for _, k in log.ready]
    assert order[0] == 4
    assert sorted(order) == list(range(8))
    distances = [abs(k - 4) for k in order]
    assert all(b - a >= -1 for a, b in itertools.pairwise(distances))  # two are under way at a time
    assert loader.loaded(dbt) == frozenset()  # closed


def test_every_image_gets_a_frame_for_its_thumbnail(exam, reader, post):
    loader = FrameLoader(reader, post, prefetch=False)
    log = Log(loader)
    loader.open_exam(exam)
    post.run_until(lambda: loader.idle)
    assert sorted(log.ready) == sorted((image.sop_uid, image.frames // 2) for image in exam.images)
    pyramid = loader.get(volume_of(exam), 4)
    assert pyramid is not None
    assert [level.shape for level in pyramid] == [(320, 256), (160, 128), (80, 64), (40, 32)]
    assert log.questions == {}
    loader.close()


def test_what_a_reader_asks_for_overtakes_the_prefetch(exam, reader, post):
    loader = FrameLoader(reader, post)
    log = Log(loader)
    dbt = volume_of(exam)
    loader.open_exam(replace(exam, images=(dbt,)))
    loader.request(dbt, 4)
    post.run_until(lambda: len(log.ready) >= 1)
    loader.request(dbt, 0)
    post.run_until(lambda: (dbt.sop_uid, 0) in log.ready)
    assert log.ready.index((dbt.sop_uid, 0)) <= 4  # behind what was under way, before the rest
    loader.close()


def test_frames_far_from_the_reader_go_first(exam, reader, post):
    dbt = volume_of(exam)
    frame_bytes = (320 * 256 + 160 * 128 + 80 * 64 + 40 * 32) * 2
    loader = FrameLoader(reader, post, cap_bytes=3 * frame_bytes)
    loader.open_exam(replace(exam, images=(dbt,)))
    for k in (4, 0):
        loader.request(dbt, k)
        post.run_until(lambda: loader.idle)
        assert loader.bytes_used <= 3 * frame_bytes
        assert k in loader.loaded(dbt)
    assert loader.loaded(dbt) == {0, 1, 2}
    loader.close()


def test_frames_of_an_exam_that_was_closed_are_dropped(exam, reader, post):
    loader = FrameLoader(reader, post)
    log = Log(loader)
    loader.open_exam(exam)
    loader.open_exam(None)
    loader.close()
    post.run_all()
    assert log.ready == []


def test_a_missing_file_is_told_once_for_each_time_it_is_looked_at(exam, reader, post):
    image = next(image for image in exam.images if image.modality == "FFDM")
    image.files[0].unlink()
    loader = FrameLoader(reader, post)
    log = Log(loader)
    loader.open_exam(replace(exam, images=(image,)))
    post.run_until(lambda: loader.idle)
    assert [(k, text) for _, k, text in log.failed] == [
        (0, f"The file {image.files[0].name} is gone; open the exam again.")
    ]
    loader.request(image, 0)
    assert len(log.failed) == 2
    loader.close()


def test_images_without_a_window_get_one_and_contradictions_raise_a_question(exam, reader, post):
    image = next(image for image in exam.images if image.laterality == "R")
    wrong = replace(image, windows=(), patient_orientation=("A", "R"))  # the pixels' chest wall is on the right
    loader = FrameLoader(reader, post)
    log = Log(loader)
    loader.open_exam(replace(exam, images=(wrong,)))
    post.run_until(lambda: loader.idle)
    window = log.windows[image.sop_uid]
    frame = loader.get(wrong, 0)
    assert frame is not None
    tissue = frame[0][frame[0] > 0]
    assert np.percentile(tissue, 0.1) < window.center - window.width / 2 < window.center < tissue.max()  # type: ignore[attr-defined]
    assert "the pixels show it on the right edge" in log.questions[image.sop_uid]
    loader.close()
