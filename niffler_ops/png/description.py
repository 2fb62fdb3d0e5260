"""What the Image Pixel module says of an instance (PS3.3 C.7.6.3), read once and checked."""

from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from niffler_ops.deidentify.terms import TERMS
from niffler_ops.png.errors import CannotRenderError
from niffler_ops.png.values import first_number, text_of

_FLOAT_BITS = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}
_BITS = {1, 8, 16, 32, 64}
_SAMPLES = {1, 3}


@dataclass(frozen=True, kw_only=True, slots=True)
class ImagePixel:
    """How the pixels of an instance are stored; `shift` is the number of unused bits below the lowest."""

    syntax: UID
    keyword: str
    rows: int
    columns: int
    samples: int
    frames: int
    bits_allocated: int
    bits_stored: int
    shift: int
    signed: bool
    photometric: str
    planar: int

    @property
    def is_float(self) -> bool:
        """Whether the pixels are floating-point numbers."""
        return self.keyword in _FLOAT_BITS

    @property
    def is_grey(self) -> bool:
        """Whether there is one sample, which is a grey value."""
        return self.photometric in {"MONOCHROME1", "MONOCHROME2"}


def image_pixel(header: Dataset, keyword: str) -> ImagePixel:
    """The description of the pixels of element `keyword`; CannotRenderError where it makes no sense."""
    allocated = _FLOAT_BITS.get(keyword) or _whole(header, "BitsAllocated")
    stored = allocated if keyword in _FLOAT_BITS else _whole(header, "BitsStored", allocated)
    syntax = transfer_syntax(header)
    is_encapsulated(syntax)  # knows the syntax, or refuses it before anything else is wrong
    pixel = ImagePixel(
        syntax=syntax,
        keyword=keyword,
        rows=_whole(header, "Rows"),
        columns=_whole(header, "Columns"),
        samples=_whole(header, "SamplesPerPixel", 1),
        frames=max(1, _whole(header, "NumberOfFrames", 1)),
        bits_allocated=allocated,
        bits_stored=stored,
        # A highest bit that leaves no room for those below it is one of the errors that all readers forgive.
        shift=max(0, min(allocated - 1, _whole(header, "HighBit", stored - 1)) + 1 - stored),
        signed=_whole(header, "PixelRepresentation", 0) == 1,
        photometric=text_of(header, "PhotometricInterpretation"),
        planar=_whole(header, "PlanarConfiguration", 0),
    )
    _check(pixel)
    return pixel


def transfer_syntax(header: Dataset) -> UID:
    """How the data set was encoded, as the file meta information says."""
    meta = getattr(header, "file_meta", None)
    syntax = None if meta is None else meta.get("TransferSyntaxUID")
    if not syntax:
        raise CannotRenderError("the file does not say its transfer syntax")
    return UID(str(syntax))


def is_encapsulated(syntax: UID) -> bool:
    """Whether pixels are in fragments; CannotRenderError for a transfer syntax that nobody here can read."""
    try:
        return bool(get_decoder(syntax).is_encapsulated)
    except NotImplementedError:
        raise CannotRenderError(f"no decoder for {named(syntax)}") from None


def named(syntax: UID) -> str:
    """A transfer syntax for people: its name and UID."""
    return (
        f"{syntax.name} ({syntax})" if syntax.name != syntax else "a transfer syntax that nobody registered"
    )


def shown(photometric: str) -> str:
    """What a reason says of PhotometricInterpretation: nothing that the standard does not know."""
    known = photometric in TERMS["PhotometricInterpretation"]
    return photometric if known else "unknown" if photometric else "no"


def _whole(header: Dataset, keyword: str, default: int | None = None) -> int:
    """An attribute as a whole number; the default where it is absent or empty."""
    number = first_number(header, keyword)
    if number is None:
        if default is None:
            raise CannotRenderError(f"{keyword} is missing")
        return default
    return int(number)


def _check(pixel: ImagePixel) -> None:
    if min(pixel.rows, pixel.columns) < 1:
        raise CannotRenderError("Rows or Columns is 0")
    if pixel.samples not in _SAMPLES or (pixel.is_grey and pixel.samples != 1):
        raise CannotRenderError(f"{pixel.samples} samples a pixel with {shown(pixel.photometric)}")
    if pixel.bits_allocated not in _BITS or not 0 < pixel.bits_stored <= pixel.bits_allocated:
        raise CannotRenderError(f"{pixel.bits_stored} bits stored in {pixel.bits_allocated}")
