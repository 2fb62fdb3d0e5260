"""How far another extraction is, where its ledger may be read."""

from pathlib import Path

import pytest

from niffler_ops.reporting.how_far import how_far
from tests.support.extractions import asked, make_ledger, match, retrieve


def test_rows_done_of_all(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, [asked(2), asked(3)])
    match(ledger, {2: ["1.1"]})
    retrieve(ledger, "1.1")
    assert how_far(tmp_path) == "1 of 2 rows done", "beside its writer"
    ledger.close()
    assert how_far(tmp_path) == "1 of 2 rows done"


def test_a_ledger_that_is_not_there_or_no_ledger_tells_nothing(tmp_path: Path) -> None:
    assert how_far(tmp_path) == ""
    (tmp_path / ".niffler").mkdir()
    (tmp_path / ".niffler" / "ledger.sqlite").write_text("no ledger")
    assert how_far(tmp_path) == ""


def test_a_ledger_that_others_may_write_is_not_looked_into(tmp_path: Path) -> None:
    make_ledger(tmp_path, [asked(2)]).close()
    assert how_far(tmp_path) == "0 of 1 rows done"
    (tmp_path / ".niffler").chmod(0o777)
    assert how_far(tmp_path) == ""


@pytest.mark.parametrize("folder", ["/a\0b", "/a\ud800b"])
def test_a_folder_that_none_can_be_tells_nothing(folder: str) -> None:
    assert how_far(Path(folder)) == ""
