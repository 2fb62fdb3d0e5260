"""Values keep their types and their nesting, in every encoding, and what is no value is left out."""

import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from niffler_ops.metadata import (
    EVERYTHING,
    Facts,
    NoInstanceError,
    parse_featureset,
    read_facts,
    wanted_tags,
)
from tests.support.dicomfiles import encode, identity, image

SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]
SHIPPED = sorted((Path(pydicom.__file__).parent / "data" / "test_files").rglob("*.dcm"))


def written(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> Dataset:
    """The same as it is read from a file: not decoded yet."""
    return dcmread(io.BytesIO(encode(dataset, syntax)), stop_before_pixels=True)


def all_of(dataset: Dataset) -> Facts:
    """Every public attribute."""
    return read_facts(dataset, EVERYTHING)


@pytest.fixture(params=[lambda dataset: dataset, *(lambda d, s=s: written(d, s) for s in SYNTAXES)])
def through(request: pytest.FixtureRequest) -> Callable[[Dataset], Dataset]:
    """A data set made in memory, and read in each native encoding."""
    return request.param  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("keyword", "value", "expected"),
    [
        ("Modality", "CT", "CT"),
        ("ImageType", ["ORIGINAL", "PRIMARY", "AXIAL"], ["ORIGINAL", "PRIMARY", "AXIAL"]),
        ("ImageType", ["ORIGINAL", "", "AXIAL"], ["ORIGINAL", None, "AXIAL"]),
        ("SliceThickness", "2.50", 2.5),
        ("PixelSpacing", ["0.5", "-1e-1"], [0.5, -0.1]),
        ("InstanceNumber", "-12", -12),
        ("Rows", 512, 512),
        ("AcquisitionMatrix", [0, 256, 192, 0], [0, 256, 192, 0]),
        ("SmallestImagePixelValue", 40000, 40000),
        ("CTDIvol", 12.25, 12.25),
        ("RecommendedDisplayFrameRateInFloat", 0.5, 0.5),
        ("SimpleFrameList", [1, 2], [1, 2]),
        ("ExtendedOffsetTableLengths", None, None),
        ("FrameIncrementPointer", 0x00181063, "00181063"),
        ("PatientAge", "045Y", "045Y"),
        ("StudyDate", "20240229", "20240229"),
        ("StudyTime", "101500.25", "101500.25"),
        ("AcquisitionDateTime", "20240229101500.25+0100", "20240229101500.25+0100"),
        ("PatientName", "Pseud^onym", "Pseud^onym"),
        ("FrameOfReferenceUID", "2.25.1", "2.25.1"),
        ("ImageComments", "one\\two ", "one\\two"),
        ("StudyDescription", "", None),
        ("StudyDescription", None, None),
        ("EchoTime", "", None),
    ],
)
def test_values_keep_their_types(
    through: Callable[[Dataset], Dataset], keyword: str, value: Any, expected: Any
) -> None:
    dataset = image(PixelData=None)
    setattr(dataset, keyword, value)
    found = all_of(through(dataset)).get(keyword)
    assert found == expected
    assert type(found) is type(expected)


def test_the_vr_that_depends_on_the_pixels(through: Callable[[Dataset], Dataset]) -> None:
    dataset = image(PixelData=None, PixelRepresentation=1)
    dataset.add_new("PixelPaddingValue", "SS", -2000)
    assert all_of(through(dataset))["PixelPaddingValue"] == -2000


def test_sequences_are_lists_of_objects(through: Callable[[Dataset], Dataset]) -> None:
    code, request = Dataset(), Dataset()
    code.CodeValue, code.CodeMeaning = "T-D3000", "Chest"
    request.ScheduledProtocolCodeSequence = Sequence([code, Dataset()])
    request.add_new(0x00091010, "LO", "private")
    dataset = identity()
    dataset.RequestAttributesSequence = Sequence([request])
    dataset.ProcedureCodeSequence = Sequence([])
    found = all_of(through(dataset))
    assert found["RequestAttributesSequence"] == [
        {"ScheduledProtocolCodeSequence": [{"CodeValue": "T-D3000", "CodeMeaning": "Chest"}, {}]}
    ]
    assert "ProcedureCodeSequence" not in found


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("ISO_IR 192", "Thorax 胸部 ß"),
        ("ISO_IR 100", "Schädel"),
        (["", "ISO 2022 IR 87"], "胸部"),
        ("ISO_IR 144", "Голова"),
    ],
)
def test_character_sets_at_every_level(charset: Any, text: str) -> None:
    inner, outer = Dataset(), identity()
    inner.CodeMeaning = text
    outer.SpecificCharacterSet = charset
    outer.StudyDescription = text
    outer.ProcedureCodeSequence = Sequence([inner])
    found = all_of(written(outer))
    assert found["StudyDescription"] == text
    assert found["ProcedureCodeSequence"] == [{"CodeMeaning": text}]
    assert "SpecificCharacterSet" not in found


@pytest.mark.parametrize("raw", [b"NaN ", b"inf ", b"1e99999 ", b"1_0 ", b"text", b"1,5 "])
def test_what_is_no_number_is_left_out(raw: bytes) -> None:
    content = encode(image(SliceThickness="1.250000", PixelData=None)).replace(b"1.250000", raw.ljust(8))
    found = all_of(dcmread(io.BytesIO(content)))
    assert "SliceThickness" not in found


