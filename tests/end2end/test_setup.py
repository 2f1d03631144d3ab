"""``make setup``: does nothing when nothing changed, says what is missing, and never takes the wrong torch."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import time
import tomllib
from importlib.metadata import distributions
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = {"pip", "setuptools", "uv", "wheel"}


def load(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import a script of packaging/, which is no package and must not shadow the distribution of that name."""
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))
    spec = importlib.util.spec_from_file_location(f"gmic_{name}", ROOT / "packaging" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def setup_env(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load("setup_env", monkeypatch)


@pytest.fixture
def debian_libraries(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load("debian_libraries", monkeypatch)


def make(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "VENV", "TORCH")}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        env={**env, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def pins() -> dict[str, str]:
    """Return the versions in constraints.txt by normalised name."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {normalised(name): version for name, version in pairs}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_help_lists_every_target() -> None:
    done = make("help")
    assert done.returncode == 0
    listed = re.findall(r"^  make ([a-z-]+)", done.stdout, re.MULTILINE)
    assert listed == [
        "help",
        "setup",
        "demo",
        "demo-real",
        "test",
        "lint",
        "types",
        "imports",
        "bench",
        "bench-full",
        "bench-figures",
        "bench-peers",
        "pictures",
        "package",
        "clean",
    ]
    assert make().stdout == done.stdout


def test_setup_does_nothing_when_nothing_changed(setup_env: ModuleType, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    (venv / setup_env.STAMP).write_text(f'{{"key": "{setup_env.state_key(venv, "cpu")}"}}')
    start = time.perf_counter()
    done = make("setup", f"VENV={venv}", f"PYTHON={sys.executable}", "TORCH=cpu")
    assert (done.returncode, done.stdout) == (0, "")
    assert time.perf_counter() - start < 2.0
    assert sorted(path.name for path in venv.iterdir()) == [setup_env.STAMP, "bin"]


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_requirement_changes_the_state(
    setup_env: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for each in setup_env.INPUTS:
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / each).write_bytes((ROOT / each).read_bytes())
    monkeypatch.setattr(setup_env, "ROOT", tmp_path)
    before = setup_env.state_key(tmp_path / "venv", "cpu")
    assert before == setup_env.state_key(tmp_path / "venv", "cpu")
    assert before != setup_env.state_key(tmp_path / "venv", "cuda")
    assert before != setup_env.state_key(tmp_path / "elsewhere", "cpu")
    with (tmp_path / name).open("a") as out:
        out.write("\n# changed\n")
    assert before != setup_env.state_key(tmp_path / "venv", "cpu")


def test_a_stamp_cut_short_counts_as_none(setup_env: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    stamp = tmp_path / setup_env.STAMP
    stamp.write_text('{"key": "ab')
    assert not setup_env.is_current(tmp_path, stamp, "ab")


def test_a_folder_that_is_no_environment_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = make("setup", f"VENV={tmp_path}", f"PYTHON={sys.executable}", "TORCH=cpu")
    assert done.returncode != 0
    assert "is no Python environment; name another folder with VENV=" in done.stderr
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_an_old_python_is_named(setup_env: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(setup_env.SetupError, match=r"too old.*make setup PYTHON="):
        setup_env.set_up(tmp_path / "venv", "cpu", "")


def test_no_python_at_all_is_named() -> None:
    done = make("setup", "PYTHON=")
    assert done.returncode != 0
    assert "Python 3.11 or newer was not found" in done.stderr


def test_an_unknown_build_of_torch_is_refused(setup_env: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(setup_env.SetupError, match="TORCH=rocm is not known; use TORCH=cpu or TORCH=cuda"):
        setup_env.set_up(tmp_path / "venv", "rocm", "")


@pytest.mark.parametrize(
    ("build", "wanted", "fits"),
    [
        (("2.13.0+cpu", ""), "cpu", True),
        (("2.13.0", ""), "cpu", True),
        (("2.13.0+cu130", "13.0"), "cpu", False),
        (("2.13.0", "13.0"), "cuda", True),
        (("2.13.0+cpu", ""), "cuda", False),
        (("2.12.1+cpu", ""), "cpu", False),
        (("", ""), "cpu", False),
    ],
)
def test_the_build_of_torch_is_checked(setup_env: ModuleType, build: tuple[str, str], wanted: str, fits: bool) -> None:
    assert setup_env.matches(build, "2.13.0", wanted) is fits


def test_the_wrong_build_of_torch_stops_the_setup(
    setup_env: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup_env, "torch_build", lambda _venv: ("2.13.0", "13.0"))
    with pytest.raises(setup_env.SetupError, match=r"TORCH=cpu was asked for.*gave torch 2.13.0 with CUDA 13.0"):
        setup_env.check_torch(tmp_path, "cpu")


def test_settings_of_pip_reach_the_fast_installer(setup_env: ModuleType) -> None:
    """Without find-links it would take torch from the general index: the CUDA build."""
    config = {"find-links": "/wheels /more", "index-url": "https://mirror.example/simple", "cert": "/ca.pem"}
    assert setup_env.uv_settings(config) == {
        "UV_FIND_LINKS": "/wheels,/more",
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "SSL_CERT_FILE": "/ca.pem",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_the_driver_decides_the_default_build(
    setup_env: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup_env, "Path", lambda _name: tmp_path / "absent")
    tool = tmp_path / "nvidia-smi"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert setup_env.default_torch() == "cpu"
    tool.write_text("#!/bin/sh\nexit 9\n")  # installed, but no driver answers
    tool.chmod(0o755)
    assert setup_env.default_torch() == "cpu"
    tool.write_text("#!/bin/sh\nexit 0\n")
    assert setup_env.default_torch() == "cuda"


def test_missing_libraries_become_one_line_to_run(
    debian_libraries: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = set(debian_libraries.LIBRARIES) - {"libEGL.so.1", "libxcb-cursor.so.0"}
    monkeypatch.setattr(debian_libraries, "_loadable_libraries", lambda: known)
    monkeypatch.setattr(debian_libraries, "FONT_FOLDERS", ("/nowhere",))
    missing = debian_libraries.missing_packages()
    assert missing == ["fonts-dejavu-core", "libegl1", "libxcb-cursor0"]
    assert debian_libraries.install_line(missing) == (
        "apt-get update -q && apt-get install -q -y --no-install-recommends fonts-dejavu-core libegl1 libxcb-cursor0"
    )


def test_everything_installed_is_pinned() -> None:
    pinned = pins()
    installed = {normalised(each.metadata["Name"]): each.version for each in distributions()}
    installed.pop("gmic-viewer", None)
    assert {name for name in installed if name not in pinned} == set()
    different = {
        name: (version, pinned[name])
        for name, version in installed.items()
        if name not in TOOLS and version.split("+")[0] != pinned[name]
    }
    assert different == {}


def test_every_requirement_is_pinned_and_torch_without_a_local_tag() -> None:
    pinned = pins()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        wanted += extra
    names = {normalised(re.split(r"[<>=!~ ;\[]", line)[0]) for line in wanted}
    assert names - set(pinned) == set()
    assert pinned["torch"] == "2.13.0"
    assert not [version for version in pinned.values() if "+" in version]


def test_the_check_script_is_executable_and_parses() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
