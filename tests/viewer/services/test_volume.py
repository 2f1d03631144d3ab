"""Volumes are built in a thread, with progress; pictures of the newest request only."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from gmic_core.errors import GmicError
from gmic_core.exam.model import MammoImage, VoiWindow
from tests.helpers.gui_thread import FakeGuiThread
from tests.helpers.volumes import volume_image_of
from viewer.model.volume import Volume
from viewer.services.latest import LatestWorker
from viewer.services.volume import Presentation, Told, VolumeService


class Heard:
    """Writes down what a service tells."""

    def __init__(self) -> None:
        self.progress: list[tuple[int, int]] = []
        self.volumes: list[Volume] = []
        self.problems: list[str] = []
        self.told = Told(
            lambda done, total: self.progress.append((done, total)), self.volumes.append, self.problems.append
        )


def frame(index: int) -> np.ndarray:
    """Return a slice whose tissue has the value 1000 + 100 * index."""
    pixels = np.zeros((60, 40), np.uint16)
    pixels[10:50, :25] = 1000 + 100 * index
    return pixels


@pytest.fixture
def gui() -> FakeGuiThread:
    return FakeGuiThread()


def build(gui: FakeGuiThread, image: MammoImage, how: Presentation | None = None) -> tuple[VolumeService, Heard]:
    service, heard = VolumeService(lambda _image, index: frame(index), gui), Heard()
    service.build(image, how or Presentation(), heard.told)
    gui.run_until(lambda: bool(heard.volumes or heard.problems))
    service.close()
    return service, heard


def test_a_volume_is_read_slice_by_slice(gui: FakeGuiThread) -> None:
    _, heard = build(gui, volume_image_of("L", (6, 60, 40)))
    assert heard.progress == [(k, 6) for k in range(1, 7)]
    volume = heard.volumes[0]
    assert volume.stored.dtype == np.uint16
    assert volume.stored[:, 30, 10].tolist() == [1000, 1100, 1200, 1300, 1400, 1500]
    # window 2048 +- 2048 of the file: 4096 values over 255 levels
    assert volume.gray.values[:, 30, 10].tolist() == [62, 68, 75, 81, 87, 93]
    assert volume.gray.values[:, 5, 35].max() == 0
    assert volume.extent == ((-0.5, -10.0, 0.0), (5.5, 10.0, 12.5))


def test_slices_keep_windows_of_their_own(gui: FakeGuiThread) -> None:
    own = tuple(VoiWindow(1000.0 + 100.0 * k, 200.0) for k in range(6))
    _, heard = build(gui, replace(volume_image_of("L", (6, 60, 40)), windows=(), frame_windows=own))
    assert np.ptp(heard.volumes[0].gray.values[:, 30, 10].astype(int)) == 0  # each in the middle of its window
    chosen = Presentation(window=VoiWindow(1250.0, 500.0))
    _, heard = build(gui, replace(volume_image_of("L", (6, 60, 40)), windows=(), frame_windows=own), chosen)
    assert heard.volumes[0].gray.values[0, 30, 10] == 0
    assert heard.volumes[0].gray.values[5, 30, 10] == 255


def test_a_file_without_a_window_gets_one_from_its_pixels(gui: FakeGuiThread) -> None:
    _, heard = build(gui, replace(volume_image_of("L", (6, 60, 40)), windows=()))
    assert heard.problems == []
    assert heard.volumes[0].gray.values.max() > 100


def test_another_window_needs_no_reading(gui: FakeGuiThread) -> None:
    service, heard = build(gui, volume_image_of("L", (6, 60, 40)))
    volume = heard.volumes[0]
    service.recolour(volume, Presentation(inverted=True), heard.told)
    gui.run_until(lambda: len(heard.volumes) == 2)
    assert heard.volumes[1].stored is volume.stored
    assert heard.volumes[1].gray.values[0, 30, 10] == 255 - 62
    assert heard.volumes[1].gray.values[0, 5, 35] == 0  # air stays black
    service.recolour(volume, Presentation(inverted=True, air_black=False), heard.told)
    gui.run_until(lambda: len(heard.volumes) == 3)
    assert heard.volumes[2].gray.values[0, 5, 35] == 255
    service.close()


def test_asking_for_another_volume_gives_up_the_first(gui: FakeGuiThread) -> None:
    go_on = threading.Event()
    read: list[int] = []

    def slow(_image: MammoImage, index: int) -> np.ndarray:
        read.append(index)
        if len(read) == 2:
            assert go_on.wait(20.0)
        return frame(index)

    service, first, second = VolumeService(slow, gui), Heard(), Heard()
    service.build(volume_image_of("L", (6, 60, 40)), Presentation(), first.told)
    gui.run_until(lambda: bool(first.progress))
    service.build(volume_image_of("R", (6, 60, 40)), Presentation(), second.told)
    go_on.set()
    gui.run_until(lambda: bool(second.volumes))
    gui.run_all()
    assert first.volumes == []
    assert first.progress[-1][0] < 6
    service.close()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (GmicError("Slice 3 cannot be read; copy the file anew."), "Slice 3 cannot be read; copy the file anew."),
        (MemoryError(), "There is not enough memory for the volume; close other programs."),
        (ZeroDivisionError(), "The volume could not be made; the log has the details."),
    ],
)
def test_what_goes_wrong_is_one_sentence(gui: FakeGuiThread, error: Exception, message: str) -> None:
    def broken(_image: MammoImage, index: int) -> np.ndarray:
        if index == 2:
            raise error
        return frame(index)

    service, heard = VolumeService(broken, gui), Heard()
    service.build(volume_image_of("L", (6, 60, 40)), Presentation(), heard.told)
    gui.run_until(lambda: bool(heard.problems))
    assert heard.problems == [message]
    assert heard.volumes == []
    service.close()


# -- pictures ----------------------------------------------------------------------------------------------------
def test_the_newest_picture_counts(gui: FakeGuiThread) -> None:
    begun, go_on = threading.Event(), threading.Event()
    delivered: list[str] = []
    worker = LatestWorker(gui, delivered.append, "test-pictures")

    def slow(name: str):  # type: ignore[no-untyped-def]
        def work(stopped) -> Iterator[str]:  # type: ignore[no-untyped-def]
            begun.set()
            assert go_on.wait(20.0)
            yield f"{name} draft"
            yield f"{name} whole" if not stopped() else f"{name} given up"

        return work

    worker.submit(slow("first"), delivered.append)
    assert begun.wait(20.0)
    worker.submit(slow("second"), delivered.append)
    worker.submit(slow("third"), delivered.append)
    go_on.set()
    gui.run_until(lambda: "third whole" in delivered)
    # the draft of what was under way is shown, so that something follows the hand; the second was never begun
    assert delivered == ["first draft", "third draft", "third whole"]
    worker.close()


def test_a_picture_that_fails_does_not_end_the_thread(gui: FakeGuiThread) -> None:
    problems: list[str] = []
    done: list[int] = []
    worker = LatestWorker(gui, problems.append, "test-pictures")

    def broken(_stopped) -> Iterator[int]:  # type: ignore[no-untyped-def]
        raise GmicError("There is no such plane; choose another.")
        yield 0

    def bad(_stopped) -> Iterator[int]:  # type: ignore[no-untyped-def]
        yield 1 // 0

    worker.submit(broken, done.append)
    gui.run_until(lambda: len(problems) == 1)
    worker.submit(bad, done.append)
    gui.run_until(lambda: len(problems) == 2)
    worker.submit(lambda _stopped: iter([7]), done.append)
    gui.run_until(lambda: done == [7])
    assert problems == [
        "There is no such plane; choose another.",
        "The picture could not be made; the log has the details.",
    ]
    worker.close()


def test_what_was_made_in_the_thread_is_released_there(gui: FakeGuiThread) -> None:
    where: list[str] = []
    worker = LatestWorker(gui, lambda _text: None, "test-pictures")
    worker.at_close(lambda: where.append(threading.current_thread().name))
    worker.close()
    assert where == ["test-pictures"]
