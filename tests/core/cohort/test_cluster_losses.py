"""What the driver does when a cluster loses tasks; Ray itself is played here, the real one runs in test_cluster."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest

from gmic_core.cohort import cluster
from gmic_core.cohort.cluster import RayCluster
from gmic_core.cohort.plan import Outcome, RunOptions, Task
from gmic_core.cohort.stop import Stop
from gmic_core.errors import InferenceError
from tests.core.inference.test_predict import header


class RayError(Exception):
    pass


class NodeDiedError(RayError):
    pass


class RayTaskError(RayError):
    pass


class PlayedRay:
    """Runs a task when its result is asked for; ``fate`` may raise what Ray would."""

    def __init__(self, machines: list[dict[str, float]], fate: Callable[[tuple[int, ...]], None]) -> None:
        self.exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)
        self.machines, self.fate = machines, fate
        self.sent: list[tuple[int, ...]] = []
        self.options: dict[str, Any] = {}
        self.run: list[RunOptions] = []
        self.most = 0
        self.down = False

    def init(self, **settings: Any) -> None:
        if settings.get("address") == "nowhere:1":
            raise ConnectionError("Could not find any running Ray instance.")

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": machine} for machine in self.machines]

    def remote(self, _function: object) -> Any:
        def send(tasks: tuple[Task, ...], options: RunOptions) -> tuple[int, tuple[int, ...]]:
            positions = tuple(task.position for task in tasks)
            self.sent.append(positions)
            self.run.append(options)
            return len(self.sent), positions

        def options(**given: Any) -> Any:
            self.options = given
            return SimpleNamespace(remote=send)

        return SimpleNamespace(options=options)

    def wait(self, running: list[Any], timeout: float) -> tuple[list[Any], list[Any]]:
        assert timeout < 1.0
        self.most = max(self.most, len(running))
        return running[:1], running[1:]

    def get(self, one: tuple[int, tuple[int, ...]]) -> list[Outcome]:
        self.fate(one[1])
        return [Outcome(position, {"fine": True}) for position in one[1]]

    def cancel(self, _one: object, force: bool) -> None:
        assert force

    def shutdown(self) -> None:
        self.down = True


def run(
    monkeypatch: pytest.MonkeyPatch,
    ray: PlayedRay,
    exams: int = 3,
    device: str = "auto",
    where: str = "head:6379",
) -> dict[int, Outcome]:
    """Two images per exam."""
    monkeypatch.setattr(cluster, "_import_ray", lambda: ray)
    tasks = [
        Task(at, header("FFDM", str(at)), str(at), str(at // 2), "gmic2d", ("a",), "") for at in range(2 * exams)
    ]  # fmt: skip
    done = {}
    with closing(RayCluster(where, RunOptions(device), Stop()).outcomes(tasks)) as outcomes:
        for outcome in outcomes:
            assert outcome.position not in done
            done[outcome.position] = outcome
    return done


def fine(_positions: tuple[int, ...]) -> None:
    return


def test_one_task_per_exam_within_what_the_machines_have(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = PlayedRay([{"CPU": 16.0}, {"CPU": 2.0}], fine)
    assert len(run(monkeypatch, ray, exams=20)) == 40
    assert sorted(ray.sent) == [(2 * at, 2 * at + 1) for at in range(20)]
    assert (ray.options["num_cpus"], ray.options["num_gpus"], ray.options["max_retries"]) == (4, 0, 0)
    assert {(one.device, one.threads) for one in ray.run} == {("cpu", 4)}
    assert ray.most == 8  # twice the four that run at a time: no machine waits for the driver
    assert ray.down


def test_machines_with_a_gpu_share_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = PlayedRay([{"CPU": 16.0, "GPU": 1.0}, {"CPU": 64.0}], fine)
    run(monkeypatch, ray)
    assert (ray.options["num_cpus"], ray.options["num_gpus"]) == (4, 0.25)
    assert {one.device for one in ray.run} == {"cuda"}


def test_a_small_machine_is_used_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = PlayedRay([{"CPU": 2.0}], fine)
    run(monkeypatch, ray)
    assert ray.options["num_cpus"] == 2


def test_a_lost_machine_costs_a_second_try(monkeypatch: pytest.MonkeyPatch) -> None:
    lost: list[tuple[int, ...]] = []

    def fate(positions: tuple[int, ...]) -> None:
        if positions == (2, 3) and not lost:
            lost.append(positions)
            raise NodeDiedError

    ray = PlayedRay([{"CPU": 4.0}], fate)
    done = run(monkeypatch, ray)
    assert all(outcome.entry for outcome in done.values())
    assert ray.sent.count((2, 3)) == 2


def test_an_image_that_takes_its_worker_down_costs_itself_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def fate(positions: tuple[int, ...]) -> None:
        if 3 in positions:
            raise NodeDiedError

    done = run(monkeypatch, PlayedRay([{"CPU": 4.0}], fate))
    assert sorted(done) == list(range(6))
    assert [position for position, outcome in done.items() if outcome.entry is None] == [3]
    assert done[3].reason.startswith("The worker was lost during this image, 2 times (NodeDiedError).")
    assert done[3].passing


def test_a_machine_without_the_program_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def fate(_positions: tuple[int, ...]) -> None:
        raise RayTaskError("Traceback ...\nModuleNotFoundError: No module named 'gmic_core'")

    ray = PlayedRay([{"CPU": 4.0}], fate)
    with pytest.raises(InferenceError, match=r"cannot run this program \(ModuleNotFoundError: No module named"):
        run(monkeypatch, ray)
    assert ray.down


@pytest.mark.parametrize(
    ("machines", "device", "where", "words"),
    [
        ([{"CPU": 4.0}], "cuda", "head:6379", r"No machine of the cluster has a GPU.*--device cpu"),
        ([{"memory": 4.0}], "auto", "head:6379", "No machine of the cluster has a free core"),
        ([{"CPU": 4.0}], "auto", "nowhere:1", r"'nowhere:1' cannot be reached \(Could not find.*ray start --head"),
    ],
)
def test_clusters_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, machines: list[dict[str, float]], device: str, where: str, words: str
) -> None:
    with pytest.raises(InferenceError, match=words):
        run(monkeypatch, PlayedRay(machines, fine), device=device, where=where)
