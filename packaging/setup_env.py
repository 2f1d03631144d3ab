"""Make the Python environment of the project: ``make setup`` runs this.

What is installed is pinned in constraints.txt. torch comes first and by pip, because only pip knows every place
that the user configured; the rest goes in with uv where that works (8 s instead of 54 s) and with pip otherwise.
A stamp inside the environment says what it was made from: nothing is done while that has not changed.

Standard library only, and no newer syntax than Python 3.8: an old interpreter must reach the message that it is old.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import debian_libraries

ROOT = Path(__file__).resolve().parents[1]
INPUTS = ("pyproject.toml", "constraints.txt", "packaging/setup_env.py")
STAMP = ".gmic-setup.json"
EXTRAS = "demo,dev"
MINIMUM = (3, 11)
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
"""Where torch without CUDA lives for Linux and Windows; the general index has the CUDA build (3 GB installed)."""

TORCH_BUILD = """
import importlib.util, runpy, pathlib
spec = importlib.util.find_spec("torch")
if spec is not None:
    # torch/version.py alone: importing torch takes seconds
    known = runpy.run_path(str(pathlib.Path(spec.submodule_search_locations[0]) / "version.py"))
    print(known["__version__"], known["cuda"] or "")
"""


class SetupError(Exception):
    """Something that the user has to change; the message says what."""


def main() -> int:
    """Parse the arguments, set up, and return the exit code."""
    parser = argparse.ArgumentParser(description="make or update the project's Python environment")
    parser.add_argument("--venv", default=".venv", help="folder of the environment")
    parser.add_argument("--torch", default="", help="cpu or cuda; empty: cuda where there is an NVIDIA driver")
    parser.add_argument("--torch-index", default="", help="package index that has this build of torch")
    args = parser.parse_args()
    try:
        set_up(Path(args.venv).absolute(), args.torch or default_torch(), args.torch_index)
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    return 0


def set_up(venv: Path, torch: str, torch_index: str) -> None:
    """Bring ``venv`` to the pinned state; do nothing when it is there already."""
    if sys.version_info[:2] < MINIMUM:
        found = platform.python_version()
        raise SetupError(f"Python {found} is too old, 3.11 or newer is needed: make setup PYTHON=/path/to/python3.11")
    if torch not in ("cpu", "cuda"):
        raise SetupError(f"TORCH={torch} is not known; use TORCH=cpu or TORCH=cuda.")
    still_missing = system_libraries()
    stamp = venv / STAMP
    key = state_key(venv, torch)
    if is_current(venv, stamp, key):
        return
    print(f"setup: making {venv} (torch {torch}); this takes a minute or two", flush=True)
    stamp.unlink(missing_ok=True)
    make_venv(venv)
    pip(venv, "install", "-qq", "--upgrade", "-c", "constraints.txt", "pip", "setuptools")
    install_torch(venv, torch, torch_index)
    install_rest(venv)
    check_torch(venv, torch)
    check_imports(venv, still_missing)
    stamp.write_text(json.dumps({"key": key, "torch": torch}), encoding="utf-8")
    print(f"setup: done. Start the viewer with {venv / 'bin' / 'gmic-viewer'}")


def default_torch() -> str:
    """Return ``cuda`` where an NVIDIA driver is loaded, else ``cpu``."""
    if Path("/proc/driver/nvidia/version").exists():
        return "cuda"
    if shutil.which("nvidia-smi"):
        quiet = subprocess.run(["nvidia-smi", "-L"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return "cuda" if quiet.returncode == 0 else "cpu"
    return "cpu"


def system_libraries() -> list[str]:
    """Install missing Debian packages, or say how; return those that are still missing."""
    missing = debian_libraries.missing_packages()
    if not missing:
        return []
    line = debian_libraries.install_line(missing)
    if not debian_libraries.can_install():
        print(f"setup: system libraries are missing. Run this as root:\n    {line}", file=sys.stderr)
        return missing
    print("setup: installing system libraries: " + " ".join(missing), flush=True)
    if not debian_libraries.install(missing):
        raise SetupError(f"the system libraries could not be installed. Run this as root and try again:\n    {line}")
    return []


def state_key(venv: Path, torch: str) -> str:
    """Return a digest of everything that the environment depends on."""
    digest = hashlib.sha256()
    for name in INPUTS:
        digest.update((ROOT / name).read_bytes())
    # the editable install points at the checkout, and scripts in a venv carry its path
    digest.update(repr((torch, sys.version_info[:2], str(venv), str(ROOT))).encode())
    return digest.hexdigest()


def is_current(venv: Path, stamp: Path, key: str) -> bool:
    """Whether ``venv`` was made from exactly this state and still has its interpreter."""
    if not (venv_python(venv).exists() and stamp.is_file()):
        return False
    try:
        return bool(json.loads(stamp.read_text(encoding="utf-8")).get("key") == key)
    except ValueError:  # a stamp cut short by a full disk
        return False


def venv_python(venv: Path) -> Path:
    """Return the interpreter inside ``venv``."""
    return venv / ("Scripts/python.exe" if platform.system() == "Windows" else "bin/python")


def make_venv(venv: Path) -> None:
    """Create ``venv``; keep one whose Python has the same version, replace a broken or older one."""
    if venv.exists() and not (venv / "pyvenv.cfg").is_file() and any(venv.iterdir()):
        raise SetupError(f"{venv} exists and is no Python environment; name another folder with VENV=...")
    probe = [str(venv_python(venv)), "-c", "import sys, pip; print(sys.version_info[:2])"]
    if venv_python(venv).exists():
        answer = subprocess.run(probe, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip()
        if answer == str(tuple(sys.version_info[:2])):
            return
    if subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)]).returncode != 0:
        line = debian_libraries.install_line(["python3-venv"])
        raise SetupError(f"the Python environment {venv} could not be made. Debian: run this as root\n    {line}")


def install_torch(venv: Path, torch: str, index: str) -> None:
    """Install the pinned torch in the wanted build, without what it needs (:func:`install_rest` does that)."""
    pinned = pinned_version("torch")
    if matches(torch_build(venv), pinned, torch):
        return
    wanted = ["install", "-qq", "--no-deps", "--force-reinstall", f"torch=={pinned}"]
    if torch == "cuda":
        pip(venv, *wanted, *(["--index-url", index] if index else []))
    # a wheel in a folder that the user configured (find-links) needs no network
    elif index or pip(venv, *wanted, "--no-index", attempts=1, check=False, quiet=True) != 0:
        own_index = CPU_INDEX if platform.system() in ("Linux", "Windows") else ""
        source = index or own_index
        if pip(venv, *wanted, *(["--index-url", source] if source else []), check=False) != 0:
            raise SetupError(
                f"torch {pinned} for the CPU could not be had from {source or 'the package index'}. Name an index that "
                "has it (make setup TORCH_INDEX=URL), set PIP_FIND_LINKS to a folder with its wheel, or take the "
                "large build that also runs on the CPU (make setup TORCH=cuda)."
            )
    check_torch(venv, torch)


def torch_build(venv: Path) -> tuple[str, str]:
    """Return version and CUDA version of the torch in ``venv``; empty where there is none."""
    command = [str(venv_python(venv)), "-c", TORCH_BUILD]
    words = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return (words[0] if words else "", words[1] if len(words) > 1 else "")


def matches(build: tuple[str, str], pinned: str, torch: str) -> bool:
    """Whether an installed build is the pinned version, with CUDA exactly when that is wanted."""
    version, cuda = build
    return version.split("+")[0] == pinned and bool(cuda) == (torch == "cuda")


def check_torch(venv: Path, torch: str) -> None:
    """Stop when the package index gave another build than the one asked for."""
    version, cuda = torch_build(venv)
    if matches((version, cuda), pinned_version("torch"), torch):
        return
    got = f"torch {version} " + (f"with CUDA {cuda}" if cuda else "without CUDA")
    other = "cpu" if torch == "cuda" else "cuda"
    raise SetupError(
        f"TORCH={torch} was asked for, but the configured package index gave {got}. Take that one (make setup "
        f"TORCH={other}) or name an index that has the wanted build (make setup TORCH_INDEX=URL)."
    )


def pinned_version(name: str) -> str:
    """Return the version of ``name`` in constraints.txt."""
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line.lower().startswith(name.lower() + "=="):
            return line.split("==")[1].split()[0]
    raise SetupError(f"constraints.txt does not pin {name}; restore the file from version control.")


def install_rest(venv: Path) -> None:
    """Install the project (editable) and all that it needs, leaving torch as it is."""
    keep = venv / "keep-torch.txt"  # a resolver that would swap torch for another build must fail instead
    keep.write_text(f"torch=={torch_build(venv)[0]}\n", encoding="utf-8")
    wanted = ["-c", "constraints.txt", "-c", str(keep), "--no-build-isolation", "-e", f".[{EXTRAS}]"]
    try:
        if not install_with_uv(venv, wanted):
            print("setup: the fast installer does not work here; pip takes a minute longer", flush=True)
            pip(venv, "install", "-qq", *wanted)
    finally:
        keep.unlink(missing_ok=True)


def install_with_uv(venv: Path, wanted: list[str]) -> bool:
    """Try the fast installer; return False where it is not to be had or fails, then pip does the work."""
    uv_pin = f"uv=={pinned_version('uv')}"
    if pip(venv, "install", "-qq", "--no-deps", uv_pin, attempts=1, check=False, quiet=True) != 0:
        return False
    command = [str(venv_python(venv)), "-m", "uv", "pip", "install", "--quiet", "--compile-bytecode"]
    env = dict(os.environ, **uv_settings(pip_settings(venv)), VIRTUAL_ENV=str(venv))
    done = subprocess.run([*command, *wanted], cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return done.returncode == 0


def pip_settings(venv: Path) -> dict[str, str]:
    """Return pip's own configuration (files and PIP_* variables), the strongest source last and so kept."""
    command = [str(venv_python(venv)), "-m", "pip", "config", "list"]
    listing = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    lines = sorted((line for line in listing.splitlines() if "=" in line), key=lambda line: line.startswith(":env:"))
    settings = {}
    for line in lines:
        name, value = line.split("=", 1)
        settings[name.split(".")[-1]] = " ".join(str(ast.literal_eval(value)).split())
    return settings


