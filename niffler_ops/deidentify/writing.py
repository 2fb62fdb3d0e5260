"""DICOM files without the patient: one file in, one file out, or the reason why not."""

import os
import stat
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
)

from niffler_ops.deidentify import compressed, encoding, native, pixeldata, statement
from niffler_ops.deidentify.deidentifier import Deidentifier, Link
from niffler_ops.deidentify.holding import HIDDEN_OVERLAY, REGION_NOT_BLANKED
from niffler_ops.deidentify.pixeldata import CannotBlankError, CutShortError, PixelElement
from niffler_ops.deidentify.regions import Region
from niffler_ops.deidentify.unusedbits import PixelBits, pixel_bits, tells_of_overlay
from niffler_ops.errors import ORDERLY_ENDS
from niffler_ops.files import make_private_folder, part_of, refuse_links, rename, write_private

_PIXEL_DATA = 0x7FE00010
_PIXEL_VRS = {0x7FE00008: "OF", 0x7FE00009: "OD", _PIXEL_DATA: "OW"}
_OFFSET_TABLES = (0x7FE00001, 0x7FE00002, 0x7FE00003)


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """The de-identified file, its pseudonymous SOP Instance UID, and what of its frames was blanked."""

    path: Path
    sop_instance_uid: str
    links: tuple[Link, ...]
    regions: tuple[Region, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """Not passed on: the rule, as its name and reason; the pseudonymous SOP Instance UID, "" without one."""

    rule: str
    sop_instance_uid: str
    links: tuple[Link, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Unreadable:
    """Not a DICOM file that can be passed on; the reason holds nothing of the file's."""

    reason: str


def learn_file(source: Path, deidentifier: Deidentifier) -> Dataset | None:
    """Let `deidentifier` learn of the file at `source`; gives its header, or None where it cannot be read.

    To be done with all files of a study before the first of them is de-identified.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with _opened(source) as stream:
                header = dcmread(stream, stop_before_pixels=True)
            deidentifier.learn(header)
        except ORDERLY_ENDS:
            raise
        except BaseException:  # noqa: BLE001 - what cannot be read names nobody; whoever works on it says why
            return None
    return header


def deidentify_file(
    source: Path,
    folder: Path,
    deidentifier: Deidentifier,
    *,
    is_taken: Callable[[str], bool] = lambda _uid: False,
) -> Written | Held | Unreadable:
    """Write the DICOM file at `source` de-identified as `folder`/STUDY/SERIES/INSTANCE.dcm, named anew.

    A file has its name when it is whole; it is durable when the caller has synced the file system. One whose
    pseudonymous SOP Instance UID `is_taken` is tried, and leaves the file of that name as it is. Raises
    OSError where nothing can be written, CannotWriteError where a link is in the way, and neither for
    anything that is wrong with the source.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what pydicom forgives
        try:
            stream = _opened(source)
        except OSError as error:
            return Unreadable(reason=f"the file cannot be opened: {error.strerror}")
        with stream:
            try:
                original = _read(stream)
            except ORDERLY_ENDS:
                raise
            except BaseException as error:  # noqa: BLE001 - whatever its bytes cause, the file is not passed on
                return Unreadable(reason=_why_unreadable(error))
            return _passed_on(original, folder, deidentifier, is_taken)


class _Original(NamedTuple):
    """An original up to its pixel data, the stream that stands at their value, and the syntax to write."""

    header: FileDataset
    pixels: PixelElement | None
    stream: BinaryIO
    syntax: UID


def _opened(source: Path) -> BinaryIO:
    # Without O_NONBLOCK, a named pipe put in our way would be waited for without end.
    descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "no regular file")
    return os.fdopen(descriptor, "rb")


def _read(stream: BinaryIO) -> _Original:
    header = dcmread(stream, stop_before_pixels=True)
    if not header:
        raise CutShortError
    stated = header.file_meta.get("TransferSyntaxUID")
    if stated == DeflatedExplicitVRLittleEndian:
        return _read_deflated(stream)
    implicit, little = encoding.as_read(header)
    header.set_original_encoding(implicit, little, header.original_character_set)
    pixels = pixeldata.read_header(stream, explicit=not implicit, little=little)
    is_compressed = pixels is not None and pixels.length == pixeldata.UNDEFINED_LENGTH
    return _Original(header, pixels, stream, encoding.syntax(header, stated, is_compressed=is_compressed))


def _read_deflated(stream: BinaryIO) -> _Original:
    """A deflated file is inflated as a whole, and written as it is then."""
    stream.seek(0)
    header = dcmread(stream)
    tag = next((tag for tag in _PIXEL_VRS if tag in header), None)
    if tag is None:
        return _Original(header, None, stream, ExplicitVRLittleEndian)
    value = bytes(header[tag].value or b"")
    pixels = _pixel_header(len(value), _PIXEL_VRS[tag], tag)
    for each in _PIXEL_VRS:
        header.pop(each, None)
    return _Original(header, pixels, BytesIO(value), ExplicitVRLittleEndian)


def _pixel_header(length: int, vr: str, tag: int = _PIXEL_DATA) -> PixelElement:
    """The header of a pixel data element in Explicit VR Little Endian."""
    header = struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, vr.encode(), 0, length)
    return PixelElement(header, length, "<")


