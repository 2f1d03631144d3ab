"""The lesion table: sizes as in the list, notes, nothing that names a patient, nothing that a spreadsheet runs."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

from gmic_core.types import Modality
from tests.helpers.panel_fakes import make_image
from viewer.model.annotation.lesion_list import LesionRow
from viewer.services.lesion_table import ListedLesion, lesion_table

ROW = LesionRow(2, 1, 1500, (3, 6), (4.0, 120.25, 80.5), 4, (110, 70, 131, 92), 2.35, id=7)


def read(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_what_is_said_of_lesions() -> None:
    volume = replace(make_image("R", "CC", Modality.DBT, frames=12), simulated=True)
    flat = make_image("L", "MLO", Modality.FFDM)
    unknown = make_image("L", "CC", Modality.FFDM, spacing=None)
    lesions = [
        ListedLesion(volume, ROW, "Maß, größer", "near Ada's scar, 11 o'clock"),
        ListedLesion(flat, replace(ROW, slices=(0, 1), best_slice=0, id=1), "=1+1", "@cmd"),
        ListedLesion(unknown, replace(ROW, slices=(0, 1), best_slice=0, id=1), "mass", ""),
    ]
    one, two, three = read(lesion_table(lesions, lambda text: text.replace("Ada", "[hidden]")))
    assert list(one) == [
        "image", "lesion", "label", "name", "note", "first_slice", "last_slice", "largest_slice", "centre_slice",
        "centre_row", "centre_column", "voxels", "volume_mm3", "area_mm2", "diameter_mm", "notice",
    ]  # fmt: skip
    assert list(one.values()) == [
        "R-CC DBT", "7", "2", "Maß, größer", "near [hidden]'s scar, 11 o'clock", "3", "5", "4", "4.0", "120.2", "80.5",
        "1500", "15.00", "", "2.35",
        "Research use only. Not for diagnosis. SIMULATED: computed images, no patient.",
    ]  # fmt: skip
    assert (two["name"], two["note"], two["area_mm2"], two["volume_mm3"]) == ("'=1+1", "'@cmd", "15.00", "")
    assert two["notice"] == "Research use only. Not for diagnosis."
    assert (three["area_mm2"], three["diameter_mm"], three["voxels"]) == ("", "", "1500")
