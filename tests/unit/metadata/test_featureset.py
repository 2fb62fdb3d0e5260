"""Featuresets as people write them, and every mistake named with its file and line."""

from pathlib import Path

import pytest

from niffler_ops.errors import ConfigurationError
from niffler_ops.metadata import (
    EVERYTHING,
    default_featureset_file,
    load_featuresets,
    parse_featureset,
    union,
)
from niffler_ops.metadata.featureset import Entry
from niffler_ops.metadata.nearest import nearest_keyword

UPSTREAM = """StudyDate
DeviceSerialNumber
PatientID
PercentPhaseFieldOfView
SAR
PercentPhaseFieldOfView
NumberOfStudyRelatedSeries
"""


def problems(text: str) -> tuple[str, ...]:
    """What is wrong with a featureset."""
    with pytest.raises(ConfigurationError) as caught:
        parse_featureset("chest", text, "conf/chest.txt")
    return caught.value.problems


def test_keywords_tags_comments_and_blank_lines() -> None:
    text = (
        "\ufeff# a comment\n\nModality  # the kind\n0018,0050\n(0018,0081)\n00180080\n0x0018,0x1314\n".lstrip(
            "\ufeff"
        )
    )
    names = parse_featureset("chest", text).names
    assert names == ("Modality", "SliceThickness", "EchoTime", "RepetitionTime", "FlipAngle")


def test_an_attribute_that_is_named_twice_is_there_once() -> None:
    assert parse_featureset("mr", UPSTREAM).names.count("PercentPhaseFieldOfView") == 1
    assert parse_featureset("mr", "EchoTime\n0018,0081\n").names == ("EchoTime",)


@pytest.mark.parametrize(
    "line",
    ['0019,"GEMS_ACQU 01.2",9C', '(0019,"GEMS_ACQU 01.2",0x9c)', '0x0019, "GEMS_ACQU 01.2", xx9C'],
)
def test_private_attributes_by_creator(line: str) -> None:
    entry = Entry(name="0019_GEMS_ACQU_01_2_9C", tag=0x0019009C, creator="GEMS_ACQU 01.2")
    assert parse_featureset("mr", line).entries == (entry,)


def test_every_mistake_is_named_with_its_line() -> None:
    text = (
        'PatientId\nModality\nNoSuchThing\n0051,100F\n0018,FFFF\nPixelData\n0018,"GEMS",9C\n0000,0002\n'
        '0019,"A.B",01\n0019,"A B",01\n'
    )
    found = problems(text)
    assert [problem.partition(": ")[0] for problem in found] == [
        f"conf/chest.txt, line {line}" for line in (1, 3, 4, 5, 6, 7, 8, 10)
    ]
    assert "PatientID is one" in found[0]
    assert '0051,"CREATOR",0F' in found[2]
    assert "binary" in found[4]


def test_an_empty_featureset_is_a_mistake() -> None:
    assert "no attribute is named" in problems("# nothing\n")[0]


def test_a_star_is_every_public_attribute() -> None:
    featureset = parse_featureset("all", '*\n0019,"GEMS_ACQU_01",9C\n')
    assert featureset.everything
    assert len(featureset.private) == 1


@pytest.mark.parametrize("name", ["1st", "a b", "sqlite_x", "system", "a" * 61, "a.b", "ä"])
def test_names_that_no_collection_can_have(name: str) -> None:
    with pytest.raises(ConfigurationError, match="name of a collection"):
        parse_featureset(name, "Modality")


def test_files_and_folders_of_featuresets_and_all_their_mistakes_at_once(tmp_path: Path) -> None:
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "ct.txt").write_text("KVP\n", encoding="utf-8")
    (tmp_path / "sets" / "mr.txt").write_text("\ufeffEchoTime\r\nSAR\r\n", encoding="utf-8")
    (tmp_path / "sets" / "README.md").write_text("no featureset", encoding="utf-8")
    (tmp_path / "more.txt").write_text("Modality\n", encoding="utf-8")
    loaded = load_featuresets(tmp_path / "sets", tmp_path / "more.txt")
    assert [(featureset.name, featureset.names) for featureset in loaded] == [
        ("ct", ("KVP",)),
        ("mr", ("EchoTime", "SAR")),
        ("more", ("Modality",)),
    ]
    (tmp_path / "MR.txt").write_text("Nonsense\n", encoding="utf-8")
    (tmp_path / "latin.txt").write_bytes(b"\xe4\n")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigurationError) as caught:
        load_featuresets(
            tmp_path / "sets",
            tmp_path / "MR.txt",
            tmp_path / "latin.txt",
            tmp_path / "gone.txt",
            tmp_path / "empty",
        )
    assert len(caught.value.problems) == 5


def test_the_union_reads_what_any_of_them_asks_for() -> None:
    first, second = parse_featureset("a", "KVP\nModality"), parse_featureset("b", "Modality\nSAR")
    assert union([first, second]).names == ("KVP", "Modality", "SAR")
    assert not union([first, second]).everything
    assert union([first, EVERYTHING]).everything


def test_the_default_featureset_is_shipped_and_right() -> None:
    (featureset,) = load_featuresets(default_featureset_file())
    assert featureset.name == "default"
    assert len(featureset.names) > 90
    assert {"PatientID", "DeviceSerialNumber", "SoftwareVersions"} <= set(featureset.names)


def test_what_is_like_nothing_has_no_nearest_keyword() -> None:
    assert nearest_keyword("Manufacturers") == "Manufacturer"
    assert nearest_keyword("zzz") is None