def _why_unreadable(error: BaseException) -> str:
    """What to tell of an error; its own text may hold values of the file."""
    if isinstance(error, InvalidDicomError):
        return "this is no DICOM file"
    if isinstance(error, encoding.WrongSyntaxError):
        return str(error)
    if isinstance(error, CutShortError | EOFError):
        return "the file is cut short"
    return f"the file cannot be read or encoded anew ({type(error).__name__})"


def _passed_on(
    original: _Original, folder: Path, deidentifier: Deidentifier, is_taken: Callable[[str], bool]
) -> Written | Held | Unreadable:
    """Write an original, unless it is held back."""
    try:
        result = deidentifier.dataset(original.header)
        study, series, instance = (
            _single(result.dataset, keyword)
            for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
        )
        regions = deidentifier.held_or_regions(original.header, has_pixels=original.pixels is not None)
        if isinstance(regions, str):
            return Held(rule=regions, sop_instance_uid=instance, links=result.links)
    except ORDERLY_ENDS:
        raise
    except BaseException as error:  # noqa: BLE001 - what cannot be read ends this file, not the batch
        return Unreadable(reason=_why_unreadable(error))
    if not (study and series and instance):
        return Unreadable(reason="a Study, Series or SOP Instance UID is missing")
    path = folder / study / series / f"{instance}.dcm"
    refuse_links(path.parent, below=folder.parent)
    make_private_folder(path.parent)
    try:
        with _appearing_at(path, appears=not is_taken(instance)) as target:
            _write(target, original, result.dataset, regions, deidentifier)
    except (*ORDERLY_ENDS, OSError):
        raise
    except CannotBlankError as error:
        rule = f"{REGION_NOT_BLANKED if regions else HIDDEN_OVERLAY}, and {error}"
        return Held(rule=rule, sop_instance_uid=instance, links=result.links)
    except BaseException as error:  # noqa: BLE001 - what cannot be encoded ends this file, not the batch
        return Unreadable(reason=_why_unreadable(error))
    return Written(path=path, sop_instance_uid=instance, links=result.links, regions=regions)


def _single(dataset: Dataset, keyword: str) -> str:
    """A UID; "" where there is none, or several."""
    value = dataset.get(keyword, "")
    return str(value) if isinstance(value, str) else ""


