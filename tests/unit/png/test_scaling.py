"""What becomes black and white where the header does not say it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from niffler_ops.png import Limits, Rendering, Scaling, Spread, frames, spread
from niffler_ops.png.spread import spread_of
from tests.support.dicomfiles import encode, image
from tests.unit.png.conftest import Draw, DrawAll


def grey(values: list[int], *, kind: str = "<i2", frames: int = 1, **elements: Any) -> Dataset:
    pixels = np.array(values, kind)
    bits = pixels.dtype.itemsize * 8
    described = {
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        "NumberOfFrames": frames,
    }
    columns = len(values) // frames
    return image(rows=1, columns=columns, pixels=pixels.tobytes(), **described | elements)


def test_the_full_range(draw_all: DrawAll) -> None:
    ((levels, frame),) = draw_all(grey([-100, -90, 0, 100, 155], RescaleSlope=2, RescaleIntercept=5))
    assert levels[0].tolist() == [0, 10, 100, 200, 255]
    assert (frame.facts.voi, frame.facts.low, frame.facts.high) == ("RANGE", -195, 315)


def test_a_negative_slope_turns_the_range(draw: Draw) -> None:
    assert draw(grey([0, 51, 255], RescaleSlope=-1, RescaleIntercept=0))[0].tolist() == [255, 204, 0]


@pytest.mark.parametrize("padding", [-2000, 63536])
def test_padding_does_not_count(draw: Draw, padding: int) -> None:
    dataset = grey([-2000, 0, 100, 255, -2000])
    dataset.add_new("PixelPaddingValue", "SS" if padding < 0 else "US", padding)
    assert draw(dataset)[0].tolist() == [0, 0, 100, 255, 0]


def test_a_range_of_padding_does_not_count(draw: Draw) -> None:
    dataset = grey([0, 255, 4000, 4095, 100], kind="<u2", PixelPaddingValue=4095)
    dataset.add_new("PixelPaddingRangeLimit", "US", 4000)
    assert draw(dataset)[0].tolist() == [0, 255, 255, 255, 100]


def test_padding_of_inverted_images_does_not_count(draw: Draw) -> None:
    dataset = grey([0, 255, 4095, 100], kind="<u2", PhotometricInterpretation="MONOCHROME1")
    dataset.add_new("PixelPaddingValue", "US", 4095)
    assert draw(dataset)[0].tolist() == [255, 0, 0, 155]


def test_one_value_is_black(draw: Draw) -> None:
    assert draw(grey([7, 7, 7]))[0].tolist() == [0, 0, 0]


def test_nothing_but_padding_can_be_drawn(draw: Draw) -> None:
    dataset = grey([-5, -5])
    dataset.add_new("PixelPaddingValue", "SS", -5)
    assert draw(dataset)[0].tolist() == [0, 0]


def test_what_is_blanked_is_black_and_does_not_count(draw: Draw) -> None:
    dataset = grey([0, 4000, 255, 100])
    assert draw(dataset, blank=[(1, 0, 2, 1), (-5, -5, 0, 9), (90, 0, 99, 1)])[0].tolist() == [0, 0, 255, 100]
    dataset.PhotometricInterpretation = "MONOCHROME1"
    assert draw(dataset, blank=[(1, 0, 2, 1)])[0].tolist() == [255, 0, 0, 155]


def test_frames_share_the_range_of_the_instance(draw_all: DrawAll) -> None:
    drawn = draw_all(grey([0, 50, 100, 255], frames=2))
    assert [levels[0].tolist() for levels, _ in drawn] == [[0, 50], [100, 255]]


def test_percentiles_of_the_image(draw_all: DrawAll) -> None:
    dataset = grey([-30000, *range(98), 30000])
    ((levels, frame),) = draw_all(dataset, scaling=Scaling.IMAGE_PERCENTILES, percentiles=(2, 99))
    assert (frame.facts.low, frame.facts.high) == (0, 97)
    assert levels[0].tolist()[:3] == [0, 0, 3]
    assert levels[0].tolist()[-2:] == [255, 255]


def test_percentiles_of_the_series(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.dcm" for number in range(2)]
    paths[0].write_bytes(encode(grey([0, 1, 2, 3], RescaleSlope=10, RescaleIntercept=0)))
    paths[1].write_bytes(encode(grey([4, 5, 6, 7], RescaleSlope=10, RescaleIntercept=0)))
    whole = sum((spread(path) for path in paths), start=Spread())
    assert whole.limits() == Limits(0, 70)
    rendering = Rendering(scaling=Scaling.SERIES_PERCENTILES)
    drawn = [next(frames(path, rendering, limits=whole.limits(25, 75))) for path in paths]
    assert [(frame.facts.low, frame.facts.high) for frame in drawn] == [(10, 50), (10, 50)]


def test_limits_of_the_series_have_to_be_given(tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    path.write_bytes(encode(grey([0, 1])))
    with pytest.raises(ValueError, match="limits"):
        next(frames(path, Rendering(scaling=Scaling.SERIES_PERCENTILES)))


def test_limits_leave_a_window_alone(draw_all: DrawAll) -> None:
    dataset = grey([0, 1, 2, 3], WindowCenter=2, WindowWidth=4)
    ((_, frame),) = draw_all(dataset, limits=Limits(0, 1000))
    assert frame.facts.voi == "LINEAR"


@pytest.mark.parametrize("kind", ["<u2", "<u4", "<f4"])
def test_a_spread_counts_what_numpy_counts(kind: str, tmp_path: Path) -> None:
    values = np.random.default_rng(1).integers(0, 5000, 1000).astype(kind)
    dataset = grey([0] * 1000, kind="<u4" if kind == "<f4" else kind)
    if kind == "<f4":
        del dataset.PixelData
        dataset.FloatPixelData = values.tobytes()
    else:
        dataset.PixelData = values.tobytes()
    path = tmp_path / "image.dcm"
    path.write_bytes(encode(dataset))
    found = spread(path)
    distinct, counts = np.unique(values, return_counts=True)
    assert found.values.tolist() == distinct.tolist()
    assert found.counts.tolist() == counts.tolist()
    ordered = np.sort(values)
    assert found.limits(10, 90) == Limits(float(ordered[99]), float(ordered[899]))


def test_a_spread_of_many_values_stays_small() -> None:
    random = np.random.default_rng(2)
    whole = Spread()
    for _ in range(5):
        whole = whole + spread_of(random.normal(0, 1, 200_000))
    assert whole.counts.sum() == 1_000_000
    assert len(whole.values) < 1_000_000
