"""``gmic-core`` itself and ``gmic-core models``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gmic_core import cli
from gmic_core.errors import ExamError
from tests.helpers.weight_files import Bomb, save_old, torch_state


def run(*arguments: str | Path) -> int:
    return cli.main([str(argument) for argument in arguments])


def test_help_and_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    listed = capsys.readouterr().out
    assert all(command in listed for command in ("info", "predict", "models"))
    assert run() == 2
    assert run("nonsense") == 2
    assert "invalid choice: 'nonsense'" in capsys.readouterr().err
    assert run("models", "import") == 2
    assert run("--version") == 0
    assert capsys.readouterr().out.startswith("gmic-core ")


def test_help_waits_for_no_subcommand() -> None:
    code = (
        "import sys; from gmic_core.cli import main; main(['--help']);"
        "loaded = [name for name in sys.modules if name in ('torch', 'numpy') or name.startswith('gmic_core.cli.')];"
        "sys.exit(str(loaded) if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ExamError("no images"), 1, "gmic-core models: no images\n"),
        (KeyboardInterrupt(), 130, "gmic-core models: interrupted\n"),
    ],
)
def test_expected_ends_are_one_sentence(
    error: BaseException, code: int, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from gmic_core.cli import models

    def fail(_args: object) -> int:
        raise error

    monkeypatch.setattr(models, "run", fail)
    assert run("models", "list") == code
    assert capsys.readouterr().err == message


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    from gmic_core.cli import models

    monkeypatch.setattr(models, "run", lambda _args: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        run("models", "list")


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"{sys.executable} -m gmic_core models show gmic3d | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("name: gmic3d\n", "")


def test_models_from_import_to_verify(tmp_path: Path, gmic_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = save_old(torch_state("gmic"), tmp_path / "sample_model_3.p")
    assert run("models", "list") == 0
    assert "none yet: gmic-core models import FILE" in capsys.readouterr().out

    assert run("models", "import", path, "--as", "third") == 0
    assert "Stored as 'third' for gmic2d." in capsys.readouterr().out
    assert run("models", "import", path, "--as", "third") == 1
    assert "stored already" in capsys.readouterr().err

    assert run("models", "list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in listed["models"]] == ["gmic3d", "gmic2d", "gmic2d_park"]
    assert [(entry["name"], entry["hyper"]["top_t"]) for entry in listed["weights"]] == [("third", 0.03)]

    assert run("models", "show", "third", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["origin"] == "sample_model_3.p"
    assert run("models", "verify") == 0
    assert capsys.readouterr().out == f"ok         third  {shown['sha256']}\n"

    (gmic_home / "weights" / "third.safetensors").write_bytes(b"x")
    (gmic_home / "weights" / "other.json").write_text("{")
    assert run("models", "verify", "--json") == 1
    assert [check["status"] for check in json.loads(capsys.readouterr().out)] == ["unreadable", "changed"]
    assert run("models", "list") == 0
    listed_text = capsys.readouterr().out
    assert "third" in listed_text
    assert "is damaged" in listed_text


def test_a_bomb_is_refused_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = save_old({"model": Bomb(tmp_path / "it_ran")}, tmp_path / "weights.p")
    assert run("models", "import", path) == 1
    error = capsys.readouterr().err
    assert error.startswith("gmic-core models: weights.p is refused")
    assert error.count("\n") == 1
    assert not (tmp_path / "it_ran").exists()


@pytest.mark.usefixtures("no_shipped_weights")
def test_a_network_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "show", "gmic2d_park", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["inputs"]["S2D"]["rows"] == 2116
    assert shown["parameters"] == 14_108_784
    assert run("models", "show", "nothing") == 1
    assert "There are no stored weights 'nothing'; nothing is stored yet" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["top_t", "=3", "top_t="])
def test_settings_have_a_form(word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "import", tmp_path / "absent.p", "--set", word) == 1
    assert "is not KEY=VALUE; write for example --set top_t=0.05" in capsys.readouterr().err


def test_settings_become_numbers() -> None:
    from gmic_core.cli.models import parse_settings

    assert parse_settings(["top_t=0.05", "num_patches=8", "norm=batch"]) == {
        "top_t": 0.05,
        "num_patches": 8,
        "norm": "batch",
    }
