"""The sheet of an extraction is given back as its CSV: what was good stays, what was corrected is new."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from niffler_ops import intake
from niffler_ops.config import Config
from niffler_ops.errors import CannotWriteError, MissingInputError, UsageError
from niffler_ops.layout import Layout
from niffler_ops.ledger.correction import Correction
from niffler_ops.reporting.sheets import write_sheet
from niffler_ops.sheet import OURS, REMOVE_ME
from tests.support.extractions import fail, match, open_ledger, retrieve

BY_INDEX = {"ExtractionType": "empi_accession", "PatientIndex": 0, "AccessionIndex": 1}
BY_HEADER = {"ExtractionType": "header"}
LIST = "MRN,Accession,Note\nP1,A1,x\nP2,A2,\nP3,A?,\nP4,A4,y\n"


class Extraction:
    """A CSV that was taken in, as niffler-cold does it."""

    def __init__(self, folder: Path, content: str | bytes, **keys: object) -> None:
        self.folder = folder / "storage"
        self.csv = folder / "list.csv"
        self.sheet = folder / "sheet.csv"
        self.csv.write_bytes(content if isinstance(content, bytes) else content.encode())
        self._keys = keys or BY_INDEX
        Layout(self.folder).private.mkdir(parents=True)
        self.ledger = open_ledger(Layout(self.folder).ledger)
        config = self.config(self.csv)
        summary = intake.check(config)
        self.ledger.create(
            configuration={},
            storage_folder=self.folder,
            csv_file=self.csv,
            csv_digest=summary.digest,
            csv_header=summary.header,
            rows=intake.read_rows(config),
        )

    def config(self, path: Path) -> Config:
        return Config.model_validate(
            {
                "SrcAet": "A@b:104",
                "QueryAet": "QB:104",
                "StorageFolder": str(self.folder),
                "CsvFile": str(path),
                "config_file": Path("config.json"),
                "system_file": Path("system.json"),
                **self._keys,
            }
        )

    def written(self) -> list[list[str]]:
        write_sheet(Layout(self.folder), self.sheet)
        with self.sheet.open(encoding="utf-8-sig", newline="") as stream:
            return list(csv.reader(stream))

    def give_back(self) -> Correction:
        """Correct the extraction with the sheet, under a name of its own."""
        given = self.sheet.replace(self.sheet.with_name("given back.csv"))
        config = self.config(given)
        summary = intake.check(config)
        return self.ledger.correct(
            csv_file=given,
            csv_digest=summary.digest,
            csv_header=summary.header,
            rows=intake.read_rows(config),
        )

    def states(self) -> dict[str, str]:
        """What became of each line of the CSV, by its first two cells."""
        with self.ledger.snapshot():
            rows = self.ledger.report_rows()
            return {row["cells"].removeprefix("[").replace('"', "")[:6]: row["state"] for row in rows}


@pytest.fixture
def taken_in(tmp_path: Path) -> Callable[..., Extraction]:
    def make(content: str | bytes, **keys: object) -> Extraction:
        return Extraction(tmp_path, content, **keys)

    return make


Maker = Callable[..., Extraction]


def worked(extraction: Extraction) -> None:
    """The first row is done, the second failed, the others are not found."""
    match(extraction.ledger, {2: ["1.2"], 3: ["1.3"]})
    retrieve(extraction.ledger, "1.2")
    fail(extraction.ledger, "1.3", "refused: A900")


def test_the_users_columns_stand_as_they_are_and_ours_follow(taken_in: Maker) -> None:
    extraction = taken_in(LIST)
    worked(extraction)
    assert extraction.written() == [
        ["MRN", "Accession", "Note", *OURS],
        ["P1", "A1", "x", "2", "", "done"],
        ["P2", "A2", "", "3", "refused: A900", "failed"],
        ["P3", "A?", "", "4", "AccessionNumber (column 1) holds a wildcard (* or ?)", "rejected"],
        ["P4", "A4", "y", "5", "the archive has nothing that matches", "not_found"],
    ]
    assert extraction.sheet.stat().st_mode & 0o777 == 0o600


def test_what_is_given_back_unchanged_is_taken_as_it_was(taken_in: Maker) -> None:
    extraction = taken_in("MRN,Accession,Note\nP1,A1,x\nP2,A2,\nP1,A1,again\n")
    worked(extraction)
    before = extraction.states()
    extraction.written()
    assert extraction.give_back() == Correction(new=0, withdrawn=0, returned=0, kept=3)
    assert extraction.states() == before


def without_reasons(sheet: list[list[str]]) -> list[list[str]]:
    """The cells that a line has too much are counted with the mark that says so."""
    return [line[:4] + line[5:] for line in sheet]


@pytest.mark.parametrize("line", ["P3,A?,", "P3", "P3,A3,x,y", ",,"])
def test_a_rejected_line_that_was_not_corrected_is_known_again(taken_in: Maker, line: str) -> None:
    extraction = taken_in(f"MRN,Accession,Note\nP1,A1,x\n{line}\n")
    for _ in range(2):
        sheet = without_reasons(extraction.written())
        assert extraction.give_back() == Correction(new=0, withdrawn=0, returned=0, kept=2)
        assert without_reasons(extraction.written()) == sheet


def test_corrected_lines_are_asked_for_and_the_good_ones_stay(taken_in: Maker) -> None:
    extraction = taken_in(LIST)
    worked(extraction)
    extraction.written()
    text = extraction.sheet.read_text()
    extraction.sheet.write_text(text.replace("P3,A?", "P3,A3").replace("P4,A4", "P4,A9"))
    assert extraction.give_back() == Correction(new=2, withdrawn=2, returned=0, kept=2)
    assert extraction.states() == {
        "P1, A1": "done",
        "P2, A2": "failed",
        "P3, A3": "pending",
        "P4, A9": "pending",
    }


def test_a_sheet_of_a_sheet_has_our_columns_once(taken_in: Maker) -> None:
    extraction = taken_in(LIST)
    first = extraction.written()
    extraction.give_back()
    again = extraction.written()
    assert again == first
    extraction.give_back()
    assert extraction.written() == first


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("P1,A1", ["P1", "A1", "", "2"]),
        ("P1,x,A1,20200101,y", ["P1", "x", "A1", "2"]),
        ("P1,,A1,20200101,y,z,2,done", ["P1", "", "A1", "2"]),
    ],
)
@pytest.mark.parametrize("keys", [BY_INDEX, BY_HEADER])
def test_a_line_whose_cells_are_shifted_stays_refused_until_the_mark_is_removed(
    taken_in: Maker, line: str, kept: list[str], keys: dict[str, object]
) -> None:
    extraction = taken_in(f"PatientID,AccessionNumber,StudyDate\n{line}\nP2,A2,20200101\n", **keys)
    row = extraction.written()[1]
    assert row[:4] == kept
    assert row[5] == "rejected"
    assert row[-1] == REMOVE_ME
    config = extraction.config(extraction.sheet)
    assert intake.check(config).rejected_count == 1
    extraction.give_back()
    assert extraction.written()[1][:4] == kept, "and so it does in the next sheet"
    corrected = f'PatientID,AccessionNumber,StudyDate,{",".join(OURS)}\nP1,A1,20200101,2,"why",rejected\n'
    extraction.sheet.write_text(corrected)
    assert intake.check(config).rejected_count == 0


def test_a_line_without_cells_because_of_its_quotes_stays_refused(taken_in: Maker) -> None:
    extraction = taken_in('MRN,Accession,Note\n"P1"x,A1,\nP2,A2,\n')
    assert extraction.written()[1] == [
        *("", "", "", "2"),
        "its quotes, line breaks or length are wrong",
        "rejected",
        REMOVE_ME,
    ]
    assert intake.check(extraction.config(extraction.sheet)).rejected_count == 1


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_delimiter_and_byte_order_mark_are_the_users(taken_in: Maker, delimiter: str, bom: str) -> None:
    text = f"{bom}MRN{delimiter}Accession\r\nPü{delimiter}A1\r\n"
    extraction = taken_in(text)
    write_sheet(Layout(extraction.folder), extraction.sheet)
    lines = extraction.sheet.read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"{bom}{delimiter.join(('MRN', 'Accession', *OURS))}"
    assert lines[1] == delimiter.join(("Pü", "A1", "2", "", "pending"))
    assert extraction.give_back().kept == 1


def test_without_the_users_file_it_has_commas(taken_in: Maker) -> None:
    extraction = taken_in("MRN;Accession\nP1;A1\n")
    extraction.csv.unlink()
    assert extraction.written()[0] == ["MRN", "Accession", *OURS]


def test_text_in_windows_1252_becomes_utf_8(taken_in: Maker) -> None:
    extraction = taken_in("MRN;Accession;Note\nP1;A1;Größe\n".encode("cp1252"))
    write_sheet(Layout(extraction.folder), extraction.sheet)
    assert "P1;A1;Größe;2;;pending" in extraction.sheet.read_text(encoding="utf-8")
    assert extraction.give_back().kept == 1


def test_header_keys_are_read_back_without_a_word_about_ours_being_meant(taken_in: Maker) -> None:
    extraction = taken_in("PatientID,AccessionNumber\nP1,\nP2,A2\n", **BY_HEADER)
    extraction.written()
    summary = intake.check(extraction.config(extraction.sheet))
    assert summary.keywords == ("PatientID", "AccessionNumber")
    assert not any("probably meant" in text or "if it is meant" in text for text in summary.warnings)
    assert extraction.give_back().kept == 2


def test_it_does_not_replace_the_users_own_file(taken_in: Maker) -> None:
    extraction = taken_in(LIST)
    with pytest.raises(UsageError, match="Name another file"):
        write_sheet(Layout(extraction.folder), extraction.csv)
    assert extraction.csv.read_text() == LIST


def test_what_cannot_be_written_is_told(taken_in: Maker, tmp_path: Path) -> None:
    layout = Layout(taken_in(LIST).folder)
    with pytest.raises(CannotWriteError, match="no regular file"):
        write_sheet(layout, Path("/dev/null"))
    with pytest.raises(CannotWriteError, match="cannot be written"):
        write_sheet(layout, tmp_path / "missing" / "sheet.csv")
    with pytest.raises(MissingInputError):
        write_sheet(Layout(tmp_path / "elsewhere"), tmp_path / "sheet.csv")


def test_pages_follow_each_other(taken_in: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    extraction = taken_in(LIST)
    whole = extraction.written()
    monkeypatch.setattr("niffler_ops.reporting.sheets.PAGE", 1)
    assert extraction.written() == whole
    assert write_sheet(Layout(extraction.folder), extraction.sheet) == 4


cells = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6) | st.sampled_from(
    ["=1+2", "-1", "\tx", "\rx", "a\nb", "a\r\nb", 'say "x"', "a,b", "a;b", "007", " blank ", ""]
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.lists(cells, min_size=1, max_size=5), min_size=1, max_size=4),
    delimiter=st.sampled_from(",;\t"),
)
@example(lines=[["0", "0", " blank "]], delimiter=",")
def test_whatever_stands_in_a_csv_asks_for_the_same_when_it_is_given_back(
    tmp_path_factory: pytest.TempPathFactory, lines: list[list[str]], delimiter: str
) -> None:
    folder = tmp_path_factory.mktemp("sheet")
    with (folder / "source.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        writer.writerows([["MRN", "Accession", "Note"], *lines, ["P", "A", ""]])
    extraction = Extraction(folder, (folder / "source.csv").read_bytes())
    before = list(intake.read_rows(extraction.config(extraction.csv)))
    write_sheet(Layout(extraction.folder), extraction.sheet)
    after = list(intake.read_rows(extraction.config(extraction.sheet)))
    extraction.ledger.close()
    assert [row.keys for row in after] == [row.keys for row in before]
    assert [row.refused is None for row in after] == [row.refused is None for row in before]
    assert [row.values[2] for row in after if not row.refused] == [
        (*row.values, "", "")[2] for row in before if not row.refused
    ]
