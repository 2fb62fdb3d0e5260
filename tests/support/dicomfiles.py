"""DICOM files as bytes, made by pydicom's writer and not by ours."""

import io
import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID, ExplicitVRLittleEndian

CT = "1.2.840.10008.5.1.4.1.1.2"


def identity() -> Dataset:
    """The least that makes an instance."""
    dataset = Dataset()
    dataset.SOPClassUID = CT
    dataset.SOPInstanceUID = "1.2.3.4"
    dataset.StudyInstanceUID = "1.2"
    dataset.SeriesInstanceUID = "1.2.3"
    dataset.PatientID = "P1"
    return dataset


def image(*, rows: int = 4, columns: int = 6, pixels: bytes | None = None, **elements: Any) -> Dataset:
    """A small image; `elements` by keyword change it, None removes one."""
    dataset = identity()
    dataset.Rows, dataset.Columns = rows, columns
    dataset.SamplesPerPixel, dataset.BitsAllocated, dataset.PixelRepresentation = 1, 16, 0
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = bytes(range(1, 49)) if pixels is None else pixels
    for keyword, value in elements.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    if "PixelData" in dataset:
        dataset["PixelData"].VR = "OW"
    return dataset


def encode(
    dataset: Dataset,
    syntax: str = ExplicitVRLittleEndian,
    *,
    tail: bytes = b"",
    meta: Mapping[str, str | None] = MappingProxyType({}),
) -> bytes:
    """`dataset` as the bytes of a file; `tail` follows it; `meta` changes the file meta, None removes."""
    file_meta = FileMetaDataset()
    file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", CT)
    file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "1.2.3.4")
    file_meta.TransferSyntaxUID = UID(syntax)
    for keyword, value in meta.items():
        if value is None:
            delattr(file_meta, keyword)
        else:
            setattr(file_meta, keyword, value)
    body = encoded_body(dataset, syntax) + tail
    if syntax.endswith(".1.99"):
        compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        body = compressor.compress(body) + compressor.flush()
    buffer = DicomBytesIO()
    buffer.write(bytes(128) + b"DICM")
    write_file_meta_info(buffer, file_meta, enforce_standard=False)
    return buffer.getvalue() + body


def encoded_body(dataset: Dataset, syntax: str) -> bytes:
    """The data set alone."""
    buffer = io.BytesIO()
    implicit, little = syntax == "1.2.840.10008.1.2", syntax != "1.2.840.10008.1.2.2"
    if syntax.startswith("1.2.840.10008.1.2.4") and "PixelData" in dataset:
        dataset["PixelData"].is_undefined_length = True
    dataset.save_as(buffer, implicit_vr=implicit, little_endian=little)
    return buffer.getvalue()
