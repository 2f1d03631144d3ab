"""Two processes with gloo train as one process with the same batch does."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gmic_core.errors import TrainingError
from gmic_core.training.checkpoint import read_tensors
from gmic_core.training.distributed import Workers, joined
from gmic_core.training.run import train
from tests.helpers.train_spots import run_experiment
from tests.helpers.training_data import spot_data

ROOT = Path(__file__).resolve().parents[3]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_two(out: Path, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what torchrun does: this process is number 0, another one number 1."""
    places = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    command = [sys.executable, "-m", "tests.helpers.train_spots", str(out), model]
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ | places | {"RANK": "1"}, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as other:
        try:
            with monkeypatch.context() as patched:
                for name, value in (places | {"RANK": "0"}).items():
                    patched.setenv(name, value)
                train(run_experiment(model), spot_data(), out, False, lambda _: None)
        except BaseException:
            other.kill()
            raise
        _, errors = other.communicate(timeout=100)
    assert other.returncode == 0, errors.decode()


def step_losses(out: Path) -> list[float]:
    with (out / "1-images" / "steps.csv").open(encoding="utf-8", newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file) for name in ("loss", "loss_local", "loss_global")]


def test_two_processes_are_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """2D GMIC: BatchNorm in both networks, and the fusion."""
    run_two(tmp_path / "two", "gmic2d", monkeypatch)
    train(run_experiment("gmic2d"), spot_data(), tmp_path / "one", False, lambda _: None)
    assert step_losses(tmp_path / "two") == pytest.approx(step_losses(tmp_path / "one"), abs=1e-4)
    two, one = (read_tensors(tmp_path / name / "1-images" / "last.pt") for name in ("two", "one"))
    statistics = [key for key in one["model"] if "running_" in key]
    assert len(statistics) > 80
    for key in statistics:
        torch.testing.assert_close(two["model"][key], one["model"][key], atol=1e-4, rtol=1e-4)
    assert two["progress"]["epochs"][-1]["auc_malignant"] == one["progress"]["epochs"][-1]["auc_malignant"]


def test_one_process_needs_no_others() -> None:
    with joined(torch.device("cpu")) as workers:
        assert workers == Workers(0, 1)


def test_torchruns_variables_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "two")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(TrainingError, match="start with torchrun"), joined(torch.device("cpu")):
        pass
