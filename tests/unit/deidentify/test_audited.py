"""An audit that shares no code with de-identification finds nothing in what became of nasty originals."""

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest

from niffler_ops.audit import audit
from niffler_ops.deidentify import Options
from niffler_ops.deidentify.deidentifier import Deidentifier, Link
from niffler_ops.deidentify.pseudonyms import Pseudonyms
from niffler_ops.deidentify.writing import Unreadable, Written, deidentify_file, learn_file
from tests.support.nasty import Corpus, nasty_corpus

DEFAULT = ("RetainModifiedDates", "RetainPatientCharacteristics")
RECEIVER = ("RetainDeviceIdentity", "RetainFullDates", "CleanDescriptors")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return nasty_corpus(tmp_path_factory.mktemp("originals"))


@pytest.mark.parametrize(
    "names", [(), DEFAULT, RECEIVER, (*DEFAULT, "RetainDeviceIdentity", "CleanDescriptors")]
)
def test_nothing_is_found(
    tmp_path: Path, corpus: Corpus, pseudonyms: Pseudonyms, names: Sequence[str]
) -> None:
    deidentifier, links = Deidentifier(Options.parse(names), pseudonyms), set[Link]()
    output, linking = tmp_path / "output", tmp_path / "linking.csv"
    output.mkdir()
    written = 0
    files = sorted(path for path in corpus.folder.rglob("*") if path.is_file())
    for file in files:
        learn_file(file, deidentifier)
    for file in files:
        result = deidentify_file(file, output, deidentifier)
        written += isinstance(result, Written)
        links |= set() if isinstance(result, Unreadable) else set(result.links)
    with linking.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([Link._fields, *sorted(links)])
    report = audit(corpus.folder, output, linking=linking, options=names)
    assert written > 50
    assert [str(finding) for finding in report.findings] == []
    assert report.unread_count == 0
