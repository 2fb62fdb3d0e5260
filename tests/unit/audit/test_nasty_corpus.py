"""The corpus holds what it says; and every marker that is to be searched for everywhere is found again."""

from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.datadict import dictionary_VR

from niffler_ops import audit as room
from niffler_ops.audit import audit
from tests.support.nasty import Corpus, Kind, Marker, nasty_corpus, table_actions

# Searched for in their own attribute only, or, as times, not at all; what options keep; codes, which stay
# in other sequences; and text that only the pixels hold.
CONFINED_VRS = frozenset(
    ["AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "SL", "SS", "SV", "TM", "UL", "US", "UV"]
)
KEPT = frozenset(
    {
        *("EthnicGroup", "Allergies", "MedicalAlerts", "PatientState", "PreMedication", "SpecialNeeds"),
        *("TimezoneOffsetFromUTC", "CodeMeaning"),
    }
)
TOO_COMMON = frozenset({"CON", "..", "~", "7", '{"$ne": "zq"}', "not a uid", "../../zq.uid", "1.2"})


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return nasty_corpus(tmp_path_factory.mktemp("nasty") / "originals")


def test_every_attribute_of_the_table_has_a_marker_at_every_depth(corpus: Corpus) -> None:
    expected = {group << 16 | number for group, number in table_actions() if group > 0x0002}
    for depth in (0, 1, 2, 3):
        planted = {
            int(part.split("[")[0], 16)
            for marker in corpus.markers
            if marker.file == f"table/depth-{depth}.dcm" and marker.kind is Kind.TABLE
            for part in marker.place.split("/")
        }
        assert expected <= planted


def test_every_value_representation_that_holds_a_value_is_planted(corpus: Corpus) -> None:
    every = {
        *("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "OB", "OD", "OF", "OL"),
        *(
            "OV",
            "OW",
            "PN",
            "SH",
            "SL",
            "SS",
            "ST",
            "SV",
            "TM",
            "UC",
            "UI",
            "UL",
            "UN",
            "UR",
            "US",
            "UT",
            "UV",
        ),
    }
    assert {marker.vr for marker in corpus.markers if marker.kind is Kind.PRIVATE} == every


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom, of what is wrong on purpose
def test_markers_stand_where_they_are_said_to(corpus: Corpus) -> None:
    text = {"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UI", "UT"}
    for marker in corpus.markers:
        if marker.kind is Kind.TABLE and marker.vr in text and "\x00" not in marker.value:
            assert read(corpus.folder / marker.file, marker.place) == marker.value.strip(" =\0")


def read(path: Path, place: str) -> str:
    item = dcmread(path)
    *sequences, tag = place.split("/")
    for sequence in sequences:
        number, index = sequence.rstrip("]").split("[")
        item = item[int(number, 16)][int(index)]
    value = item[int(tag, 16)].value
    if isinstance(value, bytes):  # an attribute that the dictionary does not have, without its VR
        return value.decode().strip()
    return ("\\".join(value) if isinstance(value, list) else str(value)).strip(" =\0")


def test_another_seed_gives_other_values_and_the_same_one_the_same(tmp_path: Path, corpus: Corpus) -> None:
    again, other = nasty_corpus(tmp_path / "a"), nasty_corpus(tmp_path / "b", seed=1)
    assert again.markers == corpus.markers
    first, second = ({m.value for m in c.markers if m.kind is Kind.PRIVATE} for c in (corpus, other))
    assert not {value for value in first & second if value.isalpha()}


def is_searched(marker: Marker) -> bool:
    vr = marker.vr or ("" if not marker.keyword else dictionary_VR(marker.keyword))
    return (
        vr not in CONFINED_VRS
        and marker.keyword not in KEPT
        and marker.value not in TOO_COMMON
        and "JPEG" not in marker.place
    )


def test_every_marker_is_found_again_in_a_text(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_MOST", 100_000)
    lines = ["about " + " ".join(marker.value.split()) + " here\n" for marker in corpus.markers]
    (tmp_path / "said.txt").write_text("".join(lines), encoding="utf-8")
    places = {finding.place for finding in audit(corpus.folder, tmp_path).findings}
    missed = [
        marker
        for number, marker in enumerate(corpus.markers, start=1)
        if is_searched(marker) and f"line {number}" not in places
    ]
    assert missed == []


def test_the_originals_as_their_own_output_are_found_in_every_file(corpus: Corpus) -> None:
    found = audit(corpus.folder, corpus.folder.parent)
    assert found.found > 3000
    assert found.originals == sum(1 for file in corpus.files if file.path.stat().st_size >= 132)
