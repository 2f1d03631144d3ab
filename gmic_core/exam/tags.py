"""Side, view, modality and orientation from DICOM tags: vendors' ways of saying it, normalised once.

Nothing here looks at pixels, and nothing hangs by Series Description: it is read only as the last way to recognise
a synthetic 2D image. Where tags are silent or contradict each other the answer is None plus a question to the reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gmic_core.exam import codes
from gmic_core.exam.elements import Elements
from gmic_core.exam.geometry import CRANIOCAUDAL_VIEWS
from gmic_core.types import Laterality, Modality

_SIDES = {"L": Laterality.L, "LEFT": Laterality.L, "R": Laterality.R, "RIGHT": Laterality.R}
_SIDE_AND_VIEW = re.compile(r"(L|R|LEFT|RIGHT)[ _-]*([A-Z]+)")
_CBIS_ID = re.compile(r"(?:Mass|Calc)-(?:Training|Test)_(P_\d+)_(LEFT|RIGHT)_(CC|MLO)(_\d+)?", re.IGNORECASE)


_SIMULATED = re.compile(r"\bSIMULATED\b", re.IGNORECASE)


def is_simulated(elements: Elements) -> bool:
    """Whether the file says that its image was computed and shows no patient.

    Any of these says so: Synthetic Data is YES (PS3.3 C.12.1), the patient's family name is SIMULATED, or the word
    begins Image Comments or Derivation Description. "Synthetic 2D" says nothing: clinical systems make those.
    """
    if elements.text("SyntheticData").upper() == "YES":
        return True
    if elements.text("PatientName").split("^")[0].strip().upper() == "SIMULATED":
        return True
    return any(_SIMULATED.match(elements.text(word).lstrip()) for word in ("ImageComments", "DerivationDescription"))


@dataclass(frozen=True)
class SideAndView:
    """What the tags say about side and view.

    Attributes
    ----------
    questions : what only the reader can answer.
    warnings : contradictions that are settled, such as a coarser word beside a finer code.
    """

    laterality: Laterality | None
    view: str | None
    modifiers: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class CbisIdentity:
    """What CBIS-DDSM hides in Patient ID, e.g. ``Mass-Test_P_00820_RIGHT_CC``: every image poses as a patient.

    Attributes
    ----------
    derived : whether the image is a crop or a lesion mask (numbered), not a mammogram.
    """

    patient: str
    laterality: Laterality
    view: str
    derived: bool


def cbis_identity(elements: Elements) -> CbisIdentity | None:
    """Return patient, side and view of a CBIS-DDSM file, or None."""
    match = _CBIS_ID.fullmatch(elements.text("PatientID"))
    if match is None:
        return None
    patient, side, view, number = match.groups()
    return CbisIdentity(patient.upper(), _SIDES[side.upper()], view.upper(), number is not None)


def functional_groups(elements: Elements) -> Iterator[Elements]:
    """Yield the shared and the per-frame functional groups."""
    yield from elements.items("SharedFunctionalGroupsSequence")
    yield from elements.items("PerFrameFunctionalGroupsSequence")


def side_and_view(elements: Elements) -> SideAndView:
    """Return side and view as far as the tags agree on them."""
    sides, views = _Statements(), _Statements()
    _collect_sides(elements, sides)
    _collect_views(elements, sides, views)
    identity = cbis_identity(elements)
    if identity is not None:
        sides.add("Patient ID", identity.laterality)
        views.add("Patient ID", identity.view)
    warnings = views.prefer_finer()
    side, side_question = sides.settle("Which breast is this?", "side")
    view, view_question = views.settle("Which view is this?", "view")
    return SideAndView(
        Laterality(side) if side else None, view, _modifiers(elements),
        tuple(filter(None, (side_question, view_question))), warnings,
    )  # fmt: skip


class _Statements:
    """What each attribute says about one thing."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.puzzling: list[str] = []

    def add(self, source: str, value: str) -> None:
        if (source, value) not in self.said:
            self.said.append((source, value))

    def prefer_finer(self) -> tuple[str, ...]:
        """Let a code such as XCCL win over the plain word CC; return the warnings."""
        values = {value for _, value in self.said}
        finer = values - {"CC"}
        if "CC" in values and len(finer) == 1 and finer <= CRANIOCAUDAL_VIEWS:
            self.said = [(source, value) for source, value in self.said if value in finer]
            return (f"stated as CC and as {next(iter(finer))}; the latter was taken",)
        return ()

    def settle(self, question: str, what: str) -> tuple[str | None, str | None]:
        values = {value for _, value in self.said}
        if len(values) == 1:
            return values.pop(), None
        if values:
            said = " and ".join(f"{value} in {source}" for source, value in self.said)
            return None, f"{question} The file says {said}."
        puzzling = f" ({'; '.join(self.puzzling)})" if self.puzzling else ""
        return None, f"{question} The file states no {what}{puzzling}."


