"""Overlays in bits that belong to no pixel are wiped out, and the pixels keep their values."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSLossless, RLELossless

from niffler_ops.deidentify import Options
from niffler_ops.deidentify.deidentifier import Deidentifier
from niffler_ops.deidentify.pseudonyms import Pseudonyms
from niffler_ops.deidentify.writing import Held
from tests.support.dicomfiles import encode, image
from tests.unit.deidentify.onefile import run, written

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
NATIVE = [IMPLICIT, EXPLICIT, BIG, "1.2.840.10008.1.2.1.99"]
ROWS, COLUMNS = 32, 48
PIXELS = (np.arange(ROWS * COLUMNS) * 37 % 4096).reshape(ROWS, COLUMNS)
OVERLAY = np.zeros((ROWS, COLUMNS), int)
OVERLAY[4:9, 5:40] = 1
OVERLAY_ATTRIBUTES: list[dict[int, tuple[str, object]]] = [
    {0x60000102: ("US", 12)},
    {0x60000102: ("US", 12), 0x60003000: ("OW", b"")},
    {0x60000102: ("US", 12), 0x60003000: ("OW", bytes(192))},
    {0x60000010: ("US", ROWS)},
    {0x60200011: ("US", COLUMNS)},
]


def grey(words: np.ndarray[Any, Any], **elements: Any) -> Dataset:
    """An image of 12 bits in words of 16."""
    usual = {"BitsStored": 12, "HighBit": 11, "Rows": ROWS, "Columns": COLUMNS}
    return image(pixels=words.tobytes(), **usual | elements)


def compressed(
    syntax: str, words: np.ndarray[Any, Any], overlay: dict[int, tuple[str, object]], **elements: Any
) -> bytes:
    """Words of 16 bits, compressed as a whole, of which the header calls 12 the pixel's."""
    made = dcmread(BytesIO(encode(grey(words, BitsStored=16, HighBit=15, **elements))))
    made.compress(syntax, generate_instance_uid=False)
    made.BitsStored, made.HighBit = 12, 11
    for tag, (vr, value) in overlay.items():
        made.add_new(tag, vr, value)
    buffer = BytesIO()
    made.save_as(buffer)
    return buffer.getvalue()


@pytest.fixture
def blanking(tmp_path: Path, pseudonyms: Pseudonyms) -> Deidentifier:
    """Blanks rows 0 and 1 where Modality is XX."""
    path = tmp_path / "own.recipe"
    path.write_text(f"%filter graylist\nLABEL ours\n  equals Modality XX\n  coordinates 0,0,{COLUMNS},2\n")
    return Deidentifier(Options(), pseudonyms, recipe=path)


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize("overlay", [{}, *OVERLAY_ATTRIBUTES])
def test_native_pixels_lose_what_lies_above_them(
    tmp_path: Path, deidentifier: Deidentifier, syntax: str, overlay: dict[int, tuple[str, object]]
) -> None:
    kind = ">u2" if syntax == BIG else "<u2"
    source = grey((PIXELS | OVERLAY << 12).astype(kind))
    for tag, (vr, value) in overlay.items():
        source.add_new(tag, vr, value)
    result = written(tmp_path, deidentifier, encode(source, syntax))
    assert (np.frombuffer(result.PixelData, kind).reshape(PIXELS.shape) == PIXELS).all()


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
def test_native_pixels_lose_what_lies_below_them(
    tmp_path: Path, deidentifier: Deidentifier, syntax: str
) -> None:
    kind = ">u2" if syntax == BIG else "<u2"
    source = grey((PIXELS << 4 | OVERLAY).astype(kind), HighBit=15)
    result = written(tmp_path, deidentifier, encode(source, syntax))
    assert (np.frombuffer(result.PixelData, kind).reshape(PIXELS.shape) == PIXELS << 4).all()


