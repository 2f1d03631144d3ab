"""Measures in a thread: the question asked last is answered, whatever it overtakes is given up.

Maps that were placed and sorted are kept while the AI result is the same, lesions while the segmentation is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gmic_core.errors import CancelledError, GmicError
from gmic_core.types import Finding, ImageResult
from viewer.model.annotation.label_map import LabelMap
from viewer.model.measuring import Basis, Figures, Miss, Misses, Question
from viewer.services.asked import AskedThread

if TYPE_CHECKING:  # they bring scipy and OpenCV along, which the window must not wait for
    from gmic_core.comparison.curves import RankedMap
    from gmic_core.comparison.one_image import Found, OneImage, StrayPatch
    from gmic_core.comparison.strays import Stray
    from gmic_core.segmentation.lesions import Part

log = logging.getLogger(__name__)

_LATEST = ""
"""One thing is measured at a time: questions have no other key."""

Post = Callable[[Callable[[], None]], None]


@dataclass(frozen=True)
class Told:
    """Who gets the answers, on the GUI thread; ``done`` follows them all, unless the question was overtaken."""

    figures: Callable[[Figures], None]
    misses: Callable[[Misses], None]
    problem: Callable[[Question, str], None]
    progress: Callable[[Question, int, int], None]
    done: Callable[[Question], None]


class Measurer:
    """Answers questions, the latest only. All methods are called on the GUI thread.

    Parameters
    ----------
    post : runs a callable on the GUI thread.
    """

    def __init__(self, post: Post, told: Told) -> None:
        self._post, self._told = post, told
        self._thread = AskedThread[Question]("measuring", self._try)
        self._maps: tuple[ImageResult, tuple[int, int, int], Mapping[Finding, RankedMap]] | None = None
        self._image: tuple[Basis, OneImage] | None = None

    def ask(self, question: Question | None) -> None:
        """Answer this instead of what was asked before; None: nothing."""
        if question is None:
            self._thread.forget(_LATEST)
        else:
            self._thread.ask(_LATEST, question)

    def close(self) -> None:
        """Stop."""
        self._thread.close()

    def _try(self, _key: str, question: Question) -> None:
        try:
            self._answer(question)
        except CancelledError:
            log.info("a measurement was overtaken")
        except GmicError as error:
            self._problem(question, str(error))
        except Exception:  # a fault of ours must not look like a measurement under way
            log.exception("measuring failed")
            self._problem(question, "Measuring failed; the log says why (copy it from the menu, Window and help).")

    def _problem(self, question: Question, message: str) -> None:
        self._post(lambda: self._told.problem(question, message))
        self._post(lambda: self._told.done(question))

    def _overtaken(self) -> bool:
        return self._thread.overtaken(_LATEST)

    def _answer(self, question: Question) -> None:
        def tell(done: int, total: int) -> None:
            self._post(lambda: self._told.progress(question, done, total))

        image = self._one_image(question.basis)
        figures = Figures(question.basis, question.subject, image.compared(question.subject, tell, self._overtaken))
        self._post(lambda: self._told.figures(figures))
        if not self._overtaken():
            misses = list_misses(image, question)
            self._post(lambda: self._told.misses(misses))
            self._post(lambda: self._told.done(question))

    def _one_image(self, basis: Basis) -> OneImage:
        from gmic_core.comparison.one_image import OneImage, maps_of, patches_of

        if self._image is not None and self._image[0].same(basis):
            return self._image[1]
        shape = basis.labels.shape
        if self._maps is None or self._maps[0] is not basis.result or self._maps[1] != shape:
            self._maps = None  # let go of the ones before first: both would take their room twice
            self._maps = (basis.result, shape, maps_of(basis.result, shape, self._overtaken))
        image = OneImage(self._maps[2], parts_of(basis.labels), basis.classes, patches_of(basis.result))
        self._image = (basis, image)
        return image


def parts_of(labels: LabelMap) -> tuple[Part, ...]:
    """Return every label, looked for only where slices hold some."""
    from gmic_core.segmentation.lesions import Part, parts

    boxes = {index: box for index in labels.planes if (box := labels.box(index)) is not None}
    if not boxes:
        return ()
    first, last = min(boxes), max(boxes)
    row0, col0 = (min(box[axis] for box in boxes.values()) for axis in (0, 1))
    row1, col1 = (max(box[axis] for box in boxes.values()) for axis in (2, 3))
    cut = np.zeros((last - first + 1, row1 - row0, col1 - col0), labels.dtype)
    for index in boxes:
        plane = labels.plane(index)
        if plane is not None:
            cut[index - first] = plane[row0:row1, col0:col1]
    return tuple(
        Part(p.label, (p.slices[0] + first, p.slices[1] + first), (p.corner[0] + row0, p.corner[1] + col0), p.layers)
        for p in parts(cut)
    )


def list_misses(image: OneImage, question: Question) -> Misses:
    """Return the errors of the class that is measured, at the threshold of its overlay."""
    finding, threshold = question.subject.finding, question.threshold
    found = image.found(finding)
    regions, count = image.strays(finding, threshold)
    patches = image.stray_patches(question.basis.result.rois)
    lesions = [one for one in found if not (one.painted(threshold) and one.indicated)]
    entries = [_lesion(one, threshold) for one in lesions]
    entries += [_region(one) for one in regions] + [_patch(one) for one in patches]
    return Misses(question.basis, finding, threshold, tuple(entries), len(found), count)


def _lesion(one: Found, threshold: float) -> Miss:
    reasons = []
    if not one.painted(threshold):
        reasons.append(f"not painted ({max(one.peak, 0.0):.2f})")
    if not one.indicated:
        reasons.append(f"patches {np.floor(one.covered * 100):.0f} %")
    row = one.component
    at = one.at if one.peak > 0 else row.slices[0] + int(row.layers.sum(axis=(1, 2)).argmax())
    return Miss("lesion", ", ".join(reasons), one.peak, at, row.slices, row.box, label=row.label, number=row.number)


def _region(one: Stray) -> Miss:
    return Miss("region", f"highest {one.score:.2f}", one.score, one.at, one.slices, one.box)


def _patch(one: StrayPatch) -> Miss:
    roi = one.roi
    reason = f"attention {roi.attention:.2f}"
    reason += ", lesion on other slices" if one.elsewhere else ""
    box = (roi.row0, roi.col0, roi.row1, roi.col1)
    return Miss("patch", reason, roi.attention, roi.slice_index, (roi.slice_index, roi.slice_index + 1), box,
                patch=one.index)  # fmt: skip
