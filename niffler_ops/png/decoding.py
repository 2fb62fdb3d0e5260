"""Frames that have to be decoded, by pydicom and the plugins whose licences allow us to depend on them."""

import itertools
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.uid import (
    JPEG2000TransferSyntaxes,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSTransferSyntaxes,
)

from niffler_ops.deidentify.codestream import is_ended, stated_size
from niffler_ops.deidentify.unusedbits import PixelBits
from niffler_ops.errors import ORDERLY_ENDS
from niffler_ops.png.description import ImagePixel, named
from niffler_ops.png.errors import CannotRenderError
from niffler_ops.png.jpeg import rgb_of_jpeg
from niffler_ops.png.source import PixelElement
from niffler_ops.png.words import Array, StoredFrame, stored_layout, unsigned, whole_layout

_COLOUR_JPEG = {JPEGBaseline8Bit, JPEGExtended12Bit}
# Their codestreams state bits and sign, by which pydicom puts the values right.
_SELF_DESCRIBING = frozenset((*JPEG2000TransferSyntaxes, *JPEGLSTransferSyntaxes))
# The quickest of the plugins that can; where it cannot after all, every other one is tried.
_QUICKEST = dict.fromkeys(JPEG2000TransferSyntaxes, "pylibjpeg") | dict.fromkeys(
    JPEGLSTransferSyntaxes, "pyjpegls"
)


def decoded_frames(pixel: ImagePixel, element: PixelElement, header: Dataset) -> Iterator[StoredFrame]:
    """Each frame in turn; CannotRenderError where one is missing or cannot be decoded."""
    frames = _attempts(pixel, element, header)
    for number in range(1, pixel.frames + 1):
        try:
            with warnings.catch_warnings():
                # What pydicom warns about, it has put right or does not matter for the picture.
                warnings.simplefilter("ignore")
                frame = next(frames)
        except StopIteration:
            raise CannotRenderError(f"frame {number} of {pixel.frames} is missing") from None
        except CannotRenderError:
            raise
        except ORDERLY_ENDS:
            raise
        except BaseException as error:
            # Codecs raise whatever they like for bytes that are not theirs.
            raise CannotRenderError(
                f"{named(pixel.syntax)}, {pixel.bits_stored} bits stored, cannot be decoded (frame {number})"
            ) from error
        yield frame


def _attempts(pixel: ImagePixel, element: PixelElement, header: Dataset) -> Iterator[StoredFrame]:
    """The frames by the first way of decoding that gives the first of them."""
    if element.length is None:
        _check(pixel, element, header)
    if pixel.syntax in _COLOUR_JPEG and pixel.samples > 1:
        yield from _colour_jpeg(pixel, element, header)
        return
    decoder = get_decoder(pixel.syntax)
    frames = _by_pydicom(decoder, pixel, element, header, _QUICKEST.get(pixel.syntax, ""))
    try:
        first = next(frames)
    except RuntimeError:
        frames = _by_pydicom(decoder, pixel, element, header, "")
        first = next(frames)
    yield from itertools.chain([first], frames)


def _check(pixel: ImagePixel, element: PixelElement, header: Dataset) -> None:
    """Refuse codestreams at which decoders would take all memory, or minutes."""
    for number, encoded in enumerate(_encoded(pixel, element, header), start=1):
        if stated_size(encoded) not in {None, (pixel.rows, pixel.columns)}:
            raise CannotRenderError(f"frame {number} has another size than Rows and Columns say")
        if pixel.syntax in JPEGLSTransferSyntaxes and not is_ended(encoded):
            # CharLS then looks for a one among two thousand million zeros.
            raise CannotRenderError(f"frame {number} is cut")
        if number == pixel.frames:
            return


def _encoded(pixel: ImagePixel, element: PixelElement, header: Dataset) -> Iterator[bytes]:
    """The codestream of each frame."""
    element.stream.seek(element.offset)
    return generate_frames(
        element.stream, number_of_frames=pixel.frames, extended_offsets=_extended_offsets(header)
    )


def _by_pydicom(
    decoder: Decoder, pixel: ImagePixel, element: PixelElement, header: Dataset, plugin: str
) -> Iterator[StoredFrame]:
    element.stream.seek(element.offset)
    options: dict[str, Any] = {
        "rows": pixel.rows,
        "columns": pixel.columns,
        "samples_per_pixel": pixel.samples,
        "planar_configuration": pixel.planar,
        "number_of_frames": pixel.frames,
        "bits_allocated": pixel.bits_allocated,
        "bits_stored": pixel.bits_stored,
        "pixel_representation": int(pixel.signed),
        "photometric_interpretation": pixel.photometric,
        "pixel_keyword": element.keyword,
        "pixel_vr": element.vr,
        "extended_offsets": _extended_offsets(header),
    }
    if pixel.syntax not in _SELF_DESCRIBING:
        options["correct_unused_bits"] = False  # our layout does it, also where HighBit is unusual
    for array, changed in decoder.iter_array(element.stream, raw=True, decoding_plugin=plugin, **options):
        yield _stored(array, pixel, str(changed["photometric_interpretation"]))


def _stored(array: Array, pixel: ImagePixel, photometric: str) -> StoredFrame:
    if array.dtype.kind == "f":
        return StoredFrame(array, None, photometric)
    as_stated = array.dtype.itemsize * 8 == pixel.bits_allocated and pixel.syntax not in _SELF_DESCRIBING
    layout = stored_layout(pixel) if as_stated else whole_layout(array.dtype)
    if not as_stated and pixel.bits_stored < pixel.bits_allocated:
        signed = array.dtype.kind == "i"
        bits = PixelBits(pixel.bits_allocated, pixel.bits_stored, pixel.shift, signed)
        bits.without_shift().clear(array)  # a codestream has its values without a shift
    return StoredFrame(unsigned(array), layout, photometric)


def _colour_jpeg(pixel: ImagePixel, element: PixelElement, header: Dataset) -> Iterator[StoredFrame]:
    for encoded in _encoded(pixel, element, header):
        array = rgb_of_jpeg(encoded, photometric=pixel.photometric)
        if array.shape != (pixel.rows, pixel.columns, pixel.samples):
            raise CannotRenderError("the JPEG image has another number of samples than the header says")
        yield StoredFrame(array, whole_layout(np.dtype(np.uint8)), "RGB")


def _extended_offsets(header: Dataset) -> tuple[bytes, bytes] | None:
    """Where the frames lie, if the header says it (PS3.3 C.7.6.3.1.8)."""
    offsets, lengths = header.get("ExtendedOffsetTable"), header.get("ExtendedOffsetTableLengths")
    return (offsets, lengths) if offsets and lengths else None
