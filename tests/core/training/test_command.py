"""``gmic-core train``: options, messages and exit codes."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from gmic_core.cli import main
from gmic_core.errors import CancelledError
from gmic_core.training import run as runs
from gmic_core.training.data import opening
from gmic_core.training.experiment import Experiment
from gmic_core.training.run import RunResult
from gmic_core.training.samples import TrainingData


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Experiment, Path | None, Path, bool]]:
    """What the training was asked to do; it does nothing."""
    calls: list[tuple[Experiment, Path | None, Path, bool]] = []
    folders: list[Path | None] = []

    def open_data(experiment: Experiment, folder: Path | None) -> AbstractContextManager[TrainingData]:
        folders.append(folder)
        return nullcontext(TrainingData())

    def train(experiment: Experiment, data: TrainingData, out: Path, resume: bool, log: Any) -> RunResult:
        calls.append((experiment, folders[-1], out, resume))
        log("training")
        return RunResult(0.9, out / "weights.safetensors")

    monkeypatch.setattr(opening, "open_training_data", open_data)
    monkeypatch.setattr(runs, "train", train)
    return calls


def test_options_reach_the_experiment(asked: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "gmic3d_dbt", "--data", "exams", "--out", str(tmp_path), "--resume"]
    assert main([*words, "--device", "cpu", "--seed", "12", "--start", "ffdm"]) == 0
    ((experiment, folder, out, resume),) = asked
    assert (experiment.name, experiment.device, experiment.seed, experiment.start) == ("gmic3d_dbt", "cpu", 12, "ffdm")
    assert (folder, out, resume) == (Path("exams"), tmp_path, True)
    assert capsys.readouterr().out.splitlines() == [
        "training", f"weights: {tmp_path / 'weights.safetensors'} (validation 0.9000)"
    ]  # fmt: skip


def test_a_fold_must_be_there(asked: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "mini_mias_gmic2d", "--data", "x", "--out", str(tmp_path), "--fold", "3"]) == 0
    assert asked[0][0].data.fold == 3
    assert main(["train", "mini_mias_gmic2d", "--data", "x", "--out", str(tmp_path), "--fold", "5"]) == 1
    assert "mini_mias_gmic2d has 5 folds, from 0" in capsys.readouterr().err


def test_an_unknown_experiment_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "nonesuch", "--out", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("gmic-core train: 'nonesuch' is neither an experiment of this project (")
    assert len(error.splitlines()) == 1


def test_a_stopped_run_says_how_to_go_on(
    asked: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object) -> RunResult:
        raise CancelledError("Stopped after epoch 2, step 7; go on with the same command and --resume.")

    monkeypatch.setattr(runs, "train", stop)
    assert main(["train", "gmic3d_dbt", "--data", "x", "--out", str(tmp_path)]) == 130
    assert "go on with the same command and --resume" in capsys.readouterr().out


def test_your_own_images_need_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "gmic3d_dbt", "--out", str(tmp_path)]) == 1
    assert "--data DIR" in capsys.readouterr().err


def test_a_search_needs_ranges(asked: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "gmic2d_park_ffdm_birads", "--data", "x", "--out", str(tmp_path), "--search"]) == 1
    assert "cannot be searched" in capsys.readouterr().err
    assert asked == []
