import re
import subprocess
import sys
import timeit
from pathlib import PurePosixPath

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from niffler_ops.patterns import CUT, EMPTY, MAX_COMPONENT, FilePattern, md5_text

DEFAULT = "{00100020}/{0020000D}/{0020000E}/{00080018}.dcm"
UID = "1.2.840.113619.2.55.3.604688119.971.1268071029.320.1234567890.64"
VALUES = {
    "PatientID": "NIFFLER-0001",
    "StudyInstanceUID": UID,
    "SeriesInstanceUID": "1.2.3",
    "SOPInstanceUID": "1.2.3.4",
    "AccessionNumber": "ACC0001",
    "StudyDate": "20200131",
}

# Values made of what the encoding and the literals are made of, so that collisions would be found.
hostile = st.text(st.sampled_from("ab_-.%/emptyABCDEF0123 \0é\udc80"), max_size=8) | st.text(max_size=400)
values = st.fixed_dictionaries(dict.fromkeys(VALUES, hostile))
patterns = st.sampled_from(
    [
        DEFAULT,
        "{SOPInstanceUID}",
        "{PatientID}_{SOPInstanceUID}",
        "{PatientID}__{AccessionNumber}-{StudyDate}/{SOPInstanceUID}.dcm",
        "x{PatientID}.-{AccessionNumber}./{SOPInstanceUID}",
        "{PatientID} {AccessionNumber}%.{SOPInstanceUID}.dcm",
        "a%b{AccessionNumber}empty_{PatientID}_/{SOPInstanceUID}%",
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


@given(patterns, values)
def test_no_value_leaves_the_folder_or_changes_the_levels(
    pattern: FilePattern, attributes: dict[str, str]
) -> None:
    text = str(pattern.path(attributes))
    components = text.split("/")
    assert len(components) == str(pattern).count("/") + 1
    for component in components:
        assert component
        assert not component.startswith(".")
        assert component.isascii()
        assert component.isprintable()
        assert len(component) <= MAX_COMPONENT


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("", "character 1"),
        ("/{00080018}", "character 1: a path below StorageFolder"),
        ("{0020000D}//{00080018}", "character 12"),
        ("{0020000D}/{00080018}/", "character 23"),
        ("{0020000D}/../{00080018}", "character 12: a name must not begin with a dot"),
        ("./{00080018}", "character 1: a name must not begin with a dot"),
        (".niffler/{00080018}", "character 1: a name must not begin with a dot"),
        ("{00080018", "character 1: `{` without its counterpart"),
        ("{00080018}}", "character 11: `}` without its counterpart"),
        ("{{00080018}}", "character 1: `{`"),
        ("{}/{00080018}", "character 1: `{}` is not understood yet"),
        ("{00080018,hash}", "character 10: `,hash` is not understood yet"),
        ("{00100020,slice,2}/{00080018}", "character 10: `,slice,2` is not understood yet"),
        ("{now,date,yyyy}/{00080018}", "character 1: `{now,date,yyyy}` is not understood yet"),
        ("{00400275[0].00400009}/{00080018}", "is not understood yet"),
        ("it's/{00080018}", "character 3: quotes are not understood yet"),
        ("a\\b/{00080018}", "character 2"),
        ("a\nb/{00080018}", "character 2"),
        (
            "{PatientNam}/{00080018}",
            "character 1: the DICOM dictionary does not know `PatientNam`; is PatientName",
        ),
        ("{00091001}/{00080018}", "the DICOM dictionary does not know `00091001`"),
        ("{00020010}/{00080018}", "`00020010` is no attribute that every data set has once"),
        ("{7FE00010}/{00080018}", "the value of `7FE00010` is not text"),
        ("{00081115}/{00080018}", "the value of `00081115` is not text"),
        ("{00100020}/{0020000D}/image.dcm", "cannot tell instances apart"),
        ("{00100020}{00080018}", "cannot be told apart"),
        ("{00100020}x{00080018}", "cannot be told apart"),
        ("{00100020}{0020000D,md5}_{00080018}", "cannot be told apart"),
        ("x" * 200 + "{00080018}", "may exceed 255 bytes"),
        ("/".join("abcdefghijkl") + "/{00080018}", "13 levels are more than 12"),
    ],
)
def test_a_pattern_that_is_not_understood_is_refused(pattern: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        FilePattern.parse(pattern)


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


def test_common_patterns_do_not_load_the_dictionary() -> None:
    code = (
        "import sys\n"
        "from niffler_ops.patterns import FilePattern\n"
        f"FilePattern.parse({DEFAULT!r})\n"
        "sys.exit('pydicom' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
