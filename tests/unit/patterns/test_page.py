"""docs/filepath.md: its examples are what the code gives."""

import re
from datetime import datetime
from pathlib import Path

import pytest

from niffler_ops.patterns import FilePattern
from niffler_ops.patterns.dateformats import parse_levels

PAGE = (Path(__file__).parents[3] / "docs" / "filepath.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if "|" in line]
VALUES = {row[0].strip("`"): row[1].strip("`") for row in ROWS if len(row) == 2}
EXAMPLES = [(row[0].strip("`"), row[2].strip("`")) for row in ROWS if row[0].startswith("`{")]
LETTERS = [
    (letters, text)
    for row in ROWS
    if re.match("`[A-Za-z]{1,4}`", row[0]) and len(row) == 3
    for letters, text in zip(re.findall("`(.*?)`", row[0]), re.findall("`(.*?)`", row[2]), strict=True)
]


def test_the_page_has_examples() -> None:
    assert (len(VALUES), len(EXAMPLES), len(LETTERS)) == (13, 24, 23)


@pytest.mark.parametrize(("pattern", "result"), EXAMPLES)
def test_an_example_gives_what_the_page_says(pattern: str, result: str) -> None:
    parsed = FilePattern.parse(pattern + "/{00080018}").at(datetime(2026, 3, 1, 21, 5))  # noqa: DTZ001
    assert str(parsed.path(VALUES | {"SOPInstanceUID": "1"})) == result + "/1"


@pytest.mark.parametrize(("letters", "text"), LETTERS)
def test_a_letter_means_what_the_page_says(letters: str, text: str) -> None:
    moment = datetime(2011, 10, 12, 9, 30, 5, 123_000)  # noqa: DTZ001
    assert parse_levels(letters, 1)[0](moment) == text


def test_the_page_s_long_example_is_a_pattern() -> None:
    example = next(line.strip() for line in PAGE.splitlines() if line.startswith("    {"))
    assert FilePattern.parse(example).study_depth == 4
