import pickle
import subprocess
import sys
import timeit
from datetime import datetime
from pathlib import PurePosixPath

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from niffler_ops.patterns import CUT, EMPTY, MAX_COMPONENT, FilePattern, md5_text
from niffler_ops.patterns.syntax import parse_components

DEFAULT = "{00100020}/{0020000D}/{0020000E}/{00080018}.dcm"
UID = "1.2.840.113619.2.55.3.604688119.971.1268071029.320.1234567890.64"
VALUES = {
    "PatientID": "NIFFLER-0001",
    "StudyInstanceUID": UID,
    "SeriesInstanceUID": "1.2.3",
    "SOPInstanceUID": "1.2.3.4",
    "AccessionNumber": "ACC0001",
    "StudyDate": "20200131",
    "SeriesNumber": "7",
    "00400275[0]/00400009": "SPS1",
}

# Values made of what the encoding and the literals are made of, so that collisions would be found.
hostile = st.text(st.sampled_from("ab_-.%/emptyABCDEF0123 \0é\udc80"), max_size=8) | st.text(max_size=400)
dates = st.dates().map(lambda day: f"{day.year:04}{day.month:02}{day.day:02}") | hostile
numbers = st.integers(-1000, 1000).map(str) | hostile
values = st.fixed_dictionaries(dict.fromkeys(VALUES, hostile) | {"StudyDate": dates, "SeriesNumber": numbers})
MOMENT = datetime(2026, 3, 1, 21, 5)  # noqa: DTZ001  no zone is shown
patterns = st.sampled_from(
    [
        DEFAULT,
        "{SOPInstanceUID}",
        "{PatientID}_{SOPInstanceUID}",
        "{PatientID}__{AccessionNumber}-{StudyDate}/{SOPInstanceUID}.dcm",
        "x{PatientID}.-{AccessionNumber}./{SOPInstanceUID}",
        "{PatientID} {AccessionNumber}%.{SOPInstanceUID}.dcm",
        "a%b{AccessionNumber}empty_{PatientID}_/{SOPInstanceUID}%",
        "{PatientID,urlencoded}+{AccessionNumber,urlencoded}/{SOPInstanceUID,urlencoded}",
        "it''s{PatientID}'x-'{AccessionNumber}/{SOPInstanceUID}",
    ]
).map(FilePattern.parse)

# Patterns in which other values stand beside whole ones, and the attributes that these change.
changing = st.sampled_from(
    [
        "{StudyDate,date,yyyyMMdd}{SOPInstanceUID}",
        "{SOPInstanceUID}{StudyDate,date,yyyyMMdd}",
        "{SOPInstanceUID}{StudyDate,date,MMM}.{StudyDate,date,'y'}",
        "{StudyDate,date,d-M}-{SOPInstanceUID}",
        "{StudyDate,date,yy.MMMM.}.{PatientID}_{AccessionNumber,hash}{SOPInstanceUID}",
        "{PatientID,upper}_{AccessionNumber,slice,2}-{SOPInstanceUID}.dcm",
        "{PatientID,hash}{AccessionNumber,hash}{SOPInstanceUID}{StudyInstanceUID,hash}",
        "{SeriesNumber,offset,-5}-{SeriesNumber,number,0.0#}.{SOPInstanceUID}",
        "{PatientID[1]}_{AccessionNumber[0],upper}_{SOPInstanceUID}",
        "{StudyDate,date,yyyy/MM/dd}/{now,date,yyyy/MM}{SOPInstanceUID}",
        "{StudyDate,date,'.'/yyyy'%'}{SOPInstanceUID}=.{00400275.00400009,slice,-3}",
    ]
).map(FilePattern.parse)


@pytest.mark.parametrize(
    ("value", "digest"),
    [
        ("2.25.376514866545244501762564378002329723", "0goubcsld1dqb08gqqrleumhi0"),  # printed by dcm4che
        ("", md5_text("")),
    ],
)
def test_md5_is_written_as_dcm4che_writes_it(value: str, digest: str) -> None:
    assert md5_text(value) == digest
    assert len(digest) == 26


def test_plain_ids_stay_as_they_are() -> None:
    path = FilePattern.parse(DEFAULT).path(VALUES)
    assert path == PurePosixPath("NIFFLER-0001", UID, "1.2.3", "1.2.3.4.dcm")


