"""Values as text: what pydicom gives, and never the same text for different values."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from niffler_ops.headers.charsets import encoded
from niffler_ops.headers.text import Value, text
from niffler_ops.model import InstanceFile
from tests.support.dicomfiles import encode, image

Read = Callable[..., InstanceFile]
CHARSETS = [
    "",
    "ISO_IR 100",
    "ISO_IR 192",
    "ISO_IR 13",
    "GB18030",
    "\\ISO 2022 IR 87",
    "\\ISO 2022 IR 58",
    "ISO_IR 203",
    "ISO_IR 999",
    "utf_7",
    "hex",
]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize(
    ("keyword", "value", "expected"),
    [
        ("PatientID", "0042", "0042"),
        ("PatientID", None, ""),
        ("StudyDate", "20240102", "20240102"),
        ("SeriesNumber", 7, "7"),
        ("PatientWeight", "70.50", "70.50"),
        ("ImageType", ["ORIGINAL", "PRIMARY"], "ORIGINAL\\PRIMARY"),
        ("Columns", 6, "6"),
        ("FrameIncrementPointer", 0x00181063, "(0018,1063)"),
        ("TagAngleSecondAxis", -3, "-3"),
        ("RecommendedDisplayFrameRateInFloat", 0.5, "0.5"),
        ("ImageComments", " two\\words ", " two\\words"),
        ("IconImageSequence", [], ""),
        ("EncapsulatedDocument", b"%PDF", ""),
    ],
)
def test_a_value_becomes_its_text(read: Read, syntax: str, keyword: str, value: Any, expected: str) -> None:
    instance = read(encode(image(**{keyword: value}), syntax), keyword)
    assert (instance.flaw, instance.attributes) == (None, {keyword: expected})


def test_what_is_absent_is_empty(read: Read) -> None:
    assert read(encode(image()), "AccessionNumber", "PatientID").attributes == {
        "AccessionNumber": "",
        "PatientID": "P1",
    }


def test_tags_may_be_asked_for_as_digits(read: Read) -> None:
    dataset = image()
    dataset.private_block(0x0009, "INVENTED", create=True).add_new(1, "LO", "private")
    keywords = ("00100020", "00091001", "00020010")
    expected = dict(zip(keywords, ("P1", "private", ExplicitVRLittleEndian), strict=True))
    assert read(encode(dataset), *keywords).attributes == expected
    implicit = read(encode(dataset, ImplicitVRLittleEndian), "00091001")
    assert implicit.attributes == {"00091001": "private"}


@pytest.mark.parametrize("keyword", ["PatientId", "0010002", "0010002G", ""])
def test_a_keyword_that_does_not_exist_is_a_defect_of_the_caller(read: Read, keyword: str) -> None:
    with pytest.raises(KeyError):
        read(encode(image()), keyword)


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "MÜLLER^JÖRG"),
        ("ISO_IR 192", "Ünal^Çağla=山田^太郎"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("ISO_IR 13", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
        ("GB18030", "王^小东"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    ],
)
def test_names_are_decoded_by_their_character_set(read: Read, charset: str | list[str], name: str) -> None:
    dataset = image(SpecificCharacterSet=charset, PatientName=name)
    assert read(encode(dataset), "PatientName").attributes == {"PatientName": name}


@pytest.mark.parametrize("first", ["", "ISO 2022 IR 6", "ISO 2022 IR 100"])
@pytest.mark.parametrize(
    ("number", "escape", "codec", "name"),
    [
        ("100", b"\x1b-A", "latin-1", "Müller"),
        ("101", b"\x1b-B", "iso8859-2", "Łukasz"),
        ("109", b"\x1b-C", "iso8859-3", "Ĝaĥar"),
        ("110", b"\x1b-D", "iso8859-4", "Āboliņš"),
        ("144", b"\x1b-L", "iso8859-5", "Люкс"),
        ("127", b"\x1b-G", "iso8859-6", "قباني"),
        ("126", b"\x1b-F", "iso8859-7", "Διον"),
        ("138", b"\x1b-H", "iso8859-8", "שרון"),
        ("148", b"\x1b-M", "iso8859-9", "Şükrüğ"),
        ("203", b"\x1b-b", "iso8859-15", "Œdipž"),
        ("166", b"\x1b-T", "tis_620", "นามสกุล"),
        ("13", b"\x1b)I", "shift_jis", "ﾔﾏﾀﾞ"),
        ("149", b"\x1b$)C", "euc_kr", "홍길동"),
        ("58", b"\x1b$)A", "gb2312", "张卫东"),
        ("87", b"", "iso2022_jp", "山田"),
        ("159", b"", "iso2022_jp_2", "丂"),
    ],
)
def test_no_escape_sequence_is_left_of_any_character_set(
    first: str, number: str, escape: bytes, codec: str, name: str
) -> None:
    raw = b"a^" + escape + name.encode(codec) + b"\\" + escape + name.encode(codec)
    assert text(Value("LO", raw, "<"), f"{first}\\ISO 2022 IR {number}".encode()) == f"a^{name}\\{name}"


@pytest.mark.parametrize(
    ("charset", "raw", "expected"),
    [
        (b"ISO_IR 203", b"\xbcdip\xb8", "Œdipž"),
        (b"ISO 2022 IR 58", b"\x1b$)A\xd5\xc5 \xd5\xc5", "张 张"),
        (b"ISO 2022 IR 58", b"\xd5\xc5", "张"),
        (b"\\ISO 2022 IR 58", b"a \x1b$)A\xd5\xc5\r\n\xd5\xc5 b", "a 张\r\n张 b"),
        (b"ISO 2022 IR 100\\ISO 2022 IR 58", b"M\xfc \x1b$)A\xd5\xc5\r\nM\xfc", "Mü 张\r\nMü"),
        (b"\\ISO 2022 IR 58\\ISO 2022 IR 149", b"\x1b$)A\xd5\xc5 \x1b$)C\xc8\xab", "张 홍"),
        (b"\\ISO 2022 IR 87", b"\x1b$)A\xd5", "\x1b$)A\ufffdD5"),
        (b"\\ISO 2022 IR 58", b"\x1b$)A\xd5", "\x1b$)A\ufffdD5"),
    ],
)
def test_escape_sequences_are_in_force_as_long_as_they_are(charset: bytes, raw: bytes, expected: str) -> None:
    assert text(Value("LT", raw, "<"), charset) == expected


@given(
    content=st.text(st.sampled_from("a B^=张卫东홍ŒžüÀ\n"), max_size=12),
    charset=st.sampled_from(
        [
            b"\\ISO 2022 IR 58\\ISO 2022 IR 149\\ISO 2022 IR 203",
            b"ISO 2022 IR 203\\ISO 2022 IR 58\\ISO 2022 IR 149",
        ]
    ),
)
def test_what_is_written_reads_the_same(content: str, charset: bytes) -> None:
    assert text(Value("UT", encoded(content, charset) or b"", "<"), charset) == content.rstrip(" ")


@pytest.mark.parametrize(
    ("charset", "content", "expected"),
    [
        (b"\\ISO 2022 IR 58", "REMOVED 头部", b"REMOVED \x1b$)A\xcd\xb7\xb2\xbf"),
        (b"ISO_IR 203", "Œdipž", b"\xbcdip\xb8"),
        (b"\\ISO 2022 IR 58", "Ж ж", b"\x1b$)A\xa7\xa8 \x1b$)A\xa7\xd8"),
        (b"\\ISO 2022 IR 58", "ŒŒ", None),
        (b"ISO_IR 192", "ü", None),
    ],
)
def test_text_is_written_where_pydicom_would_not_do_it_rightly(
    charset: bytes, content: str, expected: bytes | None
) -> None:
    assert encoded(content, charset) == expected


def test_padding_is_removed_as_the_standard_says() -> None:
    for padded in (b"ID ", b"ID\0", b" ID", b"ID  \0"):
        assert text(Value("LO", padded, "<")) == "ID"
    assert text(Value("UI", b"1.2\0", "<")) == "1.2"
    assert text(Value("CS", b"A \\ B ", "<")) == "A\\B"


def test_an_undecodable_byte_is_written_out() -> None:
    assert text(Value("LO", b"M\xdcLLER", "<"), b"ISO_IR 192") == "M\ufffdDCLLER"


def test_a_character_set_nobody_knows_is_read_as_latin_1() -> None:
    assert text(Value("LO", b"M\xdcLLER", "<"), b"ISO_IR 999") == "MÜLLER"


@given(
    raws=st.sets(st.binary(min_size=1, max_size=6), min_size=2, max_size=40),
    charset=st.sampled_from(CHARSETS),
)
def test_different_values_never_become_the_same_text(raws: set[bytes], charset: str) -> None:
    # Padding tells nothing apart, and escape sequences may be written in more ways than one.
    different = {raw for raw in raws if not set(raw) & set(b" \0\x1b\\")}
    texts = {text(Value("LO", raw, "<"), charset.encode()) for raw in different}
    assert len(texts) == len(different)


@given(
    raw=st.binary(max_size=20),
    charset=st.sampled_from(CHARSETS).map(str.encode) | st.binary(max_size=12),
    vr=st.sampled_from(["LO", "PN", "UT", "UI", "DA", "US", "FD", "AT", "OB", "SQ", "UN", "ZZ", ""]),
)
def test_every_value_becomes_text_that_can_be_stored(raw: bytes, charset: bytes, vr: str) -> None:
    text(Value(vr, raw, "<"), charset).encode()
