"""What is kept of a data set, what is replaced, and that it is the same however the data set is encoded."""

import copy
import io
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.valuerep import VR

from niffler_ops.deidentify.deidentifier import Deidentifier
from niffler_ops.deidentify.elements import text_of
from niffler_ops.deidentify.identity import IDENTITY_TAGS
from niffler_ops.deidentify.options import Options
from niffler_ops.deidentify.pseudonyms import Pseudonyms
from tests.support.dicomfiles import CT, encode, identity, image
from tests.unit.deidentify.conftest import Make

SYNTAXES = {
    "implicit": "1.2.840.10008.1.2",
    "explicit": "1.2.840.10008.1.2.1",
    "big endian": "1.2.840.10008.1.2.2",
    "deflated": "1.2.840.10008.1.2.1.99",
}


def read(dataset: Dataset, syntax: str = SYNTAXES["explicit"]) -> Dataset:
    return dcmread(io.BytesIO(encode(dataset, syntax)))


def raw_element(source: Dataset, keyword: str, **changes: Any) -> RawDataElement:
    """An element as a file has it, with another tag, VR or value."""
    return cast("RawDataElement", source.get_item(keyword))._replace(**changes)


def patient(**elements: Any) -> Dataset:
    dataset = identity()
    dataset.PatientName = "Mustermann^Erika"
    dataset.PatientBirthDate = "19610203"
    dataset.StudyDate = dataset.SeriesDate = "20200305"
    dataset.AccessionNumber = "A77"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def item(**elements: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def everything() -> Dataset:
    """One of each treatment, also in items."""
    return patient(
        SpecificCharacterSet="ISO_IR 100",
        ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
        Manufacturer="Siemens für Mustermann",
        PatientAge="093Y",
        PatientWeight="71.5",
        AcquisitionDateTime="20200305101112.5+0100",
        StudyTime="101112",
        TimezoneOffsetFromUTC="+0100",
        InstitutionName="A Hospital",
        OperatorsName="Op^Erator",
        SliceThickness="2.5",
        Rows=512,
        PixelSpacing=[0.5, 0.5],
        RescaleSlope="1",
        FrameOfReferenceUID="1.2.3.4.9",
        ReferencedImageSequence=Sequence(
            [item(ReferencedSOPClassUID=CT, ReferencedSOPInstanceUID="1.2.3.4"), item(PatientID="P1")]
        ),
        ProcedureCodeSequence=Sequence([item(CodeValue="X", CodeMeaning="CT of Erika Mustermann")]),
        ContentSequence=Sequence([item(TextValue="secret")]),
    )


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES)
def test_the_result_is_the_same_in_every_encoding_and_for_a_data_set_made_by_hand(
    deidentifier: Deidentifier, syntax: str
) -> None:
    made = deidentifier.dataset(everything())
    result = deidentifier.dataset(read(everything(), syntax))
    assert result.dataset == made.dataset
    assert result.links == made.links


def test_what_becomes_of_each_attribute(deidentifier: Deidentifier, pseudonyms: Pseudonyms) -> None:
    result = deidentifier.dataset(read(everything())).dataset
    person = pseudonyms.identifier("PatientID", "P1")
    assert result.PatientID == result.PatientName == person
    assert result.AccessionNumber == pseudonyms.identifier("AccessionNumber", "A77")
    assert result.PatientBirthDate == ""
    assert result.PatientAge == "090Y"
    assert result.PatientWeight == 71.5
    assert result.StudyInstanceUID == pseudonyms.uid("1.2")
    assert result.FrameOfReferenceUID == pseudonyms.uid("1.2.3.4.9")
    assert result.SOPClassUID == CT
    assert result.Manufacturer == "Siemens für REMOVED"
    assert result.InstitutionName == result.OperatorsName == "REMOVED"
    assert (result.StudyTime, result.TimezoneOffsetFromUTC) == ("101112", "+0100")
    assert (result.Rows, result.SliceThickness, result.PixelSpacing) == (512, 2.5, [0.5, 0.5])
    assert result.ReferencedImageSequence[0].ReferencedSOPClassUID == CT
    assert result.ReferencedImageSequence[0].ReferencedSOPInstanceUID == result.SOPInstanceUID
    assert result.ReferencedImageSequence[1].PatientID == person
    assert result.ProcedureCodeSequence[0].CodeMeaning == "CT of REMOVED REMOVED"
    assert list(result.ContentSequence[0]) == []


