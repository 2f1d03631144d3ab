"""The command ``gmic-core``: reads exams, runs networks and looks after weights without a window.

Each subcommand lives in its own module ``gmic_core.cli.<name>`` with ``add_parser(subparsers)`` and
``run(args) -> int``. Only the module of the subcommand that was asked for is imported: ``gmic-core --help`` and
``gmic-core info`` must not wait 2.3 s for torch.

Exit codes: 0 done, 1 an expected error (one sentence on stderr) or nothing found, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, cast

from gmic_core.errors import GmicError

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

COMMANDS: dict[str, str] = {
    "info": "list the breast images in files and folders",
    "predict": "run the networks on exams and write scores, patches and saliency",
    "phantom": "simulate screening exams (DBT, FFDM and synthetic 2D) with known findings",
    "evaluate": "measure what networks say of labelled or simulated exams: AUC, Dice, PxAP, a report",
    "compare": "measure saliency against segmentations that somebody drew: Dice, PxAP, FROC, a report",
    "boxes": "write patches or peaks as a submission in the form of the DBTex challenge, and score it",
    "labels": "write the truth of public data sets as label maps",
    "train": "train a network on labelled exams or on simulated breasts",
    "models": "list, import, show and verify networks and weights",
}
"""Subcommands in the order of the help page, with the sentence shown there."""

EXIT_OK = 0
EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, what shells report for Ctrl+C


class CommandModule(Protocol):
    """What every module ``gmic_core.cli.<name>`` offers."""

    def add_parser(self, subparsers: Subparsers) -> argparse.ArgumentParser:
        """Add the subcommand's parser, named as in :data:`COMMANDS`."""

    def run(self, args: argparse.Namespace) -> int:
        """Do the work; return the exit code."""


def load_command(name: str) -> CommandModule:
    """Import the module of one subcommand."""
    return cast(CommandModule, importlib.import_module(f"{__name__}.{name}"))


def build_parser(command: str | None = None) -> argparse.ArgumentParser:
    """Return the parser; only ``command``'s own module is imported, the others appear with their one-line help."""
    parser = argparse.ArgumentParser(
        prog="gmic-core", description="Breast-imaging networks on the command line. For research only."
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, sentence in COMMANDS.items():
        if name == command:
            load_command(name).add_parser(subparsers)
        else:
            subparsers.add_parser(name, help=sentence, add_help=False)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``gmic-core`` with the given arguments (default: those of the process) and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = next((word for word in arguments if not word.startswith("-")), None)
    parser = build_parser(command if command in COMMANDS else None)
    try:
        args = parser.parse_args(arguments)
    except SystemExit as stop:  # argparse exits by itself after --help (0) and on wrong usage (2)
        return stop.code if isinstance(stop.code, int) else EXIT_USAGE
    if args.version:
        return _print_version()
    if args.command is None:
        parser.print_help(sys.stderr)
        return EXIT_USAGE
    return _run_guarded(args)


def _run_guarded(args: argparse.Namespace) -> int:
    """Run the chosen subcommand and turn expected errors into one sentence on stderr."""
    try:
        code = load_command(args.command).run(args)
        sys.stdout.flush()  # a closed pipe shows here, inside the guard, not at interpreter exit
    except GmicError as error:
        print(f"gmic-core {args.command}: {error}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        print(f"gmic-core {args.command}: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # `gmic-core info ... | head` closed our stdout: leave quietly, and keep Python's exit flush from complaining.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    return code


def _print_version() -> int:
    from importlib.metadata import PackageNotFoundError, version

    try:
        print(f"gmic-core {version('gmic-viewer')}")
    except PackageNotFoundError:  # run from a source folder that was never installed
        print("gmic-core (not installed)")
    return EXIT_OK
