"""Compressed pixel data decoded, because they have to lose regions or what lies in their unused bits."""

from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset
from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit, RLELossless

from niffler_ops.deidentify.pixeldata import CannotBlankError, Frame, decoded, fill
from niffler_ops.deidentify.regions import Region
from niffler_ops.deidentify.unusedbits import PixelBits

_MOST_BITS = {JPEGBaseline8Bit: 8, JPEGExtended12Bit: 12}
"""How many bits a sample has at most where the codestream leaves no room for more (ITU-T T.81)."""


def has_unused_bits_set(source: Dataset, bits: PixelBits) -> bool:
    """Whether any frame has more in it than the `bits` of pixels; CannotBlankError where nobody can tell."""
    if bits.stored >= _MOST_BITS.get(source.file_meta.TransferSyntaxUID, bits.allocated):
        return False
    if bits.shift and source.file_meta.TransferSyntaxUID != RLELossless:
        raise CannotBlankError("HighBit is not that of its compressed pixels")
    frames = decoded(source, raw=True, correct_unused_bits=False)
    return any(bits.clear(frame) for frame, _ in frames)


def blanked_frames(
    source: Dataset, regions: Sequence[Region], bits: PixelBits | None
) -> Iterator[tuple[Frame, dict[str, str | int]]]:
    """Every frame without its regions, all but the `bits` of pixels cleared, and what pydicom says of it.

    Raises CannotBlankError where it cannot be decoded.
    """
    options = {}
    if bits is not None and bits.shift:
        options["correct_unused_bits"] = False  # pydicom would take the lowest bits for the pixel's
        if source.file_meta.TransferSyntaxUID != RLELossless:  # a codestream has its values without a shift
            bits = bits.without_shift()
    for frame, properties in decoded(source, **options):
        if bits is not None:
            bits.clear(frame)
        fill(frame if frame.ndim > 2 else frame[..., None], regions, (0,))  # noqa: PLR2004
        yield frame, properties
