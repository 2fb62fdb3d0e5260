"""Attributes of sequence items: found where they are asked for, however the sequence is written."""

from collections.abc import Callable
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from niffler_ops.model import Flaw, InstanceFile
from tests.support.dicomfiles import encode, image

Read = Callable[..., InstanceFile]
STEP = "00400275[0]/00400009"
SECOND = "00400275[1]/00400009"
CODE = "00400275[1]/00400008[0]/00080100"
DESCRIPTION = "00400275[0]/00400007"
SYNTAXES = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]


def item(**elements: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def requested(*, items_open: bool = False, open_ended: bool = False) -> Dataset:
    """An image with two requests, the second with a code."""
    code = item(CodeValue="T-04000", CodeMeaning="Breast")
    requests = [
        item(ScheduledProcedureStepID="SPS1"),
        item(
            ScheduledProtocolCodeSequence=Sequence([code]), ScheduledProcedureStepID="SPS2", CodeValue="none"
        ),
    ]
    dataset = image(RequestAttributesSequence=Sequence(requests))
    dataset["RequestAttributesSequence"].is_undefined_length = open_ended
    requests[1]["ScheduledProtocolCodeSequence"].is_undefined_length = open_ended
    for each in (code, *requests):
        each.is_undefined_length_sequence_item = items_open
    return dataset


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("open_ended", [False, True])
@pytest.mark.parametrize("items_open", [False, True])
def test_an_item_s_attribute_is_found(read: Read, syntax: str, *, open_ended: bool, items_open: bool) -> None:
    content = encode(requested(items_open=items_open, open_ended=open_ended), syntax)
    assert read(content, STEP, SECOND, CODE, "PatientID").attributes == {
        STEP: "SPS1",
        SECOND: "SPS2",
        CODE: "T-04000",
        "PatientID": "P1",
    }
    assert read(content, STEP).flaw is None


def test_the_way_may_be_written_in_keywords(read: Read) -> None:
    by_name = "RequestAttributesSequence[1]/ScheduledProtocolCodeSequence[0]/CodeValue"
    assert read(encode(requested()), by_name).attributes == {by_name: "T-04000"}


def test_what_is_not_there_is_empty(read: Read) -> None:
    keywords = (
        "00400275[2]/00400009",
        "00400275[0]/00400007",
        "00081140[0]/00081155",
        "00080018[0]/00080018",
    )
    assert read(encode(requested()), *keywords).attributes == dict.fromkeys(keywords, "")
    assert read(encode(image(RequestAttributesSequence=Sequence())), STEP).attributes == {STEP: ""}


@pytest.mark.parametrize(
    "keyword", ["00400275/00400009", "00400275[x]/00400009", "Nowhere[0]/00400009", "[0]/"]
)
def test_a_way_that_does_not_exist_is_a_defect_of_the_caller(read: Read, keyword: str) -> None:
    with pytest.raises(KeyError):
        read(encode(requested()), keyword)


def test_an_item_s_attribute_is_not_taken_for_the_data_set_s(read: Read) -> None:
    keywords = (CODE, "CodeValue", "00400275[1]/00080100")
    assert read(encode(requested()), *keywords).attributes == {
        CODE: "T-04000",
        "CodeValue": "",
        "00400275[1]/00080100": "none",
    }


def test_an_item_may_have_a_character_set_of_its_own(read: Read) -> None:
    request = item(SpecificCharacterSet="ISO_IR 192", ScheduledProcedureStepDescription="Schädel")
    dataset = image(SpecificCharacterSet="ISO_IR 100", RequestAttributesSequence=Sequence([request]))
    assert read(encode(dataset), DESCRIPTION).attributes == {DESCRIPTION: "Schädel"}
    del request.SpecificCharacterSet
    assert read(encode(dataset), DESCRIPTION).attributes == {DESCRIPTION: "Schädel"}


def test_a_sequence_of_unknown_vr_holds_implicit_vr(read: Read) -> None:
    sequence = (
        b"\x40\x00\x75\x02UN\0\0\xff\xff\xff\xff"
        b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
        b"\x40\x00\x09\x00\x04\0\0\0SPS1"
        b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    )
    content = encode(image())
    at = content.index(b"\xe0\x7f\x10\x00")
    instance = read(content[:at] + sequence + content[at:], STEP)
    assert (instance.flaw, instance.attributes) == (None, {STEP: "SPS1"})


def test_damage_within_a_sequence_of_known_length_is_passed_over(read: Read) -> None:
    content = encode(requested())
    start = content.index(b"\xfe\xff\x00\xe0")
    for nonsense in (b"\xff" * 8, b"\xfe\xff\x00\xe0\xff\xff\xff\xff", b"\xfe\xff\x00\xe0\xff\xff\xff\x7f"):
        damaged = content[:start] + nonsense + content[start + 8 :]
        assert read(damaged).flaw is None
        instance = read(damaged, STEP, SECOND, "PatientID", "Rows")
        assert instance.flaw is None
        assert (instance.attributes["PatientID"], instance.attributes["Rows"]) == ("P1", "4")


@pytest.mark.parametrize("open_ended", [False, True])
def test_a_file_that_ends_within_a_sequence_is_truncated(read: Read, *, open_ended: bool) -> None:
    content = encode(requested(items_open=open_ended, open_ended=open_ended))
    end = content.index(b"SPS2") + 2
    for keywords in ((), (STEP,), (SECOND, "PatientID")):
        instance = read(content[:end], *keywords)
        assert instance.flaw is Flaw.TRUNCATED
        assert all(instance.attributes[keyword] for keyword in keywords if keyword != SECOND)


def test_long_sequences_are_read_block_by_block(read: Read) -> None:
    filler = [item(ImageComments="x" * 10_000) for _ in range(250)]
    dataset = image(RequestAttributesSequence=Sequence([*filler, item(ScheduledProcedureStepID="last")]))
    keyword = "00400275[250]/00400009"
    assert read(encode(dataset), keyword, "Rows").attributes == {keyword: "last", "Rows": "4"}
