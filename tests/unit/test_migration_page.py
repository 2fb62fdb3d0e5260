"""docs/from-niffler.md names every key and command that Niffler had, and no key that we do not know."""

import re
from pathlib import Path

import pytest

from niffler_ops.cli.png_json import KNOWN as PNG_KEYS
from niffler_ops.config import FORMER, KEYS
from niffler_ops.config.receiver import META_KEYS
from niffler_ops.querying import is_keyword
from tests.support.upstream import EARLIER, LATER, META, PNG, SYSTEM

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "from-niffler.md").read_text(encoding="utf-8")
NOTED = {"NifflerID"}
OURS = {key.name for key in (*KEYS, *META_KEYS)} | set(PNG_KEYS) | set(FORMER) | NOTED
WORDS = {"IndexError", "MemoryError", "StudyMonth"}


def keys_of(heading: str) -> set[str]:
    """What stands between backticks in the first column of a section's table."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {word for cell in cells for word in re.findall(r"`(\w+)`", cell)}


@pytest.mark.parametrize(
    ("heading", "upstream", "ours"),
    [
        ("system.json", set(SYSTEM), {key.name for key in KEYS if key.file == "system.json"} | NOTED),
        (
            "config.json",
            set(EARLIER) | set(LATER),
            {key.name for key in KEYS if key.file in {"config.json", "either"}} | set(FORMER),
        ),
        ("png-extraction: config.json", set(PNG), set(PNG_KEYS)),
        ("meta-extraction: system.json", set(META), {key.name for key in META_KEYS}),
    ],
)
def test_each_key_of_a_file_is_there_and_is_accepted_noted_or_answered(
    heading: str, upstream: set[str], ours: set[str]
) -> None:
    named = keys_of(heading)
    assert upstream - named == set()
    assert named - ours == set()


def test_whatever_looks_like_a_key_is_one() -> None:
    named = set(re.findall(r"`\"?([A-Z]\w*[a-z]\w*)(?:\"[^`]*)?`", PAGE))
    assert len(named) > 50
    assert {name for name in named - OURS - WORDS if not is_keyword(name)} == set()


@pytest.mark.parametrize(
    "command",
    [
        "sh install.sh",
        "python3 ColdDataRetriever.py",
        "nohup python3 ColdDataRetriever.py > x.out &",
        "tail -f niffler1.log",
        "python3 TestConnection.py",
        "python3 PickleReader.py",
        "python3 SplitCSV.py",
        "python3 checkCSV.py",
        "python3 ModalityGrouping.py",
        "python3 ImageExtractor.py",
        "python3 ImageExtractorSlurm.py",
        "python3 DicomAnonymizer.py",
        "python3 MetadataExtractor.py",
        "python3 Suvpar.py",
        "python3 workflow.py",
        "sudo systemctl status mdextractor.service",
        "sudo journalctl -u mdextractor.service",
        "mongo -u",
        "docker compose up",
    ],
)
def test_each_command_of_the_old_guides_has_a_row(command: str) -> None:
    section = PAGE.partition("\n## Commands\n")[2].partition("\n## ")[0]
    assert f"`{command}" in "".join(
        line.split("|")[1] for line in section.splitlines() if line.startswith("|")
    )


@pytest.mark.parametrize(
    "symptom",
    [
        "IndexError",
        "kill -9 a storescp",
        "Previous extraction still running",
        "no log lines",
        "pickle",
        "nohup",
    ],
)
def test_what_the_old_guide_helped_with_is_answered(symptom: str) -> None:
    assert symptom in PAGE
