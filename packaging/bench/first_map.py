"""Seconds from "run AI" to the first slice's saliency, with the real worker process and its warm network.

The volume is written without compression: its frames are decoded as they lie. What decoding costs beside that is timed
on the same volume in JPEG-LS. The engine reads a volume twice before its network begins: for its maximum projection,
from which the window follows, and for the mean and deviation of all windows. Both are told apart by the progress that
the worker sends, whatever its stages are called.
"""

from __future__ import annotations

import argparse
import json
import queue
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from in_memory import image_in
from volumes import SHORT, part

from gmic_core.exam.frames import FrameReader
from gmic_core.exam.model import MammoImage
from gmic_core.exam.scan import scan
from viewer.model.session import Session
from viewer.services.inference import InferenceClient
from viewer.services.store import ResultStore

NETWORKS = {"gmic3d": ("random:0",)}
PATIENCE_S = 600.0


@dataclass(frozen=True)
class FirstMap:
    """Medians over the runs.

    Attributes
    ----------
    first_s : from submitting the job to the first map, frames decoded.
    stages : (name, seconds) of what happens before the network begins, in order: from the end of what came before.
    network_s : from the end of the last of these to the first map: the first batch of slices.
    decode_s : decoding all frames of the same volume from JPEG-LS, on top of all this when they are not decoded yet.
    """

    slices: int
    first_s: float
    stages: tuple[tuple[str, float], ...]
    network_s: float
    decode_s: float


class _Window:
    """What plays the window: a session, an inference client with its worker, and the thread that both live on."""

    def __init__(self, path: Path, home: Path) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.session = Session()
        self.session.open_exam(scan([path]).exams[0])
        self.image = self.session.exam.images[0]
        self.client = InferenceClient(self.session, ResultStore(home), self._calls.put)
        self._warm_pid: int | None = None

    def first_map(self) -> tuple[float, list[tuple[str, float]], float]:
        """Return the seconds to the first map, of each stage before it, and of the network's first batch."""
        self._warm()
        watch = _Watch(self.session, self.image.sop_uid)
        self.client.submit([self.image], NETWORKS, "cpu")
        self._run_until(lambda: watch.arrived > 0.0)
        watch.close()
        self.client.cancel()
        self._run_until(lambda: self.session.ai.state != "running")
        return watch.arrived - watch.start, watch.stages(), watch.arrived - watch.ends[-1][1]

    def _warm(self) -> None:
        """Let a fresh worker run the image to its end: the first run pays for loading and for its memory."""
        if self._warm_pid is None or self._warm_pid != self.client.worker_pid:
            self.client.submit([self.image], NETWORKS, "cpu")
            self._run_until(lambda: self._status() == "done")
            self._warm_pid = self.client.worker_pid

    def _status(self) -> str:
        entry = self.session.results.get(self.image.sop_uid)
        return "" if entry is None else entry.status

    def _run_until(self, done: Callable[[], bool]) -> None:
        """Run what is posted until ``done``."""
        end = time.monotonic() + PATIENCE_S
        while not done():
            try:
                self._calls.get(timeout=max(end - time.monotonic(), 0.001))()
            except queue.Empty:
                raise SystemExit(f"the worker did not answer within {PATIENCE_S:.0f} s") from None
            if self._status() == "failed":
                raise SystemExit(self.session.results.get(self.image.sop_uid).message)


class _Watch:
    """Notes when the stages of an image begin and end, and when its first map arrives."""

    def __init__(self, session: Session, sop_uid: str) -> None:
        self._results, self._uid = session.results, sop_uid
        self.ends: list[tuple[str, float]] = []
        self._begins: dict[str, float] = {}
        self.arrived = 0.0
        self._results.changed.connect(self._changed)
        self._results.slice_arrived.connect(self._slice)
        self.start = time.perf_counter()

    def _changed(self, _uid: str) -> None:
        entry, now = self._results.get(self._uid), time.perf_counter()
        if entry is None or not entry.stage or self.arrived:
            return
        if not self.ends or self.ends[-1][0] != entry.stage:
            self._begins[entry.stage] = now
            self.ends.append((entry.stage, now))
        self.ends[-1] = (entry.stage, now)

    def _slice(self, _uid: str, _index: int) -> None:
        self.arrived = self.arrived or time.perf_counter()

    def close(self) -> None:
        """Hear nothing more."""
        self._results.changed.disconnect(self._changed)
        self._results.slice_arrived.disconnect(self._slice)

    def stages(self) -> list[tuple[str, float]]:
        """Return name and seconds of the stages; what lies between two of them is a stage of its own."""
        found: list[tuple[str, float]] = []
        before = self.start
        for number, (name, end) in enumerate(self.ends):
            if number:
                found.append((f"before {name}", self._begins[name] - before))
                before = self._begins[name]
            found.append((name, end - before))
            before = end
        return found


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description="measure the time to the first saliency map")
    parser.add_argument("path", type=Path, help="the volume of 96 slices")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    seconds = decode_seconds(image_in(part(args.path, SHORT)))
    with tempfile.TemporaryDirectory(prefix="gmic-bench-") as scratch:
        window = _Window(part(args.path, SHORT, "explicit"), Path(scratch))
        try:
            runs = [window.first_map() for _ in range(args.runs)]
        finally:
            window.client.close()
    middle = statistics.median
    stages = tuple((name, middle(dict(each)[name] for _, each, _ in runs)) for name, _ in runs[0][1])
    first, network = middle(each[0] for each in runs), middle(each[2] for each in runs)
    found = FirstMap(window.image.frames, first, stages, network, seconds)
    args.out.write_text(json.dumps(asdict(found)), encoding="utf-8")


def decode_seconds(image: MammoImage) -> float:
    """Return the seconds that decoding all frames takes, with the decoder running already."""
    with FrameReader() as reader:
        reader.read(image, 0)
        start = time.perf_counter()
        for future in [reader.submit(image, index) for index in range(image.frames)]:
            future.result()
        return time.perf_counter() - start


if __name__ == "__main__":
    main()
