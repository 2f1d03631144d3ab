"""Find the system libraries that Qt needs and that a bare Debian does not have.

Standard library only, and no newer syntax than Python 3.8: this runs before anything is installed.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libOpenGL.so.0": "libopengl0",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}
"""Shared object -> Debian package. All of it is what Qt's own plugins link to (``ldd`` on them)."""

FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts")
FONT_PACKAGE = "fonts-dejavu-core"


def missing_packages() -> list[str]:
    """Return the Debian packages that this machine lacks; empty on systems that are not Linux."""
    if platform.system() != "Linux":
        return []
    known = _loadable_libraries()
    missing = {package for name, package in LIBRARIES.items() if name not in known}
    if not any(True for folder in FONT_FOLDERS for _ in Path(folder).rglob("*.[to]tf")):
        missing.add(FONT_PACKAGE)
    if find_spec("ensurepip") is None:  # Debian ships the standard library without it
        missing.add(f"python{sys.version_info[0]}.{sys.version_info[1]}-venv")
    return sorted(missing)


def _loadable_libraries() -> set[str]:
    ldconfig = shutil.which("ldconfig", path=os.environ.get("PATH", "") + ":/sbin:/usr/sbin") or "ldconfig"
    listing = subprocess.run([ldconfig, "-p"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {line.split()[0] for line in listing.splitlines()[1:] if line.strip()}


def install_line(packages: list[str]) -> str:
    """Return the line that installs ``packages``, to be run by an administrator."""
    return "apt-get update -q && apt-get install -q -y --no-install-recommends " + " ".join(packages)


def can_install() -> bool:
    """Whether this process may install Debian packages."""
    return shutil.which("apt-get") is not None and os.geteuid() == 0


def install(packages: list[str]) -> bool:
    """Install ``packages`` with apt-get; a mirror that is busy gets a second try. Return whether it worked."""
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C.UTF-8")
    for _ in range(2):
        done = subprocess.run(
            ["/bin/sh", "-c", install_line(packages)],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode == 0:
            return True
        print(done.stdout, file=sys.stderr, flush=True)
    return False
