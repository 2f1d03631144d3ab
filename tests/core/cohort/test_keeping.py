"""What a second run keeps and what it computes again; in this process, with real workers."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from gmic_core.cli import main
from tests.core.cohort.builders import (
    comparable,
    computed,
    damage,
    journal_lines,
    maps,
    rows,
    write_cohort,
    write_small_weights,
    write_undecodable,
    write_volume,
)


def predict(*arguments: object) -> int:
    return main(["predict", *map(str, arguments), "--threads", "1", "--device", "cpu"])


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> tuple[Path, Path]:
    """Five images of which one is broken, and what one worker makes of them."""
    folder = tmp_path_factory.mktemp("kept")
    write_cohort(folder / "in", 5)
    damage(folder / "in" / "exam-001" / "0004.dcm", 0)
    assert predict(folder / "in", "--weights", weights, "--out", folder / "out", "--workers", "1") == 0
    return folder / "in", folder / "out"


def test_the_report_counts_results_and_reasons(done: tuple[Path, Path], weights: Path, capsys) -> None:
    images, out = done
    assert len(rows(out)) == 4
    assert predict(images, "--weights", weights, "--out", out) == 0
    said = capsys.readouterr()
    assert "4 results and 1 reason, 4 of them kept from before; nothing was left to compute." in said.out
    assert "0004.dcm: not a DICOM file, nor an image that this program reads" in said.out
    assert "4 images known from before, 0 to go" in said.err
    assert len(computed(out)) == 4


def test_two_workers_write_the_same_bytes(done: tuple[Path, Path], weights: Path, tmp_path: Path) -> None:
    images, out = done
    assert predict(images, "--weights", weights, "--out", tmp_path, "--workers", "2") == 0
    assert (tmp_path / "predictions.csv").read_bytes() == (out / "predictions.csv").read_bytes()
    assert maps(tmp_path) == maps(out)
    assert len(maps(out)) == 8
    assert comparable(tmp_path) == comparable(out)


@pytest.mark.usefixtures("here")
def test_only_what_changed_is_computed_again(tmp_path: Path, weights: Path, capsys) -> None:
    images, out = write_cohort(tmp_path / "in", 3), tmp_path / "out"
    arguments = (images, "--weights", weights, "--out", out)
    assert predict(*arguments) == 0
    first = (out / "predictions.csv").read_bytes()
    os.utime(images / "exam-000" / "0001.dcm", ns=(1, 1))
    (out / "saliency" / "1.2.3.3_benign.nii.gz").unlink()
    with (out / "journal.jsonl").open("rb+") as file:
        file.truncate((out / "journal.jsonl").stat().st_size - 5)
    (out / "saliency" / ".part-left-by-a-kill").write_bytes(b"x")
    capsys.readouterr()
    assert predict(*arguments) == 0
    said = capsys.readouterr().err
    assert "1 image again: the files changed" in said
    assert "1 line of the journal was torn" in said
    assert sorted(computed(out)).count("1.2.3.2") == 2
    assert (out / "predictions.csv").read_bytes() == first
    assert len(maps(out)) == 6


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("where", [".", "results"])
def test_results_among_the_images_are_no_images(tmp_path: Path, weights: Path, where: str, capsys) -> None:
    images = write_cohort(tmp_path / "in", 1)
    (images / "notes.txt").write_text("x")
    for _run in range(2):
        assert predict(images, "--weights", weights, "--out", images / where) == 0
        assert "1 result and 1 reason" in capsys.readouterr().out


@pytest.mark.usefixtures("here")
def test_missing_maps_other_weights_and_fresh(tmp_path: Path, capsys) -> None:
    images, out = write_cohort(tmp_path / "in", 2), tmp_path / "out"
    weights = write_small_weights(tmp_path / "w.safetensors", seed=1)
    arguments = (images, "--weights", weights, "--out", out)
    assert predict(*arguments) == 0
    first = (out / "predictions.csv").read_bytes()
    (out / "saliency" / "1.2.3.1_benign.nii.gz").write_bytes(b"")
    assert predict(*arguments) == 0
    assert "1 image again: its maps are missing" in capsys.readouterr().err
    assert (out / "saliency" / "1.2.3.1_benign.nii.gz").stat().st_size > 100
    write_small_weights(weights, seed=2)  # another file under the same name
    assert predict(*arguments) == 0
    assert "2 images again: other weights" in capsys.readouterr().err
    assert (out / "predictions.csv").read_bytes() != first
    digests = {
        entry["provenance"]["weights_sha256"] for entry in json.loads((out / "results.json").read_text())["images"]
    }
    assert len(digests) == 1
    assert predict(*arguments, "--fresh") == 0
    assert len(computed(out)) == 2


@pytest.mark.usefixtures("here")
def test_reasons_are_kept_unless_they_may_pass(tmp_path: Path, weights: Path, capsys) -> None:
    images, out = write_cohort(tmp_path / "in", 1), tmp_path / "out"
    write_undecodable(images / "b.dcm", 1)
    write_volume(images / "c.dcm")
    absent = tmp_path / "absent.p"
    arguments = (images, "--weights", f"gmic2d={weights}", "--weights", f"gmic3d={absent}", "--out", out)
    assert predict(*arguments) == 0
    said = capsys.readouterr().out
    assert "1 result and 2 reasons; 3 images in " in said
    assert "not predicted: 1.2.3.2 (L-CC FFDM): " in said
    assert "absent.p" in said
    # a damaged image stays damaged; weights may be there next time
    assert predict(*arguments) == 0
    said = capsys.readouterr()
    assert "2 images known from before, 1 to go" in said.err
    assert "1 result and 2 reasons, 2 of them kept from before" in said.out
    assert predict(*arguments, "--retry") == 0
    assert "1 image known from before, 2 to go" in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_an_ensemble_and_a_volume(tmp_path: Path, weights: Path) -> None:
    images, out = write_cohort(tmp_path / "in", 1), tmp_path / "out"
    write_volume(images / "volume.dcm")
    other = write_small_weights(tmp_path / "other.safetensors", seed=3)
    deep = write_small_weights(tmp_path / "deep.safetensors", "gmic3d")
    references = [f"gmic2d={weights}", f"gmic2d={other}", f"gmic3d={deep}"]
    arguments = [part for reference in references for part in ("--weights", reference)]
    assert predict(images, *arguments, "--out", out) == 0
    entries = json.loads((out / "results.json").read_text())["images"]
    assert [(entry["modality"], len(entry.get("members", ()))) for entry in entries] == [("FFDM", 2), ("DBT", 0)]
    assert entries[1]["saliency"]["slices"] == 4
    # with one member less it is another ensemble
    assert predict(images, *arguments[2:], "--out", out) == 0
    assert [line["sop_uid"] for line in journal_lines(out)] == ["1.2.3.1", "1.2.4.1", "1.2.3.1"]


def test_modes_augmentations_and_verification_are_recorded_and_keep_their_own_results(
    tmp_path: Path, weights: Path, capsys
) -> None:
    write_cohort(tmp_path / "images", 2)
    where = (tmp_path / "images", "--weights", weights, "--device", "cpu", "--out", tmp_path / "out")

    def entries() -> list[dict[str, object]]:
        return json.loads((tmp_path / "out" / "results.json").read_text())["images"]

    assert predict(*where, "--mode", "fast") == 0
    fast_note = "Fast mode was asked for; this CPU gains nothing from half precision, so it computed exactly."
    assert all(fast_note in entry["notes"] for entry in entries())
    assert {entry["provenance"]["mode"] for entry in entries()} == {"exact"}

    assert predict(*where, "--augmentations", "3") == 0
    said = capsys.readouterr()
    assert "2 images" in said.out
    for entry in entries():
        augmented = entry["augmentations"]
        assert augmented["count"] == 3
        for name in ("benign", "malignant"):
            y, mean = augmented[name]["y"], entry["scores"][name]["y"]
            assert mean == pytest.approx(sum(y) / 3, abs=1e-6)
            assert augmented[name]["sd"] == pytest.approx(float(np.std(y)), abs=1e-9)
        assert any(note.startswith("Scores are means of 3 augmentations") for note in entry["notes"])

    assert predict(*where, "--verify") == 0
    for entry in entries():
        assert "augmentations" not in entry
        (note,) = (note for note in entry["notes"] if note.startswith("Verified against the plain modules on the CPU"))
        assert note.endswith("; the same patches.")
