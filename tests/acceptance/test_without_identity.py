"""Nothing that identifies anybody leaves: the audit over originals that try everything."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from tests.support.nasty import Corpus, nasty_corpus
from tests.support.rig import Ended, Rig

COMMANDS = {
    "niffler-png": ("OUTPUT",),
    "niffler-metadata": ("--output", "OUTPUT"),
    "niffler-deidentify": ("OUTPUT",),
}
OPTIONS = [
    "RetainModifiedDates,RetainPatientCharacteristics",
    "",
    "RetainModifiedDates,RetainDeviceIdentity,RetainPatientCharacteristics,CleanDescriptors",
]


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return nasty_corpus(tmp_path_factory.mktemp("nasty") / "originals")


def call(rig: Rig, command: str, *arguments: object) -> Ended:
    return rig.start(*arguments, command=command, config=False).end(300)


@pytest.mark.parametrize("options", OPTIONS)
def test_the_audit_finds_nothing_in_what_all_three_make_of_a_nasty_corpus(
    plain_rig: Rig, nasty: Corpus, options: str, tmp_path: Path
) -> None:
    output, private = tmp_path / "without", tmp_path / "private"
    for command, place in COMMANDS.items():
        places = [output if word == "OUTPUT" else word for word in place]
        ended = call(plain_rig, command, nasty.folder, *places, "--private", private, "--options", options)
        assert ended.status == 3, ended
        for marker in nasty.markers:
            assert len(marker.value) < 6 or marker.value not in ended.out + ended.err
    with (output / "failures.csv").open(encoding="utf-8", newline="") as stream:
        rules = Counter(row["rule"] for row in csv.DictReader(stream))
    assert rules["burned-in-annotation"] >= 2
    assert {"secondary-capture", "encapsulated-document", "presentation-state"} < rules.keys(), rules
    checked = call(
        plain_rig,
        "niffler-deidentify",
        *(nasty.folder, "--check", output, "--private", private, "--options", options),
    )
    assert checked.status == 0, checked.out
    assert checked.out.startswith("0 values of ")
    assert list(output.rglob("*.png"))
    assert list(output.rglob("*.dcm"))


def test_the_audit_finds_what_was_left_in(plain_rig: Rig, nasty: Corpus, tmp_path: Path) -> None:
    output = tmp_path / "without"
    call(plain_rig, "niffler-metadata", nasty.folder, "--output", output, "--private", tmp_path / "private")
    secret = next(marker.value for marker in nasty.markers if marker.keyword == "PatientID")
    (output / "notes.txt").write_text(json.dumps({"seen": secret}))
    checked = call(plain_rig, "niffler-deidentify", nasty.folder, "--check", output)
    assert checked.status == 3
    assert "notes.txt" in checked.out
    assert secret not in checked.out