@pytest.mark.parametrize(("bits", "stored"), [(8, 7), (8, 1), (16, 12), (32, 24), (64, 33)])
@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
def test_words_of_every_size_lose_their_unused_bits(
    tmp_path: Path, deidentifier: Deidentifier, syntax: str, bits: int, stored: int
) -> None:
    kind = f"{'>' if syntax == BIG else '<'}u{bits // 8}"
    words = np.full(24, (1 << bits) - 1, kind)
    source = image(pixels=words.tobytes(), BitsAllocated=bits, BitsStored=stored, HighBit=stored - 1)
    result = written(tmp_path, deidentifier, encode(source, syntax))
    assert (np.frombuffer(result.PixelData, kind) == (1 << stored) - 1).all()


SIGNED = PIXELS - 2048


@pytest.mark.parametrize("stays", [SIGNED, SIGNED & 0xFFF])
def test_signed_pixels_stay_bit_by_bit_whether_their_sign_is_repeated_or_not(
    tmp_path: Path, deidentifier: Deidentifier, stays: np.ndarray[Any, Any]
) -> None:
    source = grey(stays.astype("<i2"), PixelRepresentation=1)
    assert written(tmp_path, deidentifier, encode(source)).PixelData == source.PixelData


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
@pytest.mark.parametrize("bit", [12, 15])
def test_signed_pixels_lose_an_overlay_and_keep_their_sign(
    tmp_path: Path, deidentifier: Deidentifier, syntax: str, bit: int
) -> None:
    kind = ">i2" if syntax == BIG else "<i2"
    words = ((SIGNED & 0xFFF) | OVERLAY << bit).astype("u2").astype(kind.replace("i", "u"))
    result = written(tmp_path, deidentifier, encode(grey(words, PixelRepresentation=1), syntax))
    assert (np.frombuffer(result.PixelData, kind).reshape(PIXELS.shape) == SIGNED).all()


def test_an_overlay_at_the_end_of_many_frames_is_wiped_out(
    tmp_path: Path, deidentifier: Deidentifier
) -> None:
    words = np.full((3, 1024, 512), 0x0123, "<u2")
    words[-1, -1, -5:] |= 0xF000
    source = grey(words, Rows=1024, Columns=512, NumberOfFrames=3)
    result = written(tmp_path, deidentifier, encode(source))
    assert (np.frombuffer(result.PixelData, "<u2") == 0x0123).all()
    assert len(result.PixelData) == words.nbytes


@pytest.mark.parametrize("size", [{"Rows": 0}, {"Columns": 0}, {"Rows": None}, {"Rows": 0, "Columns": 0}])
def test_an_overlay_in_pixels_of_no_size_is_wiped_out(
    tmp_path: Path, deidentifier: Deidentifier, size: dict[str, Any]
) -> None:
    source = image(pixels=np.full(24, 0xF123, "<u2").tobytes(), BitsStored=12, HighBit=11, **size)
    source.add_new(0x60000102, "US", 12)
    result = written(tmp_path, deidentifier, encode(source))
    assert (np.frombuffer(result.PixelData, "<u2") == 0x0123).all()


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("overlay", OVERLAY_ATTRIBUTES)
def test_compressed_pixels_are_decoded_to_lose_an_overlay(
    tmp_path: Path, deidentifier: Deidentifier, syntax: str, overlay: dict[int, tuple[str, object]]
) -> None:
    words = np.stack([PIXELS, PIXELS | OVERLAY << 12]).astype("<u2")
    result = written(tmp_path, deidentifier, compressed(syntax, words, overlay, NumberOfFrames=2))
    assert result.file_meta.TransferSyntaxUID == EXPLICIT
    assert (np.frombuffer(result.PixelData, "<u2").reshape(2, ROWS, COLUMNS) == PIXELS).all()


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_compressed_signed_pixels_lose_an_overlay_and_keep_their_sign(
    tmp_path: Path, deidentifier: Deidentifier, syntax: str
) -> None:
    words = ((SIGNED & 0xFFF) | OVERLAY << 12).astype("<u2").view("<i2")
    content = compressed(syntax, words, OVERLAY_ATTRIBUTES[0], PixelRepresentation=1)
    result = written(tmp_path, deidentifier, content)
    assert (np.frombuffer(result.PixelData, "<i2").reshape(PIXELS.shape) == SIGNED).all()


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("signed", [0, 1])
def test_compressed_pixels_beside_an_overlay_of_its_own_stay_as_they_are(
    tmp_path: Path, deidentifier: Deidentifier, syntax: str, signed: int
) -> None:
    words = (SIGNED.astype("<i2")) if signed else PIXELS.astype("<u2")
    content = compressed(syntax, words, OVERLAY_ATTRIBUTES[2], PixelRepresentation=signed)
    result = written(tmp_path, deidentifier, content)
    assert result.file_meta.TransferSyntaxUID == syntax
    assert result.PixelData == dcmread(tmp_path / "source.dcm").PixelData
    assert not [tag for tag in result if tag.tag.group == 0x6000]