def test_tags_and_keywords_mean_the_same() -> None:
    by_keyword = FilePattern.parse("{PatientID}/{StudyInstanceUID}/{SeriesInstanceUID}/{SOPInstanceUID}.dcm")
    assert by_keyword.path(VALUES) == FilePattern.parse(DEFAULT).path(VALUES)
    assert by_keyword.keywords == FilePattern.parse(DEFAULT.lower()).keywords
    assert by_keyword.keywords == ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def test_tags_beyond_the_common_ones_are_looked_up() -> None:
    assert FilePattern.parse("{00181030}/{StationName}/{00080018}").keywords == (
        "ProtocolName",
        "StationName",
        "SOPInstanceUID",
    )


def test_an_md5_placeholder_gives_the_digest_of_the_value() -> None:
    path = FilePattern.parse("{0020000D,md5}/{00080018,md5}.dcm").path(VALUES)
    assert path == PurePosixPath(md5_text(UID), md5_text("1.2.3.4") + ".dcm")


@pytest.mark.parametrize(
    ("value", "component"),
    [
        ("../evil", "%2E.%2Fevil"),
        ("AB/12", "AB%2F12"),
        ("..", "%2E."),
        (".hidden", "%2Ehidden"),
        ("", EMPTY),
        ("%empty", "%25empty"),
        ("A B", "A%20B"),
        ("a\0b", "a%00b"),
        ("Müller^Jörg", "M%C3%BCller^J%C3%B6rg"),
        ("x" * 64, "x" * 64),
    ],
)
def test_other_values_are_escaped(value: str, component: str) -> None:
    path = FilePattern.parse(DEFAULT).path(VALUES | {"PatientID": value})
    assert path.parts[0] == component


def test_a_slash_and_an_underscore_stay_apart() -> None:
    pattern = FilePattern.parse(DEFAULT)
    assert pattern.path(VALUES | {"PatientID": "A/B"}) != pattern.path(VALUES | {"PatientID": "A_B"})


def test_a_value_too_long_is_cut_and_carries_a_hash() -> None:
    pattern = FilePattern.parse(DEFAULT)
    first = pattern.path(VALUES | {"PatientID": "p" * 300}).parts[0]
    second = pattern.path(VALUES | {"PatientID": "p" * 299 + "q"}).parts[0]
    assert first != second
    assert len(first) == len(second) == MAX_COMPONENT
    assert first.startswith("ppp")
    assert CUT in first


def test_values_in_one_component_cannot_be_exchanged() -> None:
    pattern = FilePattern.parse("{PatientID}_{AccessionNumber}/{SOPInstanceUID}")
    first = pattern.path(VALUES | {"PatientID": "a_b", "AccessionNumber": "c"})
    second = pattern.path(VALUES | {"PatientID": "a", "AccessionNumber": "b_c"})
    assert (first.parts[0], second.parts[0]) == ("a%5Fb_c", "a_b_c")


@given(patterns, values, values)
def test_different_values_never_share_a_path(
    pattern: FilePattern, first: dict[str, str], second: dict[str, str]
) -> None:
    assume(any(first[keyword] != second[keyword] for keyword in pattern.keywords))
    assert pattern.path(first) != pattern.path(second)


@given(patterns, values, st.data())
def test_values_that_differ_in_one_place_never_share_a_path(
    pattern: FilePattern, first: dict[str, str], data: st.DataObject
) -> None:
    keyword = data.draw(st.sampled_from(pattern.keywords))
    second = first | {keyword: data.draw(hostile.filter(lambda value: value != first[keyword]))}
    assert pattern.path(first) != pattern.path(second)


@given(patterns, st.text("a_-.b% ", max_size=6), st.text("a_-.b% ", max_size=6), st.data())
def test_moving_characters_over_a_separator_never_gives_the_same_path(
    pattern: FilePattern, left: str, right: str, data: st.DataObject
) -> None:
    joined = f"{left}_{right}"
    cut = data.draw(st.integers(0, len(joined) - 1))
    first = VALUES | {"PatientID": left, "AccessionNumber": right, "StudyDate": left, "SOPInstanceUID": right}
    second = VALUES | {
        "PatientID": joined[:cut],
        "AccessionNumber": joined[cut + 1 :],
        "StudyDate": joined[:cut],
        "SOPInstanceUID": joined[cut + 1 :],
    }
    assume(any(first[keyword] != second[keyword] for keyword in pattern.keywords))
    assert pattern.path(first) != pattern.path(second)


@given(changing, values, values)
def test_a_changed_value_beside_whole_ones_never_hides_them(
    pattern: FilePattern, first: dict[str, str], second: dict[str, str]
) -> None:
    bound = pattern.at(MOMENT)
    assert bound.path(first) != bound.path(first | {"SOPInstanceUID": first["SOPInstanceUID"] + "1"})
    if first["SOPInstanceUID"] != second["SOPInstanceUID"]:
        assert bound.path(first) != bound.path(second)


