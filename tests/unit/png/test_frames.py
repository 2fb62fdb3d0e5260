"""Several frames: one picture each, with attributes of their own, in memory that does not grow."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, RLELossless

from niffler_ops.png import Aspect, CannotRenderError, Rendering, Values, frames, frames_of, spread_of
from tests.support.dicomfiles import encode, image
from tests.unit.png.conftest import DrawAll, levels_of
from tests.unit.png.test_scaling import grey


def item(**elements: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def rescaled(slope: float, intercept: float) -> Sequence:
    return Sequence([item(RescaleSlope=slope, RescaleIntercept=intercept)])


def windowed(center: float, width: float, **more: Any) -> Sequence:
    return Sequence([item(WindowCenter=center, WindowWidth=width, **more)])


def test_frames_are_numbered_from_one(draw_all: DrawAll) -> None:
    drawn = draw_all(grey([0, 255, 10, 20], frames=2))
    assert [frame.number for _, frame in drawn] == [1, 2]
    assert [levels[0].tolist() for levels, _ in drawn] == [[0, 255], [10, 20]]


def test_each_frame_has_its_own_rescaling_and_window(draw_all: DrawAll) -> None:
    dataset = grey([0, 10, 0, 10], frames=2, RescaleSlope=99, WindowCenter=99, WindowWidth=9)
    dataset.PerFrameFunctionalGroupsSequence = Sequence(
        [
            item(
                PixelValueTransformationSequence=rescaled(2, 1),
                FrameVOILUTSequence=windowed(10.5, 20, VOILUTFunction="LINEAR_EXACT"),
            ),
            item(
                PixelValueTransformationSequence=rescaled(3, -5),
                FrameVOILUTSequence=windowed(10, 30, VOILUTFunction="LINEAR_EXACT"),
            ),
        ]
    )
    first, second = draw_all(dataset)
    assert first[0][0].tolist() == [6, 255]  # 1 and 21 in 0.5 to 20.5
    assert second[0][0].tolist() == [0, 255]  # -5 and 25 in -5 to 25
    assert (first[1].facts.center, second[1].facts.center) == (10.5, 10)


def test_shared_groups_hold_where_a_frame_has_none(draw_all: DrawAll) -> None:
    dataset = grey([0, 10, 0, 10], frames=2)
    dataset.SharedFunctionalGroupsSequence = Sequence([item(PixelValueTransformationSequence=rescaled(2, 1))])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(
        [item(FrameVOILUTSequence=windowed(11, 21)), item(PixelValueTransformationSequence=rescaled(1, 0))]
    )
    first, second = draw_all(dataset)
    assert first[1].facts.voi == "LINEAR"
    assert first[0][0].tolist() == [6, 255]  # 1 and 21 in 0.5 to 20.5
    assert second[1].facts.voi == "RANGE"
    assert (second[1].facts.low, second[1].facts.high) == (0, 21)


def test_the_range_is_that_of_all_frames_in_their_own_units(draw_all: DrawAll) -> None:
    dataset = grey([0, 1, 0, 1], frames=2)
    dataset.PerFrameFunctionalGroupsSequence = Sequence(
        [
            item(PixelValueTransformationSequence=rescaled(51, 0)),
            item(PixelValueTransformationSequence=rescaled(255, 0)),
        ]
    )
    assert [levels[0].tolist() for levels, _ in draw_all(dataset)] == [[0, 51], [0, 255]]


def test_raw_frames_state_their_own_slope(draw_all: DrawAll) -> None:
    dataset = grey([0, 1, 0, 1], kind="<u2", frames=2)
    dataset.PerFrameFunctionalGroupsSequence = Sequence(
        [item(PixelValueTransformationSequence=rescaled(slope, 3)) for slope in (2, 5)]
    )
    drawn = draw_all(dataset, values=Values.RAW)
    assert [(frame.facts.slope, frame.facts.intercept) for _, frame in drawn] == [(2, 3), (5, 3)]


def test_one_bit_frames_are_packed_over_their_ends(draw_all: DrawAll) -> None:
    dataset = image(rows=3, columns=3, pixels=b"\xaa\x55\xaa\x05", NumberOfFrames=3)
    dataset.BitsAllocated = dataset.BitsStored = 1
    dataset.HighBit = 0
    bits = np.unpackbits(np.frombuffer(b"\xaa\x55\xaa\x05", "u1"), bitorder="little")[:27].reshape(3, 3, 3)
    assert [levels.tolist() for levels, _ in draw_all(dataset)] == (bits * 255).tolist()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("held", [False, True])
def test_a_header_that_was_read_already(syntax: str, tmp_path: Path, *, held: bool) -> None:
    path = tmp_path / "image.dcm"
    path.write_bytes(encode(grey([0, 255, 10, 20], frames=2), syntax))
    with path.open("rb") as stream:
        header = dcmread(stream, stop_before_pixels=not held)
        position = stream.tell()
        assert spread_of(header, stream).limits().high == 255
        stream.seek(position)
        drawn = list(frames_of(header, stream, Rendering()))
    assert [levels_of(frame.png)[0].tolist() for frame in drawn] == [[0, 255], [10, 20]]


def test_frames_that_are_missing_are_refused_before_the_first(draw_all: DrawAll) -> None:
    with pytest.raises(CannotRenderError, match="shorter"):
        draw_all(grey([1, 2, 3], frames=1, NumberOfFrames=2))


def test_a_missing_compressed_frame_is_refused_when_it_comes(tmp_path: Path) -> None:
    dataset = grey([0, 1, 2, 3], frames=2)
    dataset.ensure_file_meta()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    dataset.NumberOfFrames, dataset.WindowCenter, dataset.WindowWidth = 3, 2, 4
    path = tmp_path / "image.dcm"
    path.write_bytes(encode(dataset, RLELossless))
    drawn = frames(path, Rendering())
    assert [next(drawn).number, next(drawn).number] == [1, 2]
    with pytest.raises(CannotRenderError, match="frame 3"):
        next(drawn)


@pytest.mark.parametrize(
    ("stated", "ratio"),
    [
        ({"PixelAspectRatio": [2, 1]}, 2.0),
        ({"PixelSpacing": [0.5, 0.25]}, 2.0),
        ({"ImagerPixelSpacing": [1, 2]}, 0.5),
        ({"PixelAspectRatio": [1, 2], "PixelSpacing": [1, 1]}, 0.5),
        ({"PixelSpacing": [0, 1]}, 1.0),
        ({}, 1.0),
    ],
)
def test_the_shape_of_pixels_is_stated(draw_all: DrawAll, stated: dict[str, Any], ratio: float) -> None:
    ((levels, frame),) = draw_all(grey([0, 1, 2, 3], **stated))
    assert frame.facts.pixel_aspect_ratio == ratio
    assert levels.shape == (1, 4)


def test_pixels_are_made_square(draw_all: DrawAll) -> None:
    dataset = grey([0, 255, 0, 255], PixelAspectRatio=[2, 1], Rows=2, Columns=2)
    ((levels, frame),) = draw_all(dataset, aspect=Aspect.RESAMPLE)
    assert levels[:, 0].tolist() == [0] * 4
    assert levels[:, 1].tolist() == [255] * 4
    assert (frame.facts.rows, frame.facts.columns, frame.facts.pixel_aspect_ratio) == (4, 2, 1)


def test_wide_pixels_stretch_the_other_way_without_new_raw_values(draw_all: DrawAll) -> None:
    dataset = grey([0, 1000, 2000, 3000], kind="<u2", PixelAspectRatio=[1, 2], Rows=2, Columns=2)
    ((levels, _),) = draw_all(dataset, aspect=Aspect.RESAMPLE, values=Values.RAW)
    assert levels.tolist() == [[0, 0, 1000, 1000], [2000, 2000, 3000, 3000]]


def test_colours_are_made_square_too(draw_all: DrawAll) -> None:
    dataset = image(rows=1, columns=2, pixels=bytes([255, 0, 9, 0, 7, 255]), SamplesPerPixel=3)
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PlanarConfiguration, dataset.PhotometricInterpretation = 7, 0, "RGB"
    dataset.PixelAspectRatio = [3, 1]
    ((levels, _),) = draw_all(dataset, aspect=Aspect.RESAMPLE)
    assert levels.tolist() == [[[255, 0, 9], [0, 7, 255]]] * 3


def test_senseless_shapes_are_only_stated(draw_all: DrawAll) -> None:
    ((levels, frame),) = draw_all(grey([0, 1], PixelAspectRatio=[10000, 1]), aspect=Aspect.RESAMPLE)
    assert levels.shape == (1, 2)
    assert frame.facts.pixel_aspect_ratio == 10000


MEASURE = """
import sys
from pathlib import Path
from niffler_ops.png import Rendering, frames
number = sum(len(frame.png) > 0 for frame in frames(Path(sys.argv[1]), Rendering(bits=16)))
status = Path("/proc/self/status").read_text()  # ru_maxrss would be that of whoever started it, if larger
print(number, int(status.partition("VmHWM:")[2].split()[0]) // 1024)
"""


def test_two_thousand_frames_stay_below_400_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "frames.dcm"
    number, side = 2000, 512
    dataset = image(rows=side, columns=side, pixels=b"", BitsStored=16, HighBit=15, NumberOfFrames=number)
    content = encode(dataset)
    with path.open("wb") as file:  # a gigabyte of zeros, which costs no disk
        file.write(content[:-4] + (number * side * side * 2).to_bytes(4, "little"))
        file.truncate(len(content) + number * side * side * 2)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True, timeout=120
    )
    drawn, megabytes = map(int, done.stdout.split())
    assert drawn == number
    assert megabytes < 400
