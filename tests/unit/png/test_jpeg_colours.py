"""What the three components of a JPEG are: markers first, then the header."""

import io

import numpy as np
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit

from niffler_ops.png import CannotRenderError
from tests.unit.png.conftest import Draw
from tests.unit.png.test_colours import coloured

SIDE = 64
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]
PICTURE = np.stack([ROWS * 4, COLUMNS * 4, 255 - ROWS * 4], axis=-1).astype(np.uint8)
ADOBE = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00"


def jpeg(*, ybr: bool) -> bytes:
    """The picture with its components in YCbCr or, named R, G and B, in RGB; with a JFIF marker if YCbCr."""
    stream = io.BytesIO()
    Image.fromarray(PICTURE).save(stream, "JPEG", quality=95, subsampling=0, keep_rgb=not ybr)
    return stream.getvalue()


def bare(codestream: bytes, *, adobe: int | None = None) -> bytes:
    """Without markers that say what the components are, or with Adobe's."""
    kept, position = b"" if adobe is None else ADOBE + bytes([adobe]), 2
    while codestream[position + 1] != 0xDA:
        length = 2 + int.from_bytes(codestream[position + 2 : position + 4])
        if codestream[position + 1] not in {0xE0, 0xEE}:
            kept += codestream[position : position + length]
        position += length
    return codestream[:2] + kept + codestream[position:]


def renamed(codestream: bytes) -> bytes:
    """With components 1, 2 and 3 instead of R, G and B."""
    changed = bytearray(codestream)
    frame, scan = codestream.index(b"\xff\xc0"), codestream.index(b"\xff\xda")
    for number in range(3):
        changed[frame + 10 + 3 * number] = changed[scan + 5 + 2 * number] = number + 1
    return bytes(changed)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize(
    "codestream",
    [
        jpeg(ybr=True),
        bare(jpeg(ybr=True), adobe=1),
        bare(jpeg(ybr=False)),
        bare(jpeg(ybr=False), adobe=0),
        renamed(bare(jpeg(ybr=False), adobe=0)),
    ],
    ids=["JFIF", "Adobe YCbCr", "named RGB", "Adobe and named RGB", "Adobe RGB"],
)
def test_markers_are_believed_whatever_the_header_says(
    draw: Draw, codestream: bytes, photometric: str
) -> None:
    assert difference(draw, codestream, photometric) <= 12


@pytest.mark.parametrize("photometric", ["YBR_FULL", "YBR_FULL_422"])
def test_without_markers_the_header_says_ybr(draw: Draw, photometric: str) -> None:
    assert difference(draw, bare(jpeg(ybr=True)), photometric) <= 12


def test_without_markers_the_header_says_rgb(draw: Draw) -> None:
    assert difference(draw, renamed(bare(jpeg(ybr=False))), "RGB") <= 12


def test_a_jpeg_of_another_size_is_refused(draw: Draw) -> None:
    with pytest.raises(CannotRenderError, match="frame 1 has another size"):
        difference(draw, jpeg(ybr=True), "YBR_FULL", rows=SIDE - 1)


@pytest.mark.parametrize("end", [2, 20, 300])
def test_a_jpeg_that_was_cut_is_refused(draw: Draw, end: int) -> None:
    with pytest.raises(CannotRenderError):
        difference(draw, jpeg(ybr=True)[:end], "YBR_FULL")


def difference(draw: Draw, codestream: bytes, photometric: str, *, rows: int = SIDE) -> int:
    """How far a drawn level is from the picture's at most."""
    dataset = coloured([[0, 0, 0]], Rows=rows, Columns=SIDE, PhotometricInterpretation=photometric)
    dataset.PixelData = encapsulate([codestream])
    dataset["PixelData"].VR = "OB"
    return int(np.abs(draw(dataset, JPEGBaseline8Bit).astype(int) - PICTURE[:rows]).max())
