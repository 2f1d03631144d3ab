"""What there is to compare: the maps of a folder, and the segmentations of another one, by their names."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gmic_core.errors import ExamError, SegmentationError
from gmic_core.exam.header import read_header
from gmic_core.exam.names import ImageName, masked_image, parse_name
from gmic_core.inference.export import safe_name
from gmic_core.segmentation.read_process import suffix_of
from gmic_core.types import CLASSES, Finding, Laterality, Modality, Roi

RESULTS = "results.json"
MAX_JSON = 512 << 20
_DICOM = (".dcm", ".DCM", ".dicom", ".ima", ".IMA")
_CLASS = re.compile(rf"(?P<image>.+?)[ _.-]+(?P<word>{'|'.join(CLASSES)})", re.IGNORECASE)
_MAP_WORD = re.compile(r"(?P<image>.+?)[ _.-]+(?:saliency|map|heatmap|cam)$", re.IGNORECASE)


@dataclass(frozen=True)
class MapSource:
    """The maps of one image.

    Attributes
    ----------
    image : how the image is called in the tables.
    names : what a segmentation of it may be called, lower case.
    files : file of each class.
    to_stored : float64 (3, 3) from cell centres to stored pixels; None where only the files tell.
    patches : patches of each set of weights, in stored pixels; None where they are not known.
    facts : side, view and modality, where results.json says them.
    study_uid : where results.json says it.
    """

    image: str
    names: frozenset[str]
    files: Mapping[Finding, Path]
    to_stored: npt.NDArray[np.float64] | None = None
    patches: tuple[tuple[Roi, ...], ...] | None = None
    facts: ImageName | None = None
    study_uid: str = ""


@dataclass(frozen=True)
class MaskSource:
    """One segmentation file.

    Attributes
    ----------
    image : the image's name as the file tells it, without words such as ``truth``.
    finding : class that the name states, else None.
    marked : whether the name says that it is a segmentation.
    uids : SOP Instance and Series Instance UID of the DICOM image of that name beside it; empty where there is none.
    """

    path: Path
    image: str
    finding: Finding | None
    marked: bool
    uids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unused:
    """A file or an image that was not compared, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Maps:
    """The maps of a folder, and those of its files that cannot be told apart."""

    sources: tuple[MapSource, ...]
    unused: tuple[Unused, ...] = ()


@dataclass(frozen=True)
class Pairing:
    """Which segmentations belong to which maps."""

    pairs: tuple[tuple[MapSource, tuple[MaskSource, ...]], ...]
    unused: tuple[Unused, ...] = field(default=())


def maps_of(results: Path, besides: Path | None = None) -> Maps:
    """Return the maps of an output of ``gmic-core predict``, or of a folder of saliency files.

    Parameters
    ----------
    besides : a folder whose files are none of them, should it lie in ``results``.

    Raises
    ------
    SegmentationError
        If there is nothing to compare.
    """
    if (results / RESULTS).is_file():
        return Maps(tuple(_predicted(results)))
    _refuse_runs(results)
    grouped: dict[str, dict[Finding, Path]] = {}
    twice: dict[tuple[str, Finding], list[Path]] = {}
    for path in _files(results, "saliency files, or the output of gmic-core predict", besides):
        base = _MAP_WORD.sub(r"\g<image>", _stem(path))
        match = _CLASS.fullmatch(base)
        finding = Finding(CLASSES.index(match["word"].lower())) if match is not None else Finding.MALIGNANT
        name = _MAP_WORD.sub(r"\g<image>", match["image"] if match is not None else base)
        group = grouped.setdefault(name, {})
        if finding in group:
            twice.setdefault((name, finding), [group[finding]]).append(path)
        group.setdefault(finding, path)
    unused = []
    for (name, finding), paths in twice.items():
        unused += [Unused(path.name, _SEVERAL.format(CLASSES[finding], name)) for path in paths]
        del grouped[name][finding]
    sources = [MapSource(name, frozenset({plain(name)}), files) for name, files in sorted(grouped.items()) if files]
    return Maps(tuple(sources), tuple(unused))


