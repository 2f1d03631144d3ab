"""Files with one SOP Instance UID: true duplicates go, impostors with other pixels are kept apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import zip_longest

from gmic_core.exam.candidate import Candidate, chunks, content_digest, uid_of
from gmic_core.exam.model import PixelSource, Rejection

COPIED = "another file has the UID of one of its images but other pixels; that one stands apart as an exam of its own"


def settle_duplicates(candidates: Iterable[Candidate]) -> tuple[list[Candidate], list[Rejection]]:
    """Return the candidates without duplicates, and the rejections of these.

    An image with a known UID but other pixels, or of another patient, gets a UID of its own and an exam of its own:
    two pictures under one UID must never hang together, nor share a result.
    """
    kept: dict[str, list[Candidate]] = {}
    out: list[Candidate] = []
    copied: set[int] = set()
    rejected: list[Rejection] = []
    for candidate in candidates:
        others = kept.setdefault(candidate.image.sop_uid, [])
        twin = next((other for other in others if _same(candidate, other)), None)
        if twin is not None:
            rejected.append(Rejection(candidate.path, f"duplicate of {twin.path}"))
            continue
        others.append(candidate)
        copied |= {id(others[0])} if len(others) > 1 else set()
        out.append(candidate if len(others) == 1 else _apart(candidate, len(others) - 1))
    told = [replace(one, exam_warnings=(*one.exam_warnings, COPIED)) if id(one) in copied else one for one in out]
    return told, rejected


def _same(one: Candidate, other: Candidate) -> bool:
    """Whether two files of one UID hold the same image of the same patient, pixel for pixel as stored."""
    a, b = one.image, other.image
    if a.source.kind != "dicom" or b.source.kind != "dicom":
        return a.source.kind == b.source.kind  # their UIDs are made from the content
    if one.owner.key[:2] != other.owner.key[:2]:
        return False
    described_alike = (a.frames, a.rows, a.columns, a.pixel.bits_allocated, a.source.transfer_syntax) == (
        b.frames, b.rows, b.columns, b.pixel.bits_allocated, b.source.transfer_syntax,
    )  # fmt: skip
    return described_alike and _same_bytes(a.source, b.source)


def _same_bytes(one: PixelSource, other: PixelSource) -> bool:
    """Whether two files are equal from the pixel data on; a deflated one has to be equal throughout."""
    with one.paths[0].open("rb") as file, other.paths[0].open("rb") as twin:
        pairs = zip_longest(chunks(file, one.pixel_offset or 0), chunks(twin, other.pixel_offset or 0))
        return all(piece == piece_of_twin for piece, piece_of_twin in pairs)


def _apart(candidate: Candidate, number: int) -> Candidate:
    """Give an impostor an identity and an exam of its own."""
    image = candidate.image
    source = image.source
    digest = content_digest(source.paths[0], source.pixel_offset or 0)
    # no file name: it may name a patient, and this stands on the image
    warning = "another file has the same SOP Instance UID and other pixels; kept apart under a UID of its own"
    image = replace(image, sop_uid=uid_of("impostor", image.sop_uid, *candidate.owner.key[:2], digest))
    owner = replace(candidate.owner, copy=number)
    exam_warning = "holds images whose UIDs other images already have; they are never hung together"
    return replace(candidate, image=image, owner=owner, exam_warnings=(exam_warning,)).warned(warning)
