"""What niffler.log tells of rows that did not become done."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from niffler_ops.ledger.store import Ledger
from niffler_ops.reporting.narration import Narration, short_name, without_uids
from tests.support.extractions import asked, fail, make_ledger, match, retrieve

ONE, TWO = "1.2.3.4.1", "1.2.3.4.2"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = make_ledger(tmp_path, rows=[asked(2), asked(3), asked(4)])
    yield made
    made.close()


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.endswith("narration")]


def test_each_bad_end_is_told_once_by_line_and_outcome_and_its_study_by_a_hash(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    narration = Narration(ledger)
    match(ledger, {2: [ONE], 3: [TWO]})
    retrieve(ledger, ONE)
    fail(ledger, TWO, "nothing came")
    narration.show(ledger)
    narration.show(ledger)
    assert told(caplog) == [
        "Line 4: not_found: the archive has nothing that matches",
        f"Line 3: failed: nothing came (study {short_name(TWO)})",
    ]


def test_the_instances_that_a_reason_names_are_told_by_a_hash_too(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    match(ledger, {2: [ONE], 3: [ONE], 4: [ONE]})
    narration = Narration(ledger)
    retrieve(ledger, ONE, missing=1)
    narration.show(ledger)
    assert told(caplog)[0] == (
        f"Line 2: partial: 1 instances missing: {short_name(f'{ONE}.1.9')} (study {short_name(ONE)})"
    )
    assert ONE not in caplog.text


def test_what_an_earlier_run_told_is_not_told_again(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    match(ledger, {})
    Narration(ledger).show(ledger)
    assert told(caplog) == []


@pytest.mark.parametrize(
    "uid",
    ["1.2.840.10008.1.2", "1.2.3.4.5", "1.2.840.5", "2.25.3298007356985866295956", "1.3.12345", "0.2.999"],
)
def test_a_uid_is_hidden_however_short(uid: str) -> None:
    assert without_uids(f"lost: {uid}, gone") == f"lost: {short_name(uid)}, gone"


@pytest.mark.parametrize("text", ["127.0.0.1:104", "192.168.1.20", "5.22.5", "3.0.4 s", "0.25 s", "1.2 GB"])
def test_addresses_versions_and_numbers_stay(text: str) -> None:
    assert without_uids(text) == text
