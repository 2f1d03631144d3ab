"""A worker process without networks: starts in a fifth of a second and behaves, or misbehaves, as the weights say."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from multiprocessing.connection import Connection, wait

import numpy as np

from gmic_core.exam.model import MammoImage
from gmic_core.inference.events import ImageFinished, ImageStarted, Progress, SliceSaliency
from gmic_core.inference.occlusion import Occlusion
from gmic_core.inference.stability import Peak, ShiftOutcome
from gmic_core.inference.whatif import Reduced
from gmic_core.types import ImageResult, Provenance
from viewer.services.protocol import (
    QUIT,
    Failed,
    Occluded,
    Ready,
    Rescore,
    Rescored,
    Shifted,
    Task,
    Told,
    Trial,
    Warm,
    cancel_word,
)

CELLS = (5, 4)


def main(pipe: Connection, control: Connection) -> None:
    """Answer until the pipe closes."""
    pipe.send(Ready())
    while True:
        if control in wait([pipe, control]):
            if control.recv_bytes() == QUIT:
                return
            continue
        try:
            request = pipe.recv()
        except EOFError:
            return
        if isinstance(request, Warm):
            pipe.send(Ready("cpu"))
        elif isinstance(request, Rescore):
            if request.refs[0] == "die":
                os._exit(7)
            share = sum(request.keep) / len(request.keep)
            reduced = Reduced((0.1 * share, 0.2 * share), (0.1, 0.2), tuple(map(float, request.keep)))
            pipe.send(Rescored(request.job_id, request.sop_uid, reduced))
        else:
            _answer(request, pipe, control)


def main_that_fails(_pipe: Connection, _control: Connection) -> None:
    """Fail to start."""
    os._exit(3)


def _answer(task: Task, pipe: Connection, control: Connection) -> None:
    behaviour = task.refs[0]
    pipe.send(Told(task.job_id, _started(task)))
    pipe.send(Told(task.job_id, SliceSaliency(task.sop_uid, 0, np.ones((2, *CELLS), np.float16))))
    if behaviour == "die":
        os._exit(7)
    if behaviour == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
    while behaviour == "slow":
        pipe.send(Told(task.job_id, Progress(task.sop_uid, "global network", 1, 100)))
        word = control.recv_bytes() if control.poll(0.02) else b""
        if word == QUIT:
            os._exit(0)
        if word == cancel_word(task.job_id, task.sop_uid):
            pipe.send(Failed(task.job_id, task.sop_uid, "Stopped on request.", cancelled=True))
            return
    if isinstance(task, Trial) and behaviour != "bad":
        _try_out(task, pipe)
        return
    if behaviour == "bad":
        pipe.send(Failed(task.job_id, task.sop_uid, "It was a bad image."))
        return
    pipe.send(Told("job-of-another-time", ImageFinished(fake_result(task.image, task.model))))
    pipe.send(Failed("job-of-another-time", task.sop_uid, "stale"))
    pipe.send(Told(task.job_id, ImageFinished(fake_result(task.image, task.model))))


def _try_out(task: Trial, pipe: Connection) -> None:
    pipe.send(Told(task.job_id, Progress(task.sop_uid, "trial", 1, 2)))
    if isinstance(task.what, Occlusion):
        result = fake_result(task.image, task.model)
        pipe.send(Occluded("trial-99", task.sop_uid, result))
        pipe.send(Occluded(task.job_id, task.sop_uid, replace(result, y=(0.1, 0.05), saliency=result.saliency / 2)))
        return
    for number, shift in enumerate(task.what):
        found = ShiftOutcome(shift, (0.1, 0.2 + number / 100), (None, Peak(0, 10.0 * number, 0.0, 0.5)))
        pipe.send(Shifted(task.job_id, task.sop_uid, found, number == len(task.what) - 1))


def _started(task: Task) -> ImageStarted:
    frames = task.image.frames
    return ImageStarted(task.sop_uid, task.model, frames, CELLS, np.eye(3), task.refs[0], "0" * 64, True)


def fake_result(image: MammoImage, model: str, sha256: str = "0" * 64) -> ImageResult:
    """Return a result with the shapes of a real one."""
    provenance = Provenance(model, "fake", sha256, True, "", "1", "float32", "cpu", 0.1, "", "2026-01-01T00:00:00Z")
    maps = np.full((image.frames, 2, *CELLS), 0.25, np.float16)
    return ImageResult(
        image.sop_uid, image.modality, image.laterality, image.view, (0.1, 0.2), (0.1, 0.2), (0.1, 0.2), (), maps,
        np.eye(3), np.eye(3), (320, 256), maps.max(axis=(2, 3)).astype(np.float32), 0.0, provenance,
        features=np.zeros((0, 512), np.float32), vectors=np.zeros((1, 256), np.float32),
    )  # fmt: skip
