import os
import re
import tracemalloc
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from niffler_ops import intake
from niffler_ops.config import Config
from niffler_ops.errors import InputError
from niffler_ops.intake import rows as rows_module
from niffler_ops.intake import survey as survey_module
from niffler_ops.intake import table as table_module
from niffler_ops.model import CsvRow
from tests.unit.intake.conftest import PAIRS, Maker, configured

DATES = {"ExtractionType": "empi_date", "PatientIndex": 0, "DateIndex": 1}


def asked(config: Config) -> list[tuple[int, tuple[str, ...]]]:
    return [(row.line, tuple(row.keys.values())) for row in intake.read_rows(config) if row.refused is None]


def refused(config: Config) -> dict[int, str]:
    found = {row.line: row.refused for row in intake.read_rows(config) if row.refused is not None}
    assert tuple(found.items()) == intake.check(config).rejected
    return found


def complaint(config: Config) -> str:
    with pytest.raises(InputError) as caught:
        intake.check(config)
    assert caught.value.exit_status == 65
    return str(caught.value).replace(str(config.csv_file), "list.csv")


def test_rows_come_with_their_line_their_cells_and_their_keys(given_csv: Maker) -> None:
    config = given_csv("EMPI,Accession,Note\n001, 0002 ,x\nP2,A2,\n")
    assert list(intake.read_rows(config)) == [
        CsvRow(line=2, values=("001", "0002 ", "x"), keys={"PatientID": "001", "AccessionNumber": "0002"}),
        CsvRow(line=3, values=("P2", "A2", ""), keys={"PatientID": "P2", "AccessionNumber": "A2"}),
    ]


def test_a_summary_tells_what_one_pass_found(given_csv: Maker) -> None:
    content = "EMPI;Accession\nP1;A1\nP*;A2\nP1;A1\n"
    assert intake.check(given_csv(content)) == intake.CsvSummary(
        header=("EMPI", "Accession"),
        keywords=("PatientID", "AccessionNumber"),
        rows=3,
        rejected=((3, "PatientID (column 0) holds a wildcard (* or ?)"),),
        rejected_count=1,
        digest=sha256(content.encode()).hexdigest(),
        delimiter=";",
        encoding="utf-8-sig",
        warnings=(),
    )


@pytest.mark.parametrize(
    "content",
    [
        "E,A\nP1,A1\nP2,A2\n",
        "E;A\nP1;A1\nP2;A2\n",
        "E\tA\nP1\tA1\nP2\tA2",
        "\ufeffE,A\r\nP1,A1\r\nP2,A2\r\n",
        'E,A\n"P1","A1"\n"P2", "A2"\n',
        "E,A\n  P1\t,\u00a0A1\nP2 , A2\n",
        "E,A\rP1,A1\rP2,A2\r",
        "E,A,,\nP1,A1,,\nP2,A2,,,\n",
        '"E;x;y;z",A\nP1,A1\nP2,A2\n',
        "E,A,\nP1,A1\nP2,A2,remark\n",
    ],
)
def test_however_it_is_written_the_rows_are_the_same(given_csv: Maker, content: str) -> None:
    assert asked(given_csv(content)) == [(2, ("P1", "A1")), (3, ("P2", "A2"))]


def test_lines_are_lines_of_the_file(given_csv: Maker) -> None:
    config = given_csv('\nE,A,Note\n\nP1,A1,"two\nlines"\n   \nP2,A2,\n"P3",A*,"\n\n"\nP4,A4,"say ""x"""\n')
    assert asked(config) == [(4, ("P1", "A1")), (7, ("P2", "A2")), (11, ("P4", "A4"))]
    assert refused(config) == {8: "AccessionNumber (column 1) holds a wildcard (* or ?)"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("P1", "it has 1 columns, the header has 2"),
        ("P1,A1,x", "it has 3 columns, the header has 2"),
        ("P1,", "AccessionNumber (column 1) is empty"),
        (",", "PatientID (column 0) is empty; AccessionNumber (column 1) is empty"),
        ("P?,A1", "PatientID (column 0) holds a wildcard (* or ?)"),
        ("P1,A\\1", "AccessionNumber (column 1) holds a backslash"),
        ("P\u200b1,A1", "PatientID (column 0) holds a control or invisible character"),
        ("P\x0b1,A1", "PatientID (column 0) holds a control or invisible character"),
        ('"P\n1",A1', "PatientID (column 0) holds a control or invisible character"),
        ("P\0,A1", "it holds a NUL character"),
        ("p" * 65 + ",A1", "PatientID (column 0) has 65 characters, 64 are allowed"),
        ("P1,12345678901234567", "AccessionNumber (column 1) has 17 characters, 16 are allowed"),
        ('"P1"x,A1', "its quotes, line breaks or length are wrong"),
        ("P\r1,A1", "its quotes, line breaks or length are wrong"),
        ("x" * 200_000 + ",A1", "its quotes, line breaks or length are wrong"),
    ],
)
def test_a_line_that_cannot_be_asked_is_refused_with_its_reason(
    given_csv: Maker, line: str, reason: str
) -> None:
    config = given_csv(f"E,A\nP0,A0\n{line}\nP9,A9\n")
    assert refused(config) == {3: reason}
    assert ("P9", "A9") in [values for _, values in asked(config)]


