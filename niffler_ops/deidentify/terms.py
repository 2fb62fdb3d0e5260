"""Defined terms and enumerated values of the codes that decide how pixels are read (PS3.3)."""

from collections.abc import Mapping

_YES_NO = "YES NO"
_METHODS = "ISO_10918_1 ISO_14495_1 ISO_15444_1 ISO_15444_15 ISO_18181_1 ISO_13818_2 ISO_14496_10 ISO_23008_2"
_DOMAINS = "FREQUENCY TIME"
_MODALITIES = """
    ANN AR ASMT AU BDUS BI BMD CD CF CP CR CS CT CTPROTOCOL DD DF DG DM DMS DOC DS DX EC ECG EEG EMG EOG EPS
    ES FA FID FS GM HC HD IO IOL IVOCT IVUS KER KO LEN LP LS M3D MA MG MR MS NM OAM OCT OP OPM OPR OPT OPTBSV
    OPTENF OPV OSS OT PA PLAN POS PR PT PX REG RESP RF RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD
    RTSEGANN RTSTRUCT RWV SC SEG SM SMR SR SRF ST STAIN TEXTUREMAP TG US VA VF XA XAPROTOCOL XC
"""
_TERMS = {
    "Modality": _MODALITIES,
    "PhotometricInterpretation": """MONOCHROME1 MONOCHROME2 PALETTE_COLOR RGB HSV ARGB CMYK XYB YBR_FULL
        YBR_FULL_422 YBR_PARTIAL_422 YBR_PARTIAL_420 YBR_ICT YBR_RCT""",
    "CorrectedImage": """UNIF COR NCO DECY ATTN SCAT DTIM NRGY LIN MOTN CLN PMOT RAN RADL DCAL NORM""",
    "QualityControlImage": "YES NO BOTH",
    "BurnedInAnnotation": _YES_NO,
    "RecognizableVisualFeatures": _YES_NO,
    "LongitudinalTemporalInformationModified": "UNMODIFIED MODIFIED REMOVED",
    "PixelSpacingCalibrationType": "GEOMETRY FIDUCIAL",
    "PixelIntensityRelationship": "LIN LOG DISP OTHER",
    "VOILUTFunction": "LINEAR LINEAR_EXACT SIGMOID",
    "RecommendedViewingMode": "SUB NAT",
    "BreastImplantPresent": _YES_NO,
    "PartialView": _YES_NO,
    "SpatialLocationsPreserved": "YES NO REORIENTED_ONLY",
    "DataPathAssignment": """PRIMARY_PVALUES PRIMARY_SINGLE SECONDARY_SINGLE SECONDARY_HIGH SECONDARY_LOW""",
    "BlendingLUT1TransferFunction": "CONSTANT ALPHA_1 ALPHA_2 TABLE",
    "BlendingLUT2TransferFunction": "CONSTANT ONE_MINUS ALPHA_1 ALPHA_2 TABLE",
    "DataPathID": "PRIMARY SECONDARY",
    "RGBLUTTransferFunction": "EQUAL_RGB TABLE",
    "AlphaLUTTransferFunction": "NONE IDENTITY TABLE",
    "ColorSpace": "SRGB ADOBERGB ROMMRGB",
    "LossyImageCompression": "00 01",
    "LossyImageCompressionMethod": _METHODS,
    "MaskOperation": "NONE AVG_SUB TID REV_TID",
    "DataRepresentation": "COMPLEX REAL IMAGINARY MAGNITUDE PHASE MIXED",
    "SignalDomainColumns": _DOMAINS,
    "SignalDomainRows": _DOMAINS,
    "GeometricalProperties": "UNIFORM NON_UNIFORM",
    "MaskSelectionMode": "SYSTEM OPERATOR",
    "LUTFunction": "TO_LOG TO_LINEAR",
    "ImageProcessingApplied": """DIGITAL_SUBTR HIGH_PASS_FILTER LOW_PASS_FILTER MULTI_BAND_FLTR FREQUENCY_BAND
        EDGE_ENHANCE NONE""",
    "PresentationLUTShape": "IDENTITY INVERSE LIN_OD",
}
_WITH_A_SPACE = {"PALETTE_COLOR": "PALETTE COLOR", "LIN_OD": "LIN OD"}

TERMS: Mapping[str, frozenset[str]] = {
    keyword: frozenset(_WITH_A_SPACE.get(term, term) for term in terms.split())
    for keyword, terms in _TERMS.items()
}
"""By keyword, every value that the standard knows."""


def is_term(keyword: str, value: str) -> bool:
    """Whether a value is one that the standard knows for this attribute, and so says nothing of anybody."""
    return value in TERMS[keyword]
