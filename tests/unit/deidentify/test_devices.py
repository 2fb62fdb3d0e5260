"""Where devices write into their images, by the recipes of deid and by a site's own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deid.config import DeidRecipe  # type: ignore[import-untyped]  # ships no type information
from deid.logger import bot  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from pydicom import config, dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from niffler_ops.deidentify import Options
from niffler_ops.deidentify.deidentifier import Deidentifier
from niffler_ops.deidentify.pixeldata import CannotBlankError
from niffler_ops.deidentify.pseudonyms import Pseudonyms
from niffler_ops.deidentify.recipes import packaged_devices
from niffler_ops.deidentify.regions import Region, blanked
from niffler_ops.deidentify.writing import Held, Written, deidentify_file
from niffler_ops.errors import ConfigurationError
from tests.support.dicomfiles import encode, image

EPIQ: dict[str, Any] = {"Modality": "US", "Manufacturer": "Philips", "ManufacturerModelName": "EPIQ 7G"}


def with_recipe(tmp_path: Path, pseudonyms: Pseudonyms, text: str) -> Deidentifier:
    path = tmp_path / "own.recipe"
    path.write_text(f"FORMAT dicom\n%filter graylist\n{text}\n%header\nREMOVE ALL\n")
    return Deidentifier(Options(), pseudonyms, recipe=path)


def test_the_packaged_recipe_is_read_as_deid_itself_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot, "level", -6)
    filters = [entry for group in DeidRecipe("dicom").get_filters().values() for entry in group]
    with_coordinates = [entry for entry in filters if entry["coordinates"]]
    devices = packaged_devices()
    assert len(devices) == len(with_coordinates) > 100
    for device, theirs in zip(devices, with_coordinates, strict=True):
        assert device.steps == tuple(
            (mask == 0, Region(*map(int, text.split(",")))) for mask, text in theirs["coordinates"]
        )
        for line, group in zip(device.lines, theirs["filters"], strict=True):
            assert [condition.action for condition in line] == group["action"]
            assert [condition.keyword for condition in line] == group["field"]
            assert [condition.value for condition in line] == group["value"]
            assert ["or" if c.is_or else "and" for c in line[1:]] == group["InnerOperators"]


@pytest.mark.parametrize(
    ("elements", "regions"),
    [
        ({**EPIQ, "Rows": 768, "Columns": 1024}, {(0, 0, 1024, 49)}),
        ({**EPIQ, "Rows": 768, "Columns": 800}, {(0, 0, 800, 49)}),
        ({**EPIQ, "Rows": 767, "Columns": 1024}, set()),
        ({"Modality": "MR", "Rows": 512, "Columns": 512}, set()),
        (
            {
                "Modality": "CT",
                "ManufacturerModelName": "LightSpeed VCT",
                "ImageType": ["O", "P", "LOCALIZER"],
                "Rows": 512,
                "Columns": 512,
            },
            {(0, 0, 80, 85)},
        ),
    ],
)
def test_known_devices_have_their_regions(
    deidentifier: Deidentifier, elements: dict[str, Any], regions: set[tuple[int, ...]]
) -> None:
    assert {tuple(region) for region in deidentifier.regions(image(**elements))} == regions


def test_a_site_adds_its_own_devices(tmp_path: Path, pseudonyms: Pseudonyms) -> None:
    own = with_recipe(
        tmp_path,
        pseudonyms,
        "LABEL Our cart # in room 5\n  contains Modality US\n"
        "  + equals StationName CART5 || missing StationName\n  ctpcoordinates 10,20,30,5",
    )
    for station in ("CART5", None):
        elements: dict[str, Any] = {"StationName": station} if station else {}
        source = image(Modality="US", Rows=100, Columns=100, **elements)
        assert own.regions(source) == (Region(10, 20, 40, 25),)
        assert own.held(source) is None
    assert own.held(image(Modality="US", Rows=100, Columns=100, StationName="CART6")) is not None


def test_a_site_can_trust_the_regions_that_its_devices_state(tmp_path: Path, pseudonyms: Pseudonyms) -> None:
    own = with_recipe(
        tmp_path,
        pseudonyms,
        "LABEL Blank\n  present SequenceOfUltrasoundRegions\n  coordinates all\n"
        "  keepcoordinates from:SequenceOfUltrasoundRegions",
    )
    region = Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 2, 1
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 5, 3
    source = image(Modality="US", rows=4, Columns=6, SequenceOfUltrasoundRegions=Sequence([region]))
    assert own.regions(source) == (Region(0, 0, 6, 1), Region(0, 1, 2, 4))
    region.RegionLocationMaxX1 = 99
    assert own.regions(source) == (Region(0, 0, 6, 1), Region(0, 1, 2, 4))


def test_without_a_size_nothing_is_known(deidentifier: Deidentifier) -> None:
    source = image(**EPIQ, Rows=768, Columns=1024)
    del source.Rows
    assert deidentifier.held(source) is not None


SIZES = [
    ("US", [8, 8]),
    ("US", 0),
    ("US", None),
    ("DS", "8.0"),
    ("FD", 8.0),
    ("IS", "+8"),
    ("IS", "-8"),
    ("SS", -8),
    ("OB", b"\x08\0"),
]


@pytest.mark.parametrize(("vr", "value"), SIZES)
@pytest.mark.parametrize("tags", [[0x00280010], [0x00280011], [0x00280010, 0x00280011]])
@pytest.mark.parametrize("asks", ["", "  + equals Rows 8\n", "  + notequals Columns 8\n  + present Rows\n"])
@pytest.mark.parametrize("is_read", [False, True])
def test_a_known_device_with_an_unclear_size_holds_the_image(
    tmp_path: Path,
    pseudonyms: Pseudonyms,
    vr: str,
    value: object,
    tags: list[int],
    asks: str,
    *,
    is_read: bool,
) -> None:
    text = f"LABEL x\n  equals Modality XX\n{asks}  coordinates 0,0,4,4"
    own = with_recipe(tmp_path, pseudonyms, text)
    source = image(Modality="XX", rows=8, columns=9, BitsAllocated=8, pixels=bytes(72))
    for tag in tags:
        source.add(DataElement(tag, vr, value, validation_mode=config.IGNORE))
    path = tmp_path / "source.dcm"
    path.write_bytes(encode(source))
    with pytest.raises(CannotBlankError, match="Rows or Columns is not one whole number above 0"):
        own.regions(dcmread(path) if is_read else source)
    result = deidentify_file(path, tmp_path / "out", own)
    assert isinstance(result, Held)
    assert result.rule.startswith("region-not-blanked: ")
    assert not list((tmp_path / "out").rglob("*.dcm"))


def test_an_unclear_size_holds_nothing_of_other_devices(tmp_path: Path, pseudonyms: Pseudonyms) -> None:
    own = with_recipe(
        tmp_path,
        pseudonyms,
        "LABEL x\n  equals Modality XX\n  + equals Rows 9\n  coordinates 0,0,4,4",
    )
    assert own.regions(image(Modality="YY", Rows=None, Columns=None)) == ()
    assert own.regions(image(Modality="XX", Rows=8, Columns=None)) == ()


@pytest.mark.parametrize(("vr", "value"), [("US", 8), ("SS", 8), ("UL", 8), ("IS", "8"), ("LO", "8")])
def test_a_clear_size_may_have_another_vr(
    tmp_path: Path, pseudonyms: Pseudonyms, vr: str, value: object
) -> None:
    own = with_recipe(tmp_path, pseudonyms, "LABEL x\n  equals Modality XX\n  coordinates 0,0,4,4")
    source = image(Modality="XX", BitsAllocated=8, pixels=bytes([9]) * 64)
    for tag in (0x00280010, 0x00280011):
        source.add(DataElement(tag, vr, value, validation_mode=config.IGNORE))
    path = tmp_path / "source.dcm"
    path.write_bytes(encode(source))
    result = deidentify_file(path, tmp_path / "out", own)
    assert isinstance(result, Written)
    expected = np.full((8, 8), 9)
    expected[:4, :4] = 0
    assert dcmread(result.path)["PixelData"].value == bytes(expected.astype("u1"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("+ resembles Modality US", "line 4: 'resembles Modality US' is no condition"),
        ("+ contains Modality", "line 4: 'contains Modality' has no value"),
        ("+ missing Modality US", "line 4: 'missing Modality US' has a value too many"),
        ("coordinates 1,2,3", "line 4: '1,2,3' is not four numbers"),
        ("+ contains Modality (", "line 4: "),
    ],
)
def test_a_line_that_is_wrong_is_told(
    tmp_path: Path, pseudonyms: Pseudonyms, line: str, message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        with_recipe(tmp_path, pseudonyms, f"LABEL x\n{line}\ncoordinates 1,2,3,4")
    assert message in str(caught.value)


def test_a_recipe_without_devices_or_not_there_is_told(tmp_path: Path, pseudonyms: Pseudonyms) -> None:
    with pytest.raises(ConfigurationError, match="no filter with coordinates"):
        with_recipe(tmp_path, pseudonyms, "LABEL x\ncontains Modality US")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Deidentifier(Options(), pseudonyms, recipe=tmp_path / "absent")


PLACES = st.integers(-3, 12)
REGIONS = st.builds(Region, PLACES, PLACES, PLACES, PLACES)


@given(st.lists(st.tuples(st.booleans(), REGIONS), max_size=6), st.integers(1, 9), st.integers(1, 9))
def test_regions_are_those_of_a_mask(steps: list[tuple[bool, Region]], columns: int, rows: int) -> None:
    mask = np.zeros((rows, columns), bool)
    for is_blank, (left, top, right, bottom) in steps:
        mask[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = is_blank
    found = np.zeros((rows, columns), int)
    for left, top, right, bottom in blanked(steps, columns, rows):
        found[top:bottom, left:right] += 1
    assert (found == mask).all()