@given(changing, st.text("a_-.b% 1", min_size=1, max_size=9), st.data())
def test_moving_characters_from_a_changed_value_never_gives_the_same_path(
    pattern: FilePattern, joined: str, data: st.DataObject
) -> None:
    bound = pattern.at(MOMENT)
    cuts = data.draw(st.lists(st.integers(0, len(joined)), min_size=2, max_size=2, unique=True))
    paths = {
        bound.path(dict.fromkeys(VALUES, joined[:cut]) | {"SOPInstanceUID": joined[cut:]}) for cut in cuts
    }
    assert len(paths) == 2


@given(patterns | changing, values)
def test_no_value_leaves_the_folder_or_changes_the_levels(
    pattern: FilePattern, attributes: dict[str, str]
) -> None:
    text = pattern.at(MOMENT).path_text(attributes)
    assert text == str(pattern.at(MOMENT).path(attributes))
    components = text.split("/")
    assert len(components) == len(parse_components(pattern.text))
    for component in components:
        assert component
        assert not component.startswith(".")
        assert component.isascii()
        assert component.isprintable()
        assert len(component) <= MAX_COMPONENT


@pytest.mark.parametrize(
    ("pattern", "depth"),
    [
        (DEFAULT, 2),
        ("{0020000D,md5}/{00080018,md5}.dcm", 1),
        ("{00100020}-{0020000D}/{00080018}.dcm", 1),
        ("data/{00080020}/{00080050}/{0020000D}/{0020000E}/{00080018}", 4),
        ("{00100020}/{0020000E}/{0020000D}/{00080018}", None),  # a series above the study
        ("{00100020}/{0020000D}-{00080018}.dcm", None),  # no folder of its own
        ("{00100020}/{0020000D}-{00080060}/{00080018}.dcm", None),  # one folder for each modality
        ("{00080018}.dcm", None),
        ("{0020000D,hash}/{00080018}", None),  # other studies may share it
        ("{0020000D,slice,-9}/{00080018}", None),
        ("{0020000D[0]}/{00080018}", None),
        ("{0020000D,urlencoded}/{00080018}", 1),
        ("{00080020,date,yyyy/MM}/{00100020,upper}/{0020000D}/{00080018}", 4),
        ("{0020000D,hash}/{00100020,slice,2}-{0020000D,md5}/{00080018}", 2),
        ("{now,date,yyyy/MM}/{0020000D}/{00080018}", 3),
        ("{00200013,offset,1}/{0020000D}/{00080018}", None),
        ("{00400275.00400009}/{0020000D}/{00080018}", None),
    ],
)
def test_the_study_has_a_folder_of_its_own_or_not(pattern: str, depth: int | None) -> None:
    assert FilePattern.parse(pattern).study_depth == depth


def test_an_attribute_that_nobody_read_is_a_defect() -> None:
    with pytest.raises(KeyError):
        FilePattern.parse(DEFAULT).path({"PatientID": "A"})


def test_a_path_takes_microseconds() -> None:
    pattern = FilePattern.parse(DEFAULT)
    fastest = min(timeit.repeat(lambda: pattern.path(VALUES), number=1000, repeat=5)) / 1000
    assert fastest < 50e-6  # about 6 µs; machines that run tests are busy


def test_a_pattern_can_be_sent_to_a_worker() -> None:
    pattern = FilePattern.parse("{StudyDate,date-P1M,yyyy/MMM}/{PatientID,upper}/{00080018,md5}.dcm")
    sent = pickle.loads(pickle.dumps(pattern))
    assert sent == pattern
    assert sent.path(VALUES) == pattern.path(VALUES)


def test_a_pattern_is_the_same_whatever_it_has_written() -> None:
    pattern = FilePattern.parse("{PatientID,upper}/{00080018}")
    for number in range(1000):
        value = f"p{number}"
        assert pattern.path(VALUES | {"PatientID": value}).parts[0] == value.upper()
    assert pattern == FilePattern.parse(pattern.text)


def test_common_patterns_do_not_load_the_dictionary() -> None:
    code = (
        "import sys\n"
        "from niffler_ops.patterns import FilePattern\n"
        f"FilePattern.parse({DEFAULT!r} + '{{now,date,yyyy}}')\n"
        "FilePattern.parse('{StudyDate,date,yyyy/MM}/{InstanceNumber,number,0000}-{00080018,md5}')\n"
        "sys.exit('pydicom' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
