"""Record dcm2pnm.npz: `python -m tests.reference.voi.record [path of dcm2pnm]` in the root of the checkout.

dcm2pnm is DCMTK's, of Debian's package dcmtk. Every image is written by ``cases.py`` and rendered with

    dcm2pnm +on -q [+F frame] [+Wi n | +Wl n | +Ww centre width] [+Dm monitor file] in.dcm out.png
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.helpers.dicom_files import write_mg
from tests.reference.voi import cases

OUT = Path(__file__).parent / "dcm2pnm.npz"


def render(program: str, path: Path, *options: str) -> npt.NDArray[np.uint8]:
    """Return the grey levels that dcm2pnm makes of a file."""
    import cv2

    out = path.with_suffix(".png")
    subprocess.run([program, "+on", "-q", *options, str(path), str(out)], check=True)  # +on: 8-bit PNG
    return np.asarray(cv2.imread(str(out), cv2.IMREAD_UNCHANGED), np.uint8)


def monitor_file(folder: Path) -> Path:
    """Write the luminance of every driving level of an sRGB screen, as dcm2pnm reads it."""
    signal = np.arange(256) / 255.0
    light = np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)
    levels = cases.SRGB_DARKEST + (cases.SRGB_BRIGHTEST - cases.SRGB_DARKEST) * light
    path = folder / "monitor.lut"
    path.write_text("max 255\n" + "".join(f"{ddl} {value:.6f}\n" for ddl, value in enumerate(levels)), "ascii")
    return path


def main(program: str = "dcm2pnm") -> None:
    """Render everything and write it down."""
    found: dict[str, npt.NDArray[np.uint8]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for case in cases.CASES:
            found[case.name] = render(program, cases.write_case(folder / f"{case.name}.dcm", case), *case.options)
        several = cases.write_windows(folder / "windows.dcm")
        for number in (1, 2, 3):
            found[f"window_{number}"] = render(program, several, "+Wi", str(number))
        frames = cases.write_frames(folder / "frames.dcm")
        for number, (center, width) in enumerate(cases.FRAME_WINDOWS, 1):
            found[f"frame_{number}"] = render(program, frames, "+F", str(number), "+Ww", f"{center}", f"{width}")
        ramp = np.arange(4096, dtype=np.uint16).reshape(64, 64)
        plain = write_mg(folder / "gsdf.dcm", ramp, window=(2048, 4096))
        found["gsdf"] = render(program, plain, "+Wi", "1", "+Dm", str(monitor_file(folder)))
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    np.savez_compressed(OUT, **found, version=np.array(version))
    sys.stdout.write(f"{OUT.name}: {len(found)} images by {version}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
