"""Colours: three samples, palettes, and grey images with a palette beside."""

from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from niffler_ops.png import CannotRenderError, Values
from niffler_ops.png.segments import expanded
from tests.support.dicomfiles import image
from tests.unit.png.conftest import Draw, DrawAll

COLOURS = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 20, 30]]
# The same by PS3.3 C.7.6.3.1.2, rounded.
YBR = [[76, 85, 255], [150, 44, 21], [29, 255, 107], [18, 135, 122]]


def coloured(samples: Any, *, kind: str = "u1", **elements: Any) -> Dataset:
    """A row of colours, one list for each pixel."""
    pixels = np.array(samples, kind)
    bits = pixels.dtype.itemsize * 8
    described = {
        "SamplesPerPixel": 3,
        "PhotometricInterpretation": "RGB",
        "PlanarConfiguration": 0,
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
    }
    return image(rows=1, columns=len(samples), pixels=pixels.tobytes(), **described | elements)


def with_palette(
    values: list[int], palette: list[list[int]], *, first: int = 0, bits: int = 8, **elements: Any
) -> Dataset:
    """A row of values, and the colours of those from `first` on."""
    described = {
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PhotometricInterpretation": "PALETTE COLOR",
    }
    pixels = bytes(values) + bytes(len(values) % 2)
    dataset = image(rows=1, columns=len(values), pixels=pixels, **described | elements)
    for plane, colour in enumerate(("Red", "Green", "Blue")):
        dataset.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US", [len(palette), first, bits])
        entries = np.array([entry[plane] for entry in palette], "<u2" if bits == 16 else "u1").tobytes()
        dataset.add_new(f"{colour}PaletteColorLookupTableData", "OW", entries + bytes(len(entries) % 2))
    return dataset


@pytest.mark.parametrize("planar", [0, 1])
def test_rgb_in_both_planar_configurations(draw: Draw, planar: int) -> None:
    dataset = coloured(COLOURS, PlanarConfiguration=planar)
    if planar:
        dataset.PixelData = np.array(COLOURS, "u1").T.tobytes()
    assert draw(dataset)[0].tolist() == COLOURS


def test_eight_bits_fill_sixteen(draw: Draw) -> None:
    assert draw(coloured(COLOURS), bits=16)[0].tolist() == [
        [each * 257 for each in colour] for colour in COLOURS
    ]


def test_sixteen_bits(draw: Draw) -> None:
    samples = [[65535, 256, 255], [1, 2, 3]]
    assert draw(coloured(samples, kind="<u2"), bits=16)[0].tolist() == samples
    assert draw(coloured(samples, kind="<u2"), bits=8)[0].tolist() == [[255, 1, 1], [0, 0, 0]]


def test_sixteen_bits_are_rounded_to_eight(draw: Draw) -> None:
    samples = np.arange(1, 1 << 16).repeat(3).reshape(-1, 3)
    expected = np.rint(samples * 255 / 65535)
    assert np.array_equal(draw(coloured(samples.tolist(), kind="<u2"), bits=8)[0], expected)


def test_twelve_of_sixteen_bits(draw: Draw) -> None:
    dataset = coloured([[4095, 0x0100, 0xF000]], kind="<u2", BitsStored=12, HighBit=11)
    assert draw(dataset)[0].tolist() == [[255, 16, 0]]
    assert draw(dataset, bits=16)[0].tolist() == [[65535, 4097, 0]]


def test_ybr_full(draw: Draw) -> None:
    drawn = draw(coloured(YBR, PhotometricInterpretation="YBR_FULL")).astype(int)
    assert np.abs(drawn[0] - COLOURS).max() <= 1


def test_ybr_full_by_hand(draw: Draw) -> None:
    # 100 + 1.402 x 12 = 116.8; 100 - 0.344136 x 72 - 0.714136 x 12 = 66.7; 100 + 1.772 x 72 = 227.6
    drawn = draw(coloured([[100, 200, 140], [255, 255, 255]], PhotometricInterpretation="YBR_FULL"))
    assert drawn[0].tolist() == [[117, 67, 228], [255, 121, 255]]


def test_ybr_full_422_shares_chrominance(draw: Draw) -> None:
    dataset = coloured([[0, 0, 0], [0, 0, 0]], PhotometricInterpretation="YBR_FULL_422")
    dataset.PixelData = bytes([100, 50, 200, 140])
    assert draw(dataset)[0].tolist() == [[117, 67, 228], [67, 17, 178]]


def test_run_lengths(draw: Draw) -> None:
    dataset = coloured(COLOURS * 4, PhotometricInterpretation="YBR_FULL")
    dataset.PixelData = np.array(YBR * 4, "u1").tobytes()
    dataset.ensure_file_meta()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    drawn = draw(dataset, RLELossless).astype(int)
    assert np.abs(drawn[0] - np.array(COLOURS * 4)).max() <= 1


def test_windows_and_slopes_do_not_touch_colours(draw_all: DrawAll) -> None:
    dataset = coloured(COLOURS, WindowCenter=10, WindowWidth=2, RescaleSlope=5, RescaleIntercept=0)
    ((levels, frame),) = draw_all(dataset)
    assert levels[0].tolist() == COLOURS
    assert (frame.facts.samples, frame.facts.voi, frame.facts.slope) == (3, "", None)


