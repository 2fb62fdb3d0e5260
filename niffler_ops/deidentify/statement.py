"""What a de-identified object says of itself (PS3.15 E.1, PS3.16 CID 7050), and its file meta information."""

from functools import lru_cache
from io import BytesIO

from pydicom import config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from niffler_ops.deidentify.options import Dates, Options
from niffler_ops.deidentify.profile import EDITION

IMPLEMENTATION_CLASS = "2.25.219604287392740316285493612780413594027"
IMPLEMENTATION_VERSION = "NIFFLER"

_SCHEME = "DCM"
# PS3.16 CID 7050.
_PROFILE = ("113100", "Basic Application Confidentiality Profile")
_CLEAN_PIXELS = ("113101", "Clean Pixel Data Option")
_CLEAN_DESCRIPTORS = ("113105", "Clean Descriptors Option")
_FULL_DATES = ("113106", "Retain Longitudinal Temporal Information Full Dates Option")
_MODIFIED_DATES = ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")
_PATIENT_CHARACTERISTICS = ("113108", "Retain Patient Characteristics Option")
_DEVICE_IDENTITY = ("113109", "Retain Device Identity Option")
_TEMPORAL = {Dates.REMOVED: "REMOVED", Dates.MODIFIED: "MODIFIED", Dates.FULL: "UNMODIFIED"}


def state(dataset: Dataset, options: Options, *, pixels_cleaned: bool = False) -> None:
    """Write into `dataset` what was done to it."""
    implicit, little = dataset.original_encoding
    dataset.update(_statement(options, pixels_cleaned, bool(implicit), little is not False))


@lru_cache(maxsize=64)
def _statement(
    options: Options,
    pixels_cleaned: bool,  # noqa: FBT001 - a cache tells positions apart faster
    implicit: bool,  # noqa: FBT001
    little: bool,  # noqa: FBT001
) -> Dataset:
    """The statement as a file of this encoding has it: raw elements, which data sets can share."""
    codes = _codes(options, pixels_cleaned=pixels_cleaned)
    stated = Dataset()
    stated.PatientIdentityRemoved = "YES"
    stated.DeidentificationMethod = _method(codes)
    stated.DeidentificationMethodCodeSequence = Sequence(map(_item, codes))
    stated.LongitudinalTemporalInformationModified = _TEMPORAL[options.dates]
    if pixels_cleaned:
        stated.BurnedInAnnotation = "NO"
    encoded = DicomBytesIO()
    encoded.is_implicit_VR, encoded.is_little_endian = implicit, little
    write_dataset(encoded, stated)
    return read_dataset(BytesIO(encoded.getvalue()), implicit, little)


def file_meta(sop_class: str, sop_instance: str, transfer_syntax: str) -> FileMetaDataset:
    """File meta information made anew: no AE title and no private information of the original's is in it."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = UID(sop_class, config.IGNORE)
    meta.MediaStorageSOPInstanceUID = UID(sop_instance, config.IGNORE)
    meta.TransferSyntaxUID = UID(transfer_syntax, config.IGNORE)
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION
    return meta


def _codes(options: Options, *, pixels_cleaned: bool) -> tuple[tuple[str, str], ...]:
    chosen = (
        (_PROFILE, True),
        (_CLEAN_PIXELS, pixels_cleaned),
        (_CLEAN_DESCRIPTORS, options.clean_descriptors),
        (_FULL_DATES, options.dates is Dates.FULL),
        (_MODIFIED_DATES, options.dates is Dates.MODIFIED),
        (_PATIENT_CHARACTERISTICS, options.patient_characteristics),
        (_DEVICE_IDENTITY, options.device_identity),
    )
    return tuple(code for code, is_chosen in chosen if is_chosen)


def _method(codes: tuple[tuple[str, str], ...]) -> list[str]:
    return [f"Niffler by PS3.15 {EDITION} Annex E", *(meaning for _, meaning in codes)]


def _item(code: tuple[str, str]) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code[0], _SCHEME, code[1]
    return item
