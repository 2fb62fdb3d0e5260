"""report.csv is read from a real ledger: one line a row, the user's own values, and what became of them."""

import csv
import resource
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from niffler_ops.ledger.store import Ledger
from niffler_ops.model import CsvRow
from niffler_ops.reporting.report import write_report
from tests.support.extractions import HEADER, asked, fail, make_ledger, match, refused, retrieve

OURS = ("state", "reason", "studies", "instances_expected", "instances_received", "verified", "mismatches")


def report(ledger: Ledger, path: Path, header: tuple[str, ...] = HEADER) -> list[dict[str, str]]:
    write_report(ledger, path, header)
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def ours(line: dict[str, str]) -> tuple[str, ...]:
    return tuple(line[name] for name in OURS)


def test_each_line_tells_what_became_of_it(tmp_path: Path) -> None:
    rows = [asked(2), asked(3), asked(4), asked(5), asked(6), refused(7, "a wildcard", ("P*", ""))]
    ledger = make_ledger(tmp_path, rows)
    match(ledger, {2: ["1.2"], 3: ["1.10", "1.3"], 4: ["1.3", "1.4"], 6: ["1.6"]}, mismatches=1)
    retrieve(ledger, "1.2")
    retrieve(ledger, "1.3")
    retrieve(ledger, "1.10", verified="by_count")
    retrieve(ledger, "1.4", missing=1)
    fail(ledger, "1.6", "refused: A900")
    lines = report(ledger, tmp_path / "report.csv")
    assert [line["line"] for line in lines] == ["2", "3", "4", "5", "6", "7"]
    assert [ours(line) for line in lines] == [
        ("done", "", "1", "2", "2", "by_uid", "1"),
        ("done", "", "2", "4", "4", "by_count;by_uid", "1"),
        ("partial", "1 instances missing: 1.4.1.9", "2", "4", "3", "by_uid", "1"),
        ("not_found", "the archive has nothing that matches", "0", "0", "0", "", "0"),
        ("failed", "refused: A900", "1", "2", "0", "", "1"),
        ("rejected", "a wildcard", "0", "0", "0", "", "0"),
    ]
    assert [line["study_instance_uids"] for line in lines] == ["1.2", "1.10;1.3", "1.3;1.4", "", "1.6", ""]
    assert [line["PatientID"] for line in lines] == ["P2", "P3", "P4", "P5", "P6", "P*"]


def test_it_can_be_written_before_the_end(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, [asked(2), asked(3)])
    assert [line["state"] for line in report(ledger, tmp_path / "report.csv")] == ["pending", "pending"]


def test_repeated_lines_each_have_their_own(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, [asked(2, "A"), asked(3, "B"), asked(4, "A")])
    match(ledger, {2: ["1.2"]})
    retrieve(ledger, "1.2")
    lines = report(ledger, tmp_path / "report.csv")
    assert [(line["line"], line["state"]) for line in lines] == [
        ("2", "done"),
        ("3", "not_found"),
        ("4", "done"),
    ]


def test_a_rejected_line_with_too_few_or_too_many_cells_does_not_shift_our_columns(tmp_path: Path) -> None:
    rows = [asked(2), refused(3, "quotes", ()), refused(4, "too many", ("a", "b", "c"))]
    lines = report(make_ledger(tmp_path, rows), tmp_path / "report.csv")
    assert [(line["AccessionNumber"], line["state"]) for line in lines[1:]] == [
        ("", "rejected"),
        ("b", "rejected"),
    ]


def test_lines_end_in_lf_and_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    write_report(make_ledger(tmp_path, [asked(2)]), path, HEADER)
    assert path.read_bytes().count(b"\n") == 2
    assert b"\r" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600


cells = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    ["=1+2", "+1", "-1", "@x", "\tx", "\rx", "a\nb", "a\r\nb", 'say "x"', "a,b", "007", " blank ", "\x00"]
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=5))
def test_every_value_of_the_users_is_read_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, values: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    rows = [
        CsvRow(line=line, values=given, keys={}, refused="no") for line, given in enumerate(values, start=2)
    ]
    lines = report(make_ledger(folder, rows), folder / "report.csv")
    assert [(line["PatientID"], line["AccessionNumber"]) for line in lines] == values


def test_memory_stays_the_same_whatever_the_number_of_rows(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, ())
    connection = sqlite3.connect(tmp_path / ".niffler" / "ledger.sqlite")
    with connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
            " INSERT INTO rows (line, cells, state, reason)"
            " SELECT i, json_array('P' || i, 'A' || i), 'failed', hex(randomblob(250)) FROM n"
        )
    connection.close()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    write_report(ledger, tmp_path / "report.csv", HEADER)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16_000  # kB; the report has 53 MB