def plain(name: str) -> str:
    """Return a name as names are compared: in small letters, however its accents are encoded."""
    return unicodedata.normalize("NFC", name).lower()


def _refuse_runs(folder: Path) -> None:
    """Refuse a folder of several outputs of ``gmic-core predict``: their maps have the same names."""
    runs = sorted(path.parent.name for path in folder.glob(f"*/{RESULTS}") if path.is_file())
    if runs:
        named = ", ".join(runs[:4]) + (", ..." if len(runs) > 4 else "")
        raise SegmentationError(
            f"{folder} holds the results of {len(runs)} runs ({named}) in folders of their own; compare one at a time."
        )


def mask_sources(segmentations: Path, besides: Path | None = None) -> list[MaskSource]:
    """Return the segmentations of a folder and its folders, or the one file.

    Parameters
    ----------
    besides : a folder whose files are none of them, should it lie in ``segmentations``.

    Raises
    ------
    SegmentationError
        If there is none.
    """
    found = []
    for path in _files(segmentations, "segmentations", besides):
        stem = _stem(path)
        image = masked_image(stem)
        word = next((name for name in CLASSES if re.search(rf"[ _.-]{name}(?:[ _.-]|$)", stem, re.IGNORECASE)), None)
        finding = Finding(CLASSES.index(word)) if word is not None else None
        found.append(MaskSource(path, image or stem, finding, image is not None, _image_beside(path, image or stem)))
    return found


def _image_beside(path: Path, name: str) -> tuple[str, ...]:
    """Return the UIDs of the DICOM image that lies beside a segmentation and has its name, as simulated exams have."""
    for ending in _DICOM:
        beside = path.with_name(f"{name}{ending}")
        if not beside.is_file():
            continue
        try:
            elements = read_header(beside).elements
        except (ExamError, OSError):
            continue  # whatever it is, it says nothing of the segmentation
        return tuple(filter(None, (elements.text("SOPInstanceUID"), elements.text("SeriesInstanceUID"))))
    return ()


def pair(maps: Maps, masks: Sequence[MaskSource]) -> Pairing:
    """Return which segmentations belong to which image.

    The image's name decides; else the UIDs of the DICOM image that lies beside the segmentation under its name (exams
    in folders of their own all call it ``R-CC_DBT``); else side, view and modality.
    """
    by_name: dict[str, list[MapSource]] = {}
    for source in maps.sources:
        for name in source.names:
            by_name.setdefault(name, []).append(source)
    own: dict[int, list[MaskSource]] = {}
    unused: list[Unused] = list(maps.unused)
    for mask in masks:
        fitting = by_name.get(plain(mask.image), [])
        if not fitting and mask.uids:
            fitting = next(filter(None, (by_name.get(plain(uid), []) for uid in mask.uids)), [])
        elif not fitting:
            fitting = _by_view(mask, maps.sources)
        if len(fitting) == 1:
            own.setdefault(id(fitting[0]), []).append(mask)
        else:
            no_map = _OTHER if mask.uids else _NO_MAP
            unused.append(Unused(mask.path.name, _ambiguous(fitting) if fitting else no_map))
    pairs = []
    for source in maps.sources:
        drawn = own.get(id(source), [])
        twice = {name for name, count in Counter(mask.path.name for mask in drawn).items() if count > 1}
        unused += [Unused(name, _TWICE) for name in sorted(twice)]
        drawn = [mask for mask in drawn if mask.path.name not in twice]
        marked = [mask for mask in drawn if mask.marked] or drawn
        unused += [Unused(mask.path.name, _IMAGE) for mask in drawn if mask not in marked]
        if marked:
            pairs.append((source, tuple(marked)))
        else:
            unused.append(Unused(source.image, _NO_MASK))
    return Pairing(tuple(pairs), tuple(unused))


_NO_MAP = "no saliency goes by this name; name the segmentation after its image, like IMAGE_seg.nii.gz"
_OTHER = "there is no saliency of the image that lies beside it; predict that image too"
_NO_MASK = "no segmentation goes by its name; name it after the image, like IMAGE_seg.nii.gz"
_SEVERAL = "one of several files that are the {} map of {}; keep one of them, or compare one folder at a time"
_TWICE = "several files in different folders have this name; compare one folder at a time"
_IMAGE = "taken for the image itself, because other files beside it are named as its segmentations"


