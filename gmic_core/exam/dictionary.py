"""The DICOM attributes that this program reads, and the transfer syntaxes that it knows.

Attributes that are not listed are skipped while reading a header: 5,000 headers in seconds instead of minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_ATTRIBUTES = """
00020002 UI MediaStorageSOPClassUID
00020003 UI MediaStorageSOPInstanceUID
00020010 UI TransferSyntaxUID
00041220 SQ DirectoryRecordSequence
00041430 CS DirectoryRecordType
00041500 CS ReferencedFileID
00080005 CS SpecificCharacterSet
00080008 CS ImageType
00080016 UI SOPClassUID
00080018 UI SOPInstanceUID
0008001C CS SyntheticData
00080020 DA StudyDate
00080021 DA SeriesDate
00080022 DA AcquisitionDate
00080023 DA ContentDate
0008002A DT AcquisitionDateTime
00080032 TM AcquisitionTime
00080033 TM ContentTime
00080060 CS Modality
00080064 CS ConversionType
00080068 CS PresentationIntentType
00080070 LO Manufacturer
00080100 SH CodeValue
00080102 SH CodingSchemeDesignator
00080104 LO CodeMeaning
0008103E LO SeriesDescription
00081090 LO ManufacturerModelName
00082111 ST DerivationDescription
00082218 SQ AnatomicRegionSequence
00089007 CS FrameType
00100010 PN PatientName
00100020 LO PatientID
00100030 DA PatientBirthDate
00130010 LO PrivateCreator0013
00131010 LO CollectionName
00180015 CS BodyPartExamined
00180050 DS SliceThickness
00180060 DS KVP
00180088 DS SpacingBetweenSlices
00181030 LO ProtocolName
00181050 DS SpatialResolution
00181114 DS EstimatedRadiographicMagnificationFactor
00181164 DS ImagerPixelSpacing
001811A0 DS BodyPartThickness
001811A2 DS CompressionForce
00181400 LO AcquisitionDeviceProcessingDescription
00181401 LO AcquisitionDeviceProcessingCode
00182010 DS NominalScannedPixelSpacing
00185101 CS ViewPosition
00189504 SQ XRay3DFrameTypeSequence
00189507 SQ XRay3DAcquisitionSequence
0020000D UI StudyInstanceUID
0020000E UI SeriesInstanceUID
00200013 IS InstanceNumber
00200020 CS PatientOrientation
00200032 DS ImagePositionPatient
00200037 DS ImageOrientationPatient
00200060 CS Laterality
00200062 CS ImageLaterality
00209057 UL InStackPositionNumber
00209071 SQ FrameAnatomySequence
00209072 CS FrameLaterality
00209111 SQ FrameContentSequence
00209113 SQ PlanePositionSequence
00209116 SQ PlaneOrientationSequence
00209157 UL DimensionIndexValues
00204000 LT ImageComments
00280002 US SamplesPerPixel
00280004 CS PhotometricInterpretation
00280008 IS NumberOfFrames
00280010 US Rows
00280011 US Columns
00280030 DS PixelSpacing
00280100 US BitsAllocated
00280101 US BitsStored
00280102 US HighBit
00280103 US PixelRepresentation
00280120 US PixelPaddingValue
00280121 US PixelPaddingRangeLimit
00280A02 CS PixelSpacingCalibrationType
00281050 DS WindowCenter
00281051 DS WindowWidth
00281052 DS RescaleIntercept
00281053 DS RescaleSlope
00281055 LO WindowCenterWidthExplanation
00281056 CS VOILUTFunction
00283000 SQ ModalityLUTSequence
00283002 US LUTDescriptor
00283003 LO LUTExplanation
00283006 OW LUTData
00283010 SQ VOILUTSequence
00289110 SQ PixelMeasuresSequence
00289132 SQ FrameVOILUTSequence
00289145 SQ PixelValueTransformationSequence
00540220 SQ ViewCodeSequence
00540222 SQ ViewModifierCodeSequence
20500020 CS PresentationLUTShape
52009229 SQ SharedFunctionalGroupsSequence
52009230 SQ PerFrameFunctionalGroupsSequence
7E010010 LO PrivateCreator7E01
"""

TAG: dict[str, int] = {}
"""Tag (group << 16 | element) by keyword."""

VR: dict[int, str] = {}
"""Value representation by tag; it decides in implicit VR files and where a file states a nonsensical one."""

for _line in _ATTRIBUTES.split("\n"):
    if _line:
        _number, _vr, _keyword = _line.split()
        TAG[_keyword] = int(_number, 16)
        VR[int(_number, 16)] = _vr

PIXEL_DATA = 0x7FE00010
FLOAT_PIXEL_DATA = (0x7FE00008, 0x7FE00009)
HOLOGIC_GROUP = 0x7E01
"""Private group in which Hologic's Secondary Capture objects carry tomosynthesis pixels."""