def _collect_sides(elements: Elements, sides: _Statements) -> None:
    for keyword, name in (("ImageLaterality", "Image Laterality"), ("Laterality", "Laterality")):
        value = elements.text(keyword).upper()
        if value in _SIDES:
            sides.add(name, _SIDES[value])
        elif value and value != "U":
            sides.puzzling.append(f"{name} is {value}")
    for value in {
        anatomy.text("FrameLaterality").upper()
        for group in functional_groups(elements)
        for anatomy in group.items("FrameAnatomySequence")
    }:
        if value in _SIDES:
            sides.add("Frame Laterality", _SIDES[value])


def _collect_views(elements: Elements, sides: _Statements, views: _Statements) -> None:
    for item in view_items(elements):
        value = codes.VIEWS_BY_CODE.get(item.text("CodeValue").upper()) or _view_word(item.text("CodeMeaning"))
        if value is not None:
            views.add("View Code Sequence", value)
        elif item.text("CodeValue"):
            views.puzzling.append(f"View Code {item.text('CodeValue')} is unknown")
    position = elements.text("ViewPosition").upper()
    if position in codes.VIEW_POSITIONS:
        views.add("View Position", position)
    elif match := _SIDE_AND_VIEW.fullmatch(position):
        _add_pair("View Position", match, sides, views)
    elif position:
        views.puzzling.append(f"View Position is {position}")
    orientation = elements.texts("PatientOrientation")
    if len(orientation) == 1 and orientation[0].upper() in codes.VIEW_POSITIONS:
        views.add("Patient Orientation", orientation[0].upper())  # CBIS-DDSM


def _add_pair(source: str, match: re.Match[str], sides: _Statements, views: _Statements) -> None:
    """Take a word such as RCC or L-MLO apart."""
    side, view = match.groups()
    if view in codes.VIEW_POSITIONS:
        sides.add(source, _SIDES[side])
        views.add(source, view)
    else:
        views.puzzling.append(f"{source} is {match.group()}")


def _view_word(meaning: str) -> str | None:
    """Return the view that a code's meaning spells out, for codes of unknown schemes."""
    word = meaning.upper().replace("-", "").replace(" ", "")
    spelled = {"CRANIOCAUDAL": "CC", "MEDIOLATERALOBLIQUE": "MLO", "MEDIOLATERAL": "ML", "LATEROMEDIAL": "LM"}
    return word if word in codes.VIEW_POSITIONS else spelled.get(word)


def view_items(elements: Elements) -> Iterator[Elements]:
    """Yield the items of View Code Sequence, of the image and of its functional groups."""
    yield from elements.items("ViewCodeSequence")
    for group in functional_groups(elements):
        yield from group.items("ViewCodeSequence")
        for anatomy in group.items("FrameAnatomySequence"):
            yield from anatomy.items("ViewCodeSequence")


def _modifiers(elements: Elements) -> tuple[str, ...]:
    items = [*elements.items("ViewModifierCodeSequence")]
    for view in view_items(elements):
        items += view.items("ViewModifierCodeSequence")
    names = (codes.MODIFIERS_BY_CODE.get(item.text("CodeValue"), item.text("CodeMeaning").lower()) for item in items)
    return tuple(dict.fromkeys(filter(None, names)))


# --- modality --------------------------------------------------------------------------------------------------


def shows_breast(elements: Elements, found: SideAndView) -> bool:
    """Whether any tag says that this is an image of the breast."""
    part = elements.text("BodyPartExamined").upper()
    if part and "BREAST" not in part:
        return False
    regions = list(elements.items("AnatomicRegionSequence"))
    for group in functional_groups(elements):
        for anatomy in group.items("FrameAnatomySequence"):
            regions += anatomy.items("AnatomicRegionSequence")
    return (
        bool(part)
        or elements.text("Modality").upper() == "MG"
        or any(region.text("CodeValue") in codes.BREAST_CODES for region in regions)
        or (found.laterality is not None and found.view is not None)
    )


