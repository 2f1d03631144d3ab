"""``gmic-core info``: list the breast images in files and folders, and say why the rest is none."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gmic_core.exam.dictionary import syntax_of
from gmic_core.exam.model import Exam, MammoImage, ScanResult
from gmic_core.exam.scan import Progress, scan

if TYPE_CHECKING:
    from gmic_core.cli import Subparsers

DESCRIPTION = "List the breast images in files, folders, zip archives and DICOM media. Reads headers only."
EXIT_FOUND, EXIT_NOTHING = 0, 1


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Add the parser of ``gmic-core info``."""
    parser = subparsers.add_parser("info", help="list the breast images in files and folders", description=DESCRIPTION)
    parser.add_argument("paths", nargs="+", metavar="PATH", type=Path, help="file, folder, zip archive or DICOMDIR")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    return parser


def run(args: argparse.Namespace) -> int:
    """List what ``args.paths`` hold; 0 when an image was found, 1 when none."""
    result = scan(args.paths, progress=_progress() if sys.stderr.isatty() else None)
    if args.json:
        print(json.dumps(as_json(result), indent=1))
    else:
        print("\n".join(table(result)))
    return EXIT_FOUND if result.exams else EXIT_NOTHING


def _progress() -> Progress:
    """Return a progress callback that draws a bar on stderr."""
    from gmic_core.progress_bar import ProgressBar

    bar = ProgressBar(unit=" files", leave=False)

    def show(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)
        if done == total:
            bar.close()

    return show


def as_json(result: ScanResult) -> dict[str, Any]:
    """Return a scan result as plain data; the questions to the reader are among the warnings, too."""
    return {
        "exams": [_exam_json(exam) for exam in result.exams],
        "rejected": [{"path": str(one.path), "reason": one.reason} for one in result.rejected],
    }


def _exam_json(exam: Exam) -> dict[str, Any]:
    return {
        "patient_id": exam.patient_id,
        "study_uid": exam.study_uid,
        "date": exam.date,
        "images": [_image_json(image) for image in exam.images],
        "warnings": list(exam.warnings),
    }


def _image_json(image: MammoImage) -> dict[str, Any]:
    return {
        "path": str(image.files[0]),
        "files": [str(path) for path in image.files],
        "sop_uid": image.sop_uid,
        "modality": image.modality.value,
        "laterality": image.laterality.value if image.laterality else None,
        "view": image.view,
        "view_modifiers": list(image.view_modifiers),
        "frames": image.frames,
        "rows": image.rows,
        "columns": image.columns,
        "spacing_mm": list(image.spacing_mm) if image.spacing_mm else None,
        "spacing_meaning": image.spacing_meaning,
        "slice_spacing_mm": image.slice_spacing_mm,
        "transfer_syntax": image.source.transfer_syntax,
        "photometric": image.pixel.photometric,
        "for_processing": image.for_processing,
        "simulated": image.simulated,
        "warnings": [*image.warnings, *image.questions],
        "questions": list(image.questions),
    }


def table(result: ScanResult) -> list[str]:
    """Return the lines of the table; patients' names are left out, their IDs are not."""
    lines: list[str] = []
    for number, exam in enumerate(result.exams, start=1):
        date = f"{exam.date[:4]}-{exam.date[4:6]}-{exam.date[6:]}" if exam.date else "no date"
        count = len(exam.images)
        what = ", SIMULATED" if exam.simulated else ""
        lines.append(
            f"Exam {number}: patient {exam.patient_id or '(no ID)'}, {date}, {count} image{'s'[: count != 1]}{what}"
        )
        lines += [f"    ! {warning}" for warning in exam.warnings]
        for image in exam.images:
            lines += _image_lines(image)
        lines.append("")
    if not result.exams:
        lines += ["No breast image was found.", ""]
    if result.rejected:
        lines.append(f"Not shown ({len(result.rejected)}):")
        lines += [f"  {one.path}: {one.reason}" for one in result.rejected]
    return lines


def _image_lines(image: MammoImage) -> list[str]:
    size = f"{image.frames} x " if image.frames > 1 else ""
    size += f"{image.rows} x {image.columns}"
    spacing = f"{image.spacing_mm[0]:.3g} mm {image.spacing_meaning}" if image.spacing_mm else "no spacing"
    syntax = image.source.transfer_syntax
    coding = syntax_of(syntax).name if syntax else image.source.kind.upper()
    more = f" and {len(image.files) - 1} more" if len(image.files) > 1 else ""
    line = f"  {image.label:7} {image.modality:5} {size:18} {spacing:19} {coding:28} {image.files[0]}{more}"
    return [line, *(f"    ! {warning}" for warning in (*image.warnings, *image.questions))]
