"""The folder tells what may be imported, and the contracts that say so catch a planted leak."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gmic_core", "viewer")

IMPORT_ALL = """
import importlib, pkgutil, sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"{{name}} is blocked", name=name)
sys.meta_path.insert(0, Block())
count = 0
for root in {roots!r}:
    package = importlib.import_module(root)
    for module in pkgutil.walk_packages(package.__path__, root + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
            count += 1
print(count)
"""


def import_all(roots: list[str], blocked: list[str]) -> subprocess.CompletedProcess[str]:
    """Import every module below ``roots`` in a process where ``blocked`` packages do not exist."""
    code = IMPORT_ALL.format(roots=roots, blocked=blocked)
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


def test_core_and_model_need_no_gui_toolkit() -> None:
    done = import_all(
        ["gmic_core", "viewer.model", "viewer.services", "viewer.commands"], ["PySide6", "vtk", "vtkmodules"]
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 50


def test_core_does_not_need_the_viewer() -> None:
    done = import_all(["gmic_core"], ["viewer", "PySide6"])
    assert done.returncode == 0, done.stderr


def test_the_window_does_not_need_torch() -> None:
    """torch takes 2.3 s to import and may take the process down: it lives in the worker process only."""
    done = import_all(["viewer"], ["torch"])
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project's packages in which leaks can be planted."""
    folder = tmp_path_factory.mktemp("copy")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def check_contracts(folder: Path) -> tuple[int, set[str]]:
    """Run the import contracts in ``folder``; return the exit code and the names of the broken ones."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    env = dict(os.environ, PYTHONPATH=str(folder), COLUMNS="200", NO_COLOR="1")
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    return done.returncode, set(re.findall(r"^(.+?) BROKEN", done.stdout, re.MULTILINE))


def test_the_contracts_are_kept(copy: Path) -> None:
    assert check_contracts(copy) == (0, set())


@pytest.mark.parametrize(
    ("place", "line", "contract"),
    [
        ("viewer/model", "import PySide6.QtCore", "Qt and VTK only in views and app"),
        ("viewer/services", "import PySide6.QtCore", "Qt and VTK only in views and app"),
        ("viewer/commands", "import vtkmodules", "Qt and VTK only in views and app"),
        ("viewer/model", "import viewer.commands", "layers of the application"),
        ("viewer/services", "import viewer.views", "layers of the application"),
        ("gmic_core", "import viewer", "gmic_core never imports the application or a GUI toolkit"),
        ("gmic_core/exam", "import PySide6", "gmic_core never imports the application or a GUI toolkit"),
        ("viewer/views", "import viewer.services", "views do not import services"),
    ],
)
def test_a_planted_leak_is_caught(copy: Path, place: str, line: str, contract: str) -> None:
    leak = copy / place / "planted_leak.py"
    leak.write_text(f"{line}\n", encoding="utf-8")
    try:
        code, broken = check_contracts(copy)
    finally:
        leak.unlink()
    assert code == 1
    assert contract in broken
