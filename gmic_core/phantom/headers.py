"""DICOM headers of simulated images: Breast Tomosynthesis (PS3.3 A.55) and Digital Mammography X-Ray (A.27).

The layout follows a real Hologic Selenia Dimensions object: shared and per-frame functional groups, a position for
every slice, view and side as codes. Content Qualification is RESEARCH and the patient is SIMULATED^BREAST.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from gmic_core.phantom.anatomy import BreastSpec
from gmic_core.phantom.imaging import FFDM_SPACING_MM, PATIENT_ORIENTATION
from gmic_core.types import Laterality

DATE, TIME = "20260101", "120000"
MANUFACTURER, MODEL = "GMIC Viewer", "Simulated breast"
OBLIQUE_DEG = 45.0
SLICE_MM = 1.0

TOMOSYNTHESIS_CLASS = "1.2.840.10008.5.1.4.1.1.13.1.3"
MAMMOGRAM_CLASS = "1.2.840.10008.5.1.4.1.1.1.2"

VIEW_CODES = {"CC": ("399162004", "cranio-caudal"), "MLO": ("399368009", "medio-lateral oblique")}
WINDOWS = {"DBT": (550.0, 600.0), "S2D": (590.0, 720.0), "FFDM": (2000.0, 2600.0)}
"""Window centre and width in stored values."""


@dataclass(frozen=True)
class Uids:
    """The identifiers of one object."""

    study: str
    series: str
    frame_of_reference: str
    dimensions: str
    instance: str


def tomosynthesis(spec: BreastSpec, uids: Uids) -> Dataset:
    """Return the header of a tomosynthesis volume, complete but for Pixel Data."""
    return _tomosynthesis_object(spec, uids, "DBT", ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "NONE"], "VOLUME")


def synthetic_2d(spec: BreastSpec, uids: Uids) -> Dataset:
    """Return the header of a 2D image computed from slices: a tomosynthesis object of one frame (PS3.3 C.8.21.3).

    The mammography object class does not know the image type GENERATED_2D.
    """
    return _tomosynthesis_object(spec, uids, "S2D", ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"], "SAMPLED")


def mammogram(spec: BreastSpec, shape: tuple[int, ...], uids: Uids) -> Dataset:
    """Return the header of a full-field mammogram for presentation, complete but for Pixel Data."""
    ds = _common(spec, uids, "FFDM", shape)
    ds.SOPClassUID = MAMMOGRAM_CLASS
    ds.ImageType = ["ORIGINAL", "PRIMARY", ""]
    for name, value in (("Acquisition", DATE), ("Series", DATE)):
        setattr(ds, f"{name}Date", value)
        setattr(ds, f"{name}Time", TIME)
    ds.ImagerPixelSpacing = [FFDM_SPACING_MM, FFDM_SPACING_MM]
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.PixelIntensityRelationship, ds.PixelIntensityRelationshipSign = "LOG", -1
    ds.ImageLaterality, ds.OrganExposed = spec.laterality.value, "BREAST"
    ds.PositionerType, ds.ViewPosition = "MAMMOGRAPHIC", spec.view
    ds.PatientOrientation = list(PATIENT_ORIENTATION[spec.laterality, spec.view])
    ds.AnatomicRegionSequence = [_code("76752008", "Breast")]
    ds.WindowCenter, ds.WindowWidth = WINDOWS["FFDM"]
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = 0, 1, "US"
    ds.BodyPartThickness, ds.CompressionForce = spec.slices * SLICE_MM, 100
    ds.DetectorType, ds.DetectorConditionsNominalFlag, ds.FieldOfViewShape = "DIRECT", "YES", "RECTANGLE"
    ds.FieldOfViewOrigin, ds.FieldOfViewRotation, ds.FieldOfViewHorizontalFlip = ["0", "0"], "0", "NO"
    ds.AnodeTargetMaterial, ds.FilterMaterial, ds.KVP = "TUNGSTEN", "RHODIUM", 29
    ds.PositionerPrimaryAngle = _tube_angle(spec)
    return ds


def _tomosynthesis_object(spec: BreastSpec, uids: Uids, kind: str, image_type: list[str], volumetric: str) -> Dataset:
    frames = spec.slices if kind == "DBT" else 1
    ds = _common(spec, uids, kind, (spec.rows, spec.columns))
    ds.SOPClassUID = TOMOSYNTHESIS_CLASS
    ds.ImageType = image_type
    ds.NumberOfFrames = frames
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = uids.frame_of_reference, ""
    frame_type = _items(
        FrameType=image_type,
        PixelPresentation="MONOCHROME",
        VolumetricProperties=volumetric,
        VolumeBasedCalculationTechnique="TOMOSYNTHESIS",
    )
    for element in frame_type:
        if element.keyword != "FrameType":
            ds.add(element)
    frame_type.ReconstructionIndex = 1
    # not in the class's definition, but real systems write them and readers look for them
    ds.PositionerType, ds.ViewPosition = "MAMMOGRAPHIC", spec.view
    ds.PatientOrientation = list(PATIENT_ORIENTATION[spec.laterality, spec.view])
    ds.XRay3DAcquisitionSequence = [_acquisition(spec)]
    ds.XRay3DReconstructionSequence = [_reconstruction()]
    ds.DimensionOrganizationSequence = [_items(DimensionOrganizationUID=uids.dimensions)]
    ds.DimensionIndexSequence = [
        _items(
            DimensionOrganizationUID=uids.dimensions,
            DimensionIndexPointer=0x00209057,  # In-Stack Position Number
            FunctionalGroupPointer=0x00209111,  # Frame Content Sequence
        )
    ]
    ds.SharedFunctionalGroupsSequence = [_shared_groups(spec, kind, frames)]
    ds.PerFrameFunctionalGroupsSequence = [_frame_groups(spec, index, frames, frame_type) for index in range(frames)]
    return ds


def _common(spec: BreastSpec, uids: Uids, kind: str, shape: tuple[int, ...]) -> Dataset:
    """Return what both objects share: patient, study, series, equipment, view and pixel description."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SOPInstanceUID, ds.StudyInstanceUID, ds.SeriesInstanceUID = uids.instance, uids.study, uids.series
    ds.StudyDate = ds.ContentDate = DATE
    ds.StudyTime = ds.ContentTime = TIME
    ds.AccessionNumber = ds.ReferringPhysicianName = ds.PatientBirthDate = ""
    ds.PatientName, ds.PatientID, ds.PatientSex = "SIMULATED^BREAST", f"SIM-{spec.seed:06d}", "F"
    ds.StudyID, ds.StudyDescription = f"{spec.seed}", "Simulated breasts, no patient"
    ds.Modality, ds.SeriesDescription = "MG", f"{spec.laterality}-{spec.view} {kind} (simulated)"
    ds.SeriesNumber, ds.InstanceNumber = _series_number(spec, kind), 1
    ds.Manufacturer, ds.ManufacturerModelName = MANUFACTURER, MODEL
    ds.DeviceSerialNumber, ds.SoftwareVersions = "0", "1"
    ds.ContentQualification, ds.BurnedInAnnotation = "RESEARCH", "NO"
    ds.BodyPartExamined = "BREAST"
    ds.ViewCodeSequence = [_code(*VIEW_CODES[spec.view])]
    ds.ViewCodeSequence[0].ViewModifierCodeSequence = []
    ds.BreastImplantPresent, ds.PartialView = "NO", "NO"
    ds.AcquisitionContextSequence = []
    ds.LossyImageCompression, ds.PresentationLUTShape = "00", "IDENTITY"
    _describe_pixels(ds, shape, 12 if kind == "FFDM" else 10)
    return ds


