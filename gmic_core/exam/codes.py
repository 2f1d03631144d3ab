"""Codes and words for views, view modifiers, SOP classes and vendors' names of synthetic 2D images."""

from __future__ import annotations

VIEWS_BY_CODE = {
    # DICOM PS3.16 CID 4014, SNOMED CT and its retired SNOMED-RT identifiers
    "399162004": "CC", "R-10242": "CC",
    "399368009": "MLO", "R-10226": "MLO",
    "399260004": "ML", "R-10224": "ML",
    "399352003": "LM", "R-10228": "LM",
    "399099002": "LMO", "R-10230": "LMO",
    "399192008": "XCCL", "R-1024A": "XCCL",
    "399101009": "XCCM", "R-1024B": "XCCM",
    "399196006": "FB", "R-10244": "FB",
    "399188001": "SIO", "R-102D0": "SIO",
    "441555000": "ISO", "R-40AAA": "ISO",
    "127457009": "SPECIMEN", "G-8310": "SPECIMEN",
}  # fmt: skip
"""View by code value; the schemes SCT, SRT, SNM3 and 99SDM share these values without clashes."""

MODIFIERS_BY_CODE = {
    # DICOM PS3.16 CID 4015
    "399163009": "magnification", "R-102D6": "magnification",
    "399055006": "spot compression", "R-102D7": "spot compression",
    "399161006": "cleavage", "R-102D2": "cleavage",
    "399011000": "axillary tail", "R-102D1": "axillary tail",
    "399197002": "rolled lateral", "R-102D3": "rolled lateral",
    "399226006": "rolled medial", "R-102D4": "rolled medial",
    "415670009": "rolled superior", "R-102C9": "rolled superior",
    "414493004": "rolled inferior", "R-102CA": "rolled inferior",
    "399209000": "implant displaced", "R-102D5": "implant displaced",
    "399110001": "tangential", "R-102C2": "tangential",
    "442581004": "nipple in profile", "R-40AB3": "nipple in profile",
    "441752004": "anterior compression", "P2-00161": "anterior compression",
    "442593008": "infra-mammary fold", "R-40ABE": "infra-mammary fold",
    "442580003": "axillary tissue", "R-40AB2": "axillary tissue",
}  # fmt: skip
"""View modifier by code value."""

BREAST_CODES = frozenset({"76752008", "T-04000"})
"""Anatomic region "breast", SNOMED CT and SNOMED-RT."""

VIEW_POSITIONS = frozenset(
    {"CC", "MLO", "ML", "LM", "LMO", "XCC", "XCCL", "XCCM", "FB", "SIO", "ISO", "AT", "CV", "TAN", "SPECIMEN"}
)
"""Views that View Position (0018,5101) and file names may state."""

MG_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.2"
MG_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.2.1"
TOMOSYNTHESIS = "1.2.840.10008.5.1.4.1.1.13.1.3"
PROJECTIONS = frozenset({"1.2.840.10008.5.1.4.1.1.13.1.4", "1.2.840.10008.5.1.4.1.1.13.1.5"})
CT_IMAGES = frozenset({"1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1"})
SECONDARY_CAPTURES = frozenset(
    {"1.2.840.10008.5.1.4.1.1.7"} | {f"1.2.840.10008.5.1.4.1.1.7.{kind}" for kind in (1, 2, 3, 4)}
)
DIGITAL_XRAY = frozenset({"1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1.1"})
DICOMDIR = "1.2.840.10008.1.3.10"

_NO_MAMMOGRAM = (
    ("1.2.840.10008.5.1.4.1.1.88.", "a structured report"),
    ("1.2.840.10008.5.1.4.1.1.11.", "a presentation state"),
    ("1.2.840.10008.5.1.4.1.1.66.", "a segmentation or registration"),
    ("1.2.840.10008.5.1.4.1.1.67", "a real world value mapping"),
    ("1.2.840.10008.5.1.4.1.1.104.", "an encapsulated document"),
    ("1.2.840.10008.5.1.4.1.1.481.", "a radiotherapy object"),
    ("1.2.840.10008.5.1.4.1.1.9.", "a waveform"),
    ("1.2.840.10008.5.1.4.1.1.77.1.", "a photograph, video or slide"),
    ("1.2.840.10008.5.1.4.1.1.128", "a PET image"),
    ("1.2.840.10008.5.1.4.1.1.20", "a nuclear medicine image"),
    ("1.2.840.10008.5.1.4.1.1.30", "a parametric map"),
    ("1.2.840.10008.5.1.4.1.1.4", "an MR image"),
    ("1.2.840.10008.5.1.4.1.1.6.", "an ultrasound image"),
    ("1.2.840.10008.5.1.4.1.1.3", "an ultrasound image"),
    ("1.2.840.10008.5.1.4.1.1.12.", "an X-ray angiogram"),
    ("1.2.840.10008.5.1.4.1.1.13.", "a 3D X-ray image"),
    (DICOMDIR, "an index of a DICOM medium (DICOMDIR)"),
)


def name_of_other_class(sop_class: str) -> str:
    """Return what an object that is no breast X-ray image is, in words."""
    for prefix, name in _NO_MAMMOGRAM:
        if sop_class.startswith(prefix):
            return name
    return f"an object of SOP class {sop_class}" if sop_class else "an object without SOP class"


_SYNTHETIC_WORDS = (
    "CVIEW", "CVIEW2D", "INTELLIGENT2D", "I2D", "INSIGHT2D", "SVIEW", "SYNTHETIC", "SYNTHESIZED", "SYNTHESISED",
    "VPREVIEW", "SYN2D", "S2D", "SM2D", "TOMO2D",
)  # fmt: skip
"""Vendors' names of synthetic 2D images (Hologic, Siemens, Fujifilm, GE), without blanks and hyphens."""


def names_synthetic(text: str) -> bool:
    """Whether a vendor's text names a synthetic 2D image; the last thing to go by."""
    words = "".join(char if char.isalnum() else " " for char in text.upper()).split()
    joined = {"".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, min(i + 4, len(words)) + 1)}
    return not joined.isdisjoint(_SYNTHETIC_WORDS)
