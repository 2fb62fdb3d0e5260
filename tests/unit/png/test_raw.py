"""Raw values: level x slope + intercept is what the modality measured."""

import math
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from niffler_ops.png import Values
from tests.unit.png.conftest import DrawAll
from tests.unit.png.test_scaling import grey


def measured(draw_all: DrawAll, dataset: Dataset, **settings: Any) -> tuple[list[float], list[int]]:
    """The values that the levels stand for, and the levels."""
    ((levels, frame),) = draw_all(dataset, values=Values.RAW, **settings)
    assert levels.dtype == np.uint16
    assert frame.facts.bits == 16
    assert frame.facts.slope is not None
    assert frame.facts.intercept is not None
    return (levels[0] * frame.facts.slope + frame.facts.intercept).tolist(), levels[0].tolist()


def test_signed_values_are_shifted_and_lead_back(draw_all: DrawAll) -> None:
    stored = [-32768, -1, 0, 1000, 32767]
    dataset = grey(stored, RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=40, WindowWidth=400)
    values, levels = measured(draw_all, dataset)
    assert values == [value - 1024 for value in stored]
    assert levels == [value + 32768 for value in stored]


def test_unsigned_values_stay_as_they_are_stored(draw_all: DrawAll) -> None:
    stored = [0, 1, 4095, 65535]
    dataset = grey(
        stored, kind="<u2", RescaleSlope=0.25, RescaleIntercept=3, PhotometricInterpretation="MONOCHROME1"
    )
    values, levels = measured(draw_all, dataset)
    assert values == [value * 0.25 + 3 for value in stored]
    assert levels == stored


def test_padding_is_kept(draw_all: DrawAll) -> None:
    dataset = grey([-2000, 5])
    dataset.add_new("PixelPaddingValue", "SS", -2000)
    assert measured(draw_all, dataset)[0] == [-2000, 5]


@pytest.mark.parametrize("slope", [-2.0, 1.7e-5, 3.1])
def test_any_slope_leads_back(draw_all: DrawAll, slope: float) -> None:
    stored = list(range(-500, 500))
    values, _ = measured(draw_all, grey(stored, RescaleSlope=slope, RescaleIntercept=-7))
    assert values == pytest.approx([value * slope - 7 for value in stored])


def test_entries_of_a_modality_lut_are_the_values(draw_all: DrawAll) -> None:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [3, 0, 16])
    item.add_new("LUTData", "US", [5, 70, 60000])
    dataset = grey([0, 1, 2, 3], kind="<u2")
    dataset.ModalityLUTSequence = Sequence([item])
    assert measured(draw_all, dataset)[0] == [5, 70, 60000, 60000]


def test_wide_words_with_a_short_range_are_exact(draw_all: DrawAll) -> None:
    stored = [1_000_000, 1_000_001, 1_065_535]
    values, _ = measured(draw_all, grey(stored, kind="<u4", RescaleSlope=0.5, RescaleIntercept=0))
    assert values == [value / 2 for value in stored]


def test_wider_ranges_are_divided_into_65535_steps(draw_all: DrawAll) -> None:
    values, levels = measured(draw_all, grey([0, 65535 * 50, 65535 * 100], kind="<u4"))
    assert values == [0, 65535 * 50, 65535 * 100] or values == pytest.approx(
        [0, 65535 * 50, 65535 * 100], abs=50
    )
    assert levels[-1] == 65535


def test_floating_point_values_are_nearly_exact(draw_all: DrawAll) -> None:
    dataset = grey([0] * 4, kind="<u4")
    del dataset.PixelData
    dataset.FloatPixelData = np.array([-1.5, 0.25, 8.5, math.nan], "<f4").tobytes()
    values, levels = measured(draw_all, dataset)
    assert values[:3] == pytest.approx([-1.5, 0.25, 8.5], abs=10 / 65535)
    assert levels[3] == 0


def test_frames_share_their_steps(draw_all: DrawAll) -> None:
    drawn = draw_all(grey([0, 10, 20, 1 << 20], kind="<u4", frames=2), values=Values.RAW)
    assert len({(frame.facts.slope, frame.facts.intercept) for _, frame in drawn}) == 1
