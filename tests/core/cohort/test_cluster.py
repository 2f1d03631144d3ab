"""The same cohort on a local Ray cluster of two workers."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from gmic_core.cohort.cluster import parse_cluster
from gmic_core.cohort.identity import foreign
from gmic_core.cohort.plan import Task
from tests.core.cohort.builders import (
    ROOT,
    comparable,
    computed,
    damage,
    environment,
    maps,
    predict,
    rows,
    write_cohort,
    write_undecodable,
)
from tests.core.inference.test_predict import header

WITHOUT_RAY = """
import sys
sys.modules["ray"] = None
from gmic_core.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.timeout(900)
def test_two_workers_of_a_cluster_write_the_same_files(tmp_path: Path, weights: Path) -> None:
    images, home = write_cohort(tmp_path / "in", 10), tmp_path / "home"
    damage(images / "exam-000" / "0002.dcm", 0)
    write_undecodable(images / "exam-001" / "0005.dcm", 5)
    arguments = (images, "--weights", weights, "--threads", 1, "--out")
    there = predict(home, *arguments, tmp_path / "ray", "--cluster", "local:2", timeout=400)
    assert there.returncode == 0, there.stderr
    assert "8 results and 2 reasons; 9 images in " in there.stdout
    here = predict(home, *arguments, tmp_path / "here", "--workers", 1)
    assert here.returncode == 0, here.stderr
    assert (tmp_path / "ray" / "predictions.csv").read_bytes() == (tmp_path / "here" / "predictions.csv").read_bytes()
    assert len(rows(tmp_path / "ray")) == 8
    assert maps(tmp_path / "ray") == maps(tmp_path / "here")
    assert comparable(tmp_path / "ray") == comparable(tmp_path / "here")
    assert sorted(computed(tmp_path / "ray")) == sorted(computed(tmp_path / "here"))
    # what the cluster has done, this machine alone does not do again
    more = predict(home, *arguments, tmp_path / "ray", "--workers", 1)
    assert "9 images known from before, 0 to go" in more.stderr


def test_without_the_extra_it_says_how_to_install_it(tmp_path: Path, weights: Path) -> None:
    images = write_cohort(tmp_path / "in", 1)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_RAY, "predict", str(images), "--weights", str(weights), "--cluster", "local:2",
         "--out", str(tmp_path / "out")],
        cwd=ROOT, env=environment(tmp_path / "home"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert (
        "A cluster needs Ray, which is not installed. Install it with: pip install 'gmic-viewer[cluster]'"
        in done.stderr
    )
    assert "Traceback" not in done.stderr
    assert json.loads((tmp_path / "out" / "results.json").read_text())["images"] == []


@pytest.mark.parametrize("text", ["auto", "local:2", "10.0.0.7:6379", "head.example:6379"])
def test_clusters(text: str) -> None:
    assert parse_cluster(text) == text


@pytest.mark.parametrize("text", ["", "local", "local:0", "local:x", ":6379", "here"])
def test_no_clusters(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no cluster: write auto, local:N or HOST:PORT"):
        parse_cluster(text)


def test_results_of_other_weights_or_programs_are_not_taken() -> None:
    task = Task(0, header("FFDM"), "1", "9", "gmic2d", ("a.p",), "")
    made = {"software": "gmic-viewer 0.1.0, torch 2.13.0+cu130", "preprocessing_version": "1", "weights_sha256": "ab"}
    assert foreign({"provenance": made}, task, "ab|a") == ""
    assert "other weights of the same name" in foreign({"provenance": made}, task, "cd|a")
    older = made | {"software": "gmic-viewer 0.0.9, torch 2.13.0"}
    assert foreign({"provenance": older}, task, "ab|a").startswith("It was computed by gmic-viewer 0.0.9")
    pair = dataclasses.replace(task, refs=("a.p", "b.p"))
    assert foreign({"provenance": made | {"weights_sha256": "ab + ef"}}, pair, "ab|a+ef|b") == ""
    assert foreign({"provenance": made}, pair, "ab|a+ef|b") != ""
