"""A value is found however it is spelled, and a text that only looks like it is not."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from niffler_ops.audit import Audit, audit
from niffler_ops.audit.dates import dates
from niffler_ops.audit.index import Index
from niffler_ops.audit.model import Channel
from niffler_ops.audit.searching import Place, Search
from tests.support.dicomfiles import encode
from tests.support.effort import grows_with_the_length_alone
from tests.support.persons import person

Say = Callable[[str], set[str]]


def wide(text: str) -> str:
    """As full-width letters and digits."""
    return "".join(chr(ord(character) + 0xFEE0) for character in text)


@pytest.mark.parametrize(
    "text",
    [
        "Groninger",
        "GRÖNINGER",
        "Gro\u0308ninger",
        "gröninger_wilhelmina",
        "WilhelminaGröninger",
        "Wilhelmina, the patient",
        "Gröninger12",
        "Gr%C3%B6ninger",
        "Gr&ouml;ninger",
        r'"Gr\u00f6ninger"',
        r"b'Gr\xf6ninger'",
        "Gröninger".encode().hex(),
        base64.b64encode(b"name: Wilhelmina").decode(),
        "Wilhel\u200bmina",
        "GRÖNIN\u00adGER",
        wide("Wilhelmina"),
        "W i l h e l m i n a",
        "W.I.L.H.E.L.M.I.N.A.",
        "Wilhel-mina",
        "Wilhel\u00a0mina",
        "Wilhelm\u202e\u202cina",
        "W\u0336i\u0336l\u0336helmina",
    ],
)
def test_a_name_is_found(say: Say, text: str) -> None:
    assert say(f"the case of {text} was seen") == {"PatientName"}


@pytest.mark.parametrize(
    "text",
    [
        "P00471123",
        "p00471123",
        "(P00471123)",
        "x_P00471123.png",
        "P-0047-1123",
        "P#00471123",
        "P00 471 123",
        "P00471\u200d123",
        wide("P00471123"),
    ],
)
def test_an_id_is_found(say: Say, text: str) -> None:
    assert say(f"the case of {text} was seen") == {"PatientID"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("MRN12345 knee", {"PatientID"}),
        ("MRN 0012345", {"PatientID"}),
        ("Pat. Nr. 12345", {"PatientID"}),
        ("PatientID=12345", {"PatientID"}),
        ("MRN123456, MRN12345x, room 12345", set()),
    ],
)
def test_a_short_number_is_found_where_it_is_called_one(
    originals: Path, say: Say, text: str, found: set[str]
) -> None:
    (originals / "two.dcm").write_bytes(encode(person(PatientID="12345")))
    assert say(text) == found


@pytest.mark.parametrize("text", ["00834412", "834412", "ACC00834412"])
def test_a_number_is_found_also_without_its_zeros(say: Say, text: str) -> None:
    assert say(f"number {text} it was") == {"AccessionNumber"}


@pytest.mark.parametrize(
    "text",
    [
        "19310203",
        "1931-02-03",
        "1931/2/3",
        "03.02.1931",
        "3.2.1931",
        "02/03/1931",
        "03-02-31",
        "3 Feb 1931",
        "03-FEB-1931",
        "3. February 1931",
        "February 3, 1931",
        "19310203101112",
        "1931-02-03T10:11:12",
        "3rd of February 1931",
        "3 de febrero de 1931",
        "3 février 1931",
        "3. Feber 1931",
        "February the 3rd 1931",
        "3_Feb_1931",
        "1931-FEB-03",
        "1931年2月3日",
        "１９３１年２月３日",
        "1931년 2월 3일",
        "03\N{EN DASH}02\N{EN DASH}1931",
        "1931\N{NON-BREAKING HYPHEN}02\N{NON-BREAKING HYPHEN}03",
        "3-II-1931",
        "3. Ⅱ. 31",
        "03,02,1931",
        "5, 03.02.1931",
    ],
)
def test_a_birth_date_is_found(say: Say, text: str) -> None:
    assert say(f"born {text}, in town") == {"PatientBirthDate"}


@pytest.mark.parametrize("text", ["20190516", "2019-05-16", "16.05.2019", "May 16, 2019"])
def test_the_day_of_a_study_is_found_within_a_text(say: Say, text: str) -> None:
    assert say(f"seen {text} again") == {"StudyDate"}


@pytest.mark.parametrize(
    "text",
    [
        "groningen wilhelm",
        "P00471124 P0047112 1P00471123",
        "19310204, 3 Feb or 31-02-1931",
        "saint infirmary swithun",
        "1.2.826.0.1.3680043.8.498.71.33",
        "2.25.19310203 00834412.5",
        "119310203",
        "4-II-1931, 3-III-1931, 1931年2月4日",
        "3 decades, february 31",
    ],
)
def test_what_only_looks_alike_is_not_found(say: Say, text: str) -> None:
    assert say(f"the case of {text} was seen") == set()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Li^Wu", "dear Wu Li"),
        ("Li^Wu", "dear li_wu"),
        ("Head^Chest^Zbigniew", "zbigniew"),
        ("Doe^Jane^^^", "JANE"),
        ("山田^太郎", "患者 山田太郎 です"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "やまだ"),
        ("ﾔﾏﾀﾞ^ﾀﾛｳ", "ヤマダ"),
        ("Yamada^Tarou==やまだ^たろう", "ヤマダ"),
        ("ヤマダ^タロウ", "やまだ"),
        ("محمد^علي", "محـمد"),
        ("Zhang^Weidong=张^卫东", "患者张卫东复查"),
        ("홍^길동", "환자홍길동님"),
        ("สมชาย^ใจดี", "ผู้ป่วยสมชายมา"),
        ("Люксембургъ^Роза", "люксембургъ"),
        ("O'Brien^Mary-Jane", "o'brien"),
        ("Müller-Lüdenscheidt^X", "Ludenscheidt"),
    ],
)
def test_names_of_many_kinds_are_found(originals: Path, say: Say, name: str, text: str) -> None:
    dataset = person(PatientName=name)
    (originals / "two.dcm").write_bytes(encode(dataset))
    assert "PatientName" in say(text)


@pytest.mark.filterwarnings("ignore:Unknown encoding")  # pydicom's, of Latin-9
@pytest.mark.parametrize(
    ("charset", "name", "text"),
    [
        ("\\ISO 2022 IR 58", b"Zhang^Weidong=\x1b$)A\xd5\xc5^\x1b$)A\xce\xc0\xb6\xab", "患者卫东复查"),
        ("\\ISO 2022 IR 58", b"Zhang^Weidong=\x1b$)A\xd5\xc5^\x1b$)A\xce\xc0\xb6\xab", "\x1b$)A卫东"),
        ("ISO 2022 IR 6\\ISO 2022 IR 203", b"\x1b-b\xbcdip\xb8^Sonja", "œdipž"),
        ("ISO_IR 203", b"\xbcdip\xb8^Sonja", "ŒDIPŽ"),
    ],
)
def test_names_are_found_whatever_character_set_the_original_has(
    originals: Path, say: Say, charset: str, name: bytes, text: str
) -> None:
    content = encode(person(SpecificCharacterSet=charset.split("\\"), PatientName="x" * len(name)))
    (originals / "two.dcm").write_bytes(content.replace(b"x" * len(name), name))
    assert "PatientName" in say(text)


def test_a_long_text_is_found_by_any_piece_of_it(originals: Path, say: Say) -> None:
    comment = "the lady in bed four, who sells herrings at the harbour, was brought by her nephew the bishop"
    (originals / "two.dcm").write_bytes(encode(person(PatientComments=comment)))
    assert say("brought in: " + comment[:60]) == {"PatientComments"}


def test_dates_that_do_not_exist_are_none() -> None:
    assert dates("31.02.1931 and 99999999 and 1.2.3") == set()
    assert dates("03/02/1931") == {"19310203", "19310302"}


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no folder of originals"):
        audit(tmp_path / "absent", tmp_path)


@pytest.mark.parametrize("unit", ["a", "1", "1.", "jan", "1jan", "mrn", "张", "a-", "%41", "1-i-", " ", "0"])
def test_a_long_text_takes_no_more_than_its_length(unit: str) -> None:
    place = Place(channel=Channel.TEXT, where="", place="")
    assert grows_with_the_length_alone(lambda text: Search(Index(), 1).text(text, place), unit)


def test_findings_never_repeat_a_value(output: Path, check: Callable[[], Audit]) -> None:
    text = "Gröninger Wilhelmina P00471123 00834412 1931-02-03 1.2.826.0.1.3680043.8.498.71.3"
    (output / text).mkdir()
    (output / text / "Wilhelmina.csv").write_text("Gröninger,P00471123\n00834412,1931-02-03\n")
    (output / "broken-P00471123.png").write_bytes(b"\x89PNG\r\n\x1a\nP00471123")
    found = str(check()) + "".join(map(str, check().findings)) + "".join(map(str, check().unread))
    assert not [word for word in text.split() if word in found]
