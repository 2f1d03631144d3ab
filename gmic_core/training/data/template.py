"""A labels file to fill in: one line for each breast of each study in a folder.

    python -m gmic_core.training.data.template FOLDER > FOLDER/labels.csv

The study is written as its folder where that is unique, else as its UID. Labels and split are left empty.
"""

from __future__ import annotations

import csv
import io
import sys
from contextlib import closing
from pathlib import Path

from gmic_core.errors import GmicError, TrainingError
from gmic_core.exam.scan_process import ScanProcess
from gmic_core.training.data.labels import COLUMNS, OPTIONAL


def labels_template(folder: Path) -> str:
    """Return the text of a labels file without labels.

    Raises
    ------
    TrainingError
        If the folder holds no breast image whose side is known.
    """
    with closing(ScanProcess()) as process:
        exams = process.scan([folder]).exams
    lines: set[tuple[str, str, str]] = set()
    for exam in exams:
        folders = {image.files[0].parent for image in exam.images}
        alone = len(folders) == 1 and not any(
            folders & {image.files[0].parent for image in other.images} for other in exams if other is not exam
        )
        study = next(iter(folders)).relative_to(folder).as_posix() if alone else exam.study_uid
        lines |= {(exam.patient_id, study, str(image.laterality)) for image in exam.images if image.laterality}
    if not lines:
        raise TrainingError(f"{folder} holds no breast image whose side is known.")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*COLUMNS, *OPTIONAL))
    writer.writerows([*line, "", "", "", ""] for line in sorted(lines))
    return out.getvalue()


def main(arguments: list[str]) -> int:
    """Write the template of the folder named on the command line."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m gmic_core.training.data.template FOLDER\n")
        return 2
    try:
        sys.stdout.write(labels_template(Path(arguments[0])))
    except GmicError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
