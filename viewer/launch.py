"""The command ``gmic-viewer``: reads its arguments, starts what takes long, and only then imports a GUI toolkit.

The given paths are scanned while PySide6 is being imported, and the decoder starts while the window is built: that is
what brings the window up, with the first image in it, in little more than a second.

Exit codes: 0 done, 1 an expected error (one sentence on stderr) or nothing found, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from gmic_core.errors import GmicError
from viewer import __doc__ as _about

EXIT_OK, EXIT_ERROR, EXIT_USAGE = 0, 1, 2
LAYOUTS = ("2x2", "compare", "single", "all", "dbt", "prior", "prior-view")
VOLUMES = ("projection", "reslice")
OVERLAYS = ("both", "malignant", "benign", "none")

NO_DISPLAY = (
    "There is no display (neither DISPLAY nor WAYLAND_DISPLAY is set), so no window can be opened. Log in to a "
    "desktop, use ssh -X, or render pictures without one: gmic-viewer snapshot PATH --out FILE.png"
)
DEBIAN_LIBRARIES = (
    "libegl1 libgl1 libopengl0 libglib2.0-0 libdbus-1-3 libfontconfig1 libxkbcommon0 libxkbcommon-x11-0 libx11-xcb1 "
    "libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 "
    "libxcb-shm0 libxcb-sync1 libxcb-xfixes0 libxcb-xkb1"
)


def size(text: str) -> tuple[int, int]:
    """Read a size such as ``1600x1000``."""
    width, _, height = text.lower().partition("x")
    try:
        found = int(width), int(height)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no size; write WIDTHxHEIGHT, e.g. 1600x1000") from None
    if not (320 <= found[0] <= 16384 and 240 <= found[1] <= 16384):
        raise argparse.ArgumentTypeError(f"'{text}' is out of range (320x240 to 16384x16384)")
    return found


def scale(text: str) -> float:
    """Read a size of the interface such as ``1.5`` or ``150%``."""
    try:
        found = float(text.removesuffix("%")) / (100.0 if text.endswith("%") else 1.0)
    except ValueError:
        found = 0.0
    if not 1.0 <= found <= 2.0:
        raise argparse.ArgumentTypeError(f"'{text}' is no size of the interface; write a number from 1 to 2, e.g. 1.5")
    return found


def window_parser() -> argparse.ArgumentParser:
    """Return the parser of ``gmic-viewer [PATH...]``."""
    parser = argparse.ArgumentParser(
        prog="gmic-viewer",
        description=f"{_about} Research use only - not for diagnosis.",
        epilog="Other commands: gmic-viewer snapshot --help, gmic-viewer demo --help",
    )
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="files, folders, zip archives to open")
    _add_weights(parser)
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    parser.add_argument("--bench", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    return parser


def _add_weights(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--weights", action="append", default=[], metavar="[MODEL=]REF",
        help="weights to run: stored name, file, or random:SEED (marked UNTRAINED); may be given several times",
    )  # fmt: skip


def snapshot_parser() -> argparse.ArgumentParser:
    """Return the parser of ``gmic-viewer snapshot``."""
    parser = argparse.ArgumentParser(
        prog="gmic-viewer snapshot", description="Render the window without a display and save it as a picture."
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files, folders, zip archives")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png", help="picture to write")
    parser.add_argument("--layout", choices=LAYOUTS, default="2x2", help="hanging protocol (default: 2x2)")
    parser.add_argument("--view", metavar="R-MLO", help="side and view to make active")
    parser.add_argument("--modality", metavar="DBT", help="kind of image to hang (FFDM, DBT, S2D, MG)")
    parser.add_argument("--slice", type=int, metavar="N", help="slice of the active image, counted from 1")
    parser.add_argument("--overlay", choices=OVERLAYS, default="both", help="AI maps to show (default: both)")
    parser.add_argument(
        "--3d", dest="volume", choices=VOLUMES, help="open the 3D view of the active tomosynthesis beside the images"
    )
    parser.add_argument("--run-ai", action="store_true", help="run the networks first")
    parser.add_argument(
        "--segmentation",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        dest="segmentations",
        help="lay a label map on the image that it belongs to, or all of a folder; may be given several times",
    )
    parser.add_argument("--measure", action="store_true", help="measure the AI result against the segmentation")
    parser.add_argument("--size", type=size, default=(1600, 1000), metavar="1600x1000", help="size in pixels")
    parser.add_argument("--scale", type=scale, default=1.0, metavar="1.5", help="size of the interface, 1 to 2")
    _add_weights(parser)
    return parser


def demo_parser() -> argparse.ArgumentParser:
    """Return the parser of ``gmic-viewer demo``."""
    parser = argparse.ArgumentParser(
        prog="gmic-viewer demo",
        description="Open a simulated exam (made once, some minutes; the window opens on its first view) with AI "
        "results; without a display, write pictures of the same windows.",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("build/demo"), metavar="DIR", help="folder of the pictures and of the exams"
    )
    parser.add_argument("--real", action="store_true", help="open the two real CBIS-DDSM exams instead")
    parser.add_argument("--pictures", action="store_true", help="write pictures even if there is a display")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``gmic-viewer`` with the given arguments (default: those of the process) and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    commands: dict[str, Callable[[list[str]], int]] = {"snapshot": _snapshot, "demo": _demo}
    try:
        if arguments and arguments[0] in commands:
            return commands[arguments[0]](arguments[1:])
        return _window(arguments)
    except SystemExit as stop:  # argparse exits by itself after --help (0) and on wrong usage (2)
        return stop.code if isinstance(stop.code, int) else EXIT_USAGE
    except GmicError as error:
        return _fail(str(error), EXIT_ERROR)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"gmic-viewer: {message}\n")
    return code


def has_display() -> bool:
    """Whether a window can be seen: always assumed except on Linux without a display server."""
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _window(arguments: list[str]) -> int:
    args = window_parser().parse_args(arguments)
    if args.version:
        from gmic_core import __version__

        sys.stdout.write(f"gmic-viewer {__version__}\n")
        return EXIT_OK
    if not has_display():
        return _fail(NO_DISPLAY, EXIT_ERROR)
    return _with_toolkit(lambda: _open_window(args))


def _open_window(args: argparse.Namespace) -> int:
    """Start what takes long, then import the toolkit and run the window."""
    gc.disable()  # imports leave little garbage, and looking for it time and again takes a tenth of the start
    from viewer.services.early import Early

    early = Early()
    if args.paths:
        early.scan(args.paths)
    try:
        from viewer.app.platform_check import check_platform_plugin

        check_platform_plugin()
        from viewer.app.window_run import run_window
    except (ImportError, GmicError):
        early.close()
        raise
    return run_window(early, named=args.weights, bench=args.bench, expects_image=bool(args.paths))


def _snapshot(arguments: list[str]) -> int:
    parser = snapshot_parser()
    args = parser.parse_args(arguments)
    if args.measure and not args.segmentations:
        parser.error("--measure needs a segmentation to measure against; give it with --segmentation FILE")
    os.environ["QT_QPA_PLATFORM"] = "offscreen"

    def render() -> int:
        from viewer.snapshot import Request, take

        return take(Request(**{name: value for name, value in vars(args).items()}))

    return _with_toolkit(render)


def _demo(arguments: list[str]) -> int:
    args = demo_parser().parse_args(arguments)
    without_display = not has_display()
    if without_display:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"

    def show() -> int:
        from viewer.demo import run_demo

        pictures = args.pictures or without_display
        return run_demo(args.out, real=args.real, pictures=pictures, without_display=without_display)

    return _with_toolkit(show)


def _with_toolkit(run: Callable[[], int]) -> int:
    """Run what needs the GUI toolkit; where its system libraries are missing, say which ones and how to get them."""
    try:
        return run()
    except ImportError as error:
        if "PySide6" not in str(error) and ".so" not in str(error):
            raise
        return _fail(
            f"The window's libraries cannot be loaded ({error}). On Debian or Ubuntu run: "
            f"apt-get install -y {DEBIAN_LIBRARIES}",
            EXIT_ERROR,
        )
