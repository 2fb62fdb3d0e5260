"""The CSV as people have it: kinds of query, delimiters, blanks, duplicates, and lines nobody can ask."""

from collections.abc import Callable, Sequence
from datetime import datetime

import pytest

from niffler_ops.demo.corpus import Corpus, CorpusStudy
from tests.support.embedded import instance, save
from tests.support.rig import Rig, corpus_folder, data_sets, data_sets_of

Line = Callable[[CorpusStudy], Sequence[str]]
NO_COLUMNS: dict[str, object] = {"PatientIndex": None, "AccessionIndex": None}
QUERIES: dict[str, tuple[dict[str, object], Line]] = {
    "empi_accession in columns elsewhere": (
        {"PatientIndex": 3, "AccessionIndex": 1},
        lambda study: ("x", study.accession_number, "", study.patient_id),
    ),
    "accession": ({"AccessionIndex": 0}, lambda study: (study.accession_number,)),
    "empi_date": ({"PatientIndex": 0, "DateIndex": 1}, lambda study: (study.patient_id, study.study_date)),
    "empi_date as %%m%d%y": (
        {"PatientIndex": 0, "DateIndex": 1, "DateType": "StudyDate", "DateFormat": "%%m%d%y"},
        lambda study: (
            study.patient_id,
            datetime.strptime(study.study_date, "%Y%m%d").strftime("%m%d%y"),  # noqa: DTZ007 - a day
        ),
    ),
}
TEXTS: dict[str, Callable[[str], bytes]] = {
    "semicolons, blanks and blank lines": lambda text: (
        text.replace(",", " ; ").replace("\n", " \n\n").encode()
    ),
    "tabs, quotes, a byte order mark and CRLF": lambda text: "\r\n".join(
        "\t".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()
    ).encode("utf-8-sig"),
}


@pytest.mark.parametrize("query", QUERIES)
def test_each_kind_of_query_finds_its_studies(plain_rig: Rig, corpus: Corpus, query: str) -> None:
    rig = plain_rig
    keys, line = QUERIES[query]
    rig.serve(corpus_folder(corpus), noted=False)
    rig.configure(**(NO_COLUMNS | {"ExtractionType": query.split(maxsplit=1)[0]} | keys))
    lines = [line(study) for study in corpus.studies]
    rig.write_csv(lines, header=[f"column {number}" for number in range(len(lines[0]))])
    ended = rig.cold()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)
    assert [entry["line"] for entry in rig.report()] == ["2", "3", "4", "5"]


@pytest.mark.parametrize("text", TEXTS)
def test_whatever_wrote_the_csv_it_is_read(plain_rig: Rig, corpus: Corpus, text: str) -> None:
    rig = plain_rig
    rig.serve(corpus_folder(corpus), noted=False)
    rig.ask_for(corpus.studies)
    file = rig.folder / "list.csv"
    file.write_bytes(TEXTS[text](file.read_text()))
    ended = rig.cold()
    assert ended.status == 0, ended
    assert rig.states() == ["done"] * 4
    assert [entry["instances_received"] for entry in rig.report()] == ["10"] * 4


def test_a_repeated_row_is_queried_once_and_each_keeps_its_own_state(rig: Rig, corpus: Corpus) -> None:
    archive = rig.serve(corpus_folder(corpus))
    first, second = corpus.studies[:2]
    known = (first.patient_id, first.accession_number)
    absent = (second.patient_id, "NOWHERE-1")
    rig.write_csv([known, absent, known, absent, known])
    ended = rig.cold()
    assert ended.status == 3, ended
    assert rig.states() == ["done", "not_found", "done", "not_found", "done"]
    assert len([event for event in archive.events("find") if event["level"] == "STUDY"]) == 2
    assert set(archive.delivered().values()) == {1}
    status = rig.status()
    assert (status["rows"]["total"], status["studies"]["total"]) == (5, 1)
    assert [problem["line"] for problem in status["problems"]] == [3, 5]


def test_lines_that_cannot_be_asked_are_rejected_with_line_and_reason_and_stop_nothing(
    rig: Rig, corpus: Corpus
) -> None:
    rig.serve(corpus_folder(corpus), noted=False)
    good = (corpus.studies[0].patient_id, corpus.studies[0].accession_number)
    rig.write_csv(
        [
            *(good, ("", "ACCESSION-3"), ("PATIENT-4*", "ACCESSION-4"), ("PATIENT-5", "ACCESSION\\5")),
            *(("PATIENT-6", "ACCESSION-6\x07"), ("PATIENT-7", "LONGER-THAN-SIXTEEN"), ("PATIENT-8",), good),
        ]
    )
    ended = rig.cold()
    assert ended.status == 3, ended
    assert rig.states() == ["done", *["rejected"] * 6, "done"]
    for line, reason in (
        (3, "empty"),
        (4, "wildcard"),
        (5, "backslash"),
        (6, "control"),
        (7, "16"),
        (8, "column"),
    ):
        assert [text for text in rig.log().splitlines() if f"ine {line} " in text and reason in text], line
        assert reason in rig.report()[line - 2]["reason"]
    problems = rig.status()["problems"]
    assert [(problem["line"], problem["outcome"]) for problem in problems] == [
        (line, "rejected") for line in range(3, 9)
    ]
    assert rig.status()["rows"]["rejected"] == 6


def test_values_stay_text_with_their_leading_zeros(rig: Rig) -> None:
    folder = rig.folder / "archive"
    for number, patient in enumerate(("000123", "123", "1.0", "1e3"), start=1):
        made = instance(number, PatientID=patient, AccessionNumber="0007", PatientName=None)
        save(made, folder / f"{number}")
    rig.serve(folder, noted=False)
    rig.write_csv([("000123", "0007"), ("1e3", "0007")])
    ended = rig.cold()
    assert ended.status == 0, ended
    assert {path.name for path in rig.storage.iterdir()} == {".niffler", "000123", "1e3"}
    assert [entry["EMPI"] for entry in rig.report()] == ["000123", "1e3"]


def test_a_first_line_that_looks_like_a_query_is_taken_as_the_header_with_a_warning(
    plain_rig: Rig, corpus: Corpus
) -> None:
    rig = plain_rig
    rig.serve(corpus_folder(corpus), noted=False)
    rig.ask_for(corpus.studies[:2])
    file = rig.folder / "list.csv"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[1:]))
    ended = rig.cold()
    assert ended.status == 0, ended
    assert "looks like a query" in ended.out
    assert rig.status()["rows"]["total"] == 1
