"""--filepath: md5 names, and paths that cannot leave the folder."""

import re
from pathlib import Path

import pytest

from niffler_ops.embedded.filepath import PatternError, md5_name, parse_pattern, target

TRANSCRIPTS = Path(__file__).parents[2] / "transcripts"
RENAMED = re.compile(r"M-RENAME \S+/([0-9.]+)\.part to \S+/([0-9a-v]{26})/([0-9a-v]{26})\.dcm")


def test_md5_names_are_those_that_dcm4che_gave() -> None:
    # 5.22.5 names the .part file by the SOP Instance UID of the command, which these senders told truly.
    pairs = {
        (found[1], found[3])
        for path in (TRANSCRIPTS / "5.22.5").glob("storescp_*.txt")
        for found in RENAMED.finditer(path.read_text())
        if found[1] != "1.2.3.4.10"  # this one was announced under another UID than its own
    }
    assert len(pairs) >= 8
    assert {(uid, md5_name(uid)) for uid, _ in pairs} == pairs


def test_an_md5_name_has_26_characters_also_of_nothing() -> None:
    assert re.fullmatch("[0-9a-v]{26}", md5_name(""))


@pytest.mark.parametrize(
    ("patient", "path"),
    [
        ("P1", "P1/1.dcm"),
        ("../evil", ".._evil/1.dcm"),
        ("AB/12", "AB_12/1.dcm"),
        ("..", "_/1.dcm"),
        ("", "_/1.dcm"),
        ("a\0b\n", "a_b_/1.dcm"),
    ],
)
def test_no_value_adds_removes_or_leaves_a_folder(patient: str, path: str) -> None:
    parts = parse_pattern("{00100020}/{00080018}.dcm")
    assert target(parts, {0x00100020: patient, 0x00080018: "1"}) == path


def test_literal_text_and_md5_may_be_mixed() -> None:
    parts = parse_pattern("x{0020000D,md5}-{00080018}/f")
    assert target(parts, {0x0020000D: "1.2", 0x00080018: "3"}) == f"x{md5_name('1.2')}-3/f"


@pytest.mark.parametrize("pattern", ["{now,date,yyyy}/x", "{0020000D,hash}", "/abs", "../x", "a//b", ""])
def test_a_pattern_that_is_not_known_or_leaves_the_folder_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        parse_pattern(pattern)
