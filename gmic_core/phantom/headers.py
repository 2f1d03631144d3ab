"""DICOM headers of simulated images: Breast Tomosynthesis (PS3.3 A.55) and Digital Mammography X-Ray (A.27).

The layout follows a real Hologic Selenia Dimensions object: shared and per-frame functional groups, a position for
every slice, view and side as codes. Content Qualification is RESEARCH and the patient is SIMULATED^BREAST.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydicom.dataset import Dataset

from gmic_core.phantom import exposure
from gmic_core.phantom.frame import PATIENT_ORIENTATION, VIEWS, first_pixel, slice_directions, tube_angle
from gmic_core.phantom.geometry import ANGLES_DEG, SOURCE_TO_DETECTOR_MM, SUPPORT_TO_DETECTOR_MM
from gmic_core.phantom.spec import DBT_SLICE_MM, PHANTOM_VERSION, BreastSpec, ViewName
from gmic_core.types import Laterality

Kind = Literal["DBT", "FFDM", "S2D"]
KINDS: tuple[Kind, ...] = ("DBT", "FFDM", "S2D")

DATE, TIME = "20260101", "120000"
MANUFACTURER, MODEL = "GMIC Viewer", "Simulated breast"
SIMULATED = "SIMULATED: a digital breast, not a patient. For research only."
COMPRESSION_N = 100

TOMOSYNTHESIS_CLASS = "1.2.840.10008.5.1.4.1.1.13.1.3"
MAMMOGRAM_CLASS = "1.2.840.10008.5.1.4.1.1.1.2"

VIEW_CODES = {"CC": ("399162004", "cranio-caudal"), "MLO": ("399368009", "medio-lateral oblique")}
IMAGE_TYPES: dict[Kind, list[str]] = {
    "DBT": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "NONE"],
    "S2D": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"],
    "FFDM": ["ORIGINAL", "PRIMARY", ""],
}
WINDOWS: dict[Kind, tuple[float, float]] = {"DBT": (480.0, 460.0), "S2D": (440.0, 430.0), "FFDM": (2000.0, 2400.0)}
"""Window centre and width in stored values."""
DERIVATION: dict[Kind, str] = {
    "DBT": "Simulated: 15 projections of a digital breast, filtered back projection",
    "S2D": "Simulated: synthetic 2D image from the tomosynthesis slices of a digital breast",
    "FFDM": "Simulated: projection of a digital breast, processed for presentation",
}


@dataclass(frozen=True)
class Uids:
    """The identifiers of one object; ``source`` is the tomosynthesis volume that a synthetic image comes from."""

    study: str
    series: str
    frame_of_reference: str
    dimensions: str
    instance: str
    source: str = ""


def mammogram(spec: BreastSpec, view: ViewName, kind: Kind, uids: Uids) -> Dataset:
    """Return the header of a 2D image for presentation, FFDM or S2D, complete but for Pixel Data."""
    plate = spec.plate
    shape, pixel = (plate.ffdm, plate.ffdm_mm) if kind == "FFDM" else (plate.dbt, plate.dbt_mm)
    ds = _common(spec, view, kind, uids, shape)
    ds.SOPClassUID = MAMMOGRAM_CLASS
    for name, value in (("Acquisition", DATE), ("Series", DATE)):
        setattr(ds, f"{name}Date", value)
        setattr(ds, f"{name}Time", TIME)
    ds.ImagerPixelSpacing = [_decimal(pixel), _decimal(pixel)]
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.PixelIntensityRelationship, ds.PixelIntensityRelationshipSign = "LOG", -1
    ds.ImageLaterality, ds.OrganExposed = spec.laterality.value, "BREAST"
    ds.AnatomicRegionSequence = [_code("76752008", "Breast")]
    ds.WindowCenter, ds.WindowWidth = WINDOWS[kind]
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = 0, 1, "US"
    ds.DetectorType, ds.DetectorConditionsNominalFlag, ds.FieldOfViewShape = "DIRECT", "YES", "RECTANGLE"
    ds.FieldOfViewOrigin, ds.FieldOfViewRotation, ds.FieldOfViewHorizontalFlip = ["0", "0"], "0", "NO"
    ds.BodyPartThickness, ds.CompressionForce = spec.thickness_mm, COMPRESSION_N
    ds.DistanceSourceToDetector = SOURCE_TO_DETECTOR_MM
    ds.DistanceSourceToPatient = SOURCE_TO_DETECTOR_MM - SUPPORT_TO_DETECTOR_MM
    if kind == "FFDM":  # of the breast's middle; a synthetic image is of slices, in which magnification is undone
        above = SUPPORT_TO_DETECTOR_MM + spec.thickness_mm / 2
        ds.EstimatedRadiographicMagnificationFactor = _decimal(SOURCE_TO_DETECTOR_MM / (SOURCE_TO_DETECTOR_MM - above))
    ds.PositionerPrimaryAngle = tube_angle(spec.laterality, view)
    _describe_exposure(ds, _exposure(spec, kind))
    if uids.source:
        ds.SourceImageSequence = [_source_image(uids.source)]
    return ds


def tomosynthesis(spec: BreastSpec, view: ViewName, uids: Uids) -> Dataset:
    """Return the header of a tomosynthesis volume, complete but for Pixel Data."""
    ds = _common(spec, view, "DBT", uids, spec.plate.dbt)
    ds.SOPClassUID = TOMOSYNTHESIS_CLASS
    ds.NumberOfFrames = spec.slices
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = uids.frame_of_reference, ""
    frame_type = _items(
        FrameType=IMAGE_TYPES["DBT"],
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        VolumeBasedCalculationTechnique="TOMOSYNTHESIS",
    )
    for element in frame_type:
        if element.keyword != "FrameType":
            ds.add(element)
    frame_type.ReconstructionIndex = 1
    ds.XRay3DAcquisitionSequence = [_acquisition(spec, view)]
    ds.XRay3DReconstructionSequence = [_reconstruction()]
    ds.DimensionOrganizationSequence = [_items(DimensionOrganizationUID=uids.dimensions)]
    ds.DimensionIndexSequence = [
        _items(
            DimensionOrganizationUID=uids.dimensions,
            DimensionIndexPointer=0x00209057,  # In-Stack Position Number
            FunctionalGroupPointer=0x00209111,  # Frame Content Sequence
        )
    ]
    ds.SharedFunctionalGroupsSequence = [_shared_groups(spec, view)]
    ds.PerFrameFunctionalGroupsSequence = [_frame_groups(spec, view, index, frame_type) for index in range(spec.slices)]
    return ds


def _common(spec: BreastSpec, view: ViewName, kind: Kind, uids: Uids, shape: tuple[int, int]) -> Dataset:
    """Return what all objects share: patient, study, series, equipment, view and pixel description."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SOPInstanceUID, ds.StudyInstanceUID, ds.SeriesInstanceUID = uids.instance, uids.study, uids.series
    ds.StudyDate = ds.ContentDate = DATE
    ds.StudyTime = ds.ContentTime = TIME
    ds.AccessionNumber = ds.ReferringPhysicianName = ds.PatientBirthDate = ""
    ds.PatientName, ds.PatientID, ds.PatientSex = "SIMULATED^BREAST", patient_id(spec.seed), "F"
    ds.StudyID, ds.StudyDescription = f"{spec.seed}"[-16:], "Simulated breasts, no patient"
    ds.Modality, ds.SeriesDescription = "MG", f"{spec.laterality}-{view} {kind} (simulated)"
    ds.SeriesNumber, ds.InstanceNumber = _series_number(spec, view, kind), 1
    ds.Manufacturer, ds.ManufacturerModelName = MANUFACTURER, MODEL
    ds.DeviceSerialNumber, ds.SoftwareVersions = "0", str(PHANTOM_VERSION)
    ds.ContentQualification, ds.BurnedInAnnotation = "RESEARCH", "NO"
    ds.ImageType, ds.ImageComments, ds.DerivationDescription = IMAGE_TYPES[kind], SIMULATED, DERIVATION[kind]
    ds.BodyPartExamined, ds.PositionerType, ds.ViewPosition = "BREAST", "MAMMOGRAPHIC", view
    ds.PatientOrientation = list(PATIENT_ORIENTATION[spec.laterality, view])
    ds.ViewCodeSequence = [_code(*VIEW_CODES[view])]
    ds.ViewCodeSequence[0].ViewModifierCodeSequence = []
    ds.BreastImplantPresent, ds.PartialView = "NO", "NO"
    ds.AcquisitionContextSequence = []
    ds.LossyImageCompression, ds.PresentationLUTShape = "00", "IDENTITY"
    _describe_pixels(ds, shape, 12 if kind == "FFDM" else 10)
    return ds


