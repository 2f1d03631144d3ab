"""What is known of a cohort: the journal, and the tables made of it.

Of each image a few numbers are in memory; everything else is read from the journal when the tables are written.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gmic_core.cohort.identity import Identity, foreign
from gmic_core.cohort.journal import Journal, Line, Place
from gmic_core.cohort.one import map_names
from gmic_core.cohort.plan import Outcome, Plan, RunOptions, Task
from gmic_core.cohort.results_file import write_results
from gmic_core.errors import StoreError
from gmic_core.exam.model import MammoImage
from gmic_core.inference.document import Refused, Seen, head_entries, tail_entries
from gmic_core.inference.export import PART_PREFIX, Row, write_atomically, write_csv, write_marks
from gmic_core.inference.scores import ImageScore
from gmic_core.inference.weights_key import joint_key
from gmic_core.types import CLASSES, SIMULATED_ONLY

TABLE_S = 2.0
"""How often ``predictions.csv`` is written while a run goes on, at most."""
TABLE_SHARE = 50
"""A table that takes long is written so seldom that it costs this part of the time."""
MISSING = "its maps are missing"


@dataclass(frozen=True)
class Known:
    """A result, as far as it stays in memory.

    Attributes
    ----------
    place : of its line in the journal.
    unseen : sentences on what the network did not see of the image.
    outside : whether weights that only ever saw simulated breasts were used on an image that is none.
    """

    place: Place
    score: ImageScore
    simulated: bool
    outside: bool
    unseen: tuple[str, ...] = ()


@dataclass
class Adopted:
    """What an earlier run left.

    Attributes
    ----------
    todo : tasks that are to be done.
    kept : how many images are not computed again, with a result or a reason.
    again : why others are, and how many.
    torn : lines of the journal that were damaged; whatever they spoke of is computed again.
    """

    todo: list[Task] = field(default_factory=list)
    kept: int = 0
    again: Counter[str] = field(default_factory=Counter)
    torn: int = 0


class Ledger:
    """Takes outcomes, writes maps, journal and tables.

    Parameters
    ----------
    folder : of the results.

    Attributes
    ----------
    known : position -> result.
    refused : position -> why there is none.
    """

    def __init__(self, folder: Path, plan: Plan, journal: Journal, options: RunOptions) -> None:
        self.folder = folder
        self.plan = plan
        self.known: dict[int, Known] = {}
        self.refused: dict[int, str] = dict(plan.refused)
        self._journal = journal
        self._tasks = {task.position: task for task in plan.tasks}
        self._weights = {refs: joint_key(refs) for refs in {task.refs for task in plan.tasks}}
        self._identities = {task.position: Identity.of(task, self._weights[task.refs], options) for task in plan.tasks}
        self._table_due = 0.0
        for part in (*folder.glob(f"{PART_PREFIX}*"), *(folder / "saliency").glob(f"{PART_PREFIX}*")):
            part.unlink()  # left by a run that was killed; nobody else writes here

    # -- what an earlier run left --------------------------------------------------------------------------------
    def adopt(self, *, retry: bool = False) -> Adopted:
        """Take what the journal knows of the plan's images, as far as it belongs to them.

        Parameters
        ----------
        retry : do images without a result again.
        """
        places = {task.image.sop_uid: task.position for task in self.plan.tasks}
        latest: dict[int, tuple[str, Known | str]] = {}
        for place, line in self._journal.lines():
            if (position := places.get(line.sop_uid)) is None:
                continue
            task = self._tasks[position]
            why = self._why_not(line, task, retry=retry)
            fact = line.reason if why or line.entry is None else _known(place, line.entry, task.image)
            latest[position] = why, fact
        adopted = Adopted()
        for task in self.plan.tasks:
            if task.position not in latest:
                adopted.todo.append(task)
                continue
            why, fact = latest[task.position]
            if why:
                adopted.todo.append(task)
                adopted.again.update([why])
            else:
                self._note(task, fact)
                adopted.kept += 1
        adopted.torn = self._journal.damaged
        return adopted

    def _why_not(self, line: Line, task: Task, *, retry: bool) -> str:
        """Return why what is known of an image does not hold any more; "" when it does."""
        mine = self._identities[task.position]
        if difference := line.identity.difference(mine):
            return difference
        if not mine.weights:
            return "the weights cannot be found"
        if line.entry is None:
            return "they had no result" if line.passing or retry else ""
        return "" if _is_sound(line.entry) and self._has_maps(line, task) else MISSING

    def _has_maps(self, line: Line, task: Task) -> bool:
        paths = {name: self.folder / relative for name, relative in map_names(task.image.sop_uid).items()}
        try:
            return all(path.stat().st_size == line.sizes.get(name) for name, path in paths.items())
        except FileNotFoundError:
            return False

    # -- what this run finds -------------------------------------------------------------------------------------
    def take(self, outcome: Outcome) -> None:
        """Write down what became of a task: first the maps, then the line, then, now and then, the table.

        Raises
        ------
        StoreError
            If the folder cannot be written.
        """
        task = self._tasks[outcome.position]
        outcome = self._checked(outcome, task)
        names = map_names(task.image.sop_uid)
        for name, data in outcome.maps.items():
            write_atomically(self.folder / names[name], data, synced=True)
        line = Line(
            task.image.sop_uid,
            self._identities[outcome.position],
            outcome.entry,
            {name: len(data) for name, data in outcome.maps.items()},
            outcome.reason,
            outcome.passing,
        )
        place = self._journal.add(line)
        self._note(task, line.reason if line.entry is None else _known(place, line.entry, task.image))
        if time.monotonic() >= self._table_due:
            self.write_table()

    def _checked(self, outcome: Outcome, task: Task) -> Outcome:
        """Return the outcome, or, when it was made with other weights or another program, a reason."""
        if outcome.entry is None:
            return outcome
        why = foreign(outcome.entry, task, self._weights[task.refs])
        return Outcome(task.position, reason=why, passing=True) if why else outcome

    def _note(self, task: Task, fact: Known | str) -> None:
        if isinstance(fact, str):
            self.refused[task.position] = fact
            return
        self.refused.pop(task.position, None)
        self.known[task.position] = fact

    # -- the tables ----------------------------------------------------------------------------------------------
    @property
    def seen(self) -> Seen:
        """What the tables say of all images together."""
        found = self.known.values()
        return Seen(
            untrained=any(one.score.untrained for one in found),
            simulated=any(one.simulated for one in found),
            outside=any(one.outside for one in found),
        )

    def rows(self) -> Iterator[tuple[MammoImage, Row]]:
        """Yield each image with its line of the table, in the order of the tables."""
        for position in sorted(self.known):
            one = self.known[position]
            yield self.plan.images[position], Row(self.plan.indices[position], one.score.y, one.simulated)

    def unseen(self) -> Iterator[str]:
        """Yield a line for each sentence on what was not seen of an image, in the order of the tables."""
        for position in sorted(self.known):
            yield from (f"note: {self.plan.indices[position]}: {text}" for text in self.known[position].unseen)

    def refusals(self) -> list[Refused]:
        """Return the images without a result, in the order of the tables."""
        images, indices = self.plan.images, self.plan.indices
        return [Refused(images[at], indices[at], self.refused[at]) for at in sorted(self.refused)]

    def write_table(self) -> None:
        """Write ``predictions.csv`` and the marks beside it as they are now."""
        started = time.monotonic()
        write_csv(self.folder, (row for _, row in self.rows()))
        seen = self.seen
        write_marks(self.folder, untrained=seen.untrained, simulated=seen.simulated)
        now = time.monotonic()
        self._table_due = now + max(TABLE_S, TABLE_SHARE * (now - started))

    def finish(self) -> None:
        """Write all tables."""
        self.write_table()
        scores = [(self.plan.studies[position], self.known[position].score) for position in sorted(self.known)]
        tail = tail_entries(scores, self.refusals(), self.plan.rejected)
        write_results(self.folder, head_entries(self.seen), self._entries(), tail)

    def _entries(self) -> Iterator[dict[str, Any]]:
        """Yield the entries of ``results.json``; what an image is called depends on the others and is said anew."""
        for position in sorted(self.known):
            entry = self._journal.read(self.known[position].place).entry
            if entry is None:
                raise StoreError(f"{self._journal.path} was changed while it was in use; run the same command again.")
            yield entry | {"image_index": self.plan.indices[position], "study_uid": self.plan.studies[position]}


def _is_sound(entry: dict[str, Any]) -> bool:
    """Whether an entry holds what the tables are made of."""
    try:
        _pair(entry)
        made = entry["provenance"]
        return isinstance(made["untrained"], bool) and isinstance(made["training_data"], str)
    except (KeyError, TypeError, ValueError):
        return False


def _pair(entry: dict[str, Any]) -> tuple[float, float]:
    """Return (benign, malignant); null stands for NaN."""
    values = [entry["scores"][name]["y"] for name in CLASSES]
    benign, malignant = (math.nan if value is None else float(value) for value in values)
    return benign, malignant


def _known(place: Place, entry: dict[str, Any], image: MammoImage) -> Known:
    made = entry["provenance"]
    untrained = made["untrained"]
    score = ImageScore(image.laterality, image.modality, image.view, made["model"], _pair(entry), untrained)
    outside = SIMULATED_ONLY in made["training_data"] and not image.simulated
    return Known(place, score, image.simulated, outside, _sentences(entry))


def _sentences(entry: dict[str, Any]) -> tuple[str, ...]:
    """Return what an entry says about what was not seen; nothing where it is none of ours."""
    said = entry.get("not_analysed")
    found = said.get("sentences") if isinstance(said, dict) else None
    return tuple(map(str, found)) if isinstance(found, list) else ()
