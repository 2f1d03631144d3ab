"""Frames of the next image are there when it begins, and no more memory is taken than was given."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

from gmic_core.cohort.ahead import AheadReader
from gmic_core.exam.frames import FrameReader
from gmic_core.exam.model import MammoImage
from gmic_core.exam.scan import scan
from tests.core.cohort.builders import write_volume
from tests.core.inference.test_predict import header

FRAME = 20 * 30 * 2
"""Bytes of a frame of ``header()``."""


class Recorded:
    """A reader that notes what it is asked for and answers at once."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def submit(self, image: MammoImage, slice_index: int) -> Future[np.ndarray]:
        self.asked.append((image.sop_uid, slice_index))
        future: Future[np.ndarray] = Future()
        future.set_result(np.full((20, 30), slice_index, np.uint16))
        return future

    def read(self, image: MammoImage, slice_index: int) -> np.ndarray:
        return self.submit(image, slice_index).result()


def wait_until(ready) -> None:
    end = time.monotonic() + 10.0
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture(autouse=True)
def no_thread_left():
    yield
    wait_until(lambda: not any(thread.name == "gmic-ahead" for thread in threading.enumerate()))


def test_the_next_image_is_read_while_the_current_one_is_computed() -> None:
    first, second = header("DBT", "1", frames=4), header("DBT", "2", frames=6)
    below = Recorded()
    reader = AheadReader(below, 6 * FRAME)
    reader.begin(first)
    assert reader.read(first, 0)[0, 0] == 0
    assert below.asked == [("1", 0)]
    reader.expect(second)
    wait_until(lambda: len(below.asked) == 7)
    # the middle slice, whose chest wall is checked first, then in order
    assert [k for uid, k in below.asked if uid == "2"] == [3, 0, 1, 2, 4, 5]
    reader.begin(second)
    for _pass in range(3):  # a volume is read several times over
        assert [int(reader.read(second, k)[0, 0]) for k in range(6)] == list(range(6))
    assert len(below.asked) == 7
    reader.begin(first)
    reader.read(second, 0)
    assert below.asked[7:] == [("2", 0)]  # what is not current is not kept
    reader.close()


def test_no_more_is_held_than_there_is_room_for() -> None:
    image = header("DBT", "2", frames=50)
    below = Recorded()
    reader = AheadReader(below, 3 * FRAME + 5)
    reader.expect(image)
    wait_until(lambda: len(below.asked) == 3)
    reader.begin(image)
    time.sleep(0.05)
    assert below.asked == [("2", 25), ("2", 0), ("2", 1)]
    reader.read(image, 2)
    assert below.asked[-1] == ("2", 2)
    reader.close()


def test_a_frame_that_was_given_up_is_asked_for_again() -> None:
    image = header("DBT", "2", frames=1)

    class Slow(Recorded):
        def submit(self, image: MammoImage, slice_index: int) -> Future[np.ndarray]:
            if self.asked:
                return super().submit(image, slice_index)
            self.asked.append((image.sop_uid, slice_index))
            return Future()

    below = Slow()
    reader = AheadReader(below, 1 << 20)
    reader.expect(image)
    wait_until(lambda: below.asked == [("2", 0)])
    reader.begin(image)
    assert reader.submit(image, 0).cancel()
    assert reader.read(image, 0).shape == (20, 30)
    reader.close()


@pytest.mark.parametrize("room", [0, 1 << 20])
def test_frames_that_lie_in_their_file_are_not_held(tmp_path: Path, room: int) -> None:
    write_volume(tmp_path / "a.dcm")
    (exam,) = scan([tmp_path]).exams
    (image,) = exam.images
    with FrameReader(start=False) as frames:
        reader = AheadReader(frames, room)
        reader.expect(image)
        reader.begin(image)
        assert isinstance(reader.read(image, 1), np.memmap)
        assert frames.decoder_pid is None
        reader.close()