def test_dates_move_together_and_times_stay(deidentifier: Deidentifier, pseudonyms: Pseudonyms) -> None:
    result = deidentifier.dataset(patient(StudyDate="20200305", SeriesDate="20200301")).dataset
    days = pseudonyms.days("P1")
    assert result["StudyDate"].value < "20200305"
    moved = deidentifier.dataset(patient(AcquisitionDateTime="20200305101112.5+0100")).dataset
    assert moved.AcquisitionDateTime == f"{result.StudyDate}101112.5+0100"
    links = deidentifier.dataset(patient()).links
    assert [link.original for link in links if link.attribute == "DaysBack"] == [str(days)]


@pytest.mark.parametrize("value", ["2020", "20200230", "about 2020"])
def test_a_date_that_cannot_move_is_treated_as_the_profile_says(
    deidentifier: Deidentifier, value: str
) -> None:
    source = patient()
    for keyword in ("StudyDate", "SeriesDate", "AdmittingDate", "AcquisitionDateTime"):
        vr = "DT" if keyword.endswith("DateTime") else "DA"
        source.add(DataElement(keyword, vr, value, validation_mode=0))
    result = deidentifier.dataset(source).dataset
    assert result.StudyDate == ""
    assert result.SeriesDate == "19000101"
    assert "AdmittingDate" not in result
    assert result.AcquisitionDateTime == "19000101000000"


def test_dates_stay_for_the_receiver_and_age_does_not_come_with_them(choosing: Make) -> None:
    receiver = choosing("RetainFullDates", "RetainDeviceIdentity", "CleanDescriptors")
    result = receiver.dataset(
        patient(
            PatientAge="050Y", StationName="CT1", DeviceSerialNumber="S1", SeriesDescription="Axial Erika"
        )
    ).dataset
    assert (result.StudyDate, result.StationName, result.DeviceSerialNumber) == ("20200305", "CT1", "S1")
    assert result.SeriesDescription == "Axial REMOVED"
    assert result.PatientBirthDate == ""
    assert "PatientAge" not in result


def test_devices_stay_distinct_without_their_identity(deidentifier: Deidentifier) -> None:
    names = {
        deidentifier.dataset(patient(StationName=name)).dataset.StationName for name in ("CT1", "CT2", "CT1")
    }
    assert len(names) == 2
    assert not names & {"CT1", "CT2"}


def test_without_a_patient_id_the_study_stands_in(deidentifier: Deidentifier) -> None:
    results = [
        deidentifier.dataset(patient(PatientID=" ", StudyInstanceUID=study))
        for study in ("1.2.1", "1.2.1", "1.2.2")
    ]
    ids = [result.dataset.PatientID for result in results]
    assert ids[0] == ids[1] != ids[2]
    assert ("StudyInstanceUID", "1.2.1", ids[0]) in results[0].links


def test_the_issuer_does_not_divide_a_patient(deidentifier: Deidentifier) -> None:
    with_issuer = deidentifier.dataset(patient(IssuerOfPatientID="HOSPITAL")).dataset
    assert with_issuer.PatientID == deidentifier.dataset(patient()).dataset.PatientID
    assert "IssuerOfPatientID" not in with_issuer


def test_links_lead_back(deidentifier: Deidentifier) -> None:
    result = deidentifier.dataset(patient())
    back = {link.pseudonym: (link.attribute, link.original) for link in result.links}
    assert back[result.dataset.AccessionNumber] == ("AccessionNumber", "A77")
    assert back[result.dataset.SOPInstanceUID] == ("SOPInstanceUID", "1.2.3.4")
    assert ("PatientID", "P1", result.dataset.PatientID) in result.links


@settings(max_examples=25)
@given(st.sampled_from(sorted(SYNTAXES)))
def test_the_source_stays_as_it_is(deidentifier: Deidentifier, syntax: str) -> None:
    source = read(everything(), SYNTAXES[syntax])
    before = copy.deepcopy(source)
    deidentifier.dataset(source)
    assert source == before


