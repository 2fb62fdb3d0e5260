"""The tree against the ledger: what is missing, changed or foreign is named."""

import hashlib
import os
from pathlib import Path, PurePosixPath

import pytest

from niffler_ops.errors import MissingInputError
from niffler_ops.layout import Layout
from niffler_ops.ledger.wanting import FoundStudy
from niffler_ops.model import InstanceFile
from niffler_ops.reporting.verification import Findings, findings_text, verify_tree
from tests.support.extractions import ARCHIVE, asked, make_ledger

CONTENTS = {"P1/a.dcm": b"first", "P1/b.dcm": b"second", "P2/c.dcm": b"third"}


def silent(_findings: Findings) -> None:
    """Nobody watches."""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A tree of three filed files, as the ledger has them."""
    layout = Layout(tmp_path)
    ledger = make_ledger(tmp_path, [asked(2)])
    with ledger.transaction():
        [row] = ledger.rows.claim(1)
        found = FoundStudy(study_instance_uid="1.2", promised_count=3)
        ledger.rows.matched(row.id, [found], archive=ARCHIVE, mismatches=0)
        study = ledger.studies.by_uid("1.2")
        assert study is not None
        for number, (path, content) in enumerate(CONTENTS.items()):
            file = InstanceFile(
                path="",
                size=len(content),
                inode=1,
                modified_ns=1,
                sha256=hashlib.sha256(content).digest(),
                study_instance_uid="1.2",
                series_instance_uid="1.2.3",
                sop_instance_uid=f"1.2.3.{number}",
                attributes={},
            )
            ledger.instances.receive(study.id, file, PurePosixPath(path), promised=True)
            ledger.instances.set_state(study.id, file.sop_instance_uid, "filed")
    ledger.close()
    for path, content in CONTENTS.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
        os.utime(tmp_path / path, (1, 1))
    return layout


def test_a_tree_as_it_was_filed_agrees(layout: Layout) -> None:
    findings = verify_tree(layout, progress=silent)
    assert findings == Findings(checked=3, size=sum(map(len, CONTENTS.values())))
    assert findings_text(findings).endswith("All is as it was filed.\n")


def test_each_difference_is_named_by_its_path(layout: Layout) -> None:
    (layout.storage_folder / "P1/a.dcm").unlink()
    (layout.storage_folder / "P1/b.dcm").write_bytes(b"SECOND")
    (layout.storage_folder / "P2/guest.dcm").write_bytes(b"")
    findings = verify_tree(layout, progress=silent)
    assert (findings.missing, findings.changed) == (["P1/a.dcm"], ["P1/b.dcm"])
    assert findings.foreign == ["P2/guest.dcm"]
    text = findings_text(findings)
    assert "missing  P1/a.dcm" in text
    assert "\nDifferences: 1 missing, 1 changed, 1 foreign.\n" in text
    assert "another StorageFolder" in text


def test_a_file_of_another_length_is_changed(layout: Layout) -> None:
    (layout.storage_folder / "P1/a.dcm").write_bytes(b"first and more")
    assert verify_tree(layout, progress=silent).changed == ["P1/a.dcm"]


def test_what_is_ours_is_not_foreign(layout: Layout) -> None:
    (layout.private / "niffler.log").write_text("")
    (layout.storage_folder / "cfind-output.csv").write_text("")
    assert verify_tree(layout, progress=silent).agree


def test_without_a_ledger_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError):
        verify_tree(Layout(tmp_path), progress=silent)