def patient_id(seed: int) -> str:
    """Return the ID of the simulated patient, also the name of the exam's folder in capitals."""
    return f"SIM-{seed:06d}"


def _describe_pixels(ds: Dataset, shape: tuple[int, int], bits: int) -> None:
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, bits, bits - 1, 0


def _series_number(spec: BreastSpec, view: ViewName, kind: Kind) -> int:
    views = [(side, name) for side in (Laterality.R, Laterality.L) for name in VIEWS]
    return 10 * (1 + ("FFDM", "S2D", "DBT").index(kind)) + views.index((spec.laterality, view))


def _exposure(spec: BreastSpec, kind: Kind) -> exposure.Exposure:
    """Return the exposure that an image comes from; a synthetic image comes from the sweep."""
    make = exposure.mammography if kind == "FFDM" else exposure.tomosynthesis
    return make(spec.thickness_mm)


def _describe_exposure(ds: Dataset, one: exposure.Exposure) -> None:
    """Add what one exposure was made with, in the attributes of a mammogram."""
    ds.KVP, ds.AnodeTargetMaterial, ds.FilterMaterial = one.kvp, "TUNGSTEN", one.filter_material
    ds.ExposureInuAs = round(1000 * one.charge_mas * one.shots)
    ds.ExposureTimeInuS = _decimal(1000 * one.time_ms * one.shots)
    ds.XRayTubeCurrentInuA = _decimal(1000 * exposure.CURRENT_MA)
    ds.EntranceDoseInmGy, ds.OrganDose = _decimal(one.entrance_mgy), _decimal(one.glandular_mgy / 100)  # dGy
    ds.HalfValueLayer = _decimal(one.half_value_mm)