def uv_settings(pip_config: dict[str, str]) -> dict[str, str]:
    """Translate pip's configuration, which uv does not read, into uv's variables."""
    names = {"find-links": "UV_FIND_LINKS", "index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX"}
    env = {variable: pip_config[name] for name, variable in names.items() if pip_config.get(name)}
    if "UV_FIND_LINKS" in env:
        env["UV_FIND_LINKS"] = env["UV_FIND_LINKS"].replace(" ", ",")
    if "cert" in pip_config:
        env["SSL_CERT_FILE"] = pip_config["cert"]
    return dict(env, UV_INDEX_STRATEGY="unsafe-best-match")  # as pip: the best version of all indexes


def pip(venv: Path, *arguments: str, attempts: int = 2, check: bool = True, quiet: bool = False) -> int:
    """Run pip in ``venv`` from the project's root; networks hiccup, so a failure is tried once more."""
    command = [str(venv_python(venv)), "-m", "pip", "--disable-pip-version-check", *arguments]
    code = 1
    for _ in range(attempts):
        stream = subprocess.DEVNULL if quiet else None
        code = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream).returncode
        if code == 0:
            return 0
    if check:
        raise SetupError("pip failed, see above. Check the network connection or proxy, then run make setup again.")
    return code


def check_imports(venv: Path, missing: list[str]) -> None:
    """Import what needs system libraries now, rather than let the window fail later."""
    code = "import torch, PySide6.QtWidgets, gmic_core, viewer"
    if subprocess.run([str(venv_python(venv)), "-c", code], cwd=ROOT, stdin=subprocess.DEVNULL).returncode == 0:
        return
    hint = debian_libraries.install_line(missing) if missing else "make setup VENV=another-folder"
    raise SetupError(f"what was installed does not start, see above. Run this (the first form as root):\n    {hint}")


if __name__ == "__main__":
    sys.exit(main())
