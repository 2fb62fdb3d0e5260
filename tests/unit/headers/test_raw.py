"""Elements are handed on as pydicom would have read them."""

import warnings
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from niffler_ops.headers import read_header
from niffler_ops.headers.forward import BLOCK
from niffler_ops.headers.raw import LONGEST
from niffler_ops.model import Flaw
from tests.support.dicomfiles import encode, image
from tests.unit.headers.test_items import SYNTAXES, requested
from tests.unit.headers.test_shipped_files import SHIPPED

REQUESTS = Tag("RequestAttributesSequence")


def read(path: Path, tags: frozenset[int] | None = None) -> tuple[Flaw | None, Dataset]:
    known, elements = read_header(str(path), tags)
    return known.flaw, elements


def told(dataset: Dataset) -> dict[str, Any]:
    """Everything in it; what pydicom cannot decode at all, as its bytes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {}
        for tag in list(dataset.keys()):
            try:
                value = dataset[tag].value
                found[str(tag)] = [*map(told, value)] if isinstance(value, Sequence) else str(value)
            except Exception:  # noqa: BLE001 - some of them are damaged on purpose
                element = dataset.get_item(tag)
                found[str(tag)] = repr(element.value) if element else ""
        return found


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_the_files_that_pydicom_ships_are_read_as_by_pydicom(name: str) -> None:
    flaw, ours = read(SHIPPED[name])
    if flaw in {Flaw.UNREADABLE, Flaw.TRUNCATED} and name != "MR_truncated.dcm":
        return  # nothing is asked of what cannot be read; and of a sequence that is cut, nothing is kept
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = dcmread(SHIPPED[name], stop_before_pixels=True)
    except (InvalidDicomError, OSError):
        pytest.fail(f"pydicom cannot read {name}")
    assert told(ours) == told(theirs)
    if name != "SC_rgb_jpeg.dcm":  # it is encoded otherwise than it says, which pydicom repeats
        assert ours.original_encoding == theirs.original_encoding


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("open_ended", [False, True])
def test_a_sequence_is_its_items_however_its_end_is_marked(
    tmp_path: Path, syntax: str, *, open_ended: bool
) -> None:
    path = tmp_path / "image.dcm"
    path.write_bytes(encode(requested(items_open=open_ended, open_ended=open_ended), syntax))
    flaw, ours = read(path, frozenset({int(REQUESTS), 0x00100020}))
    theirs = dcmread(path, specific_tags=[REQUESTS, Tag("PatientID")])
    assert flaw is None
    assert isinstance(ours.get_item(REQUESTS), RawDataElement)
    assert ours == theirs
    assert [item.ScheduledProcedureStepID for item in ours.RequestAttributesSequence] == ["SPS1", "SPS2"]


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("open_ended", [False, True])
def test_values_within_a_sequence_that_is_kept_are_found_as_well(
    tmp_path: Path, syntax: str, *, open_ended: bool
) -> None:
    path = tmp_path / "image.dcm"
    path.write_bytes(encode(requested(items_open=open_ended, open_ended=open_ended), syntax))
    keyword = "RequestAttributesSequence[1]/ScheduledProcedureStepID"
    known, _ = read_header(str(path), None, (keyword,))
    assert (known.flaw, known.attributes) == (None, {keyword: "SPS2"})


def test_a_sequence_may_be_longer_than_what_is_read_at_once(tmp_path: Path) -> None:
    items = [Dataset() for _ in range(3)]
    for number, item in enumerate(items):
        item.TextValue = str(number) * BLOCK
    dataset = image(ContentSequence=Sequence(items), PatientComments="after it")
    dataset["ContentSequence"].is_undefined_length = True
    path = tmp_path / "image.dcm"
    path.write_bytes(encode(dataset))
    flaw, ours = read(path)
    assert flaw is None
    assert ours == dcmread(path, stop_before_pixels=True)


def test_text_is_decoded_by_its_character_set(tmp_path: Path) -> None:
    item = Dataset()
    item.CodeMeaning = "Röntgen"
    dataset = image(SpecificCharacterSet="ISO_IR 100", PatientName="Müller")
    dataset.ProcedureCodeSequence = [item]
    path = tmp_path / "image.dcm"
    path.write_bytes(encode(dataset))
    _, ours = read(path)
    assert (ours.PatientName, ours.ProcedureCodeSequence[0].CodeMeaning) == ("Müller", "Röntgen")


def test_a_value_that_no_header_has_makes_a_file_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    content = encode(image(PatientComments="long"))
    head, tail = content.split(b"LT\x04\x00long")
    path.write_bytes(head + b"UT\0\0" + (LONGEST + 2).to_bytes(4, "little") + tail)
    flaw, ours = read(path)
    assert flaw is Flaw.UNREADABLE
    assert "PatientComments" not in ours


def test_zeros_within_a_character_set_are_nobodys_name(tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    content = encode(image(SpecificCharacterSet="ISO_IR 100", PatientName="A"))
    path.write_bytes(content.replace(b"ISO_IR 100", b"ISO\0\0\0 100"))
    assert read(path)[0] is None
