"""``gmic-viewer demo`` without a display, on small exams and without the networks' minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.dicom_files import write_exam
from viewer import demo, launch
from viewer.snapshot import Stage


def test_demo_without_a_display_says_so_and_names_its_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], qapp: object
) -> None:
    real, simulated = tmp_path / "real", tmp_path / "simulated"
    write_exam(real, 96, 72, study="1")
    write_exam(simulated, 96, 72, modalities=("FFDM", "DBT", "S2D"), slices=3, study="2")
    asked: list[str] = []

    def run_ai(stage: Stage, wanted: object) -> None:
        exam = stage.app.session.exam
        assert exam is not None
        asked.extend(f"{image.label} {image.modality}" for image in exam.images if wanted(image))  # type: ignore[operator]

    monkeypatch.setattr(demo, "make_demo_exams", lambda folder, progress: [real, real, simulated])
    monkeypatch.setattr(demo, "SIZE", (900, 600))
    monkeypatch.setattr(Stage, "run_ai", run_ai)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(launch, "has_display", lambda: False)
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert launch.main(["demo", "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "There is no display" in said
    assert "UNTRAINED" in said
    pictures = [Path(line.strip()) for line in said.splitlines() if line.endswith(".png")]
    assert len(pictures) == len(demo.REAL) + len(demo.SIMULATED)
    assert all(picture.stat().st_size > 10_000 for picture in pictures)
    assert "R-CC DBT" in asked
    assert "L-CC DBT" not in asked