def modality_of(elements: Elements, frames: int, found: SideAndView) -> Modality:
    """Return what kind of image this is, by SOP class and Image Type; vendors' texts decide last.

    Parameters
    ----------
    frames : number of frames in the pixel data.
    """
    sop_class = elements.text("SOPClassUID") or elements.text("MediaStorageSOPClassUID")
    image_type = _image_type(elements)
    digital = sop_class in (codes.MG_PRESENTATION, codes.MG_PROCESSING)
    if sop_class == codes.TOMOSYNTHESIS:
        return Modality.S2D if frames == 1 and "GENERATED_2D" in image_type else Modality.DBT
    if is_projection(elements) or not (digital or shows_breast(elements, found)):
        return Modality.OTHER
    if sop_class in codes.CT_IMAGES:
        return Modality.DBT
    marked = not image_type.isdisjoint({"GENERATED_2D", "TOMOSYNTHESIS"}) or _vendor_says_synthetic(elements)
    if "GENERATED_2D" in image_type or (frames == 1 and marked):
        return Modality.S2D
    if frames > 1:
        return Modality.DBT
    return Modality.FFDM if digital else Modality.MG


def is_projection(elements: Elements) -> bool:
    """Whether this is one of the projections from which a tomosynthesis volume is reconstructed."""
    sop_class = elements.text("SOPClassUID") or elements.text("MediaStorageSOPClassUID")
    return sop_class in codes.PROJECTIONS or any(value.startswith("TOMO_PROJ") for value in _image_type(elements))


def _image_type(elements: Elements) -> set[str]:
    values: Iterable[str] = elements.texts("ImageType")
    for group in functional_groups(elements):
        for item in group.items("XRay3DFrameTypeSequence"):
            values = (*values, *item.texts("FrameType"))
            break
    return {value.upper() for value in values}


def _vendor_says_synthetic(elements: Elements) -> bool:
    keywords = (
        "SeriesDescription", "ProtocolName", "DerivationDescription", "AcquisitionDeviceProcessingDescription",
        "AcquisitionDeviceProcessingCode",
    )  # fmt: skip
    texts = [elements.text(keyword) for keyword in keywords] + list(elements.texts("ImageType"))
    return any(codes.names_synthetic(text) for text in texts)


# --- orientation -----------------------------------------------------------------------------------------------

_LETTERS = re.compile(r"[APLRHF]{1,3}")


def patient_orientation(elements: Elements) -> tuple[str, str] | None:
    """Return Patient Orientation when it tells where the chest wall is; else what Image Orientation implies."""
    values = tuple(value.upper() for value in elements.texts("PatientOrientation"))
    if len(values) == 2 and all(_LETTERS.fullmatch(value) for value in values):
        along_columns, along_rows = values
        if (along_columns[0] in "AP") != (along_rows[0] in "AP"):
            return along_columns, along_rows
    if len(values) == 2:
        elements.context.warn(f"Patient Orientation {values[0]}\\{values[1]} does not tell where the chest wall is")
    return _from_cosines(image_orientation(elements))


def image_orientation(elements: Elements) -> tuple[float, ...] | None:
    """Return Image Orientation (Patient) of the image, its shared group or its first frame; six cosines."""
    sources = [elements]
    for group in functional_groups(elements):
        sources += group.items("PlaneOrientationSequence")
        if len(sources) > 1:
            break
    for source in sources:
        cosines = source.numbers("ImageOrientationPatient")
        if len(cosines) == 6 and _orthonormal(cosines):
            return cosines
    return None


def _orthonormal(cosines: tuple[float, ...]) -> bool:
    along_columns, along_rows = cosines[:3], cosines[3:]
    lengths = [sum(value * value for value in axis) for axis in (along_columns, along_rows)]
    dot = sum(a * b for a, b in zip(along_columns, along_rows, strict=True))
    return all(abs(length - 1.0) < 0.02 for length in lengths) and abs(dot) < 0.02


def _from_cosines(cosines: tuple[float, ...] | None) -> tuple[str, str] | None:
    if cosines is None:
        return None
    along_columns, along_rows = (_letter(cosines[:3]), _letter(cosines[3:]))
    return (along_columns, along_rows) if (along_columns in "AP") != (along_rows in "AP") else None


def _letter(axis: tuple[float, ...]) -> str:
    """Return the letter of the main direction of an LPS vector."""
    main = max(range(3), key=lambda index: abs(axis[index]))
    return ("LR", "PA", "HF")[main][axis[main] < 0]
