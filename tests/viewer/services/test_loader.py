"""The frame loader with the real reader, and with one that the test steers."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from gmic_core.errors import DecodeError
from gmic_core.exam.frames import FrameReader
from gmic_core.memory import FALLBACK_BYTES, usable_memory
from tests.helpers.hung_images import make_image
from viewer.services.loader import FrameLoader


class Log:
    """Collects what a loader tells, and on which thread."""

    def __init__(self, loader: FrameLoader) -> None:
        self.ready: list[tuple[str, int]] = []
        self.failed: list[tuple[str, int, str]] = []
        self.windows: dict[str, object] = {}
        self.questions: dict[str, str] = {}
        self.threads: set[threading.Thread] = set()
        loader.frame_ready.connect(self._ready)
        loader.frame_failed.connect(lambda uid, k, text: self.failed.append((uid, k, text)))
        loader.window_ready.connect(self.windows.__setitem__)
        loader.question_raised.connect(self.questions.__setitem__)

    def _ready(self, uid: str, k: int) -> None:
        self.threads.add(threading.current_thread())
        self.ready.append((uid, k))


class SteeredReader:
    """Decodes when the test lets it; slices in ``bad`` fail, those in ``bug`` raise what nobody expects."""

    def __init__(self, *, free: bool = True) -> None:
        self.gate = threading.Semaphore(10_000 if free else 0)
        self.asked: list[tuple[str, int]] = []
        self.bad: set[int] = set()
        self.bug: set[int] = set()
        self.closed = False

    def read(self, image, k):
        self.asked.append((image.sop_uid, k))
        self.gate.acquire()
        if self.closed:
            raise DecodeError("closed")
        if k in self.bad:
            raise DecodeError(f"Slice {k + 1} is damaged.")
        if k in self.bug:
            raise TypeError("nobody expects this")
        return np.full((image.rows, image.columns), k, np.uint16)

    def close(self) -> None:
        self.closed = True
        self.gate.release(100)


@pytest.fixture
def loaders(post):
    """Make loaders that are closed at the end."""
    made: list[FrameLoader] = []

    def make(reader, cap_bytes=1 << 30):
        loader = FrameLoader(lambda: reader, post, cap_bytes)
        made.append(loader)
        return loader

    yield make
    for loader in made:
        loader.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("frames-")]


def exam_of(exam, *images):
    return replace(exam, images=images)


def volume(frames=9, **fields):
    return make_image("L-CC", "DBT", uid="dbt", frames=frames, **fields)


def test_a_real_exam_is_decoded_whole_and_told_on_the_gui_thread(exam, loaders, post):
    loader = loaders(FrameReader())
    log = Log(loader)
    loader.open_exam(exam)
    dbt = next(image for image in exam.images if image.modality == "DBT")
    loader.request(dbt, 4)
    wanted = {(image.sop_uid, k) for image in exam.images for k in range(image.frames)}
    post.run_until(lambda: len(log.ready) == len(wanted))
    assert set(log.ready) == wanted
    assert log.threads == {threading.current_thread()}
    pyramid = loader.get(dbt, 4)
    assert pyramid is not None
    assert [level.shape for level in pyramid] == [(320, 256), (160, 128), (80, 64), (40, 32)]
    assert loader.loaded(dbt) == frozenset(range(8))
    assert log.failed == []
    assert log.questions == {}


def test_painting_never_reads_the_file(exam, loaders, post):
    mapped = next(image for image in exam.images if image.modality == "FFDM")
    loader = loaders(FrameReader())
    loader.open_exam(exam_of(exam, mapped))
    post.run_until(lambda: loader.get(mapped, 0) is not None)
    pyramid = loader.get(mapped, 0)
    assert pyramid is not None
    base = pyramid[0]
    while base is not None:
        assert not isinstance(base, np.memmap)
        base = base.base


def test_what_the_reader_wants_now_does_not_wait_for_reading_ahead(exam, loaders, post):
    reader = SteeredReader(free=False)
    loader = loaders(reader)
    loader.open_exam(exam_of(exam, volume(60)))
    post.run_until(lambda: len(reader.asked) >= 1, 5)  # reading ahead is stuck in a slow slice
    loader.request(volume(60), 7)
    post.run_until(lambda: ("dbt", 7) in reader.asked, 5)
    assert ("dbt", 8) not in reader.asked[:1]


def test_reading_ahead_can_be_switched_off(exam, loaders, post):
    reader = SteeredReader()
    loader = loaders(reader)
    loader.prefetch = False
    log = Log(loader)
    loader.open_exam(exam_of(exam, volume(9)))
    loader.request(volume(9), 2)
    post.run_until(lambda: log.ready == [("dbt", 2)], 5)
    time.sleep(0.05)
    assert reader.asked == [("dbt", 2)]
    loader.prefetch = True
    post.run_until(lambda: len(log.ready) == 9, 5)


def test_slices_of_an_exam_that_was_closed_are_not_told(exam, loaders, post):
    reader = SteeredReader(free=False)
    loader = loaders(reader)
    log = Log(loader)
    loader.open_exam(exam_of(exam, volume(3)))
    loader.request(volume(3), 0)
    post.run_until(lambda: ("dbt", 0) in reader.asked, 5)
    other = make_image("R-CC", uid="other")
    loader.open_exam(exam_of(exam, other))
    reader.gate.release(100)
    post.run_until(lambda: ("other", 0) in log.ready, 5)
    post.run_all()
    assert {uid for uid, _ in log.ready} == {"other"}
    assert loader.loaded(volume(3)) == frozenset()


def test_failures_are_told_with_their_reason_and_do_not_stop_the_rest(exam, loaders, post):
    reader = SteeredReader()
    reader.bad, reader.bug = {1}, {3}
    loader = loaders(reader)
    log = Log(loader)
    loader.open_exam(exam_of(exam, volume(5)))
    post.run_until(lambda: len(log.ready) == 3 and len(log.failed) == 2, 5)
    assert sorted(log.failed) == [
        ("dbt", 1, "Slice 2 is damaged."),
        ("dbt", 3, "Slice 4 cannot be shown: an unexpected error while decoding; the log has the details."),
    ]
    assert sorted(k for _, k in log.ready) == [0, 2, 4]


def test_a_view_that_asks_at_every_paint_is_answered_now_and_then(exam, loaders, post):
    reader = SteeredReader()
    reader.bad = {0}
    loader = loaders(reader)
    log = Log(loader)
    loader.frame_failed.connect(lambda *_: loader.request(volume(1), 0))  # what a repaint does
    loader.open_exam(exam_of(exam, volume(1)))
    post.run_until(lambda: log.failed != [], 5)
    end = time.monotonic() + 1.3
    while time.monotonic() < end:
        post.run_all()
        loader.request(volume(1), 0)
        time.sleep(0.02)
    assert len(log.failed) == 2  # once, and once more after a second
    assert reader.asked == [("dbt", 0)]


def test_a_reader_that_cannot_start_gives_its_reason_for_every_slice(exam, loaders, post):
    def broken():
        raise OSError("no more processes")

    loader = FrameLoader(broken, post, 1 << 30)
    log = Log(loader)
    loader.open_exam(exam_of(exam, volume(1)))
    post.run_until(lambda: log.failed != [], 5)
    loader.close()
    assert "no more processes" in log.failed[0][2]
    assert "start it again" in log.failed[0][2]


def test_images_without_a_window_get_one_before_their_first_slice_and_again_when_reopened(exam, loaders, post):
    image = replace(next(image for image in exam.images if image.laterality == "R"), windows=())
    loader = loaders(FrameReader())
    log = Log(loader)
    windows_at_first_slice: list[int] = []
    loader.frame_ready.connect(lambda *_: windows_at_first_slice.append(len(log.windows)))
    loader.open_exam(exam_of(exam, image))
    post.run_until(lambda: log.ready != [])
    assert windows_at_first_slice == [1]
    window = log.windows.pop(image.sop_uid)
    pyramid = loader.get(image, 0)
    assert pyramid is not None
    tissue = pyramid[0][pyramid[0] > 0]
    low, high = np.percentile(tissue, [5, 95])
    assert window.center - window.width / 2 <= low < high <= window.center + window.width / 2
    loader.open_exam(exam_of(exam, image))  # the session forgot its states, the slices are still here
    post.run_until(lambda: log.windows != {})
    assert log.windows[image.sop_uid] == window
    assert log.ready == [(image.sop_uid, 0)]


def test_pixels_that_contradict_the_header_raise_a_question_once_it_is_not_asked_already(exam, loaders, post):
    image = next(image for image in exam.images if image.laterality == "R")
    wrong = replace(image, patient_orientation=("A", "R"))  # the pixels' chest wall is on the right
    loader = loaders(FrameReader())
    log = Log(loader)
    loader.open_exam(exam_of(exam, wrong))
    post.run_until(lambda: log.questions != {})
    question = log.questions.pop(image.sop_uid)
    assert "the pixels show it on the right edge" in question
    loader.open_exam(exam_of(exam, replace(wrong, questions=(question,))))
    post.run_until(lambda: log.ready != [])
    post.run_all()
    assert log.questions == {}


def test_calls_from_the_gui_thread_return_at_once_while_a_large_exam_loads(exam, loaders, post):
    reader = SteeredReader()
    images = [make_image("L-CC", "DBT", uid=f"v{i}", frames=70, shape=(300, 200)) for i in range(8)]
    loader = loaders(reader, cap_bytes=100 * 300 * 200 * 2)  # a fifth of it fits: every slice makes another one go
    loader.open_exam(exam_of(exam, *images))
    longest = 0.0
    for step in range(300):
        image = images[step % 4]
        begin = time.perf_counter()
        loader.request(image, step % 70)
        loader.get(image, step % 70)
        loader.loaded(image)
        longest = max(longest, time.perf_counter() - begin)
        post.run_all()
    assert longest < 0.05


def test_memory_is_that_of_the_container_when_it_is_less(tmp_path):
    limit, unlimited = tmp_path / "memory.max", tmp_path / "other"
    limit.write_text("1073741824\n")
    unlimited.write_text("max\n")
    whole = usable_memory((tmp_path / "missing", unlimited))
    assert whole > 1 << 30
    assert usable_memory((limit,)) == 1 << 30
    assert FALLBACK_BYTES == 4 << 30


# -- the exam to come --------------------------------------------------------------------------------------------


def other_volume(frames=5):
    return make_image("R-CC", "DBT", uid="next", frames=frames)


def test_the_next_exam_is_read_ahead_when_the_open_one_is_there(exam, loaders, post):
    reader = SteeredReader()
    loader = loaders(reader)
    log = Log(loader)
    loader.open_exam(exam_of(exam, volume(9)))
    loader.expect(exam_of(exam, other_volume(5)))
    post.run_until(lambda: len(log.ready) == 9 and len(reader.asked) == 14, 5)
    assert [uid for uid, _ in reader.asked[-5:]] == ["next"] * 5
    assert reader.asked[-5] == ("next", 2)  # what hangs first comes first
    assert {uid for uid, _ in log.ready} == {"dbt"}  # nobody is told of an exam that is not open
    loader.open_exam(exam_of(exam, other_volume(5)))
    assert loader.loaded(other_volume(5)) == frozenset(range(5))
    assert loader.get(other_volume(5), 2) is not None
    assert len(reader.asked) == 14


def test_the_next_exam_keeps_within_its_own_cap(exam, loaders, post):
    reader = SteeredReader()
    loader = loaders(reader)
    first = volume(4)
    slice_bytes = first.rows * first.columns * 2 * 4 // 3
    loader.ahead_bytes = 3 * slice_bytes
    loader.open_exam(exam_of(exam, first))
    loader.expect(exam_of(exam, other_volume(40)))
    post.run_until(lambda: loader.used_bytes >= 6 * slice_bytes, 5)
    time.sleep(0.1)
    assert loader.used_bytes <= 7 * slice_bytes
    loader.expect(None)
    assert loader.used_bytes <= 4 * slice_bytes + 4 * slice_bytes // 8


def test_all_that_is_kept_shares_one_cap(exam, loaders, post):
    reader = SteeredReader()
    first = volume(40)
    slice_bytes = first.rows * first.columns * 2 * 4 // 3
    loader = loaders(reader, cap_bytes=20 * slice_bytes)
    loader.open_exam(exam_of(exam, first))
    loader.expect(exam_of(exam, other_volume(40)))
    loader.request(first, 20)
    post.run_until(lambda: loader.used_bytes >= 17 * slice_bytes, 5)
    time.sleep(0.1)
    assert loader.used_bytes <= 20 * slice_bytes
    loader.set_aside("volume", 10 * slice_bytes)
    assert loader.used_bytes <= 10 * slice_bytes
    kept = loader.loaded(first)
    assert 20 in kept
    assert max(abs(k - 20) for k in kept) <= 6  # far from the reader goes first


def test_a_window_made_while_reading_ahead_is_told_when_the_exam_opens(exam, loaders, post):
    coming = replace(other_volume(3), windows=())
    reader = SteeredReader()
    loader = loaders(reader)
    log = Log(loader)
    loader.open_exam(exam_of(exam, volume(2)))
    loader.expect(exam_of(exam, coming))
    post.run_until(lambda: len(reader.asked) == 5, 5)
    post.run_until(lambda: loader.used_bytes > 0, 5)
    loader.open_exam(exam_of(exam, coming))
    post.run_until(lambda: "next" in log.windows, 5)


def test_the_next_exam_may_take_a_gibibyte_of_four_tenths_of_the_memory(loaders):
    loader = loaders(SteeredReader(), cap_bytes=None)
    assert loader.ahead_bytes == 1_073_741_824
    assert loader.cap_bytes == usable_memory() * 2 // 5