@pytest.mark.parametrize(("syntax", "stored"), [(JPEGExtended12Bit, 12), (JPEGBaseline8Bit, 8)])
def test_compressed_pixels_that_have_no_room_for_an_overlay_are_not_decoded(
    tmp_path: Path, deidentifier: Deidentifier, syntax: str, stored: int
) -> None:
    source = image(pixels=encapsulate([b"no codestream"]), BitsStored=stored, HighBit=stored - 1)
    source.add_new(0x60003000, "OW", bytes(192))
    assert written(tmp_path, deidentifier, encode(source, syntax)).PixelData == source.PixelData


def test_compressed_pixels_without_an_overlay_are_not_decoded(
    tmp_path: Path, deidentifier: Deidentifier
) -> None:
    source = image(pixels=encapsulate([b"no codestream"]), BitsStored=12, HighBit=11)
    result = written(tmp_path, deidentifier, encode(source, JPEGLSLossless))
    assert result.PixelData == source.PixelData


@pytest.mark.parametrize(
    ("syntax", "elements", "reason"),
    [
        (JPEGLSLossless, {"PixelData": encapsulate([b"no codestream"])}, "cannot be decoded"),
        (JPEGLSLossless, {"PixelData": encapsulate([b"ab"]), "HighBit": 15}, "HighBit"),
        (
            JPEGExtended12Bit,
            {"PixelData": encapsulate([b"ab"]), "BitsStored": 10, "HighBit": 9},
            "cannot be decoded",
        ),
        (EXPLICIT, {"BitsAllocated": 24}, "pixels of 24 bits cannot be changed"),
        (EXPLICIT, {"BitsStored": [12, 12]}, "BitsStored is not one number"),
        (EXPLICIT, {"HighBit": [11, 11]}, "HighBit is not one number"),
    ],
)
def test_what_may_hide_an_overlay_and_cannot_be_changed_is_held(
    tmp_path: Path, deidentifier: Deidentifier, syntax: str, elements: dict[str, Any], reason: str
) -> None:
    source = image(**{"BitsStored": 12, "HighBit": 11} | elements)
    source.add_new(0x60000102, "US", 12)
    result = run(tmp_path, deidentifier, encode(source, syntax))
    assert isinstance(result, Held)
    assert result.rule.startswith("hidden-overlay: ")
    assert reason in result.rule
    assert not list((tmp_path / "out").rglob("*.dcm"))


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG, RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_regions_and_unused_bits_are_lost_together(
    tmp_path: Path, blanking: Deidentifier, syntax: str
) -> None:
    kind = ">u2" if syntax == BIG else "<u2"
    words = (PIXELS | OVERLAY << 12).astype(kind)
    if syntax in {EXPLICIT, BIG}:
        content = encode(grey(words, Modality="XX"), syntax)
    else:
        content = compressed(syntax, words, {}, Modality="XX")
    result = written(tmp_path, blanking, content)
    expected = PIXELS.copy()
    expected[0:2] = 0
    assert (np.frombuffer(result.PixelData, kind).reshape(PIXELS.shape) == expected).all()
