"""What a run writes for people: CSV files of losses and validation, curves as PNG, and a line per epoch."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from gmic_core.errors import TrainingError
from gmic_core.training.checkpoint import Progress, Row

STEPS, EPOCHS, CURVES = "steps.csv", "epochs.csv", "curves.png"
STEP_COLUMNS = ("epoch", "step", "loss", "loss_global", "loss_local", "loss_fusion", "regularisation", "empty_maps",
                "gradient_norm", "learning_rate", "seconds")  # fmt: skip
_SMOOTH = 0.05
"""Share of the steps that the loss curve is averaged over."""


class Log(Protocol):
    """Takes sentences for the user."""

    def __call__(self, sentence: str) -> None:
        """Show one sentence."""


def write_progress(folder: Path, progress: Progress) -> None:
    """Write both CSV files and the curves of a stage from its rows."""
    _write_csv(folder / STEPS, STEP_COLUMNS, progress.steps)
    if progress.epochs:
        _write_csv(folder / EPOCHS, tuple(progress.epochs[-1]), progress.epochs)
    draw_curves(folder / CURVES, progress)


def append_step(folder: Path, row: Row) -> None:
    """Add one step's row to the CSV file, so that a running stage can be watched."""
    path = folder / STEPS
    try:
        with path.open("a", encoding="utf-8", newline="") as file:
            if file.tell() == 0:
                csv.writer(file).writerow(STEP_COLUMNS)
            csv.writer(file).writerow([_number(row.get(name, 0.0)) for name in STEP_COLUMNS])
    except OSError as error:
        raise TrainingError(f"{path} cannot be written ({error.strerror or error}); make room, then resume.") from error


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(columns)
    writer.writerows([_number(row.get(name, 0.0)) for name in columns] for row in rows)
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_text(buffer.getvalue(), encoding="utf-8", newline="")
        partial.replace(path)
    except OSError as error:
        raise TrainingError(f"{path} cannot be written ({error.strerror or error}); make room, then resume.") from error


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def draw_curves(path: Path, progress: Progress) -> None:
    """Draw the losses over the steps and the validation over the epochs."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # 0.5 s to import: only where curves are drawn
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    FigureCanvasAgg(figure)
    losses, validation = figure.subplots(1, 2)
    for name in ("loss", "loss_global", "loss_local", "loss_fusion"):
        values = [row.get(name, 0.0) for row in progress.steps]
        if any(values):
            losses.plot(*_smoothed(values), label=name)
    losses.set(xlabel="step", ylabel="loss (moving mean)", title="training")
    epochs = [row["epoch"] for row in progress.epochs]
    for name in progress.epochs[-1] if progress.epochs else ():
        if name.startswith("auc"):
            validation.plot(epochs, [row.get(name, float("nan")) for row in progress.epochs], marker=".", label=name)
    validation.set(xlabel="epoch", ylabel="AUC", title="validation", ylim=(0, 1.02))
    for axes in (losses, validation):
        if axes.get_lines():
            axes.legend(loc="best", fontsize="small")
    partial = path.with_name(path.name + ".part")
    figure.savefig(partial, format="png", dpi=110)
    partial.replace(path)


def _smoothed(values: Sequence[float]) -> tuple[list[int], list[float]]:
    """Return steps and the mean of the last few values at each."""
    width = max(1, round(_SMOOTH * len(values)))
    sums = [0.0]
    for value in values:
        sums.append(sums[-1] + value)
    places = list(range(width, len(values) + 1))
    return places, [(sums[place] - sums[place - width]) / width for place in places]
