"""``gmic-core predict``: what it writes, says and returns."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from gmic_core.cli import main
from gmic_core.cli.predict import assign_models, choose_weights, split_reference
from gmic_core.errors import ModelError, StoreError, WeightsError
from gmic_core.exam.geometry import PlanePosition
from gmic_core.exam.model import MammoImage, PixelFormat, PixelSource
from gmic_core.inference.document import Prediction, Refused, document, image_indices
from gmic_core.inference.export import Outputs, prepare_folder, safe_name, write_atomically, write_saliency
from gmic_core.types import ImageResult, Laterality, Modality, Provenance, Roi
from tests.helpers.breasts import breast, hanging
from tests.helpers.dicom_files import write_ct, write_mg

NAN = float("nan")


@pytest.fixture(scope="module")
def predicted(tmp_path_factory):
    """Two images of one breast and a CT through gmic2d with two sets of random weights."""
    folder = tmp_path_factory.mktemp("exam")
    pixels = hanging(breast(400, 300, seed=1), "R")
    for view in ("CC", "MLO"):
        write_mg(folder / f"{view}.dcm", pixels, "R", view, sop_uid=f"1.2.3.{len(view)}")
    write_mg(folder / "s2d.dcm", pixels, "R", "CC", modality="S2D", sop_uid="1.2.3.9")
    write_ct(folder / "ct.dcm", np.zeros((64, 64), np.uint16))
    out = folder / "out"
    code = main(
        ["predict", str(folder), "--model", "gmic2d", "--weights", "random:0", "--weights", "gmic2d=random:1",
         "--device", "cpu", "--out", str(out)]
    )  # fmt: skip
    return code, out


def test_predictions_csv(predicted):
    code, out = predicted
    assert code == 0
    with (out / "predictions.csv").open() as file:
        rows = list(csv.reader(file))
    # a sixth column only because these images say of themselves that they are simulated
    assert rows[0] == ["image_index", "benign_pred", "malignant_pred", "benign_label", "malignant_label", "note"]
    assert [row[0] for row in rows[1:]] == ["1.2.3.2", "1.2.3.3"]
    for row in rows[1:]:
        assert row[3:] == ["", "", "SIMULATED"]
        assert all(len(value.split(".")[1]) == 4 for value in row[1:3])


def test_results_json(predicted):
    _, out = predicted
    results = json.loads((out / "results.json").read_text())
    assert results["schema"] == "gmic-viewer results 1"
    assert results["untrained"] is True
    assert "UNTRAINED" in results["untrained_notice"]
    first = results["images"][0]
    assert (first["sop_uid"], first["laterality"], first["view"], first["modality"]) == ("1.2.3.2", "R", "CC", "FFDM")
    members = first["members"]
    assert [member["provenance"]["weights"] for member in members] == ["random:0", "random:1"]
    for name in ("benign", "malignant"):
        mean = np.mean([member["scores"][name]["y"] for member in members])
        assert first["scores"][name]["y"] == pytest.approx(mean, abs=1e-12)
        assert len(first["profile"][name]) == 1
    assert len(first["patches"]) == 12  # six of each member
    for weights in ("random:0", "random:1"):
        own = [patch for patch in first["patches"] if patch["weights"] == weights]
        assert sum(patch["attention"] for patch in own) == pytest.approx(1.0)
    assert {"slice", "row0", "col0", "row1", "col1", "attention"} <= set(first["patches"][0])
    assert first["window"]["rows"] == 2944
    assert first["saliency"]["cells"] == [46, 30]
    assert first["provenance"]["preprocessing_version"] == "1"
    assert first["untrained"] is True
    (breast_entry,) = results["breasts"]
    assert breast_entry["views"] == ["CC", "MLO"]
    mean = np.mean([entry["scores"]["malignant"]["y"] for entry in results["images"]])
    assert breast_entry["scores"]["malignant"] == pytest.approx(mean)
    (refused,) = results["not_predicted"]
    assert refused["sop_uid"] == "1.2.3.9"
    assert refused["reason"] == "gmic2d does not take S2D images; it takes FFDM, MG."
    listed = [entry["reason"] for entry in results["rejected"] + results["not_predicted"]]
    assert len(listed) == 2


def test_saliency_files(predicted):
    _, out = predicted
    results = json.loads((out / "results.json").read_text())
    for entry in results["images"]:
        for name, relative in entry["saliency"]["files"].items():
            assert relative == f"saliency/{entry['sop_uid']}_{name}.nii.gz"
            volume = nibabel.load(out / relative)
            assert volume.shape == (30, 46, 1)  # column, row, slice of cells
            assert volume.get_data_dtype() == np.float32
            assert b"UNTRAINED" in bytes(volume.header["descrip"])
            highest = float(volume.get_fdata().max())
            assert highest == pytest.approx(entry["profile"][name][0], abs=1e-3)
            # the centre of cell (row 3, column 7) in stored pixels, then in mm of a stored image at the origin
            row, column, _ = np.array(entry["saliency"]["to_stored"]) @ [3, 7, 1]
            np.testing.assert_allclose(volume.affine @ [7, 3, 0, 1], [-column * 0.07, -row * 0.07, 0, 1], atol=1e-4)
    assert (out / "UNTRAINED.txt").read_text().startswith("UNTRAINED")


def test_every_output_is_said(tmp_path, capsys):
    write_mg(tmp_path / "a.dcm", breast(300, 220), "L", "CC", sop_uid="1.2.3.4")
    (tmp_path / "notes.txt").write_text("x")
    assert main(["predict", str(tmp_path), "--weights", "random:0", "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("UNTRAINED: random weights")
    assert "1.2.3.4" in said.out
    assert "rejected: " in said.out
    assert "notes.txt: a document, not an image" in said.out
    assert "Research use only" in said.out
    assert "100%" in said.err  # the progress bar


def test_a_dot_outside_of_the_window_is_reported(tmp_path, capsys):
    pixels = np.pad(breast(300, 220), ((0, 0), (0, 180)))
    pixels[4:16, 350:362] = 4000
    write_mg(tmp_path / "a.dcm", pixels, "L", "CC", sop_uid="1.2.3.4")
    assert main(["predict", str(tmp_path), "--weights", "random:0", "--out", str(tmp_path / "out")]) == 0
    note = (
        "1 structure of 12x12 pixels at row 4, column 350 lies outside what the network saw and was not analysed. "
        "Side markers and labels count as well."
    )
    assert f"note: 1.2.3.4: {note}" in capsys.readouterr().out.splitlines()
    (entry,) = json.loads((tmp_path / "out" / "results.json").read_text())["images"]
    assert note in entry["notes"]
    found = entry["not_analysed"]
    assert found["structures"] == [
        {"row0": 4, "col0": 350, "row1": 16, "col1": 362, "pixels": 144, "connected_with_breast": False}
    ]
    assert (found["structures_total"], found["breast_pixels_outside"], found["above_limit"]) == (1, 0, False)
    assert found["counted_on"] == "image"
    assert found["breast_pixels"] > 20000
    seen = entry["window"]["seen"]
    assert (seen["row0"], seen["col0"], seen["row1"]) == (0, 0, 300)
    assert seen["col1"] == 215  # 50 pixels beyond the breast, which ends at column 165
    assert entry["outside_fraction"] == 0


def test_nothing_to_predict_is_exit_code_1(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("x")
    out = tmp_path / "out"
    assert main(["predict", str(tmp_path), "--weights", "random:0", "--out", str(out)]) == 1
    assert "nothing was predicted" in capsys.readouterr().err
    assert (out / "predictions.csv").read_text().count("\n") == 1
    assert [entry["path"] for entry in json.loads((out / "results.json").read_text())["rejected"]] == [
        str(tmp_path / "notes.txt")
    ]


def test_without_weights_it_says_what_to_do(tmp_path, capsys, no_shipped_weights):
    write_mg(tmp_path / "a.dcm", breast(300, 220), "L", "CC")
    assert main(["predict", str(tmp_path / "a.dcm"), "--out", str(tmp_path / "out")]) == 1
    message = capsys.readouterr().err
    assert "There are no weights for gmic2d" in message
    assert "--weights random:0" in message


def test_weights_that_do_not_load_are_the_reason(tmp_path):
    write_mg(tmp_path / "a.dcm", breast(300, 220), "L", "CC")
    out = tmp_path / "out"
    arguments = ["predict", str(tmp_path / "a.dcm"), "--weights", str(tmp_path / "absent.p"), "--out", str(out)]
    assert main(arguments) == 1
    (refused,) = json.loads((out / "results.json").read_text())["not_predicted"]
    assert "absent.p" in refused["reason"]


@pytest.mark.parametrize(
    "arguments", [["predict"], ["predict", "x", "--model", "gmic9"], ["predict", "x", "--device", "tpu"]]
)
def test_wrong_usage_is_exit_code_2(arguments, capsys):
    assert main(arguments) == 2
    assert "usage" in capsys.readouterr().err


# --- models and weights -----------------------------------------------------------------------------------------


def header(modality: str, uid: str = "1", **fields) -> MammoImage:
    image = MammoImage(
        uid, Modality(modality), Laterality.L, "CC", 1, 20, 30, PixelSource("dicom", (Path("a.dcm"),)), PixelFormat()
    )
    return dataclasses.replace(image, **fields)


def test_references():
    assert split_reference("gmic3d=random:0") == ("gmic3d", "random:0")
    assert split_reference("random:0") == (None, "random:0")
    assert split_reference("runs/lr=0.1/best.p") == (None, "runs/lr=0.1/best.p")


def test_images_go_to_their_network_or_to_the_one_with_weights():
    images = [header("FFDM", "1"), header("DBT", "2"), header("OTHER", "3")]
    work, refused = assign_models(images, None, [])
    assert [model for _, model in work] == ["gmic2d", "gmic3d"]
    assert [image.sop_uid for image, _ in refused] == ["3"]
    work, _ = assign_models(images[:1], None, [("gmic2d_park", "random:0")])
    assert [model for _, model in work] == ["gmic2d_park"]
    work, _ = assign_models(images[:1], None, [("gmic2d_park", "random:0"), (None, "random:1")])
    assert [model for _, model in work] == ["gmic2d"]
    work, refused = assign_models(images, "gmic3d", [])
    assert [image.sop_uid for image, _ in work] == ["2"]
    assert [image.sop_uid for image, _ in refused] == ["1", "3"]


def test_weights_find_their_networks():
    both = ["gmic2d", "gmic3d"]
    assert choose_weights(both, [(None, "random:3")]) == ({"gmic2d": ["random:3"], "gmic3d": ["random:3"]}, {})
    chosen, missing = choose_weights(both, [("gmic3d", "a.p"), ("gmic3d", "b.p")])
    assert chosen == {"gmic3d": ["a.p", "b.p"]}
    assert "There are no weights for gmic2d" in missing["gmic2d"]
    assert choose_weights(["gmic2d"], [(None, "a.p")]) == ({"gmic2d": ["a.p"]}, {})
    assert choose_weights([], [(None, "a.p")]) == ({}, {})
    with pytest.raises(ModelError, match=r"--weights MODEL=a\.p"):
        choose_weights(both, [(None, "a.p")])
    with pytest.raises(WeightsError, match=r"no weights for gmic2d.*no weights for gmic3d"):
        choose_weights(both, [])


# --- files ------------------------------------------------------------------------------------------------------


def result_of(image: MammoImage, **fields) -> ImageResult:
    source = Provenance("gmic3d", "w", "ab", False, "NYU", "1", "float32", "cpu", 1.0, "s", "c")
    maps = np.zeros((2, 2, 3, 4), np.float16)
    maps[1, 1, 2, 3] = 0.5
    result = ImageResult(
        image.sop_uid, image.modality, image.laterality, image.view, (0.1, 0.2), (0.1, 0.2), (NAN, NAN),
        (Roi(1, 0, 0, 8, 8, 1.0),), maps, np.diag([2.0, 3.0, 1.0]), np.eye(3), (6, 12),
        maps.max(axis=(2, 3)).astype(np.float32), 0.0, source,
    )  # fmt: skip
    return dataclasses.replace(result, **fields)


def prediction(image: MammoImage, study: str = "9", **fields) -> Prediction:
    return Prediction(image, image.sop_uid, study, result_of(image, **fields))


def test_nan_becomes_null_and_trained_results_carry_no_mark():
    text = json.dumps(document([prediction(header("DBT"))], [], [], {}), allow_nan=False)
    results = json.loads(text)
    assert results["images"][0]["scores"]["benign"] == {"y": 0.1, "y_global": 0.1, "y_local": None}
    assert results["untrained"] is False
    assert "untrained_notice" not in results
    assert "local_scores" not in results["images"][0]["patches"][0]


def test_breasts_of_different_exams_are_not_averaged():
    one, other = header("DBT", "1"), header("DBT", "2")
    results = document([prediction(one, "8"), prediction(other, "9", y=(0.7, 0.8))], [], [], {})
    assert [(b["study_uid"], b["scores"]["malignant"]) for b in results["breasts"]] == [("8", 0.2), ("9", 0.8)]


def test_a_map_lies_on_its_stored_volume(tmp_path):
    plane = PlanePosition((5.0, 6.0, 7.0), (0.0, -1.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.0, 1.5))
    image = header("DBT", spacing_mm=(0.1, 0.2), slice_spacing_mm=1.5, plane=plane, frames=2)
    files = write_saliency(tmp_path, prediction(image))
    volume = nibabel.load(tmp_path / files["malignant"])
    data = volume.get_fdata()
    assert np.argwhere(data == 0.5).tolist() == [[3, 2, 1]]
    # cell (2, 3) is stored pixel (4, 9): LPS x = 5 - 4 * 0.1, y = 6 - 9 * 0.2, z = 7 + 1.5
    np.testing.assert_allclose(volume.affine @ [3, 2, 1, 1], [-4.6, -4.2, 8.5, 1], atol=1e-6)
    assert not nibabel.load(tmp_path / files["benign"]).get_fdata().any()
    assert b"research use only" in bytes(volume.header["descrip"])
    first = (tmp_path / files["malignant"]).read_bytes()
    write_saliency(tmp_path, prediction(image))
    assert (tmp_path / files["malignant"]).read_bytes() == first
    assert gzip.decompress(first)[:4] == b"\x5c\x01\x00\x00"


def test_image_indices():
    def png(name: str, uid: str) -> MammoImage:
        return header("FFDM", uid, source=PixelSource("png", (Path(name),)))

    images = [
        png("a/0_L-CC.png", "1"),
        png("a/0_R-CC.PNG", "2"),
        png("b/0_R-CC.png", "3"),
        header("DBT", "4", source=PixelSource("nifti", (Path("0_L-CC_0.nii.gz"),))),
        header("FFDM", "5"),
    ]
    assert image_indices(images) == {"1": "0_L-CC", "2": "2", "3": "3", "4": "0_L-CC_0", "5": "5"}


def test_file_names_from_hostile_identifiers():
    assert safe_name("1.2.840.1") == "1.2.840.1"
    assert safe_name("../../etc/passwd") == "_.._etc_passwd"
    assert safe_name("..") == "image"
    assert len(safe_name("1" * 500)) == 96


def test_files_are_whole_or_not_there(tmp_path):
    path = tmp_path / "a" / "x.csv"
    write_atomically(path, b"1")
    write_atomically(path, b"22")
    assert path.read_bytes() == b"22"
    assert [entry.name for entry in path.parent.iterdir()] == ["x.csv"]
    with pytest.raises(StoreError, match="choose another folder with --out"):
        write_atomically(path / "below-a-file", b"")
    with pytest.raises(StoreError, match="cannot be written"):
        prepare_folder(path)
    prepare_folder(tmp_path / "b")
    assert list((tmp_path / "b").iterdir()) == []


def test_tables_follow_the_order_of_the_scan_and_drop_an_old_mark(tmp_path):
    (tmp_path / "UNTRAINED.txt").write_text("UNTRAINED")
    first, second = header("DBT", "1"), header("FFDM", "2")
    outputs = Outputs(tmp_path, {"1": 0, "2": 1}, [Refused(header("OTHER", "2"), "2", "why")], [("x", "y")])
    outputs.add(prediction(second))
    outputs.add(prediction(first))
    outputs.write()
    rows = (tmp_path / "predictions.csv").read_text().splitlines()
    assert rows[1:] == ["1,0.1000,0.2000,,", "2,0.1000,0.2000,,"]
    assert not (tmp_path / "UNTRAINED.txt").exists()