def test_lengths_count_characters(given_csv: Maker) -> None:
    assert asked(given_csv(f"E,A\n{'é' * 64},{'ü' * 16}\n")) == [(2, ("é" * 64, "ü" * 16))]


@pytest.mark.parametrize(
    ("date_format", "cell", "date"),
    [
        ("%Y%m%d", "20200131", "20200131"),
        ("%Y%m%d", "2020115", None),
        ("%Y%m%d", "20200230", None),
        ("%Y%m%d", "2020-01-31", None),
        ("%m/%d/%Y", "1/5/2020", "20200105"),
        ("%m/%d/%Y", "13/5/2020", None),
        ("%m%d%y", "013120", "20200131"),
        ("%%m%d%y", "013120", "20200131"),
        ("%m-%d-%y", "01-31-99", "19990131"),
        ("%d %b %Y", "5 Jan 2020", "20200105"),
        ("%Y%m%d", "2020*", None),
        ("%Y-%m-%d", "0999-01-02", "09990102"),
    ],
)
def test_dates_are_read_in_their_format(
    given_csv: Maker, date_format: str, cell: str, date: str | None
) -> None:
    config = given_csv(f"E,D\nP0,{cell}\n", **DATES, DateFormat=date_format)
    (row,) = intake.read_rows(config)
    if date is None:
        assert row.refused == f"StudyDate (column 1) is no date in DateFormat {config.date_format}"
    else:
        assert row.keys == {"PatientID": "P0", "StudyDate": date}


def test_an_empty_date_is_empty(given_csv: Maker) -> None:
    assert refused(given_csv("E,D\nP0,20200101\nP1,\n", **DATES)) == {3: "StudyDate (column 1) is empty"}


def test_the_accession_alone_may_stand_in_any_column(given_csv: Maker) -> None:
    config = given_csv("x,y,Accession\n1,*,A1\n", ExtractionType="accession", AccessionIndex=2)
    assert asked(config) == [(2, ("A1",))]


def test_windows_1252_is_read_with_a_warning_wherever_it_begins(given_csv: Maker) -> None:
    config = given_csv(b"E,A\nP1,A1\n" + b"P2,A2\n" * 400_000 + b"M\xfcller,A3\n")
    (warning,) = intake.check(config).warnings
    assert "list.csv:400003: the text is not UTF-8 and is read as Windows-1252" in warning
    *_, last = intake.read_rows(config)
    assert last.keys["PatientID"] == "Müller"


def test_a_character_over_two_chunks_is_still_utf8(given_csv: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey_module, "_CHUNK", 7)
    config = given_csv("E,A\nMü,A1\nüüü,A2\n")
    assert intake.check(config).encoding == "utf-8-sig"
    assert asked(config)[1] == (3, ("üüü", "A2"))


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("P0001,A0001\nP0002,A0002\n", ["1"]),
        ("\n123,456\n9,12\n", ["2"]),
        ("EMPI,Accession\nP1,A1\n", []),
        ("EMPI1,Accession2\nP-1,A-1\n", []),
    ],
)
def test_a_first_line_that_looks_like_a_query_is_warned_about(
    given_csv: Maker, content: str, lines: list[str]
) -> None:
    config = given_csv(content)
    warnings = intake.check(config).warnings
    assert len(asked(config)) == 1
    assert [re.findall(r"csv:(\d+): the first line looks like a query", text) for text in warnings] == [
        [line] for line in lines
    ]


@pytest.mark.parametrize("cell", ["9.12E+12", '"9,1E+12"', "9E+5"])
def test_a_number_that_a_spreadsheet_has_shortened_is_warned_about_once(given_csv: Maker, cell: str) -> None:
    config = given_csv(f"EMPI,Accession\nP1,A1\nP2,{cell}\nP3,{cell}\n")
    (warning,) = intake.check(config).warnings
    assert re.search(r"csv:3: AccessionNumber is a number that a spreadsheet has shortened", warning)
    assert "12" not in warning.replace("9.1E+12", "").partition("csv:3")[2]
    assert len(asked(config)) == 3


def test_an_identifier_with_an_e_in_it_is_not_warned_about(given_csv: Maker) -> None:
    assert intake.check(given_csv("EMPI,Accession\nP1,1E5\nP2,CE+5\nP3,12E+5\n")).warnings == ()


