"""The page as a file, made from real ledgers."""

import sqlite3
from pathlib import Path

import pytest

from niffler_ops.cli.status import main
from niffler_ops.clock import SystemClock
from niffler_ops.layout import Layout
from niffler_ops.reporting.page import report
from niffler_ops.reporting.page.report import report_html
from tests.support.extractions import asked, fail, make_ledger, match, refused, retrieve, start_run

HOSTILE = "<script>alert(1)</script>"


def extraction(folder: Path, rows: int = 6) -> None:
    ledger = make_ledger(folder, [*(asked(line) for line in range(2, rows)), refused(rows, HOSTILE)])
    start_run(ledger)
    match(ledger, {2: ["1.2.840.99.2"], 3: ["1.2.840.99.3"]})
    retrieve(ledger, "1.2.840.99.2")
    fail(ledger, "1.2.840.99.3", "refused: 1.2.840.99.3.1 (A900)")
    ledger.close()
    connection = sqlite3.connect(Layout(folder).ledger)
    with connection:
        connection.execute("INSERT INTO modalities SELECT id, 'MR' FROM studies")
    connection.close()


def test_it_is_written_as_a_private_file_without_identifiers(tmp_path: Path) -> None:
    extraction(tmp_path)
    path = tmp_path / "page.html"
    assert main([str(tmp_path), "--html", str(path)]) == 0
    text = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [left.name for left in tmp_path.iterdir() if left.name.endswith(".part")] == []
    assert "P2" not in text
    assert "1.2.840.99" not in text
    assert HOSTILE not in text
    assert "Studies by modality and day" in text
    assert "2 MR" in text
    assert "http:" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_identifiers_are_there_where_they_are_asked_for(tmp_path: Path) -> None:
    extraction(tmp_path)
    text = report_html(Layout(tmp_path), SystemClock(), identifiers=True)
    assert "<td>P2</td>" in text
    assert "1.2.840.99.2" in text
    assert "This page holds identifiers of patients." in text


def test_so_many_rows_and_it_says_how_many_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MAX_ROWS", 3)
    extraction(tmp_path, rows=9)
    text = report_html(Layout(tmp_path), SystemClock())
    rows = text.partition('<tbody id="rows"')[2].partition("</tbody>")[0]
    assert rows.count("<tr>") == 3
    assert "3 shown of 8, by line; more follow from line 5 on, and <code>niffler-status FOLDER --csv" in text


def test_so_many_problems_and_it_says_what_has_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MAX_PROBLEMS", 1)
    extraction(tmp_path, rows=9)
    text = report_html(Layout(tmp_path), SystemClock())
    rows = text.partition('<tbody id="problems"')[2].partition("</tbody>")[0]
    assert rows.count("<tr>") == 1
    assert "by line; <code>niffler-status FOLDER --csv FILE</code> writes all of them." in text


def test_what_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    extraction(tmp_path)
    assert main([str(tmp_path), "--html", str(tmp_path / "no" / "page.html")]) == 73
    assert main([str(tmp_path), "--html", str(tmp_path)]) == 73
    assert main([str(tmp_path), str(tmp_path)]) == 64
    assert main([str(tmp_path), "--json", "--serve"]) == 64
    assert "it is no regular file" in capsys.readouterr().err
