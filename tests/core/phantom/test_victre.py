"""VICTRE voxel phantoms as anatomy; headers are not trusted."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from gmic_core.errors import PhantomError
from gmic_core.phantom.spec import PLATES
from gmic_core.phantom.victre import MAX_VOXELS, read_victre

PLATE = PLATES["full", "18x24"]
HEADER = {
    "ObjectType": "Image",
    "NDims": "3",
    "ElementSpacing": "1 1 1",
    "DimSize": "40 50 30",
    "ElementType": "MET_UCHAR",
    "ElementDataFile": "tiny.raw",
}


def tiny_labels() -> np.ndarray:
    """A breast of 24 layers between paddles: skin, fat, gland, a mass of 7 x 7 x 7 voxels, two grains of calcium."""
    labels = np.zeros((30, 50, 40), np.uint8)
    labels[:3] = labels[27:] = 50
    labels[3:27, 5:45, :30] = 2
    labels[4:26, 6:44, :29] = 1
    labels[8:20, 15:35, 5:20] = 29
    labels[12:19, 20:27, 8:15] = 200
    labels[10, 30, 10] = labels[10, 31, 12] = 250
    labels[14:16, 24:26, 30:33] = 33
    return labels


def write(folder: Path, labels: np.ndarray | None = None, compressed: bool = True, **changes: str | None) -> Path:
    data = (tiny_labels() if labels is None else labels).tobytes()
    path = folder / "tiny.mhd"
    fields = {**HEADER, **changes}
    path.write_text("".join(f"{key} = {value}\n" for key, value in fields.items() if value is not None))
    if compressed:
        (folder / "tiny.raw.gz").write_bytes(gzip.compress(data))
    else:
        (folder / "tiny.raw").write_bytes(data)
    return path


@pytest.mark.parametrize("compressed", [True, False])
def test_a_phantom_becomes_tissue(tmp_path, compressed):
    breast = read_victre(write(tmp_path, compressed=compressed), PLATE)
    tissue = breast.tissue
    assert breast.thickness_mm == 24
    assert tissue.dense.shape == (24, 50, 38)  # 5 voxels of air above, below and before the nipple
    assert tissue.grid.spacing == (1.0, 1.0, 1.0)
    assert tissue.grid.origin[0] == 0.5
    assert tissue.grid.origin[2] == 0.5
    middle = tissue.grid.origin[1] + 24.5
    assert middle == pytest.approx(PLATE.height_mm / 2)
    assert tissue.dense[2, 25, 25] == 0.0  # fat
    assert tissue.dense[6, 17, 6] == 1.0  # gland
    assert tissue.dense[12, 23, 11] == pytest.approx(1.12)  # mass
    assert not tissue.dense[:, 0].any()
    assert not tissue.inside[:, [0, -1]].any()
    assert not tissue.inside[:, :, -1].any()
    assert tissue.inside.sum() * 125.0 == pytest.approx(24 * 40 * 30 + 2 * 2 * 3)
    assert tissue.nipple == pytest.approx((12.0, tissue.grid.origin[1] + 24.5, 32.5))
    assert len(tissue.calcifications) == 2
    assert tissue.calcifications[0].centre == pytest.approx((7.5, tissue.grid.origin[1] + 30, 10.5))
    assert tissue.calcifications[0].radii[0] == pytest.approx(0.62, abs=0.001)  # the ball of one voxel's volume


def test_the_mass_is_a_finding(tmp_path):
    (placed,) = read_victre(write(tmp_path), PLATE).placed
    assert placed.finding.kind == "malignant-mass"
    assert placed.finding.number == 1
    assert placed.volume_mm3 == 343.0
    top = 0.5 * (PLATE.height_mm - 40)
    assert placed.centre == pytest.approx((12.5, top + 18.5, 11.5))
    assert placed.extent[0] == pytest.approx((9.0, 16.0))
    assert placed.extent[2] == pytest.approx((8.0, 15.0))


def test_a_phantom_without_a_mass_is_normal(tmp_path):
    labels = tiny_labels()
    labels[labels == 200] = 29
    assert read_victre(write(tmp_path, labels), PLATE).placed == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"DimSize": "100000 100000 100000"}, "claims 100000 100000 100000 voxels"),
        ({"DimSize": "40 50"}, "claims 40 50 voxels"),
        ({"DimSize": "40 50 -30"}, "claims 40 50 -30 voxels"),
        ({"DimSize": "forty 50 30"}, "lacks a readable DimSize"),
        ({"DimSize": None}, "lacks a readable DimSize"),
        ({"DimSize": "40 50 31"}, "holds 60000 of the 62000 voxels"),
        ({"DimSize": "40 50 29"}, "holds more"),
        ({"ElementSpacing": "nan 1 1"}, "claims voxels of nan"),
        ({"ElementSpacing": "1 1 1e9"}, "claims voxels of 1 1 1e9"),
        ({"ElementType": "MET_FLOAT"}, "not a volume of 8-bit labels"),
        ({"NDims": "4"}, "not a volume of 8-bit labels"),
        ({"ElementDataFile": "../secret.raw"}, "must be a file in the same folder"),
        ({"ElementDataFile": "/etc/passwd"}, "must be a file in the same folder"),
        ({"ElementDataFile": "..\\secret.raw"}, "must be a file in the same folder"),
        ({"ElementDataFile": ".."}, "must be a file in the same folder"),
        ({"ElementDataFile": None}, "must be a file in the same folder"),
        ({"ElementDataFile": "other.raw"}, "is missing beside tiny.mhd"),
        ({"ElementSpacing": "0.1 0.1 0.1"}, "is 2 mm thick"),
        ({"ElementSpacing": "2 2 2", "DimSize": "40 50 30"}, None),
    ],
)
def test_headers_are_not_trusted(tmp_path, changes, message):
    path = write(tmp_path, **changes)
    if message is None:
        assert read_victre(path, PLATE).thickness_mm == 48
        return
    with pytest.raises(PhantomError, match=message):
        read_victre(path, PLATE)


def test_data_outside_the_folder_are_not_followed(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    path = write(inner, compressed=False)
    (inner / "tiny.raw").rename(tmp_path / "secret.raw")
    (inner / "tiny.raw").symlink_to(tmp_path / "secret.raw")
    with pytest.raises(PhantomError, match="leads out of the folder"):
        read_victre(path, PLATE)


def test_a_bomb_is_read_no_further_than_its_header(tmp_path):
    path = write(tmp_path)
    (tmp_path / "tiny.raw.gz").write_bytes(gzip.compress(bytes(50_000_000)))
    with pytest.raises(PhantomError, match="holds more than the 60000 voxels"):
        read_victre(path, PLATE)


@pytest.mark.parametrize("damage", ["cut", "noise", "binary header", "huge header"])
def test_damaged_files_are_refused(tmp_path, damage):
    path = write(tmp_path)
    data = tmp_path / "tiny.raw.gz"
    if damage == "cut":
        data.write_bytes(data.read_bytes()[:-20])
    elif damage == "noise":
        whole = bytearray(data.read_bytes())
        whole[20:60] = bytes(40)
        data.write_bytes(bytes(whole))
    elif damage == "binary header":
        path.write_bytes(bytes(range(256)))
    else:
        path.write_text("x" * 1_000_000)
    with pytest.raises(PhantomError):
        read_victre(path, PLATE)


def test_other_labels_are_named(tmp_path):
    labels = tiny_labels()
    labels[10, 10, 10] = 77
    with pytest.raises(PhantomError, match="no VICTRE tissue: 77"):
        read_victre(write(tmp_path, labels), PLATE)


def test_only_air_is_no_breast(tmp_path):
    with pytest.raises(PhantomError, match="holds no breast tissue"):
        read_victre(write(tmp_path, np.zeros((30, 50, 40), np.uint8)), PLATE)


def test_a_missing_header_is_said(tmp_path):
    with pytest.raises(PhantomError, match=r"none\.mhd cannot be read"):
        read_victre(tmp_path / "none.mhd", PLATE)


@pytest.mark.needs_shared
@pytest.mark.parametrize(("name", "masses"), [("pcl_1", 1), ("pc_1_crop", 0)])
def test_the_published_phantoms(shared, name, masses):
    breast = read_victre(shared / "data" / "victre" / f"{name}.mhd", PLATE)
    assert breast.thickness_mm == 52
    assert breast.tissue.grid.shape == (258, 477, 309)
    assert breast.tissue.grid.spacing == (0.2, 0.2, 0.2)
    assert breast.tissue.dense.max() == pytest.approx(1.12 if masses else 1.05)
    assert len(breast.placed) == masses
    for placed in breast.placed:
        assert placed.finding.diameter_mm == pytest.approx(8.1, abs=0.2)
        top = 0.5 * (PLATE.height_mm - 467 * 0.2)
        # label 200 fills voxels 121..177, 336..392 and 137..191; the breast begins at row 34
        assert placed.centre == pytest.approx((149 * 0.2, top + (364 - 34) * 0.2, 165 * 0.2), abs=0.6)


def test_the_limit_is_what_memory_allows():
    assert MAX_VOXELS * 4 <= 600_000_000