def _describe_pixels(ds: Dataset, shape: tuple[int, ...], bits: int) -> None:
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, bits, bits - 1, 0


def _series_number(spec: BreastSpec, kind: str) -> int:
    views = [(side, view) for side in (Laterality.R, Laterality.L) for view in ("CC", "MLO")]
    return 10 * (1 + ("FFDM", "S2D", "DBT").index(kind)) + views.index((spec.laterality, spec.view))


def _acquisition(spec: BreastSpec) -> Dataset:
    """Return the geometry and exposure of the sweep; the numbers are those of a usual system."""
    item = _items(
        DistanceSourceToDetector=700,
        DistanceSourceToPatient=675,
        EstimatedRadiographicMagnificationFactor=1.037,
        FieldOfViewShape="RECTANGLE",
        FieldOfViewOrigin=["0", "0"],
        FieldOfViewRotation="0",
        FieldOfViewHorizontalFlip="NO",
        AnodeTargetMaterial="TUNGSTEN",
        FilterType="FLAT",
        FilterMaterial="ALUMINUM",
        FocalSpots=0.3,
        DetectorTemperature=30,
        KVP=31,
        ExposureControlMode="AUTOMATIC",
        ExposureControlModeDescription="Simulated",
        HalfValueLayer=0.5,
        BodyPartThickness=spec.slices * SLICE_MM,
        CompressionForce=100,
        PaddleDescription="Simulated",
        PrimaryPositionerScanArc=15.0,
        XRayReceptorType="DIGITAL_DETECTOR",
    )
    projection = _items(
        PositionerPrimaryAngle=_tube_angle(spec),
        ExposureTimeInms=250.0,
        XRayTubeCurrentInmA=200.0,
        ExposureInmAs=50.0,
        RelativeXRayExposure=400,
    )
    item.PerProjectionAcquisitionSequence = [projection]
    return item