@contextmanager
def _appearing_at(path: Path, *, appears: bool) -> Iterator[BinaryIO]:
    """A private file that has its name when all is written, and leaves nothing behind otherwise."""
    temporary = part_of(path)
    try:
        write_private(temporary, b"")
        with temporary.open("wb") as target:
            yield target
        if appears:
            rename(temporary, path)
        else:
            temporary.unlink()
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _write(
    target: BinaryIO,
    original: _Original,
    dataset: Dataset,
    regions: tuple[Region, ...],
    deidentifier: Deidentifier,
) -> None:
    """Write the de-identified header, and the pixels as they are or with their regions blanked."""
    if regions:
        statement.state(dataset, deidentifier.options, pixels_cleaned=True)
    bits = pixel_bits(original.header) if original.pixels and original.pixels.tag == _PIXEL_DATA else None
    if original.syntax.is_compressed and (regions or (bits and _hides_overlay(original, bits))):
        _write_decoded(target, original, dataset, regions, bits, deidentifier)
        return
    _write_header(target, dataset, deidentifier.file_meta(dataset, original.syntax))
    if original.pixels is None:
        if "BitsAllocated" in original.header:
            raise CutShortError
    elif regions:
        layout = native.layout_of(original.header, original.pixels)
        native.copy_blanked(original.pixels, original.stream, target, layout, regions, bits)
    elif bits and not original.syntax.is_compressed:
        native.copy_cleared(original.pixels, original.stream, target, bits)
    else:
        pixeldata.copy(original.pixels, original.stream, target)


def _hides_overlay(original: _Original, bits: PixelBits) -> bool:
    """Whether compressed pixels have unused bits set; looked for only where an overlay is told of."""
    if not tells_of_overlay(original.header):
        return False
    begin = original.stream.tell()
    original.stream.seek(0)
    found = compressed.has_unused_bits_set(dcmread(original.stream), bits)
    original.stream.seek(begin)
    return found


def _write_decoded(
    target: BinaryIO,
    original: _Original,
    dataset: Dataset,
    regions: tuple[Region, ...],
    bits: PixelBits | None,
    deidentifier: Deidentifier,
) -> None:
    """Decode compressed pixels; write them without regions and unused bits in Explicit VR Little Endian."""
    original.stream.seek(0)
    frames = compressed.blanked_frames(dcmread(original.stream), regions, bits)
    first, properties = next(frames)
    count = int(dataset.get("NumberOfFrames") or 1)
    length = count * first.nbytes
    if length > pixeldata.MOST_NATIVE:
        raise CannotBlankError("its pixels are too many to be written uncompressed")
    for tag in _OFFSET_TABLES:
        dataset.pop(tag, None)
    dataset.BitsAllocated = first.dtype.itemsize * 8
    dataset.PhotometricInterpretation = properties["photometric_interpretation"]
    if int(dataset.get("SamplesPerPixel") or 1) > 1:
        dataset.PlanarConfiguration = 0
    _write_header(target, dataset, deidentifier.file_meta(dataset, ExplicitVRLittleEndian))
    target.write(_pixel_header(length + length % 2, "OB" if first.dtype.itemsize == 1 else "OW").header)
    for written, (frame, _) in enumerate(chain([(first, properties)], frames), 1):
        if written > count:
            raise CannotBlankError("it has more frames than it says")
        target.write(frame.astype(frame.dtype.newbyteorder("<"), copy=False).tobytes())
    if written < count:
        raise CutShortError
    target.write(bytes(length % 2))


def _write_header(target: BinaryIO, dataset: Dataset, meta: FileMetaDataset) -> None:
    """Preamble, file meta information, and all of the data set that comes before its pixels."""
    target.write(bytes(128) + b"DICM")
    encoded = DicomFileLike(target)
    write_file_meta_info(encoded, meta, enforce_standard=True)
    encoded.is_implicit_VR = meta.TransferSyntaxUID.is_implicit_VR
    encoded.is_little_endian = meta.TransferSyntaxUID.is_little_endian
    write_dataset(encoded, dataset)