def test_pixel_data_are_passed_on_but_not_those_of_items(deidentifier: Deidentifier) -> None:
    source = image()
    source.ReferencedImageSequence = Sequence([image()])
    result = deidentifier.dataset(read(source)).dataset
    assert result.PixelData == source.PixelData
    assert "PixelData" not in result.ReferencedImageSequence[0]


def test_a_part_of_a_data_set_is_treated_as_the_whole(deidentifier: Deidentifier) -> None:
    whole = deidentifier.dataset(read(everything())).dataset
    tags = [*IDENTITY_TAGS, 0x00080070, 0x00101010]
    part = dcmread(io.BytesIO(encode(everything())), specific_tags=tags)
    result = deidentifier.dataset(part).dataset
    assert result.Manufacturer == whole.Manufacturer
    assert all(element == whole[element.tag] for element in result)


@pytest.mark.parametrize(
    ("charset", "name", "text", "cleaned"),
    [
        ("ISO_IR 100", "Müller^Jörg", "für Jörg MÜLLER", "für REMOVED REMOVED"),
        ("ISO_IR 192", "Παπαδόπουλος^Γιώργος", "του ΠΑΠΑΔΌΠΟΥΛΟΣ", "του REMOVED"),
        ("ISO_IR 144", "Иванов^Иван", "Голова ИВАНОВ", "Голова REMOVED"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎", "山田太郎 頭部", "REMOVED 頭部"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동", "홍길동 CT", "REMOVED CT"),
        ("GB18030", "Wang^XiaoDong=王^小东", "王小东 头部", "REMOVED 头部"),
    ],
)
def test_names_are_found_in_every_character_set(
    deidentifier: Deidentifier, charset: Any, name: str, text: str, cleaned: str
) -> None:
    source = read(patient(SpecificCharacterSet=charset, PatientName=name, Manufacturer=text))
    assert deidentifier.dataset(source).dataset.Manufacturer == cleaned


CHINESE = b"Zhang^Weidong=\x1b$)A\xd5\xc5^\x1b$)A\xce\xc0\xb6\xab"  # PS3.5 Annex K


@pytest.mark.filterwarnings("ignore:Unknown encoding")  # pydicom's, of Latin-9
@pytest.mark.parametrize("vr", ["LO", "UN"])
@pytest.mark.parametrize(
    ("charset", "name", "text", "cleaned"),
    [
        ("\\ISO 2022 IR 58", CHINESE, "\x1b$)A张卫东头部".encode("gb2312"), "REMOVED头部"),
        ("\\ISO 2022 IR 58", CHINESE, b"CT \x1b$)A\xce\xc0\xb6\xab, Weidong", "CT REMOVED, REMOVED"),
        ("\\ISO 2022 IR 203", b"\x1b-b\xbcdip\xb8^A", b"\x1b-b\xbcDIP\xb8 \xbd", "REMOVED œ"),
        ("ISO_IR 203", b"\xbcdip\xb8^A", b"\xbddip\xb8 \xbd", "REMOVED œ"),
        ("ISO_IR 192", "张^卫东".encode(), "张卫东头部".encode(), "REMOVED头部"),
    ],
)
def test_names_are_found_and_the_rest_is_written_back_as_it_was(
    deidentifier: Deidentifier, vr: str, charset: str, name: bytes, text: bytes, cleaned: str
) -> None:
    source = read(patient(SpecificCharacterSet=charset.split("\\"), Manufacturer="x"))
    source[0x00100010] = raw_element(source, "PatientName", value=name)
    source[0x00080070] = raw_element(source, "Manufacturer", value=text, VR=vr)
    written = dcmread(io.BytesIO(encode(deidentifier.dataset(source).dataset)))
    assert text_of(written, 0x00080070, charset.encode()) == cleaned


def test_a_name_is_known_in_other_character_sets_of_the_study(pseudonyms: Pseudonyms) -> None:
    deidentifier = Deidentifier(Options(), pseudonyms)
    source = read(patient(SpecificCharacterSet=["", "ISO 2022 IR 58"]))
    source[0x00100010] = raw_element(source, "PatientName", value=CHINESE)
    deidentifier.learn(source)
    other = read(patient(SpecificCharacterSet="ISO_IR 192", PatientName="", Manufacturer="患者张卫东复查"))
    assert deidentifier.dataset(other).dataset.Manufacturer == "患者REMOVED复查"


