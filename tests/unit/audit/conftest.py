from collections.abc import Callable
from pathlib import Path

import pytest

from niffler_ops.audit import Audit, audit
from tests.support.dicomfiles import encode
from tests.support.persons import person, pseudonymous


@pytest.fixture
def originals(tmp_path: Path) -> Path:
    folder = tmp_path / "originals"
    folder.mkdir()
    (folder / "one.dcm").write_bytes(encode(person()))
    return folder


@pytest.fixture
def output(tmp_path: Path) -> Path:
    folder = tmp_path / "output"
    (folder / "dicom").mkdir(parents=True)
    (folder / "dicom" / "one.dcm").write_bytes(encode(pseudonymous()))
    return folder


@pytest.fixture
def linking(tmp_path: Path) -> Path:
    path = tmp_path / "linking.csv"
    rows = [
        f"{keyword},{person()[keyword].value},{pseudonymous()[keyword].value}"
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "PatientID")
    ]
    path.write_text("\n".join(["attribute,original,pseudonym", *rows, ""]))
    return path


@pytest.fixture
def check(originals: Path, output: Path, linking: Path) -> Callable[[], Audit]:
    """The audit of the output as it is by then."""
    return lambda: audit(originals, output, linking=linking)


@pytest.fixture
def say(output: Path, check: Callable[[], Audit]) -> Callable[[str], set[str]]:
    """Writes a text into the output; the attributes whose values are found in it."""

    def say_and_check(text: str) -> set[str]:
        path = output / "note.txt"
        path.write_text(text, encoding="utf-8")
        return {finding.attribute for finding in check().findings}

    return say_and_check
