"""A run that is killed goes on as if nothing had happened."""

from __future__ import annotations

import csv
import dataclasses
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from gmic_core.errors import CancelledError, TrainingError
from gmic_core.training.checkpoint import load_checkpoint, read_tensors
from gmic_core.training.run import train
from tests.helpers.train_spots import DeadlyImages, run_experiment
from tests.helpers.training_data import small_experiment, spot_data

ROOT = Path(__file__).resolve().parents[3]


def start(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.helpers.train_spots", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def losses(out: Path) -> list[dict[str, str]]:
    with (out / "1-images" / "steps.csv").open(encoding="utf-8", newline="") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As in the other process: sums depend on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "unbroken"
    train(run_experiment("gmic3d"), spot_data(), out, False, lambda _: None)
    return out


def test_a_killed_run_resumes_bit_for_bit(unbroken: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    killed = start(str(out), "gmic3d", "--die-at", "14")  # loads run ahead: somewhere in the second epoch
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert 0 < len(losses(out)) < len(losses(unbroken))
    told: list[str] = []
    train(run_experiment("gmic3d"), spot_data(), out, True, told.append)
    assert any(sentence.startswith("resumed at epoch") for sentence in told)
    assert losses(out) == losses(unbroken)
    ours, theirs = (read_tensors(path / "1-images" / "last.pt") for path in (out, unbroken))
    assert all(torch.equal(ours["model"][key], value) for key, value in theirs["model"].items())
    states = ours["optimiser"]["state"], theirs["optimiser"]["state"]
    assert all(torch.equal(states[0][i]["exp_avg_sq"], states[1][i]["exp_avg_sq"]) for i in states[1])


def test_sigterm_writes_a_checkpoint_and_says_how_to_go_on(tmp_path: Path) -> None:
    out = tmp_path / "stopped"
    data = dataclasses.replace(spot_data(), train=DeadlyImages(2, signal.SIGTERM))
    with pytest.raises(CancelledError, match=r"Stopped after epoch 1, step 1; .* --resume"):
        train(run_experiment("gmic3d"), data, out, False, lambda _: None)
    assert read_tensors(out / "1-images" / "last.pt")["progress"]["step"] == 1
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_finished_run_is_left_as_it_is(unbroken: Path) -> None:
    told: list[str] = []
    result = train(run_experiment("gmic3d"), spot_data(), unbroken, True, told.append)
    assert "finished before" in told
    assert result.weights.exists()


def test_a_folder_with_a_run_is_not_overwritten(unbroken: Path) -> None:
    with pytest.raises(TrainingError, match="holds a run already; go on with it"):
        train(run_experiment("gmic3d"), spot_data(), unbroken, False, print)
    with pytest.raises(TrainingError, match="run of another experiment"):
        train(small_experiment(seed=9), spot_data(), unbroken, True, print)


def test_a_damaged_checkpoint_is_named(unbroken: Path, tmp_path: Path) -> None:
    whole = (unbroken / "1-images" / "last.pt").read_bytes()
    (tmp_path / "last.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TrainingError, match=r"last\.pt is damaged"):
        load_checkpoint(tmp_path, "x")
    (tmp_path / "last.pt").write_bytes(whole)
    with pytest.raises(TrainingError, match="belongs to another experiment"):
        load_checkpoint(tmp_path, "x")


def test_the_run_leaves_curves_and_weights(unbroken: Path) -> None:
    assert (unbroken / "1-images" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert (unbroken / "weights.safetensors").stat().st_size <= 30_000_000
    rows = losses(unbroken)
    assert [(row["epoch"], row["step"]) for row in rows] == [("0", "0"), ("0", "1"), ("1", "0"), ("1", "1")]
