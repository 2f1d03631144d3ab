"""The real command, killed at any moment: nothing is lost, doubled or left behind."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.core.cohort.builders import (
    ROOT,
    children,
    command,
    comparable,
    computed,
    damage,
    environment,
    kill,
    maps,
    predict,
    rows,
    write_cohort,
    write_undecodable,
)

IMAGES = 16
ROUNDS = 4
WAIT_S = 120.0


def begin(home: Path, *arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(*arguments), cwd=ROOT, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def lines(out: Path) -> int:
    journal = out / "journal.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def wait_for(ready, process: subprocess.Popen[bytes]) -> None:
    """Wait until something is so, or the process has ended."""
    end = time.monotonic() + WAIT_S
    while not ready() and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.005)


def all_gone(pids: list[int]) -> bool:
    end = time.monotonic() + 10.0
    while time.monotonic() < end:
        if not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids):
            return True
        time.sleep(0.05)
    return False


def shared_memory() -> set[str]:
    folder = Path("/dev/shm")
    return {path.name for path in folder.iterdir() if path.name.startswith("psm_")} if folder.is_dir() else set()


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> tuple[Path, Path]:
    """Images and what an undisturbed run makes of them."""
    folder = tmp_path_factory.mktemp("kills")
    images, out = write_cohort(folder / "in", IMAGES), folder / "whole"
    done = predict(folder / "home", images, "--weights", weights, "--out", out, "--workers", 1, "--threads", 1)
    assert done.returncode == 0, done.stderr
    return images, out


@pytest.mark.timeout(900)
def test_killed_at_random_moments_it_goes_on(cohort: tuple[Path, Path], weights: Path, tmp_path: Path) -> None:
    images, whole = cohort
    out = tmp_path / "out"
    arguments = (images, "--weights", weights, "--out", out, "--threads", 1, "--workers")
    dice = random.Random(20)
    for number in range(ROUNDS):
        goal, late = max(lines(out), 1) + dice.randrange(1, 4), dice.random() * 0.1
        process = begin(tmp_path / "home", *arguments, 1 + number % 2)
        wait_for(lambda goal=goal: lines(out) >= goal, process)
        time.sleep(late)
        below = children(process.pid) if process.poll() is None else []
        if number % 2 == 1:  # a worker or a decoder alone: the run notices and goes on by itself
            kill([dice.choice(below)] if below else [])
            time.sleep(0.2)
        kill([process.pid, *(below if number == 2 else [])])
        process.wait()
        assert all_gone(below)
        if (out / "predictions.csv").exists():
            assert all(len(row) == 6 for row in rows(out))
    done = predict(tmp_path / "home", *arguments, 1)
    assert done.returncode == 0, done.stderr
    assert (out / "predictions.csv").read_bytes() == (whole / "predictions.csv").read_bytes()
    assert comparable(out) == comparable(whole)
    assert maps(out) == maps(whole)
    assert sorted(computed(out)) == sorted(computed(whole))  # nothing was written down twice
    assert len(computed(out)) == IMAGES
    assert "again" not in done.stderr.replace("journal was torn and is computed again", "")


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_writes_everything_and_leaves_nothing(
    cohort: tuple[Path, Path], weights: Path, tmp_path: Path, number: int, code: int
) -> None:
    images, whole = cohort
    out, home = tmp_path / "out", tmp_path / "home"
    arguments = (images, "--weights", weights, "--out", out, "--workers", 2, "--threads", 1)
    before = shared_memory()
    process = subprocess.Popen(
        command(*arguments), cwd=ROOT, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: lines(out) > 3, process)
    below = children(process.pid)
    assert below
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == code, said
    assert "Traceback" not in said
    assert all_gone(below)
    assert shared_memory() <= before
    finished = lines(out) - 1
    assert 3 <= finished < IMAGES
    assert f"stopped; {finished} of {IMAGES} images have results in {out}. The same command goes on" in said
    assert len(rows(out)) == finished == len(json.loads((out / "results.json").read_text())["images"])
    assert predict(home, *arguments).returncode == 0
    assert comparable(out) == comparable(whole)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_hundred_images_with_five_broken_files(tmp_path: Path, weights: Path) -> None:
    images, out = write_cohort(tmp_path / "in", 200), tmp_path / "out"
    broken = [images / f"exam-{number // 4:03}" / f"{number:04}.dcm" for number in (3, 50, 97, 150, 199)]
    for kind, path in enumerate(broken[:4]):
        damage(path, kind)
    write_undecodable(broken[4], 199)
    done = predict(
        tmp_path / "home", images, "--weights", weights, "--out", out, "--workers", 2, "--threads", 1, timeout=800
    )
    assert done.returncode == 0, done.stderr
    assert "195 results and 5 reasons; 196 images in " in done.stdout
    assert "images per hour" in done.stdout
    assert len(rows(out)) == 195
    results = json.loads((out / "results.json").read_text())
    assert len(results["images"]) == 195
    reasons = [*results["rejected"], *results["not_predicted"]]
    assert len(reasons) == 5
    assert all(len(entry["reason"]) > 10 for entry in reasons)
    assert {entry["path"] for entry in results["rejected"]} == {str(path) for path in broken[:4]}
    assert [entry["sop_uid"] for entry in results["not_predicted"]] == ["1.2.3.200"]
    assert len(computed(out)) == 196
    assert "\r" not in done.stderr
    assert len(done.stderr.splitlines()) < 20
