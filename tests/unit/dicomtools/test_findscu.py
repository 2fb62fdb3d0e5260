"""An answer is complete only when its last status is success and every match is there to be read."""

import os
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmwrite

from niffler_ops.dicomtools.answerfiles import EMPTIED
from niffler_ops.dicomtools.findscu import FindLog, findscu_arguments, read_answers
from niffler_ops.dicomtools.responses import Status
from niffler_ops.dicomtools.timeouts import Timeouts
from niffler_ops.model import Peer

ARCHIVE = Peer(aet="PACS", host="127.0.0.1", port=11112)
TIMEOUTS = Timeouts(connect_ms=1, accept_ms=2, send_ms=3)
PENDING = "ff00"


def log_of(*responses: tuple[int, str]) -> FindLog:
    """A log with these responses: query, hexadecimal status."""
    log = FindLog()
    for query, status in responses:
        log.feed(f"10:00:00 INFO  - A->B(1) << {query}:C-FIND-RQ[pcid=1, prior=0\n")
        log.feed(f"10:00:00 INFO  - A->B(1) >> {query}:C-FIND-RSP[pcid=1, status={status}H\n")
    return log


def write(folder: Path, position: int, patient_id: str) -> None:
    data_set = Dataset()
    data_set.PatientID = patient_id
    encoded = BytesIO()
    dcmwrite(encoded, data_set, implicit_vr=True, little_endian=True)
    (folder / f"{position:03}.dcm").write_bytes(encoded.getvalue())


def test_findscu_arguments() -> None:
    arguments = findscu_arguments(
        archive=ARCHIVE,
        calling_aet="QBNIFFLER",
        level="STUDY",
        output=Path("/q/out"),
        query_files=[Path("/q/1.dcm"), Path("/q/2.dcm")],
        timeouts=TIMEOUTS,
    )
    assert arguments == [
        *("-c", "PACS@127.0.0.1:11112", "-b", "QBNIFFLER", "-L", "STUDY", "--not-async"),
        *("--out-dir", "/q/out", "--out-file", "000'.dcm'"),
        *("--connect-timeout", "1", "--accept-timeout", "2", "--send-timeout", "3"),
        *("--", "/q/1.dcm", "/q/2.dcm"),
    ]
    assert not {"-r", "-i", "-X", "-m"} & set(arguments)


def test_findscu_is_never_asked_for_everything() -> None:
    with pytest.raises(ValueError, match="everything"):
        findscu_arguments(
            archive=ARCHIVE,
            calling_aet="A",
            level="STUDY",
            output=Path("/out"),
            query_files=[],
            timeouts=TIMEOUTS,
        )


def test_answers_belong_to_the_queries_that_the_log_names(tmp_path: Path) -> None:
    log = log_of((1, PENDING), (1, "ff01"), (1, "0"), (2, "0"), (3, PENDING), (3, "0"))
    for position, patient_id in enumerate(["A", "B", "C"], start=1):
        write(tmp_path, position, patient_id)
    answers = read_answers(log, tmp_path, 4)
    assert [[match["PatientID"] for match in answer.matches] for answer in answers] == [
        ["A", "B"],
        [],
        ["C"],
        [],
    ]
    assert [answer.complete for answer in answers] == [True, True, True, False]
    assert [answer.status for answer in answers] == [0, 0, 0, None]


def test_more_than_999_matches_are_found(tmp_path: Path) -> None:
    log = log_of(*[(1, PENDING)] * 1001, (1, "0"))
    for position in range(1, 1002):
        write(tmp_path, position, str(position))
    (answer,) = read_answers(log, tmp_path, 1)
    assert answer.complete
    assert answer.matches[-1]["PatientID"] == "1001"


@pytest.mark.parametrize("status", ["a700", "a900", "c001", "122", "fe00", "b000", "ffffffff"])
def test_a_failed_query_is_not_complete_even_without_a_match(tmp_path: Path, status: str) -> None:
    (answer,) = read_answers(log_of((1, status)), tmp_path, 1)
    assert not answer.complete
    assert answer.status == int(status, 16)


def test_the_comment_of_the_archive_is_kept(tmp_path: Path) -> None:
    log = FindLog()
    log.feed(b"A->B(1) >> 1:C-FIND-RSP[pcid=1, status=a700H, errorComment=too many, status=0H\r\n")
    assert log.final == {1: Status(code=0xA700, comment="too many, status=0H")}
    assert read_answers(log, tmp_path, 1)[0].comment == "too many, status=0H"


def test_a_missing_file_makes_its_answer_incomplete_and_no_other(tmp_path: Path) -> None:
    log = log_of((1, PENDING), (1, "0"), (2, PENDING), (2, "0"))
    write(tmp_path, 2, "B")
    first, second = read_answers(log, tmp_path, 2)
    assert not first.complete
    assert second.complete
    assert second.matches[0]["PatientID"] == "B"


def test_a_missing_output_folder_is_no_error(tmp_path: Path) -> None:
    log = log_of((1, PENDING), (1, "0"), (2, "0"))
    first, second = read_answers(log, tmp_path / "never made", 2)
    assert not first.complete
    assert second.complete


def test_no_answer_is_complete_where_the_log_lacks_responses(tmp_path: Path) -> None:
    log = log_of((1, PENDING), (1, "0"), (2, "0"))
    write(tmp_path, 1, "A")
    write(tmp_path, 2, "B")
    assert [answer.complete for answer in read_answers(log, tmp_path, 2)] == [False, False]


def test_a_file_that_was_emptied_for_the_next_call_counts_as_none(tmp_path: Path) -> None:
    log = log_of((1, PENDING), (1, "0"))
    write(tmp_path, 1, "A")
    write(tmp_path, 2, "B")
    os.truncate(tmp_path / "002.dcm", EMPTIED)
    assert read_answers(log, tmp_path, 1)[0].complete
    os.truncate(tmp_path / "001.dcm", EMPTIED)
    assert not read_answers(log, tmp_path, 1)[0].complete


def test_responses_to_queries_that_were_not_asked_are_left_out(tmp_path: Path) -> None:
    log = log_of((7, PENDING), (7, "0"), (1, PENDING), (1, "0"))
    write(tmp_path, 1, "stranger")
    write(tmp_path, 2, "A")
    (answer,) = read_answers(log, tmp_path, 1)
    assert [match["PatientID"] for match in answer.matches] == ["A"]


def test_a_csv_value_in_the_log_cannot_pass_for_an_answer(tmp_path: Path) -> None:
    log = FindLog()
    log.feed("(0010,0020) LO [x(1) >> 1:C-FIND-RSP[pcid=1, status=0H] PatientID\n")
    assert not read_answers(log, tmp_path, 1)[0].complete


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["ff00", "ff01", "0", "a700", "c000"]))))
def test_complete_means_success_whatever_the_order_of_responses(said: list[tuple[int, str]]) -> None:
    answers = read_answers(log_of(*said), Path("/nonexistent"), 4)
    for number, answer in enumerate(answers, start=1):
        statuses = [status for query, status in said if query == number]
        finals = [status for status in statuses if not status.startswith("ff")]
        assert answer.status == (int(finals[-1], 16) if finals else None)
        assert answer.complete == (finals[-1:] == ["0"] and len(finals) == len(statuses))


@given(st.binary() | st.text())
def test_no_line_makes_the_parser_raise(line: bytes | str) -> None:
    FindLog().feed(line)