def test_text_that_nobody_can_decode_is_removed(deidentifier: Deidentifier) -> None:
    source = read(
        patient(SpecificCharacterSet="ISO_IR 192", Manufacturer="M\N{LATIN SMALL LETTER U WITH DIAERESIS}")
    )
    raw = raw_element(source, "Manufacturer", value=b"M\xfcller")
    source[raw.tag] = raw
    assert "Manufacturer" not in deidentifier.dataset(source).dataset


@pytest.mark.parametrize(
    ("keyword", "vr", "value"),
    [
        ("SliceThickness", "DS", b"Mustermann"),
        ("SliceThickness", "PN", b"Mustermann"),
        ("Manufacturer", "OB", b"Mustermann"),
        ("Manufacturer", "PN", b"Mustermann"),
        ("Rows", "LO", b"Mustermann"),
        ("Rows", "SQ", b"Mustermann"),
        ("ReferencedImageSequence", "LO", b"Mustermann"),
        ("ReferencedImageSequence", "SQ", b"Mustermann"),
        ("SOPClassUID", "UI", b"Mustermann"),
        ("StudyTime", "TM", b"Mustermann"),
        ("TimezoneOffsetFromUTC", "SH", b"Mustermann"),
        ("SpecificCharacterSet", "CS", b"Mustermann"),
        ("SeriesDate", "LO", b"Mustermann"),
        ("PatientAge", "LO", b"Mustermann"),
    ],
)
def test_a_name_under_a_false_flag_does_not_pass(
    deidentifier: Deidentifier, keyword: str, vr: str, value: bytes
) -> None:
    content = encode(patient(PatientComments="to be replaced"))
    source = dcmread(io.BytesIO(content))
    tag = Tag(keyword)
    source[tag] = raw_element(source, "PatientComments", tag=tag, VR=vr, value=value, length=len(value))
    result = deidentifier.dataset(source).dataset
    assert "uster" not in str(result)


def test_values_of_another_harmless_vr_stay(deidentifier: Deidentifier) -> None:
    source = patient()
    source.add(DataElement("SeriesNumber", "SH", "7"))
    source.add(DataElement("Manufacturer", "SH", "Acme"))
    source.add(DataElement("Rows", "UL", 512))
    source.add(DataElement("SeriesDate", "LO", "20200305"))
    result = deidentifier.dataset(source).dataset
    assert (result.SeriesNumber, result.Manufacturer, result.Rows) == ("7", "Acme", 512)
    assert result.SeriesDate == result.StudyDate


def test_a_known_sequence_of_unknown_vr_is_walked_through(deidentifier: Deidentifier) -> None:
    source = read(patient())
    inner = encode(item(PatientID="P1", SOPClassUID=CT, SOPInstanceUID="1"), SYNTAXES["implicit"])
    body = inner[inner.index(b"\x08\x00\x16\x00") :]
    value = b"\xfe\xff\x00\xe0" + len(body).to_bytes(4, "little") + body
    tag = Tag("ReferencedImageSequence")
    source[tag] = raw_element(source, "PatientID", tag=tag, VR="UN", value=value, length=len(value))
    result = deidentifier.dataset(source).dataset
    assert result.ReferencedImageSequence[0].PatientID == result.PatientID


def test_what_is_not_in_the_table_and_identifies_all_the_same_is_gone(deidentifier: Deidentifier) -> None:
    source = patient(
        PatientBirthDateInAlternativeCalendar="Heisei 3",
        RetrieveURL="http://pacs/1.2.3.4",
        IssuerOfAccessionNumberSequence=Sequence([item(LocalNamespaceEntityID="HOSPITAL")]),
        EncryptedAttributesSequence=Sequence([item(EncryptedContent=b"secret")]),
        EvaluatorName="Doe^Jane",
    )
    left = deidentifier.dataset(source).dataset
    assert not {element.keyword for element in left} & {element.keyword for element in source} - {
        element.keyword for element in patient()
    }


