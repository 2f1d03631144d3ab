"""Tomosynthesis volumes that are stored as one file per slice, put together in position order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from gmic_core.exam.candidate import Candidate, uid_of, valid_uid
from gmic_core.exam.model import MammoImage, PixelSource, Voi
from gmic_core.exam.slices import SliceKey, SliceOrder, order_slices
from gmic_core.exam.windows import choices_by_frame
from gmic_core.types import Modality

_SINGLE = "a tomosynthesis volume of a single slice"


def join_series(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates with the slices of each series joined to one volume.

    Slices belong together when patient, study, series, side, view, size, encoding and direction agree; a series
    that holds the volumes of two views falls into two.
    """
    out: list[Candidate] = []
    groups: dict[tuple[object, ...], list[Candidate]] = {}
    for candidate in candidates:
        if candidate.slice_key is None or not candidate.image.series_uid:
            out.append(_noted(candidate))
        else:
            groups.setdefault(_series_key(candidate), []).append(candidate)
    volumes_of = Counter(group[0].image.series_uid for group in groups.values())
    for group in groups.values():
        alone = volumes_of[group[0].image.series_uid] == 1
        out.append(_noted(group[0]) if len(group) == 1 else _volume(group, alone=alone))
    return out


def _noted(candidate: Candidate) -> Candidate:
    image = candidate.image
    return candidate.warned(_SINGLE) if image.modality is Modality.DBT and image.frames == 1 else candidate


def _series_key(candidate: Candidate) -> tuple[object, ...]:
    image = candidate.image
    directions = tuple(round(value, 3) for value in candidate.cosines or ())
    return (
        candidate.owner.key, image.series_uid, image.laterality, image.view, image.rows, image.columns,
        image.source.transfer_syntax, replace(image.pixel, padding=None), image.patient_orientation, directions,
    )  # fmt: skip


def _volume(group: list[Candidate], *, alone: bool) -> Candidate:
    """Join the slices of one volume; the first slice's header stands for all.

    Parameters
    ----------
    alone : whether the series holds nothing else, so that its UID can stand for the volume.
    """
    group = sorted(group, key=_number)
    keys = [candidate.slice_key or SliceKey() for candidate in group]
    order = order_slices(keys, group[0].cosines)
    slices = [group[index] for index in order.order or range(len(group))]
    first = slices[0].image
    by_slice = _slice_windows([candidate.image for candidate in slices])
    image = replace(
        first,
        sop_uid=first.series_uid
        if alone and valid_uid(first.series_uid)
        else uid_of("volume", first.series_uid, *(candidate.image.sop_uid for candidate in slices)),
        modality=Modality.DBT,
        frames=len(slices),
        source=_source([candidate.image.source for candidate in slices]),
        slice_spacing_mm=order.spacing_mm or first.slice_spacing_mm,
        plane=order.plane,
        frame_windows=by_slice[0] if by_slice else (),
        frame_choices=by_slice[1:],
        warnings=_warnings(slices, order),
        questions=tuple(dict.fromkeys(question for one in slices for question in one.image.questions)),
        inputs=tuple(path for one in slices for path in one.image.files) if first.inputs else (),
    )
    return replace(slices[0], image=image, slice_key=None)


def _number(candidate: Candidate) -> tuple[tuple[int, ...], str]:
    key = candidate.slice_key
    return (key.index if key else (), str(candidate.path))


def _source(sources: list[PixelSource]) -> PixelSource:
    offsets = tuple(source.pixel_offset for source in sources if source.pixel_offset is not None)
    return PixelSource(
        "dicom-series",
        tuple(source.paths[0] for source in sources),
        sources[0].transfer_syntax,
        pixel_offsets=offsets if len(offsets) == len(sources) else (),
    )


def _slice_windows(images: list[MammoImage]) -> tuple[tuple[Voi, ...], ...]:
    """Return one tuple per choice that all slices state, each with one window per slice; () where slices agree."""
    return choices_by_frame([(*image.windows, *image.voi_tables) for image in images])


def _warnings(slices: list[Candidate], order: SliceOrder) -> tuple[str, ...]:
    said = (warning for candidate in slices for warning in candidate.image.warnings)
    return tuple(dict.fromkeys((*said, *order.warnings)))
