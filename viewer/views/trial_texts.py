"""What is tried out on a result, in words; every number with its scale, nothing that could pass for a result."""

from __future__ import annotations

import math

from gmic_core.inference.ensemble import members_of
from gmic_core.inference.stability import Stability
from gmic_core.types import Finding, ImageResult
from viewer.model.trials import Experiment, Steadiness, WhatIf
from viewer.views.score_texts import MISSING, score_text

ARROW = "\N{RIGHTWARDS ARROW}"
EN_DASH = "\N{EN DASH}"
NEVER_KEPT = "An experiment: it is not kept, not exported, and changes nothing about the result."
FINDINGS = (Finding.MALIGNANT, Finding.BENIGN)


def change_text(before: float, after: float) -> str:
    """Return e.g. ``0.71 → 0.33 (-0.38)``."""
    if math.isnan(before) or math.isnan(after):
        return f"{score_text(before)} {ARROW} {score_text(after)}"
    moved = f"{after - before:+.2f}".replace("-0.00", "+0.00")
    return f"{score_text(before)} {ARROW} {score_text(after)} ({moved.replace('+0.00', 'the same')})"


def experiment_rows(experiment: Experiment) -> list[tuple[str, str]]:
    """Return (what, before and after) of an occlusion that is done."""
    result = experiment.result
    if result is None:
        return []
    rows = [(finding.name.lower(), change_text(experiment.base.y[finding], result.y[finding])) for finding in FINDINGS]
    peaks = [
        (f"{finding.name.lower()} peak", change_text(_peak(experiment.base, finding), _peak(result, finding)))
        for finding in FINDINGS
    ]
    return [*rows, *peaks]


def _peak(result: ImageResult, finding: Finding) -> float:
    return float(result.profile[:, finding].max())


def where_text(experiment: Experiment) -> str:
    """Say what is filled."""
    place = experiment.occlusion
    kind = "An ellipse" if place.shape == "ellipse" else "A patch"
    size = f"{place.row1 - place.row0}x{place.col1 - place.col0} pixels"
    spacing = experiment.image.spacing_mm
    if spacing is not None:
        height, width = (place.row1 - place.row0) * spacing[0], (place.col1 - place.col0) * spacing[1]
        size = f"{height:.0f}x{width:.0f} mm"
    depth = ""
    if experiment.image.frames > 1:
        whole = place.first == 0 and place.last == experiment.image.frames - 1
        depth = ", all slices" if whole else f", slices {place.first + 1} to {place.last + 1}"
    return f"{kind} of {size}{depth}, filled with the mean of its surroundings."


def drift_text(found: Stability, frames: int) -> str:
    """Say how far the peak moves."""
    if math.isnan(found.drift):
        return "no peak"
    plane = f"{found.drift:.1f} mm" if found.in_mm else f"{found.drift:.0f} pixels"
    if frames < 2:
        return plane
    return f"{plane}, {found.drift_slices} slice{'' if found.drift_slices == 1 else 's'}"


def stability_rows(steadiness: Steadiness) -> list[tuple[str, str]]:
    """Return (class, range of its score and drift of its peak) over what has come back."""
    rows = []
    for finding in FINDINGS:
        found = steadiness.of(finding)
        scores = f"{score_text(found.lowest)}{EN_DASH}{score_text(found.highest)}"
        rows.append((finding.name.lower(), scores))
        rows.append((f"{finding.name.lower()} peak drift", drift_text(found, steadiness.image.frames)))
    return rows


def badge_text(steadiness: Steadiness) -> tuple[str, str]:
    """Return (text, tone) of the badge."""
    if steadiness.status in ("failed", "cancelled") or not steadiness.outcomes:
        return "", "secondary"
    if steadiness.pending:
        return f"{len(steadiness.outcomes)} of {len(steadiness.shifts)} shifted runs", "secondary"
    found = [steadiness.of(finding) for finding in FINDINGS]
    worst = max(one.range for one in found)
    if all(one.steady for one in found):
        return f"steady under shifts, scores within {worst:.2f}", "secondary"
    return f"moves under shifts, scores within {worst:.2f}", "warning"


def what_if_text(what_if: WhatIf) -> tuple[str, str]:
    """Return (text, tone) that says what is left out, or why it could not be scored."""
    count = len(what_if.keep) - sum(what_if.keep)
    head = f"What if: without {count} patch{'' if count == 1 else 'es'} of {len(what_if.keep)}"
    if what_if.status in ("failed", "cancelled"):
        return f"{head}. {what_if.message}", "error"
    return f"{head}; not the result", "secondary"


def what_if_rows(what_if: WhatIf) -> list[tuple[str, str]]:
    """Return (class, before and after) of the local score and of the score of the image."""
    base, reduced = what_if.base, what_if.reduced
    rows = []
    for finding in FINDINGS:
        name = finding.name.lower()
        local = change_text(base.y_local[finding], reduced.y_local[finding]) if reduced else MISSING
        score = change_text(base.y[finding], reduced.y[finding]) if reduced else MISSING
        rows += [(f"{name}, local", local), (f"{name}, score", score)]
    return rows


def members_text(result: ImageResult) -> str:
    """Say how far the members of an ensemble are apart; "" for a single set of weights."""
    if not result.members:
        return ""
    parts = []
    for finding in FINDINGS:
        low, high, deviation = spread_of(result, finding)
        parts.append(f"{finding.name.lower()} {low:.2f}{EN_DASH}{high:.2f}, SD {deviation:.2f}")
    return f"{len(result.members)} sets of weights: " + "; ".join(parts)


def spread_of(result: ImageResult, finding: Finding) -> tuple[float, float, float]:
    """Return the lowest and highest score of the members and their population standard deviation."""
    scores = [member.y[finding] for member in members_of(result)]
    mean = math.fsum(scores) / len(scores)
    return min(scores), max(scores), math.sqrt(math.fsum((score - mean) ** 2 for score in scores) / len(scores))


def members_tooltip(result: ImageResult) -> str:
    """List what each member said."""
    lines = ["The score is the mean of these sets of weights:"]
    lines += [
        f"{member.weights}: malignant {score_text(member.y[Finding.MALIGNANT])}, "
        f"benign {score_text(member.y[Finding.BENIGN])}"
        for member in result.members
    ]
    if result.spread is not None:
        top = [float(result.spread[:, finding].max()) for finding in FINDINGS]
        most = f"{top[0]:.2f} (malignant) and {top[1]:.2f} (benign)"
        lines.append(f"Where their maps differ most, the standard deviation is {most}.")
    return "\n".join(lines)
