"""The committed weights give the figures of docs/results.md: evaluated anew, breast by breast, as a reader would."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from gmic_core.cli import main

RECORDED = Path(__file__).resolve().parents[3] / "docs" / "results" / "short-volumes.csv"


def evaluated(seed: int, out: Path) -> dict[str, str]:
    """Evaluate one breast against the recorded table and return its line."""
    options = ["--digital-breasts", f"{seed}:1", "--slices", "5", "--modalities", "DBT", "--device", "cpu"]
    assert main(["evaluate", *options, "--compare", str(RECORDED), "--out", str(out)]) == 0
    with (out / "images.csv").open(encoding="utf-8") as stream:
        (line,) = csv.DictReader(stream)
    return line


@pytest.mark.slow
def test_a_malignant_mass_is_found_where_it_lies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = evaluated(3_000_000, tmp_path / "out")
    assert "1 of 1 images as in short-volumes.csv; 0 are not in it." in capsys.readouterr().out
    assert float(line["malignant_pred"]) == pytest.approx(0.591, abs=0.002)
    assert line["malignant_peak_hit"] == "1"  # the highest cell of the map lies on the truth
    assert float(line["malignant_projected_pxap"]) > 50 * float(line["malignant_projected_chance"])


@pytest.mark.slow
def test_a_normal_breast_stays_dark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = evaluated(3_000_002, tmp_path / "out")
    assert "1 of 1 images as in short-volumes.csv; 0 are not in it." in capsys.readouterr().out
    assert float(line["malignant_pred"]) == 0.0
    assert float(line["benign_pred"]) == 0.0