def _ambiguous(fitting: Sequence[MapSource]) -> str:
    names = ", ".join(source.image for source in fitting[:4])
    return f"its name fits several images ({names}); name it after one of them, like IMAGE_seg.nii.gz"


def _by_view(mask: MaskSource, maps: Sequence[MapSource]) -> list[MapSource]:
    """Return the images whose side, view and modality a name such as ``R-CC_DBT_truth`` states."""
    said = parse_name(mask.image)
    if said is None:
        return []
    known = [(source, source.facts) for source in maps if source.facts is not None]
    return [
        source
        for source, facts in known
        if (said.laterality, said.view) == (facts.laterality, facts.view)
        and said.modality in (None, facts.modality)
        and (not said.prefix or said.prefix.lower() in (facts.prefix.lower(), source.study_uid.lower()))
    ]


def _files(folder: Path, what: str, besides: Path | None = None) -> list[Path]:
    if folder.is_file() and suffix_of(folder) is not None:
        return [folder]
    if not folder.is_dir():
        raise SegmentationError(f"{folder} is no folder; give the folder with the {what}.")
    inside = besides is not None and folder.resolve() in besides.resolve().parents
    left_out = besides.resolve() if inside and besides is not None else None
    found = sorted(
        path
        for path in folder.rglob("*")
        if suffix_of(path) is not None
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and (left_out is None or left_out not in path.resolve().parents)
    )
    if not found:
        raise SegmentationError(f"{folder} holds no file that can be compared; give the folder with the {what}.")
    return found


def _stem(path: Path) -> str:
    return path.name[: -len(suffix_of(path) or "")]


def _predicted(folder: Path) -> list[MapSource]:
    path = folder / RESULTS
    try:
        if path.stat().st_size > MAX_JSON:
            raise SegmentationError(f"{path} is too large; give the folder that `gmic-core predict --out` has written.")
        entries = json.loads(path.read_text(encoding="utf-8"))["images"]
        found = [_entry(folder, entry) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SegmentationError(
            f"{path} cannot be understood ({type(error).__name__}); predict the images again."
        ) from error
    if not found:
        raise SegmentationError(f"{path} holds no predicted image; predict the images first.")
    return found


def _entry(folder: Path, entry: Mapping[str, Any]) -> MapSource:
    saliency = entry["saliency"]
    # only the last part of what the file says: nothing outside of the folder is ever opened
    files = {Finding(c): folder / "saliency" / Path(saliency["files"][name]).name for c, name in enumerate(CLASSES)}
    to_stored = np.asarray(saliency["to_stored"], np.float64)
    if to_stored.shape != (3, 3) or not np.isfinite(to_stored).all():
        raise ValueError("to_stored")
    members: dict[str, list[Roi]] = {}
    for p in entry["patches"]:
        attention = math.nan if p["attention"] is None else float(p["attention"])
        at, row0, col0, row1, col1 = (int(p[key]) for key in ("slice", "row0", "col0", "row1", "col1"))
        members.setdefault(str(p["weights"]), []).append(Roi(at, row0, col0, row1, col1, attention))
    names = {str(entry["image_index"]), str(entry["sop_uid"]), safe_name(str(entry["sop_uid"]))}
    return MapSource(
        str(entry["image_index"]),
        frozenset(plain(name) for name in names),
        files,
        to_stored,
        tuple(tuple(rois) for rois in members.values()),
        _facts(entry),
        str(entry.get("study_uid", "")),
    )


def _facts(entry: Mapping[str, Any]) -> ImageName | None:
    side, view, modality = entry.get("laterality"), entry.get("view"), entry.get("modality")
    if side not in set(Laterality) or not isinstance(view, str) or modality not in set(Modality):
        return None
    said = parse_name(str(entry["image_index"]))
    return ImageName(said.prefix if said is not None else "", Laterality(side), view, Modality(modality))