def test_a_date_in_the_header_looks_like_a_query(given_csv: Maker) -> None:
    config = given_csv("P1,20200101\nP2,20200102\n", **DATES)
    assert len(intake.check(config).warnings) == 1


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "list.csv: is empty"),
        (b"\xef\xbb\xbf \r\n\n", "list.csv: is empty"),
        (b"E,A\n", "list.csv: there is no line after the header"),
        (b"E,A\n\n \n", "list.csv: there is no line after the header"),
        (b"E\nP1\n", "list.csv:1: AccessionIndex: column 1 found; allowed: 0 to 0, the columns of"),
        (b"\xff\xfeE\0,\0A\0\n\0", "list.csv: is UTF-16 text; save it as CSV in UTF-8"),
        (b"PK\x03\x04xx", "list.csv: is a spreadsheet; save it as CSV in UTF-8"),
        (b"E,A\nP\xe9,A1\nP\x81,A2\n", "list.csv: is neither UTF-8 (line 2) nor Windows-1252 (line 3)"),
        (
            b"\xef\xbb\xbfE,A\nP1,A1\nP\xe9,A2\n",
            "list.csv:3: is UTF-8 by its byte order mark, but not on this line; save it as CSV in UTF-8",
        ),
        (b'E,A\nP1,A1\n"P2,A2\nP3,A3\n', "list.csv:3: a quote is opened on this line and not"),
        (b'E,A\nP1,A1\n"P2,A2\n"P3",A3\n', "list.csv:3: a quote is opened on this line and not"),
        (b'E,A\nP1,A1\n"P2,A2', "list.csv:3: a quote is opened on this line and not"),
        (b'"E,A\nP1,A1\n', "list.csv:1: the header's quotes are not closed"),
        (
            b"E,A\n,A1\nP2,A*\n",
            (
                "list.csv: none of its 2 lines can be asked for:\n"
                "list.csv:2: PatientID (column 0) is empty\n"
                "list.csv:3: AccessionNumber (column 1) holds a wildcard (* or ?)"
            ),
        ),
    ],
)
def test_a_file_of_which_nothing_can_be_used_is_an_error(given_csv: Maker, content: bytes, text: str) -> None:
    assert complaint(given_csv(content)).startswith(text)


def test_a_long_list_of_refused_lines_is_cut_but_counted(
    given_csv: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_module, "MAX_LISTED", 2)
    assert complaint(given_csv("E,A\n" + "P,*\n" * 5)).endswith("list.csv: and 3 more")
    summary = intake.check(given_csv("E,A\nP,A\n" + "P,*\n" * 5))
    assert (summary.rows, summary.rejected_count, len(summary.rejected)) == (6, 5, 2)


def test_a_line_without_end_is_no_csv(given_csv: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_module, "MAX_LINE", 10)
    assert complaint(given_csv("E,A\nP1,A1\n" + "x" * 50)) == "list.csv:3: a line of more than 10 characters"


def test_what_is_no_readable_file_is_an_error(tmp_path: Path) -> None:
    assert complaint(configured(tmp_path / "absent.csv", **PAIRS)).endswith(
        "cannot be read: No such file or directory"
    )
    assert complaint(configured(tmp_path, **PAIRS)).endswith(": is a folder")
    os.mkfifo(tmp_path / "pipe.csv")
    assert complaint(configured(tmp_path / "pipe.csv", **PAIRS)).endswith(": is not a file")


def test_a_file_that_changed_since_it_was_checked_is_refused(given_csv: Maker) -> None:
    config = given_csv("E,A\nP1,A1\n")
    digest = intake.check(config).digest
    assert len(list(intake.read_rows(config, digest=digest))) == 1
    given_csv("E,A\nP2,A2\n")
    with pytest.raises(InputError, match="changed since it was checked"):
        list(intake.read_rows(config, digest=digest))


def test_a_file_that_changes_while_it_is_read_is_refused(given_csv: Maker) -> None:
    config = given_csv("E,A\n" + "P1,A1\n" * 10)
    rows = intake.read_rows(config)
    next(rows)
    with config.csv_file.open("a") as file:
        file.write("P2,A2\n")
    with pytest.raises(InputError, match="it changed while it was read"):
        list(rows)


def test_memory_does_not_grow_with_the_file(given_csv: Maker) -> None:
    config = given_csv("E,A\n" + "".join(f"P{number},A{number}\n" for number in range(200_000)))
    tracemalloc.start()
    try:
        assert intake.check(config).rows == 200_000
        assert sum(1 for _ in intake.read_rows(config)) == 200_000
        assert tracemalloc.get_traced_memory()[1] < 5_000_000  # bytes; the file has 2.8 million
    finally:
        tracemalloc.stop()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(content=st.text(st.sampled_from('PA1,;"\n\r\t \0*é'), max_size=60))
def test_whatever_it_holds_each_line_is_a_row_or_refused_or_the_file_is(
    given_csv: Maker, content: str
) -> None:
    config = given_csv("E,A\nP1,A1\n" + content)
    try:
        summary = intake.check(config)
    except InputError:
        return
    rows = list(intake.read_rows(config))
    assert summary.rows == len(rows)
    lines = [row.line for row in rows]
    assert lines == sorted(set(lines))
    assert lines[-1] <= content.count("\n") + 3
    for row in rows:
        assert (row.refused is None) == (len(row.keys) == 2)
        assert all(value.strip() and "*" not in value for value in row.keys.values())
