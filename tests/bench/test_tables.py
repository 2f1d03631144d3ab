"""What make bench writes: the keys of bench.json, floors, and the Markdown of a run. No test looks at a clock."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType, SimpleNamespace

import document
import engine
import figures
import layers
import pytest
import roofline
from PIL import Image

ROOF = roofline.Roof(macs_per_s=50e9, bytes_per_s=20e9)
RATIO = {
    "slices": 24, "threads": 2, "eager_s": 20.0, "product_s": 9.0, "ratio": 0.45, "ratios": [0.44, 0.45, 0.47],
    "whole_ratio": 0.5,
    "before_s": 1.0, "gmac": 221.2, "eager_gmac_s": 11.06, "product_gmac_s": 24.6, "network_gmac_s": 27.6,
    "matmul_gmac_s": 70.0, "memory_gb_s": 20.0, "saliency_apart": 2e-6, "scores_apart": 1e-7,
}  # fmt: skip
FIRST = {
    "slices": 24,
    "first_s": 1.4,
    "stages": [["reading", 0.2], ["before measuring", 0.3], ["measuring", 0.5]],
    "network_s": 0.4,
    "decode_s": 1.1,
}
ENGINE = engine.Engine(RATIO, {**RATIO, "slices": 1, "ratio": 0.61}, FIRST)


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "packaging" / "bench" / "__main__.py"
    spec = importlib.util.spec_from_file_location("bench_main", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_bench_json_has_the_new_figures(bench: ModuleType) -> None:
    found = ENGINE.figures()
    assert found == {
        "gmic3d_24_eager_s": 20.0,
        "gmic3d_24_ratio_to_eager": 0.45,
        "gmic3d_first_saliency_s": 1.4,
        "gmic2d_ratio_to_eager": 0.61,
    }
    assert found.keys() <= bench.ROWS.keys()
    assert [bench.ROWS[name][2] for name in found] == [None, 0.5, 1.5, 0.6]
    assert bench.ROWS["gmic3d_96_peak_rss_gib"][2] == 1.2


def test_the_table_gives_figure_and_target(bench: ModuleType) -> None:
    lines = bench.table({"gmic3d_24_ratio_to_eager": 0.4567, "scroll_4_p95_ms": 45.61}).splitlines()
    assert lines[2:] == [
        "| scroll step, 4 viewports, 95th percentile | 45.6 ms | <= 50 ms |",
        "| 3D-GMIC, our time without files over the baseline's | 0.46 | <= 0.5 |",
    ]


def test_the_floor_is_whichever_takes_longer() -> None:
    assert ROOF.floor_s(macs=100e9, moved=1e9) == 2.0
    assert ROOF.floor_s(macs=1e9, moved=100e9) == 5.0
    assert roofline.merged(ROOF, roofline.Roof(10e9, 30e9)) == roofline.Roof(50e9, 30e9)


def test_floors_of_a_stage_add_up_over_its_layers() -> None:
    rows = [
        layers.Row("stage 1", "conv", 0.4, 10_000_000_000, 400_000_000),  # 200 ms of operations
        layers.Row("stage 1", "norm", 0.2, 0, 2_000_000_000),  # 100 ms of bytes
        layers.Row("stage 2", "conv", 0.4, 5_000_000_000, 100_000_000),
    ]
    assert layers.stage_table(rows, ROOF, passes=2).splitlines()[2:] == [
        "| stage 1 | 300.00 | 5.000 | 16.7 | 1200.0 | 150.00 | 50% |",
        "| stage 2 | 200.00 | 2.500 | 12.5 | 50.0 | 50.00 | 25% |",
        "| together | 500.00 | 7.500 | 15.0 | 1250.0 | 200.00 | 40% |",
    ]
    assert layers.table(rows, ROOF).splitlines()[3] == "| stage 1, norm | 200.00 |  |  | 2000.0 | 100.00 | 50% |"


def test_any_executor_can_give_its_layers() -> None:
    ran: list[str] = []
    given = [layers.Layer("stage 1", "conv", lambda: ran.append("conv"), 7, 3)]

    rows = layers.of_callables(given, repeats=2)

    assert ran == ["conv"] * 3  # one run to warm up
    assert [(row.stage, row.name, row.macs, row.moved) for row in rows] == [("stage 1", "conv", 7, 3)]


def test_what_passes_before_the_first_map_is_told_in_words() -> None:
    assert engine.first_table(FIRST).splitlines()[2:] == [
        "| first pass over the slices: maximum projection | 0.20 |",
        "| finding the breast and laying the window | 0.30 |",
        "| second pass: windows, mean and deviation | 0.50 |",
        "| network on the first slices, and the way to the window | 0.40 |",
        "| **together, slices decoded** (target <= 1.5 s) | **1.40** |",
        "| decoding all slices from JPEG-LS, alone | 1.10 |",
    ]


def test_product_and_baseline_stand_side_by_side() -> None:
    assert engine.ratio_table(ENGINE).splitlines()[2] == (
        "| 3D-GMIC, 24 slices | 20.00 | 9.00 | 0.45 (0.44 - 0.47) | <= 0.5 | 0.50 | 221.2 | 11.1 | 27.6 | 70.0 |"
    )
    assert "differ by at most 2e-06 in saliency (beside float16) and 1e-07 in the scores" in engine.ratio_notes(ENGINE)


def _full() -> document.Full:
    rows = [layers.Row("stage 1", "conv", 0.4, 10_000_000_000, 400_000_000)]
    names = [whose + name for whose in ("", "product ") for name in document.PARTS]
    found = engine.Layers(ROOF, dict.fromkeys(names, rows), dict.fromkeys(names, 1))
    points = [document.Point(slices, threads, slices / threads, 1.0) for slices in (8, 24) for threads in (1, 2)]
    lines = [document.Line("3D-GMIC", 14_108_784, 799.4, 27e9, 9e9, 798.0, 22_219.0)]
    return document.Full(found, points, lines, lines)


def test_a_full_run_fills_every_section() -> None:
    text = document.document({"processor": "a"}, "| what |", ENGINE, _full())
    heads = [line for line in text.splitlines() if line.startswith("## ")]
    assert heads == [
        "## Last run",
        "## Against the frozen baseline",
        "## To the first map",
        "## Layers of the baseline",
        "## Layers of the product",
        "## Roofline",
        "## Scaling",
        "## The 3D-GMIC paper's Table I",
        "## The GMIC paper's Table 1",
    ]
    assert "| one slice of 3D-GMIC | 400.0 | 400.0 | 200.0 | 200.0 | 200.0 |" in text
    assert "| 24 | 2 | 12.0 | 0.50 | 1.00 |" in text


def test_the_figures_are_drawn(tmp_path: Path) -> None:
    full = _full()
    figures.draw(tmp_path, full.points, full.layers, full.table_3d, eager_per_slice=0.8)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(figures.NAMES)
    for path in tmp_path.iterdir():
        with Image.open(path) as image:
            assert image.width > 900
            assert len(set(image.convert("L").get_flattened_data())) > 50


def test_a_full_run_writes_figures_tables_and_pictures(
    bench: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full = _full()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["bench", "--full", "--only", "engine"])
    monkeypatch.setattr(bench, "prepare", lambda _folder: SimpleNamespace(dbt96=Path("dbt-96.dcm")))
    monkeypatch.setattr(bench, "measure_engine", lambda _volumes, full: ENGINE if full else None)
    monkeypatch.setattr(bench, "measure_gpu", lambda _volumes: {})
    monkeypatch.setattr(bench, "measure_layers", lambda: full.layers)
    monkeypatch.setattr(bench, "measure_scaling", lambda _path: full.points)
    monkeypatch.setattr(bench.papers, "table_of_3d", lambda: full.table_3d)
    monkeypatch.setattr(bench.papers, "table_of_2d", lambda: full.table_2d)

    assert bench.main() == 0

    assert json.loads((tmp_path / "build" / "bench.json").read_text()) == ENGINE.figures()
    assert (tmp_path / "build" / "performance.md").read_text().count("\n## ") == 8
    assert {path.name for path in (tmp_path / "build").glob("*.png")} == set(figures.NAMES)
    out = capsys.readouterr().out
    assert "| 3D-GMIC, first slice's saliency, warm worker, slices decoded | 1.40 s | <= 1.5 s |" in out
    assert "without them it makes 27.6 GMAC/s" in out


def test_a_measured_program_that_fails_ends_the_run_with_its_words(
    bench: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_volumes: object, full: bool) -> None:
        raise bench.BenchError("ratio.py: exit 1\nthe product and the baseline differ")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["bench", "--only", "engine"])
    monkeypatch.setattr(bench, "prepare", lambda _folder: None)
    monkeypatch.setattr(bench, "measure_engine", fail)

    assert bench.main() == 1
    assert capsys.readouterr().err == "bench: ratio.py: exit 1\nthe product and the baseline differ\n"
    assert not (tmp_path / "build" / "bench.json").exists()