Codec = Literal["native", "deflated", "rle", "jpeg", "jpegls", "jpeg2000", "htj2k"]


@dataclass(frozen=True)
class Syntax:
    """One transfer syntax.

    Attributes
    ----------
    codec : how its pixels are coded, or None when this program does not decode it.
    """

    uid: str
    name: str
    codec: Codec | None
    explicit: bool = True
    big_endian: bool = False


_SYNTAXES = (
    Syntax("1.2.840.10008.1.2", "Implicit VR Little Endian", "native", explicit=False),
    Syntax("1.2.840.10008.1.2.1", "Explicit VR Little Endian", "native"),
    Syntax("1.2.840.10008.1.2.1.99", "Deflated Explicit VR Little Endian", "deflated"),
    Syntax("1.2.840.10008.1.2.2", "Explicit VR Big Endian", "native", big_endian=True),
    Syntax("1.2.840.10008.1.2.4.50", "JPEG Baseline", "jpeg"),
    Syntax("1.2.840.10008.1.2.4.51", "JPEG Extended", "jpeg"),
    Syntax("1.2.840.10008.1.2.4.57", "JPEG Lossless", "jpeg"),
    Syntax("1.2.840.10008.1.2.4.70", "JPEG Lossless SV1", "jpeg"),
    Syntax("1.2.840.10008.1.2.4.80", "JPEG-LS Lossless", "jpegls"),
    Syntax("1.2.840.10008.1.2.4.81", "JPEG-LS Near-lossless", "jpegls"),
    Syntax("1.2.840.10008.1.2.4.90", "JPEG 2000 Lossless", "jpeg2000"),
    Syntax("1.2.840.10008.1.2.4.91", "JPEG 2000", "jpeg2000"),
    Syntax("1.2.840.10008.1.2.4.92", "JPEG 2000 Part 2 Lossless", None),
    Syntax("1.2.840.10008.1.2.4.93", "JPEG 2000 Part 2", None),
    Syntax("1.2.840.10008.1.2.4.94", "JPIP Referenced", None),
    Syntax("1.2.840.10008.1.2.4.95", "JPIP Referenced Deflate", None),
    Syntax("1.2.840.10008.1.2.4.100", "MPEG2 Main Profile", None),
    Syntax("1.2.840.10008.1.2.4.102", "MPEG-4 AVC/H.264", None),
    Syntax("1.2.840.10008.1.2.4.107", "HEVC/H.265", None),
    Syntax("1.2.840.10008.1.2.4.110", "JPEG XL Lossless", None),
    Syntax("1.2.840.10008.1.2.4.111", "JPEG XL Recompression", None),
    Syntax("1.2.840.10008.1.2.4.112", "JPEG XL", None),
    Syntax("1.2.840.10008.1.2.4.201", "HTJ2K Lossless", "htj2k"),
    Syntax("1.2.840.10008.1.2.4.202", "HTJ2K Lossless RPCL", "htj2k"),
    Syntax("1.2.840.10008.1.2.4.203", "HTJ2K", "htj2k"),
    Syntax("1.2.840.10008.1.2.5", "RLE Lossless", "rle"),
    Syntax("1.2.840.113619.5.2", "GE private big endian", None),
)

SYNTAXES = {syntax.uid: syntax for syntax in _SYNTAXES}
"""Known transfer syntaxes by UID."""

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
IMPLICIT_LITTLE = "1.2.840.10008.1.2"


def syntax_of(uid: str) -> Syntax:
    """Return the transfer syntax of ``uid``; an unknown one is read as explicit VR and cannot be decoded."""
    return SYNTAXES.get(uid) or Syntax(uid, f"unknown transfer syntax {uid or '(none)'}", None)