def test_integers_that_are_written_as_decimals_and_those_beyond_64_bits() -> None:
    content = encode(image(InstanceNumber="9999", PixelData=None)).replace(b"9999", b"7.0 ")
    assert all_of(dcmread(io.BytesIO(content)))["InstanceNumber"] == 7
    dataset = identity()
    dataset.SelectorUVValue = [2**64 - 1, 1]
    assert all_of(written(dataset))["SelectorUVValue"] == [str(2**64 - 1), 1]


def test_floats_that_are_no_numbers_are_left_out() -> None:
    dataset = identity()
    dataset.CTDIvol = math.nan
    dataset.RecommendedDisplayFrameRateInFloat = math.inf
    dataset.DiffusionGradientOrientation = [1.0, math.nan, 0.5]
    found = all_of(written(dataset))
    assert "CTDIvol" not in found
    assert "RecommendedDisplayFrameRateInFloat" not in found
    assert found["DiffusionGradientOrientation"] == [1.0, None, 0.5]


def test_binary_and_private_attributes_are_no_part_of_everything() -> None:
    dataset = image()
    dataset.EncapsulatedDocument = b"1234"
    dataset.private_block(0x0019, "CREATOR", create=True).add_new(0x01, "LO", "private")
    found = all_of(written(dataset))
    assert not [name for name in found if name.startswith("0019")]
    assert not found.keys() & {"PixelData", "EncapsulatedDocument"}


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_private_attributes_are_found_in_whatever_block_they_are(syntax: str) -> None:
    dataset = identity()
    dataset.private_block(0x0019, "ANOTHER", create=True).add_new(0x9C, "LO", "wrong")
    dataset.private_block(0x0019, "GEMS_ACQU_01", create=True).add_new(0x9C, "LO", "efgre3d")
    featureset = parse_featureset("mr", '0019,"GEMS_ACQU_01",9C\n0019,"ABSENT",01')
    found = read_facts(written(dataset, syntax), featureset)
    assert found["0019_GEMS_ACQU_01_9C"] == "efgre3d"
    assert wanted_tags(featureset) is None


def test_file_meta_information_where_a_featureset_asks_for_it() -> None:
    featureset = parse_featureset("syntax", "TransferSyntaxUID\nModality")
    assert read_facts(written(identity()), featureset)["TransferSyntaxUID"] == ExplicitVRLittleEndian
    assert "TransferSyntaxUID" not in read_facts(identity(), featureset)


def test_what_is_too_large_for_a_record_is_named() -> None:
    contour = Dataset()
    contour.ContourData = ["1.5"] * 5000
    dataset = identity()
    dataset.ROIContourSequence = Sequence([contour])
    dataset.TextValue = "x" * 70_000
    dataset.ImageComments = "short"
    found = all_of(written(dataset))
    assert found["left_out"] == ["ROIContourSequence", "TextValue"]
    assert found["ImageComments"] == "short"
    assert all_of(dataset)["left_out"] == ["ROIContourSequence", "TextValue"]


def test_many_attributes_that_are_large_together() -> None:
    dataset = identity()
    texts = ["ImageComments", "TextValue", "AdditionalPatientHistory", "PatientComments", "StudyComments"]
    texts += ["VisitComments", "RequestedProcedureComments", "TextString", "Arbitrary", "IdentifyingComments"]
    texts += [
        "InterpretationText",
        "ResultsComments",
        "Impressions",
        "ContributionDescription",
        "DerivationDescription",
    ]
    texts += ["AcquisitionComments", "InstitutionAddress", "MedicalAlerts", "AcquisitionProtocolDescription"]
    for keyword in texts:
        dataset.add_new(keyword, "UT", "x" * 64_000)
    found = all_of(dataset)
    assert len(json.dumps(found)) < 1024 * 1024 + 10_000
    assert len(found["left_out"]) == 3  # type: ignore[arg-type]


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"])
def test_without_an_identifying_uid_it_is_no_instance(keyword: str) -> None:
    dataset = identity()
    delattr(dataset, keyword)
    with pytest.raises(NoInstanceError, match=keyword):
        all_of(written(dataset))


def test_only_what_is_wanted_need_be_read() -> None:
    featureset = parse_featureset("ct", "KVP\nPixelPaddingValue\nStudyDescription")
    dataset = image(KVP="120", StudyDescription="Schädel", SpecificCharacterSet="ISO_IR 192", SAR="1")
    dataset.add_new("PixelPaddingValue", "SS", -5)
    dataset.PixelRepresentation = 1
    content = encode(dataset, ImplicitVRLittleEndian)
    whole = dcmread(io.BytesIO(content))
    part = dcmread(io.BytesIO(content), specific_tags=list(wanted_tags(featureset) or []))
    found = read_facts(part, featureset)
    assert found == read_facts(whole, featureset)
    assert found["PixelPaddingValue"] == -5
    assert featureset.select(found).keys() == {
        *("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "KVP", "PixelPaddingValue"),
        "StudyDescription",
    }


def test_reading_facts_leaves_the_values_of_the_data_set_as_they_are() -> None:
    dataset = written(image(SliceThickness="2.50"))
    before = dataset.to_json()
    all_of(dataset)
    assert dataset.to_json() == before


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_file_that_pydicom_ships_has_facts_that_json_takes(path: Path) -> None:
    dataset = dcmread(path, force=True, stop_before_pixels=True)
    try:
        found = all_of(dataset)
    except NoInstanceError:
        return
    assert json.loads(json.dumps(found, allow_nan=False)) == found
