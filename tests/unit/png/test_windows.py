"""Grey levels by the formulas of PS3.3 C.11, computed here by hand or by their text."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from niffler_ops.png import Rendering, frames
from tests.support.dicomfiles import encode, image
from tests.unit.png.conftest import Draw, DrawAll

VALUES = [0, 1, 99, 100, 101, 150, 199, 200, 201, 300, 1000, 4095]


def grey(values: list[int] | None = None, *, kind: str = "<i2", **elements: Any) -> Dataset:
    """A row of grey pixels."""
    values = VALUES if values is None else values
    pixels = np.array(values, kind)
    described = {
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        "BitsAllocated": pixels.dtype.itemsize * 8,
    }
    return image(rows=1, columns=len(values), pixels=pixels.tobytes(), **described | elements)


def lookup(first: int, bits: int, entries: list[int]) -> Sequence:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), first & 0xFFFF, bits])
    item.add_new("LUTData", "US", entries)
    return Sequence([item])


def linear(x: float, center: float, width: float, largest: int) -> int:
    """C.11.2.1.2.1 as it is printed."""
    if x <= center - 0.5 - (width - 1) / 2:
        return 0
    if x > center - 0.5 + (width - 1) / 2:
        return largest
    return math.floor(((x - (center - 0.5)) / (width - 1) + 0.5) * largest + 0.5)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("center", "width"), [(150, 101), (150, 100), (40.5, 400), (2048, 4096), (100, 1)])
def test_a_linear_window(draw: Draw, center: float, width: float, bits: int) -> None:
    drawn = draw(grey(WindowCenter=center, WindowWidth=width), bits=bits)
    assert drawn.dtype == (np.uint8 if bits == 8 else np.uint16)
    assert drawn[0].tolist() == [linear(x, center, width, (1 << bits) - 1) for x in VALUES]


def test_a_linear_window_by_hand(draw: Draw) -> None:
    drawn = draw(grey([-1, 0, 1, 2, 3, 4, 5, 6], WindowCenter=3, WindowWidth=6))
    # From 0, black, to 5, white, in steps of 51.
    assert drawn[0].tolist() == [0, 0, 51, 102, 153, 204, 255, 255]


def test_a_linear_exact_window_by_hand(draw: Draw) -> None:
    dataset = grey([-1, 0, 1, 2, 3, 4, 5, 6], WindowCenter=2.5, WindowWidth=5, VOILUTFunction="LINEAR_EXACT")
    assert draw(dataset)[0].tolist() == [0, 0, 51, 102, 153, 204, 255, 255]


def test_a_sigmoid_window(draw: Draw) -> None:
    dataset = grey(WindowCenter=150, WindowWidth=100, VOILUTFunction="SIGMOID")
    expected = [math.floor(65535 / (1 + math.exp(-4 * (x - 150) / 100)) + 0.5) for x in VALUES]
    assert draw(dataset, bits=16)[0].tolist() == expected


def test_the_first_of_several_windows_counts(draw_all: DrawAll) -> None:
    ((levels, frame),) = draw_all(grey(WindowCenter=[150, 40], WindowWidth=[101, 400]))
    assert levels[0].tolist() == [linear(x, 150, 101, 255) for x in VALUES]
    assert (frame.facts.voi, frame.facts.center, frame.facts.width) == ("LINEAR", 150, 101)


def test_the_window_applies_to_the_modalitys_values(draw: Draw) -> None:
    dataset = grey(RescaleSlope=0.5, RescaleIntercept=-20, WindowCenter=40, WindowWidth=80)
    assert draw(dataset)[0].tolist() == [linear(x * 0.5 - 20, 40, 80, 255) for x in VALUES]


def test_a_fraction_of_a_unit_as_linear_width_is_taken_as_exact(draw: Draw) -> None:
    dataset = grey([0, 25, 50, 100], RescaleSlope=0.01, RescaleIntercept=0, WindowCenter=0.5, WindowWidth=0.8)
    assert draw(dataset)[0].tolist() == [0, math.floor(0.1875 * 255 + 0.5), 128, 255]


@pytest.mark.parametrize("width", [0, -100])
def test_a_window_without_width_is_none(draw_all: DrawAll, width: int) -> None:
    ((_, frame),) = draw_all(grey(WindowCenter=150, WindowWidth=width))
    assert frame.facts.voi == "RANGE"


def test_a_voi_lut_goes_before_a_window(draw_all: DrawAll) -> None:
    dataset = grey([0, 9, 10, 11, 12, 13, 500], WindowCenter=100, WindowWidth=10)
    dataset.VOILUTSequence = lookup(10, 12, [0, 1000, 2000, 4095])
    ((levels, frame),) = draw_all(dataset, bits=16)
    scaled = [math.floor(entry * 65535 / 4095 + 0.5) for entry in (0, 1000, 2000, 4095)]
    assert levels[0].tolist() == [scaled[0], scaled[0], *scaled, scaled[3]]
    assert frame.facts.voi == "LUT"


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_voi_lut_of_words_begins_at_negative_values(draw: Draw, syntax: str) -> None:
    dataset = grey([0, 998, 999, 1000, 1001, 1002], RescaleSlope=1, RescaleIntercept=-1000)
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4, -1 & 0xFFFF, 8])
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    item.add_new("LUTData", "OW", np.array([0, 10, 20, 255], f"{order}u2").tobytes())
    dataset.VOILUTSequence = Sequence([item])
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<i2").astype(">i2").tobytes()
    assert draw(dataset, syntax)[0].tolist() == [0, 0, 0, 10, 20, 255]


def test_entries_of_eight_bits_may_share_words(draw: Draw) -> None:
    dataset = grey([0, 1, 2, 3])
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4, 0, 8])
    item.add_new("LUTData", "OW", bytes([5, 100, 200, 255]))
    dataset.VOILUTSequence = Sequence([item])
    assert draw(dataset)[0].tolist() == [5, 100, 200, 255]


def test_a_table_with_more_bits_than_it_says_is_not_cut(draw: Draw) -> None:
    dataset = grey([0, 1, 2, 3])
    dataset.VOILUTSequence = lookup(0, 8, [0, 255, 511, 1023])
    assert draw(dataset)[0].tolist() == [0, 64, 127, 255]


def test_a_modality_lut_goes_before_slope_and_intercept(draw: Draw) -> None:
    dataset = grey([0, 1, 2, 3, 9], RescaleSlope=7, RescaleIntercept=7, WindowCenter=128, WindowWidth=256)
    dataset.ModalityLUTSequence = lookup(1, 8, [10, 20, 250])
    assert draw(dataset)[0].tolist() == [10, 10, 20, 250, 250]


@pytest.mark.parametrize("broken", ["descriptor", "data", "short"])
def test_a_table_that_cannot_be_used_leaves_the_window(draw_all: DrawAll, broken: str) -> None:
    dataset = grey(WindowCenter=150, WindowWidth=101)
    dataset.VOILUTSequence = lookup(10, 12, [0, 1000, 2000, 4095])
    (item,) = dataset.VOILUTSequence
    if broken == "short":
        item.LUTData = [1, 2]
    else:
        del item["LUTDescriptor" if broken == "descriptor" else "LUTData"]
    ((_, frame),) = draw_all(dataset)
    assert frame.facts.voi == "LINEAR"


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME2", None, False),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME1", "IDENTITY", False),
    ],
)
def test_what_is_inverted(draw_all: DrawAll, photometric: str, shape: str | None, *, inverted: bool) -> None:
    dataset = grey(WindowCenter=150, WindowWidth=100, PhotometricInterpretation=photometric)
    if shape:
        dataset.PresentationLUTShape = shape
    ((levels, frame),) = draw_all(dataset)
    expected = [linear(x, 150, 100, 255) for x in VALUES]
    assert levels[0].tolist() == [255 - level for level in expected] if inverted else expected
    assert frame.facts.inverted == inverted


def test_bits_beside_the_stored_ones_are_not_the_images(draw: Draw) -> None:
    dataset = grey([0x0012, 0xF012, 0x0FFF, 0x1FFF], kind="<u2", BitsStored=12, HighBit=11)
    dataset.WindowCenter, dataset.WindowWidth = 2048, 4096
    assert draw(dataset)[0].tolist() == [1, 1, 255, 255]


def test_stored_bits_may_lie_at_the_upper_end(draw: Draw) -> None:
    dataset = grey([0x0120, 0x012F, 0xFFF0], kind="<u2", BitsStored=12, HighBit=15)
    dataset.WindowCenter, dataset.WindowWidth = 2048, 4096
    assert draw(dataset)[0].tolist() == [1, 1, 255]


def test_signs_stand_at_the_highest_stored_bit(draw: Draw) -> None:
    dataset = grey([0x0800, 0x0FFF, 0x0000, 0x07FF], kind="<u2", BitsStored=12, HighBit=11)
    dataset.PixelRepresentation = 1
    # -2048, -1, 0 and 2047
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = 0, 4096, "LINEAR_EXACT"
    assert draw(dataset, bits=16)[0].tolist() == [0, 32752, 32768, 65519]


@pytest.mark.parametrize("kind", ["u1", "<u2", "<i2", "<u4", "<i4"])
def test_words_of_every_size(draw: Draw, kind: str) -> None:
    bits = np.dtype(kind).itemsize * 8
    values = [0, 1, 50, 100, 101, 127]
    dataset = grey(values, kind=kind, BitsStored=bits, HighBit=bits - 1, WindowCenter=50.5, WindowWidth=101)
    assert draw(dataset)[0].tolist() == [linear(x, 50.5, 101, 255) for x in values]


def test_big_endian_words(draw: Draw) -> None:
    dataset = grey(WindowCenter=150, WindowWidth=101)
    dataset.PixelData = np.array(VALUES, ">i2").tobytes()
    assert draw(dataset, ExplicitVRBigEndian)[0].tolist() == [linear(x, 150, 101, 255) for x in VALUES]


@pytest.mark.parametrize(("keyword", "kind"), [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")])
def test_floating_point_pixels(draw: Draw, keyword: str, kind: str) -> None:
    dataset = grey(WindowCenter=0.5, WindowWidth=1, VOILUTFunction="LINEAR_EXACT")
    del dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation
    dataset.BitsAllocated, dataset.Columns = np.dtype(kind).itemsize * 8, 6
    setattr(dataset, keyword, np.array([-1, 0, 0.25, 1, 2, math.nan], kind).tobytes())
    assert draw(dataset)[0].tolist() == [0, 0, 64, 255, 255, 0]


def test_values_that_are_no_numbers_count_as_absent(tmp_path: Path) -> None:
    content = encode(grey(WindowCenter=150, WindowWidth=101))
    path = tmp_path / "image.dcm"
    path.write_bytes(content.replace(b"DS\x06\x00150.0 ", b"DS\x06\x001x0.0 "))
    (frame,) = frames(path, Rendering())
    assert frame.facts.voi == "RANGE"