def _reconstruction() -> Dataset:
    return _items(
        ReconstructionDescription="Simulated, limited angle",
        ApplicationName=MANUFACTURER,
        ApplicationVersion="1",
        ApplicationManufacturer=MANUFACTURER,
        AlgorithmType="FILTER_BACK_PROJ",
        AcquisitionIndex=1,
    )


def _shared_groups(spec: BreastSpec, kind: str, frames: int) -> Dataset:
    center, width = WINDOWS[kind]
    anatomy = _items(FrameLaterality=spec.laterality.value, AnatomicRegionSequence=[_code("76752008", "Breast")])
    columns, rows, _ = slice_directions(spec.laterality, spec.view)
    thickness = SLICE_MM * spec.slices / frames  # the 2D image stands for the whole breast
    return _items(
        FrameAnatomySequence=[anatomy],
        PlaneOrientationSequence=[_items(ImageOrientationPatient=[*_rounded(columns), *_rounded(rows)])],
        PixelMeasuresSequence=[_items(PixelSpacing=[spec.spacing_mm, spec.spacing_mm], SliceThickness=thickness)],
        FrameVOILUTSequence=[_items(WindowCenter=center, WindowWidth=width)],
        PixelValueTransformationSequence=[_items(RescaleIntercept=0, RescaleSlope=1, RescaleType="US")],
    )


def _frame_groups(spec: BreastSpec, index: int, frames: int, frame_type: Dataset) -> Dataset:
    *_, along = slice_directions(spec.laterality, spec.view)
    height = index * SLICE_MM if frames > 1 else 0.5 * (spec.slices - 1) * SLICE_MM
    content = _items(
        FrameAcquisitionNumber=1, StackID="1", InStackPositionNumber=index + 1, DimensionIndexValues=[index + 1]
    )
    return _items(
        FrameContentSequence=[content],
        PlanePositionSequence=[_items(ImagePositionPatient=_rounded(along * height))],
        XRay3DFrameTypeSequence=[frame_type],
    )


def slice_directions(laterality: Laterality, view: str) -> tuple[Any, Any, Any]:
    """Return unit vectors (LPS) of increasing column, increasing row and increasing slice (detector to tube)."""
    angle = 0.0 if view == "CC" else np.deg2rad(90.0 - OBLIQUE_DEG)
    side = 1.0 if laterality is Laterality.R else -1.0  # for a right breast, medial is towards +x
    columns = np.array([0.0, side, 0.0])
    rows = np.array([side * np.cos(angle), 0.0, -np.sin(angle)])
    return columns, rows, -np.cross(columns, rows)


def _tube_angle(spec: BreastSpec) -> float:
    if spec.view == "CC":
        return 0.0
    return OBLIQUE_DEG if spec.laterality is Laterality.R else -OBLIQUE_DEG


def _rounded(vector: Any) -> list[float]:
    return [round(float(value), 6) + 0.0 for value in vector]  # + 0.0: no negative zeros in the file


def _code(value: str, meaning: str) -> Dataset:
    return _items(CodeValue=value, CodingSchemeDesignator="SCT", CodeMeaning=meaning)


def _items(**elements: object) -> Dataset:
    ds = Dataset()
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds
