"""Cohorts that take seconds: small simulated images, real networks with small windows, the real command."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import save_file

from gmic_core.models.random_weights import random_state
from gmic_core.models.registry import create_model, get_spec
from gmic_core.models.trained_input import TrainedInput
from gmic_core.models.weight_metadata import WeightMetadata
from gmic_core.types import Modality
from tests.helpers.breasts import breast, breast_volume, hanging
from tests.helpers.dicom_files import write_dbt, write_mg

ROOT = Path(__file__).resolve().parents[3]
SIDE = 128
"""Rows and columns of the networks' windows and of the images."""


def write_small_weights(path: Path, model: str = "gmic2d", seed: int = 0) -> Path:
    """Write weights that say of themselves that they were trained at a small window: an image takes 20 ms."""
    network = create_model(model, num_patches=2)
    modality = get_spec(model).accepts[0]
    trained = TrainedInput(modality, SIDE, SIDE, 0.085 if modality is Modality.DBT else 0.07, 0.1, (32, 32))
    said = WeightMetadata(model, network.hyper.__dict__, "random numbers", "none", "", "", trained)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(random_state(network, seed), str(path), metadata=said.as_text())
    return path


def write_image(path: Path, number: int, syntax: str = "explicit") -> Path:
    """Write the image of a number: side and view go round, four to an exam, the pixels differ."""
    side, view = ("RL"[number % 2], ("CC", "MLO")[number // 2 % 2])
    return write_mg(
        path, hanging(breast(SIDE, SIDE, seed=number), side), side, view, study=str(number // 4), syntax=syntax,
        patient=f"SIM-{number // 4:04}", sop_uid=f"1.2.3.{number + 1}",
    )  # fmt: skip


def write_undecodable(path: Path, number: int) -> Path:
    """Write an image whose header is sound and whose compressed pixels are not."""
    content = write_image(path, number, "jpegls").read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + b"\xff" * (len(content) - middle))
    return path


def write_cohort(folder: Path, count: int) -> Path:
    """Write ``count`` images, four to an exam."""
    for number in range(count):
        write_image(folder / f"exam-{number // 4:03}" / f"{number:04}.dcm", number)
    return folder


def write_volume(path: Path, slices: int = 4) -> Path:
    """Write a tomosynthesis volume."""
    return write_dbt(path, hanging(breast_volume(slices, SIDE, SIDE), "L"), "L", "CC", sop_uid="1.2.4.1")


def damage(path: Path, kind: int) -> None:
    """Break a file: no DICOM at all, an empty file, cut short within the pixels, or within the header."""
    content = path.read_bytes()
    parts = (b"not an image" * 20, b"", content[: len(content) - SIDE * SIDE], content[:300])
    path.write_bytes(parts[kind % len(parts)])


def command(*arguments: object) -> list[str]:
    """Return the real command line."""
    return [sys.executable, "-m", "gmic_core", "predict", *map(str, arguments)]


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a process that tests this checkout."""
    return dict(os.environ, PYTHONPATH=str(ROOT), GMIC_HOME=str(home), OMP_NUM_THREADS="1")


def predict(home: Path, *arguments: object, timeout: float = 240.0) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        command(*arguments), cwd=ROOT, env=environment(home), capture_output=True, text=True, timeout=timeout,
        check=False,
    )  # fmt: skip


def rows(out: Path) -> list[list[str]]:
    """Return the lines of the table without its head."""
    with (out / "predictions.csv").open() as file:
        return list(csv.reader(file))[1:]


def journal_lines(out: Path) -> list[dict[str, object]]:
    """Return the lines of the journal behind the first one."""
    return [json.loads(line) for line in (out / "journal.jsonl").read_bytes().splitlines()[1:]]


def computed(out: Path) -> list[str]:
    """Return the UID of every image that was computed, as often as it was."""
    return [str(line["sop_uid"]) for line in journal_lines(out)]


def comparable(out: Path) -> dict[str, object]:
    """Return results.json without what differs between two runs of the same: seconds and times."""
    results = json.loads((out / "results.json").read_text())
    for entry in results["images"]:
        for one in (entry, *entry.get("members", ())):
            one["provenance"] |= {"seconds": 0.0, "created": ""}
    return dict(results)


def maps(out: Path) -> dict[str, bytes]:
    """Return all saliency files."""
    return {path.name: path.read_bytes() for path in sorted((out / "saliency").iterdir())}


def children(pid: int) -> list[int]:
    """Return the processes below one, however deep."""
    import psutil

    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def kill(pids: Sequence[int]) -> None:
    """End processes without asking; some may be gone already."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def copy(folder: Path, to: Path) -> Path:
    """Copy a folder with the times of its files."""
    return Path(shutil.copytree(folder, to))
