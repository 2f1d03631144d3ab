"""The command ``gmic-core info``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gmic_core.cli import main
from tests.helpers.breasts import breast, breast_volume
from tests.helpers.dicom_files import write_dbt_series, write_exam, write_mg, write_sr


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = write_exam(tmp_path, 24, 16, modalities=("FFDM",))
    report = write_sr(tmp_path / "sr.dcm")
    assert main(["info", str(tmp_path), "--json"]) == 0
    printed = capsys.readouterr()
    data = json.loads(printed.out)
    assert printed.err == ""
    (exam,) = data["exams"]
    assert {"patient_id", "study_uid", "date", "images"} <= set(exam)
    assert (exam["patient_id"], exam["date"]) == ("SIM-0001", "20240115")
    assert sorted(image["path"] for image in exam["images"]) == sorted(map(str, paths))
    wanted = {
        "path", "files", "sop_uid", "modality", "laterality", "view", "frames", "rows", "columns", "spacing_mm",
        "slice_spacing_mm", "transfer_syntax", "photometric", "warnings",
    }  # fmt: skip
    assert all(wanted <= set(image) for image in exam["images"])
    first = exam["images"][0]
    assert (first["modality"], first["laterality"], first["view"]) == ("FFDM", "R", "CC")
    assert (first["rows"], first["columns"], first["frames"], first["spacing_mm"]) == (24, 16, 1, [0.07, 0.07])
    assert (first["slice_spacing_mm"], first["transfer_syntax"]) == (None, "1.2.840.10008.1.2.1")
    assert (first["photometric"], first["warnings"]) == ("MONOCHROME2", [])
    assert data["rejected"] == [{"path": str(report), "reason": "a structured report, not a breast X-ray image"}]


def test_unknown_side_is_null_and_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_mg(tmp_path / "a.dcm", breast(24, 16), None, "CC")
    assert main(["info", str(tmp_path), "--json"]) == 0
    image = json.loads(capsys.readouterr().out)["exams"][0]["images"][0]
    assert image["laterality"] is None
    assert image["questions"] == ["Which breast is this? The file states no side."]
    assert set(image["questions"]) <= set(image["warnings"])


def test_table_shows_no_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dbt_series(tmp_path / "ct", breast_volume(5, 24, 16), "L", "MLO", overrides={"PatientName": "DOE^JANE"})
    write_mg(tmp_path / "a.dcm", breast(24, 16), spacing=None)
    (tmp_path / "x.json").write_text("{}")
    assert main(["info", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "JANE" not in printed
    assert "Exam 1: patient SIM-0001, 2024-01-15, 2 images" in printed
    assert "L-MLO   DBT   5 x 24 x 16" in printed
    assert "and 4 more" in printed
    assert "! no pixel spacing" in printed
    assert f"{tmp_path / 'x.json'}: a document, not an image" in printed


def test_nothing_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(tmp_path)]) == 1
    assert "No breast image was found." in capsys.readouterr().out
    assert main(["info", str(tmp_path / "nowhere"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "exams": [], "rejected": [{"path": str(tmp_path / "nowhere"), "reason": "no such file or folder"}],
    }  # fmt: skip


def test_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 2
    assert main(["info", "--frobnicate", "x"]) == 2
    assert "usage" in capsys.readouterr().err


def test_reads_without_slow_imports(tmp_path: Path) -> None:
    """The first image cannot wait for pydicom, torch or SimpleITK."""
    write_mg(tmp_path / "a.dcm", breast(24, 16))
    code = (
        "import sys; from gmic_core.cli import main; code = main(['info', sys.argv[1], '--json'])\n"
        "slow = {'pydicom', 'torch', 'SimpleITK', 'nibabel', 'cv2', 'scipy', 'PySide6', 'imagecodecs'}\n"
        "sys.exit(code or ', '.join(slow & set(sys.modules)) or 0)"
    )
    root = Path(__file__).parents[3]
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=root, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