def _acquisition(spec: BreastSpec, view: ViewName) -> Dataset:
    """Return the geometry and exposure of the sweep, with one item for each of its projections."""
    one = _exposure(spec, "DBT")
    item = _items(
        DistanceSourceToDetector=SOURCE_TO_DETECTOR_MM,
        DistanceSourceToPatient=SOURCE_TO_DETECTOR_MM - SUPPORT_TO_DETECTOR_MM,
        EstimatedRadiographicMagnificationFactor=_decimal(
            SOURCE_TO_DETECTOR_MM / (SOURCE_TO_DETECTOR_MM - SUPPORT_TO_DETECTOR_MM)
        ),
        FieldOfViewShape="RECTANGLE",
        FieldOfViewOrigin=["0", "0"],
        FieldOfViewRotation="0",
        FieldOfViewHorizontalFlip="NO",
        AnodeTargetMaterial="TUNGSTEN",
        FilterType="FLAT",
        FilterMaterial=one.filter_material,
        FocalSpots=0.3,
        DetectorTemperature=30,
        DetectorBinning=[2, 2],
        KVP=one.kvp,
        ExposureControlMode="AUTOMATIC",
        ExposureControlModeDescription="Simulated",
        HalfValueLayer=_decimal(one.half_value_mm),
        EntranceDoseInmGy=_decimal(one.entrance_mgy),
        OrganDose=_decimal(one.glandular_mgy / 100),  # dGy
        BodyPartThickness=spec.thickness_mm,
        CompressionForce=COMPRESSION_N,
        PaddleDescription="Simulated",
        PrimaryPositionerScanArc=max(ANGLES_DEG) - min(ANGLES_DEG),
        XRayReceptorType="DIGITAL_DETECTOR",
    )
    middle = tube_angle(spec.laterality, view)
    item.PerProjectionAcquisitionSequence = [
        _items(
            PositionerPrimaryAngle=_decimal(middle + angle),
            ExposureTimeInms=round(one.time_ms, 3),
            XRayTubeCurrentInmA=exposure.CURRENT_MA,
            ExposureInmAs=round(one.charge_mas, 4),
            RelativeXRayExposure=400,
        )
        for angle in ANGLES_DEG
    ]
    return item


