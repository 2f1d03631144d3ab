"""The training loop that all stages share: epochs, updates, early stopping, checkpoints, and stopping when asked to."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from gmic_core.errors import CancelledError, ModelError, TrainingError
from gmic_core.training.checkpoint import LAST, Progress, Row, load_checkpoint, save_best, save_checkpoint
from gmic_core.training.distributed import sum_gradients
from gmic_core.training.progress import Log, append_step, write_progress
from gmic_core.training.task import Parts, Task

B = TypeVar("B")
LOWEST_RATE = 0.01
"""The cosine schedule ends at this share of the learning rate."""


class StopRequest:
    """Whether the user or the system asked the run to stop; the loop looks after every step."""

    def __init__(self) -> None:
        self.signal: int | None = None

    @contextmanager
    def listening(self) -> Iterator[StopRequest]:
        """Catch SIGINT and SIGTERM; a second one ends the process at once, as without this."""
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def note(number: int, frame: FrameType | None) -> None:
            self.signal = number
            signal.signal(number, before[signal.Signals(number)])

        for number in before:
            signal.signal(number, note)
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class Loop(Generic[B]):
    """Runs one stage.

    Parameters
    ----------
    folder : where checkpoints and progress go.
    digest : identifies experiment and data; a checkpoint of another one is refused.
    """

    def __init__(self, task: Task[B], folder: Path, digest: str, log: Log, stop: StopRequest) -> None:
        self._task, self._folder, self._digest, self._log, self._stop = task, folder, digest, log, stop
        self._workers = task.around.workers
        self._precision = task.around.precision
        self._optimiser = torch.optim.Adam(task.groups())
        self._rates: list[float] = [group["lr"] for group in self._optimiser.param_groups]
        self._progress = Progress()
        self._saved = time.monotonic()

    def run(self, resume: bool) -> Progress:
        """Train until the stage is done; return its progress.

        Raises
        ------
        CancelledError
            If the run was asked to stop; a checkpoint has been written.
        TrainingError
            If the loss or a gradient is not finite, naming step and images.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        if resume and (self._folder / LAST).exists():
            self._load()
        elif self._workers.leads:
            write_progress(self._folder, self._progress)
        stage = self._task.stage
        while not self._progress.finished:
            self._epoch()
            done = self._progress
            done.finished = done.epoch >= stage.epochs or done.idle >= stage.patience
            self._save()
        return self._progress

    def _load(self) -> None:
        content, self._progress = load_checkpoint(self._folder, self._digest)
        self._task.network.load_state_dict(content["model"])
        self._optimiser.load_state_dict(content["optimiser"])
        self._precision.load_state_dict(content["scaler"])
        if self._workers.leads:
            write_progress(self._folder, self._progress)
        done = self._progress
        self._log(f"resumed at epoch {done.epoch + 1}, step {done.step}" if not done.finished else "finished before")

    def _save(self) -> None:
        self._saved = time.monotonic()
        if not self._workers.leads:
            return
        save_checkpoint(
            self._folder,
            self._digest,
            self._task.network.state_dict(),
            self._optimiser.state_dict(),
            self._precision.state_dict(),
            self._progress,
        )

    def _epoch(self) -> None:
        """Do the rest of the current epoch and validate."""
        done = self._progress
        self._task.begin_epoch(done.epoch)
        self._set_rates(done.epoch)
        batches = self._task.batches(done.epoch, done.step)
        try:
            for batch in batches:
                self._step(batch)
                self._after_step()
        finally:
            close: Callable[[], None] | None = getattr(batches, "close", None)
            if close is not None:
                close()
        rows = [row for row in done.steps if row["epoch"] == done.epoch]
        if not rows:
            raise TrainingError(f"Epoch {done.epoch + 1} has no batch; the training data are empty.")
        self._task.check(rows)
        started = time.monotonic()
        metrics = self._task.validate(done.epoch)
        self._end_epoch(rows, metrics, time.monotonic() - started)

    def _set_rates(self, epoch: int) -> None:
        share = 1.0
        if self._task.stage.schedule == "cosine":
            share = LOWEST_RATE + (1 - LOWEST_RATE) * 0.5 * (1 + math.cos(math.pi * epoch / self._task.stage.epochs))
        for group, rate in zip(self._optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * share

    def _step(self, batch: B) -> None:
        done, started = self._progress, time.monotonic()
        self._optimiser.zero_grad(set_to_none=True)
        parts: Parts = {}
        try:
            for loss, values in self._task.losses(batch, done.epoch, done.step):
                if not bool(torch.isfinite(loss)):
                    raise TrainingError(self._not_finite("loss", batch))
                if loss.requires_grad:  # nothing to learn where no image of a local epoch offered a patch
                    self._precision.backward(loss)
                parts = {name: parts.get(name, 0.0) + value for name, value in values.items()}
        except ModelError as error:  # the choice of patches refuses a map that is not finite
            raise TrainingError(f"{self._not_finite('saliency', batch)} ({error})") from error
        learning = [p for group in self._optimiser.param_groups for p in group["params"] if p.requires_grad]
        self._precision.unscale(self._optimiser)
        if self._workers.together:
            sum_gradients(learning)
            parts = self._summed(parts)
        norm = self._checked_norm(learning, batch)
        self._precision.step(self._optimiser)
        row: Row = {"epoch": done.epoch, "step": done.step, **parts, "gradient_norm": norm,
                    "learning_rate": self._optimiser.param_groups[0]["lr"],
                    "seconds": round(time.monotonic() - started, 3)}  # fmt: skip
        done.steps.append(row)
        done.step += 1
        if self._workers.leads:
            append_step(self._folder, row)

    def _checked_norm(self, learning: list[nn.Parameter], batch: B) -> float:
        """Return the gradient's norm, cut to the stage's limit."""
        limit = self._task.stage.clip_norm or math.inf
        norm = float(nn.utils.clip_grad_norm_(learning, limit))
        if not math.isfinite(norm) and not self._precision.active:  # float16 overflows; the scaler skips that step
            raise TrainingError(self._not_finite("gradient", batch))
        return norm

    def _not_finite(self, what: str, batch: B) -> str:
        done = self._progress
        return (
            f"The {what} is not a finite number in epoch {done.epoch + 1}, step {done.step + 1} "
            f"(images: {self._task.named(batch)}). Look at these images, or lower the learning rate or set clip_norm; "
            "then resume from the last checkpoint"
        )

    def _summed(self, parts: Parts) -> Parts:
        names = sorted(parts)
        values = torch.tensor([parts[name] for name in names], dtype=torch.float64, device=self._task.around.device)
        torch.distributed.all_reduce(values)
        return dict(zip(names, values.tolist(), strict=True))

    def _after_step(self) -> None:
        """Write a checkpoint when it is time for one, and stop if asked to."""
        stop = self._stop_asked()
        late = time.monotonic() - self._saved >= 60.0 * self._task.around.experiment.checkpoint_minutes
        if late or stop:
            self._save()
        if stop:
            done = self._progress
            raise CancelledError(
                f"Stopped after epoch {done.epoch + 1}, step {done.step}; go on with the same command and --resume."
            )

    def _stop_asked(self) -> bool:
        """Whether any process was asked to stop: all of them stop after the same step."""
        asked = self._stop.signal is not None
        if self._workers.together:
            flag = torch.tensor([float(asked)], device=self._task.around.device)
            torch.distributed.all_reduce(flag)
            asked = bool(flag.item())
        return asked

    def _end_epoch(self, rows: list[Row], metrics: dict[str, float], seconds: float) -> None:
        done = self._progress
        loss = sum(row["loss"] for row in rows) / len(rows)
        timing = {"train_seconds": round(sum(row["seconds"] for row in rows), 1),
                  "validation_seconds": round(seconds, 1)}  # fmt: skip
        done.epochs.append({"epoch": done.epoch, "loss": loss, **metrics, **timing})
        if self._task.counts(done.epoch):
            self._rate_epoch(metrics[self._task.metric])
        told = ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())
        self._log(f"epoch {done.epoch + 1}: loss {loss:.4f}, {told} ({timing['train_seconds'] + seconds:.0f} s)")
        done.epoch, done.step = done.epoch + 1, 0
        if self._workers.leads:
            write_progress(self._folder, done)

    def _rate_epoch(self, metric: float) -> None:
        done = self._progress
        if metric > done.best:
            done.best, done.best_epoch, done.idle = metric, done.epoch, 0
            if self._workers.leads:
                save_best(self._folder, self._task.state())
        else:
            done.idle += 1


def parameter_groups(stage: Any, global_: list[nn.Module], local: list[nn.Module]) -> list[dict[str, Any]]:
    """Return Adam's groups: the global network's parameters, the local one's with its own learning rate."""
    groups = [(global_, stage.learning_rate), (local, stage.learning_rate_local or stage.learning_rate)]
    return [
        {"params": [p for module in modules for p in module.parameters()], "lr": rate}
        for modules, rate in groups
        if modules
    ]


def cpu_state(module: nn.Module) -> dict[str, Tensor]:
    """Return copies of a module's state on the CPU."""
    return {key: value.detach().cpu().clone() for key, value in module.state_dict().items()}