def test_the_object_says_what_was_done_to_it(choosing: Make) -> None:
    names = (
        "RetainModifiedDates",
        "RetainPatientCharacteristics",
        "RetainDeviceIdentity",
        "CleanDescriptors",
    )
    expected = {
        (): ({"113100"}, "REMOVED"),
        names: ({"113100", "113105", "113107", "113108", "113109"}, "MODIFIED"),
        ("RetainFullDates",): ({"113100", "113106"}, "UNMODIFIED"),
    }
    for chosen, (codes, temporal) in expected.items():
        for source in (
            patient(),
            read(patient(), SYNTAXES["implicit"]),
            read(patient(), SYNTAXES["big endian"]),
        ):
            result = choosing(*chosen).dataset(source).dataset
            sequence = result.DeidentificationMethodCodeSequence
            assert {code.CodeValue for code in sequence} == codes
            assert {code.CodingSchemeDesignator for code in sequence} == {"DCM"}
            assert result.PatientIdentityRemoved == "YES"
            assert result.LongitudinalTemporalInformationModified == temporal
            assert all(len(line) <= 64 for line in result.DeidentificationMethod)


def test_an_object_that_says_so_already_says_only_ours(deidentifier: Deidentifier) -> None:
    result = deidentifier.dataset(patient(DeidentificationMethod="by hand of Mustermann")).dataset
    assert "by hand" not in str(result.DeidentificationMethod)


def test_file_meta_information_is_made_anew(deidentifier: Deidentifier) -> None:
    result = deidentifier.dataset(read(patient())).dataset
    meta = deidentifier.file_meta(result, SYNTAXES["explicit"])
    assert meta.MediaStorageSOPInstanceUID == result.SOPInstanceUID
    assert meta.MediaStorageSOPClassUID == CT
    assert {element.keyword for element in meta} == {
        "FileMetaInformationVersion",
        "MediaStorageSOPClassUID",
        "MediaStorageSOPInstanceUID",
        "TransferSyntaxUID",
        "ImplementationClassUID",
        "ImplementationVersionName",
    }


TAGS = st.integers(0x00080000, 0x0040FFFF) | st.sampled_from([0x00100010, 0x00080050, 0x00081115])
VRS = st.sampled_from(sorted(VR))


@settings(max_examples=150)
@given(st.lists(st.tuples(TAGS, VRS, st.binary(max_size=40)), max_size=8))
def test_no_bytes_can_make_it_fail(
    deidentifier: Deidentifier, elements: list[tuple[int, str, bytes]]
) -> None:
    source = read(patient())
    for number, vr, value in elements:
        raw = raw_element(source, "SOPClassUID", tag=Tag(number), VR=vr, value=value, length=len(value))
        source[raw.tag] = raw
    assert deidentifier.dataset(source).dataset.PatientIdentityRemoved == "YES"


@pytest.mark.parametrize("charset", ["ISO_IR 100", "ISO_IR 192", "GB18030"])
def test_an_identifier_has_one_pseudonym_in_every_character_set(
    deidentifier: Deidentifier, pseudonyms: Pseudonyms, charset: str
) -> None:
    result = deidentifier.dataset(read(patient(SpecificCharacterSet=charset, PatientID="Zü-7")))
    assert (
        result.dataset.PatientID == result.dataset.PatientName == pseudonyms.identifier("PatientID", "Zü-7")
    )
    assert ("PatientID", "Zü-7", result.dataset.PatientID) in result.links
    assert pseudonyms.identifier("PatientID", "Zu\u0308-7") == result.dataset.PatientID


def test_an_instance_never_keeps_its_uid_and_a_class_only_if_it_is_registered(
    deidentifier: Deidentifier, pseudonyms: Pseudonyms
) -> None:
    known = "1.2.840.10008.1.1"
    source = patient(
        SOPInstanceUID=known, SOPClassUID="1.2.840.10008.5.1.4.1.1.712345", FrameOfReferenceUID=known
    )
    result = deidentifier.dataset(read(source)).dataset
    assert result.SOPInstanceUID == pseudonyms.instance_uid(known) != known
    assert result.SOPClassUID.startswith("2.25.")
    assert result.FrameOfReferenceUID == known


def test_a_backslash_is_part_of_an_identifier(deidentifier: Deidentifier, pseudonyms: Pseudonyms) -> None:
    result = deidentifier.dataset(read(patient(PatientID="P1\\P2")))
    assert (
        result.dataset.PatientID == pseudonyms.identifier("PatientID", "P1\\P2") == result.dataset.PatientName
    )
