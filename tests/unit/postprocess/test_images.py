"""Pixels become pictures, named by pseudonyms, each with its line in mapping.csv."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from niffler_ops.errors import CannotWriteError
from niffler_ops.postprocess.job import Outcome, Processor, Verdict
from niffler_ops.postprocess.outputs import LEVELS
from tests.unit.postprocess.workplace import Workplace, picture

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
PIXELS = bytes(range(1, 49))


def draw(place: Workplace, *files: str, **settings: Any) -> Outcome:
    outcome = place.run(Processor.PNG, *files, **settings)
    place.run(Processor.TABLES, **settings)
    return outcome


def levels(path: Path) -> np.ndarray[Any, Any]:
    with Image.open(path) as image:
        return np.asarray(image)


def frames(number: int, **elements: Any) -> Dataset:
    return picture(NumberOfFrames=number, pixels=PIXELS * number, **elements)


def test_every_picture_has_a_line_and_every_line_a_picture(place: Workplace) -> None:
    files = [place.instance(n) for n in (1, 2)]
    assert draw(place, *files) == Outcome(verdict=Verdict.DONE, files=2)
    mapping = place.table("mapping")
    assert sorted(row["png"] for row in mapping) == place.made(".png")
    assert len(mapping) == 2
    assert {row["SOPInstanceUID"] for row in mapping} == {
        row["SOPInstanceUID"] for row in place.table("metadata")
    }
    assert {row["frame"] for row in mapping} == {"1"}


def test_every_frame_of_an_instance_is_drawn_and_named_by_its_number(place: Workplace) -> None:
    draw(place, place.put("1.dcm", frames(3)))
    mapping = place.table("mapping")
    assert [row["frame"] for row in mapping] == ["1", "2", "3"]
    assert [row["png"][-10:] for row in mapping] == ["-00001.png", "-00002.png", "-00003.png"]
    assert len(place.table("metadata")) == 1


def test_raw_values_are_the_measured_ones(place: Workplace) -> None:
    draw(place, place.instance(1), bits=16, values="raw")
    (name,) = place.made(".png")
    expected = np.frombuffer(PIXELS, "<u2").reshape(4, 6)
    assert np.array_equal(levels(place.output / name), expected)


def test_a_known_device_with_an_unclear_size_is_held(place: Workplace) -> None:
    scout = picture(ManufacturerModelName="LightSpeed VCT", ImageType=["O", "P", "LOCALIZER"], Rows=[4, 4])
    draw(place, place.put("1.dcm", scout))
    assert [row["rule"] for row in place.table("failures")] == ["region-not-blanked"]
    assert not place.made(".png")


@pytest.mark.parametrize(("bits", "kind"), [(8, "uint8"), (16, "uint16")])
def test_pictures_are_as_deep_as_is_asked_for(place: Workplace, bits: int, kind: str) -> None:
    draw(place, place.instance(1), bits=bits)
    (name,) = place.made(".png")
    assert levels(place.output / name).dtype == kind
    assert place.table("mapping")[0]["bits"] == str(bits)


@pytest.mark.parametrize(("depth", "level"), [*enumerate(LEVELS, start=1)])
def test_pictures_stand_at_the_level_that_is_asked_for(place: Workplace, level: str, depth: int) -> None:
    draw(place, place.instance(1), flatten=level)
    (name,) = place.made(".png")
    assert len(Path(name).parent.parts) == 1 + depth


def test_no_folder_has_more_pictures_than_is_asked_for(place: Workplace) -> None:
    draw(place, *(place.instance(n) for n in range(1, 6)), files_per_folder=2)
    folders = [Path(name).parent.name for name in place.made(".png")]
    assert folders == ["0001", "0001", "0002", "0002", "0003"]
    assert sorted(row["png"] for row in place.table("mapping")) == place.made(".png")


@pytest.mark.parametrize(
    ("elements", "rule"),
    [
        ({"BurnedInAnnotation": "YES"}, "burned-in-annotation"),
        ({"SOPClassUID": SECONDARY_CAPTURE}, "secondary-capture"),
    ],
)
def test_pixels_that_may_show_a_name_are_held_and_their_header_still_has_its_line(
    place: Workplace, elements: dict[str, Any], rule: str
) -> None:
    files = [place.instance(1), place.instance(2, **elements)]
    assert draw(place, *files) == Outcome(verdict=Verdict.DONE, files=2, held=1)
    (failure,) = place.table("failures")
    assert (failure["processor"], failure["rule"]) == ("png", rule)
    assert failure["reason"]
    assert failure["SOPInstanceUID"] in {row["SOPInstanceUID"] for row in place.table("metadata")}
    assert failure["SOPInstanceUID"] not in {row["SOPInstanceUID"] for row in place.table("mapping")}
    assert len(place.made(".png")) == 1


@pytest.mark.parametrize("elements", [{"PixelData": None}, {"Rows": 400}], ids=["no pixels", "too few"])
def test_what_cannot_be_drawn_is_held_and_its_header_still_has_its_line(
    place: Workplace, elements: dict[str, Any]
) -> None:
    files = [place.instance(1), place.instance(2, **elements)]
    assert draw(place, *files) == Outcome(verdict=Verdict.DONE, files=2, held=1)
    (failure,) = place.table("failures")
    assert failure["rule"] == "unreadable"
    assert len(place.table("metadata")) == 2


def test_an_instance_without_its_uids_has_neither_picture_nor_line(place: Workplace) -> None:
    files = [place.instance(1), place.put("2.dcm", picture(SeriesInstanceUID=None))]
    assert draw(place, *files) == Outcome(verdict=Verdict.DONE, files=2, held=1)
    assert len(place.table("metadata")) == len(place.made(".png")) == 1


def test_without_drawing_there_are_lines_only_and_nothing_is_held(place: Workplace) -> None:
    files = [place.instance(1), place.instance(2, BurnedInAnnotation="YES")]
    assert draw(place, *files, draw=False) == Outcome(verdict=Verdict.DONE, files=2)
    assert place.made(".png") == []
    assert len(place.table("metadata")) == 2


def test_a_crash_between_pictures_leaves_nothing_half(place: Workplace) -> None:
    file = place.instance(1)
    draw(place, file)
    (name,) = place.made(".png")
    path = place.output / name
    path.rename(path.with_name(f".{path.name}.part"))
    draw(place, file)
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_a_place_that_cannot_be_written_ends_the_run_and_is_not_the_files_fault(place: Workplace) -> None:
    place.output.mkdir()
    (place.output / "images").write_text("in the way")
    with pytest.raises(CannotWriteError, match="Not a directory"):
        place.run(Processor.PNG, place.instance(1))
    assert not list(place.private.rglob("*.jsonl"))


def test_a_picture_that_is_held_now_is_not_left_from_before(place: Workplace) -> None:
    draw(place, place.instance(1))
    assert len(place.made(".png")) == 1
    draw(place, place.instance(1, BurnedInAnnotation="YES"))
    assert place.table("failures")[0]["rule"] == "burned-in-annotation"
    assert place.made(".png") == []


def test_series_may_share_what_is_black_and_white(place: Workplace) -> None:
    dark, bright = bytes(48), b"\xff\x00" * 24
    files = [place.instance(1, pixels=dark), place.instance(2, pixels=bright)]
    draw(place, *files, scaling="series")
    shades = {int(levels(place.output / name).max()) for name in place.made(".png")}
    assert shades == {0, 255}


def test_a_file_that_kills_its_worker_is_known_whatever_is_read_of_it(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = place.private / "fragments" / "markers" / "png-study"
    at: list[bool] = []

    def reading(*_: object) -> None:
        at.append(marker.read_bytes() != b"")

    monkeypatch.setattr("niffler_ops.postprocess.images.spread_of", reading)
    draw(place, place.instance(1), scaling="series")
    assert at == [True]