def test_raw_colours_are_the_colours_in_sixteen_bits(draw_all: DrawAll) -> None:
    ((levels, frame),) = draw_all(coloured(COLOURS), values=Values.RAW)
    assert levels[0].tolist() == [[each * 257 for each in colour] for colour in COLOURS]
    assert frame.facts.slope is None


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_palette_of_bytes(draw: Draw, syntax: str) -> None:
    dataset = with_palette([0, 9, 10, 11, 12, 200], [[1, 2, 3], [4, 5, 6], [250, 0, 7]], first=10)
    expected = [[1, 2, 3], [1, 2, 3], [1, 2, 3], [4, 5, 6], [250, 0, 7], [250, 0, 7]]
    assert draw(dataset, syntax)[0].tolist() == expected


def test_a_palette_in_big_endian(draw: Draw) -> None:
    dataset = with_palette([0, 1], [[0x1234, 0xFFFF, 0], [0xABCD, 1, 2]], bits=16)
    for colour in ("Red", "Green", "Blue"):
        element = dataset[f"{colour}PaletteColorLookupTableData"]
        element.value = np.frombuffer(element.value, "<u2").astype(">u2").tobytes()
    dataset.PixelData = bytes([1, 0])  # the bytes of a word are swapped
    assert draw(dataset, ExplicitVRBigEndian, bits=16)[0].tolist() == [[0x1234, 0xFFFF, 0], [0xABCD, 1, 2]]


@pytest.mark.parametrize("factor", [256, 257])
def test_a_palette_of_words_with_eight_bits_above(draw: Draw, factor: int) -> None:
    palette = [[0, 0, 0], [255, 128, 7]]
    dataset = with_palette([0, 1], [[each * factor for each in entry] for entry in palette], bits=16)
    assert draw(dataset)[0].tolist() == palette


def test_bytes_in_words_are_not_black(draw: Draw) -> None:
    assert draw(with_palette([0, 1], [[0, 1, 2], [255, 128, 7]], bits=16))[0].tolist() == [
        [0, 1, 2],
        [255, 128, 7],
    ]


def test_a_palette_in_segments(draw: Draw) -> None:
    dataset = with_palette([0, 1, 2, 3, 4, 5, 6, 7], [[0, 0, 0]] * 8)
    for colour, segments in {
        "Red": [0, 2, 5, 10, 1, 4, 50, 0, 2, 7, 8],  # 5 10, then 20 30 40 50, then 7 8
        "Green": [0, 1, 9, 1, 7, 9],  # 9, and seven more
        "Blue": [0, 4, 1, 2, 3, 4, 2, 1, 0, 0, 0, 0],  # 1 2 3 4, and the first segment again
    }.items():
        del dataset[f"{colour}PaletteColorLookupTableData"]
        content = bytes(segments)
        dataset.add_new(
            f"Segmented{colour}PaletteColorLookupTableData", "OW", content + bytes(len(content) % 2)
        )
    drawn = draw(dataset)[0]
    assert drawn[:, 0].tolist() == [5, 10, 20, 30, 40, 50, 7, 8]
    assert drawn[:, 1].tolist() == [9] * 8
    assert drawn[:, 2].tolist() == [1, 2, 3, 4, 1, 2, 3, 4]


def test_segments_that_repeat_themselves_end() -> None:
    assert expanded(bytes([0, 1, 9, 2, 255, 3, 0, 0, 0, 0]), wide=False, little_endian=True) == [9]


@pytest.mark.parametrize(
    "numbers",
    [
        [0, 1, 9, 2, 2, 0, 0],  # the first segment, and the one that repeats it
        [0, 0, *[part for level in range(200) for part in (2, 2, 4 * level and 8 * level - 4, 0)]],
    ],
)
def test_segments_that_repeat_what_repeats_others_end(numbers: list[int]) -> None:
    words = np.array(numbers, "<u2").tobytes()
    assert set(expanded(words, wide=True, little_endian=True)) <= {9}


def test_wide_segments() -> None:
    # Two entries, and a slope of two; then the first segment, at byte 0, once more.
    numbers = np.array([0, 2, 100, 1000, 1, 2, 3000, 2, 1, 0, 0], "<u2").tobytes()
    assert expanded(numbers, wide=True, little_endian=True) == [100, 1000, 2000, 3000, 100, 1000]


def test_a_supplemental_palette_colours_the_upper_values(draw: Draw) -> None:
    dataset = with_palette(
        [0, 50, 100, 200, 201, 255],
        [[255, 0, 0], [0, 255, 0]],
        first=200,
        PhotometricInterpretation="MONOCHROME2",
        PixelPresentation="COLOR",
    )
    expected = [[0, 0, 0], [128, 128, 128], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 255, 0]]
    assert draw(dataset)[0].tolist() == expected


def test_without_pixel_presentation_a_supplement_is_not_shown(draw: Draw) -> None:
    dataset = with_palette([0, 255], [[255, 0, 0]], first=200, PhotometricInterpretation="MONOCHROME2")
    assert draw(dataset)[0].tolist() == [0, 255]


@pytest.mark.parametrize("photometric", ["HSV", "CMYK", "YBR_PARTIAL_422", "YBR_ICT", ""])
def test_other_colour_models_are_named(draw: Draw, photometric: str) -> None:
    with pytest.raises(CannotRenderError):
        draw(coloured(COLOURS, PhotometricInterpretation=photometric))


def test_a_palette_image_without_palette_is_refused(draw: Draw) -> None:
    with pytest.raises(CannotRenderError, match="PALETTE COLOR"):
        draw(image(PhotometricInterpretation="PALETTE COLOR"))


def test_blanked_colours_are_black(draw: Draw) -> None:
    assert draw(coloured(COLOURS), blank=[(1, 0, 3, 1)])[0].tolist() == [
        COLOURS[0],
        [0] * 3,
        [0] * 3,
        COLOURS[3],
    ]