def _reconstruction() -> Dataset:
    return _items(
        ReconstructionDescription="Simulated, filtered back projection",
        ApplicationName=MANUFACTURER,
        ApplicationVersion=str(PHANTOM_VERSION),
        ApplicationManufacturer=MANUFACTURER,
        AlgorithmType="FILTER_BACK_PROJ",
        AcquisitionIndex=1,
    )


def _shared_groups(spec: BreastSpec, view: ViewName) -> Dataset:
    center, width = WINDOWS["DBT"]
    anatomy = _items(FrameLaterality=spec.laterality.value, AnatomicRegionSequence=[_code("76752008", "Breast")])
    columns, rows, _ = slice_directions(spec.laterality, view)
    pixel = _decimal(spec.plate.dbt_mm)
    return _items(
        FrameAnatomySequence=[anatomy],
        PlaneOrientationSequence=[_items(ImageOrientationPatient=[*_rounded(columns), *_rounded(rows)])],
        PixelMeasuresSequence=[_items(PixelSpacing=[pixel, pixel], SliceThickness=DBT_SLICE_MM)],
        FrameVOILUTSequence=[_items(WindowCenter=center, WindowWidth=width)],
        PixelValueTransformationSequence=[_items(RescaleIntercept=0, RescaleSlope=1, RescaleType="US")],
    )


def _frame_groups(spec: BreastSpec, view: ViewName, index: int, frame_type: Dataset) -> Dataset:
    content = _items(
        FrameAcquisitionNumber=1, StackID="1", InStackPositionNumber=index + 1, DimensionIndexValues=[index + 1]
    )
    return _items(
        FrameContentSequence=[content],
        PlanePositionSequence=[_items(ImagePositionPatient=_rounded(first_pixel(spec, view, index)))],
        XRay3DFrameTypeSequence=[frame_type],
    )


def _source_image(instance: str) -> Dataset:
    """Return the reference from a synthetic image to the volume that it was computed from."""
    return _items(
        ReferencedSOPClassUID=TOMOSYNTHESIS_CLASS,
        ReferencedSOPInstanceUID=instance,
        PurposeOfReferenceCodeSequence=[
            _items(
                CodeValue="121322",
                CodingSchemeDesignator="DCM",
                CodeMeaning="Source of Image Processing Operation",
            )
        ],
    )


def _rounded(vector: Any) -> list[float]:
    return [round(float(value), 6) + 0.0 for value in vector]  # + 0.0: no negative zeros in the file


def _decimal(value: float) -> float:
    return round(value, 8)  # a Decimal String holds 16 characters


def _code(value: str, meaning: str) -> Dataset:
    return _items(CodeValue=value, CodingSchemeDesignator="SCT", CodeMeaning=meaning)


def _items(**elements: object) -> Dataset:
    ds = Dataset()
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds
