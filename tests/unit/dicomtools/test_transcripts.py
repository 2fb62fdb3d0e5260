"""What real dcm4che tools printed is understood: each transcript has its expectation in a table here."""

import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from niffler_ops.dicomtools.failures import UNKNOWN_REASON, failure_reason
from niffler_ops.dicomtools.findscu import FindLog, read_answers
from niffler_ops.dicomtools.movescu import MoveLog
from niffler_ops.dicomtools.querykeys import query_file
from niffler_ops.dicomtools.responses import Status
from niffler_ops.dicomtools.storescp import staging_name

TRANSCRIPTS = Path(__file__).parents[2] / "transcripts"
VERSIONS = ("5.22.5", "5.35.0")

COMMAND_LINE = "the tool does not accept its command line"
TIMED_OUT = "no answer within the time-out"
ABORTED = "the association was aborted by the archive"
LOST = "the connection was lost"
FILE_MISSING = "a file is missing"

Counters = tuple[int | None, int | None, int | None]
Final = tuple[int, Counters, str]
NO_COUNTERS: Counters = (None, None, None)


def done(completed: int) -> Final:
    return 0x0000, (completed, 0, 0), ""


FAILED = (0xC000, (0, 0, 0), "")


@dataclass(frozen=True, kw_only=True)
class Move:
    """Finals by message id; `pending`: remaining and completed of the last pending response of each."""

    finals: dict[int, Final]
    pending: dict[int, tuple[int, int]]
    reason: str = UNKNOWN_REASON


def move(
    *finals: Final, pending: dict[int, tuple[int, int]] | None = None, reason: str = UNKNOWN_REASON
) -> Move:
    return Move(finals=dict(enumerate(finals, 1)), pending=pending or {}, reason=reason)


LAST_OF_TEN = {1: (1, 9)}
FIVE_TEN_FIVE = {1: (0, 5), 2: (0, 10), 3: (0, 5)}

MOVES: dict[str, Move | dict[str, Move]] = {
    "dcmqrscp_movescu_all_suboperations_refused": move((0xB000, (0, 10, 0), "")),
    "dcmqrscp_movescu_batch_async": move(done(5), done(10), done(5)),
    "dcmqrscp_movescu_batch_async_retrieve_timeout": move(reason=TIMED_OUT),
    "dcmqrscp_movescu_batch_not_async": move(done(5), done(10), done(5)),
    "dcmqrscp_movescu_batch_not_async_retrieve_timeout": move(reason=TIMED_OUT),
    "dcmqrscp_movescu_called_aet_unknown": move(
        reason="association rejected: called AE title not recognized"
    ),
    # "Connection refused" is the archive's trouble with the destination, not a reason why movescu failed.
    "dcmqrscp_movescu_destination_down": move(
        (0xA702, NO_COUNTERS, "java.net.ConnectException: Connection refused")
    ),
    "dcmqrscp_movescu_destination_killed_midway": {"5.22.5": move(done(8)), "5.35.0": move(done(7))},
    "dcmqrscp_movescu_no_match": move((0x0000, NO_COUNTERS, "")),
    "dcmqrscp_movescu_ok": move(done(10)),
    "dcmqrscp_movescu_partial_two_failed": move((0xB000, (8, 2, 0), "")),
    "dcmqrscp_movescu_sop_class_not_accepted": move((0xA702, (0, 10, 0), "")),
    "dcmqrscp_movescu_two_uids_one_unknown": move(done(10)),
    "dcmqrscp_movescu_unknown_destination": move((0xA801, NO_COUNTERS, "Move Destination: NOSUCHAE unknown")),
    "movescu_all_suboperations_refused": move(FAILED),
    "movescu_bad_option": move(reason=COMMAND_LINE),
    "movescu_batch_keys_not_ascending": move(FAILED),
    "movescu_batch_of_three_one_no_match": move(done(10), FAILED, done(10), pending={1: (1, 9), 3: (1, 9)}),
    "movescu_batch_series": move(done(5), FAILED, pending={1: (1, 4)}),
    "movescu_connection_refused": move(reason="connection refused"),
    "movescu_destination_down": move(FAILED),
    "movescu_destination_killed_midway": move(FAILED, pending={1: (2, 8)}),
    "movescu_image_level": move(done(2), pending={1: (1, 1)}),
    "movescu_level_in_file_is_overridden": move(done(10), pending=LAST_OF_TEN),
    "movescu_missing_destination": move(reason=COMMAND_LINE),
    "movescu_no_match": move(FAILED),
    "movescu_patient_accession_ok": move(done(10), pending=LAST_OF_TEN),
    "movescu_patient_level_ok": move(done(20), pending={1: (1, 19)}),
    "movescu_quiet_logging": move(done(10), FAILED, pending=LAST_OF_TEN),
    "movescu_retrieve_timeout": move(reason="no answer to the association request within the time-out"),
    "movescu_series_level": move(done(5), pending={1: (1, 4)}),
    "movescu_series_level_without_study": move(done(5), pending={1: (1, 4)}),
    "movescu_study_uid_list": move(done(10), pending=LAST_OF_TEN),
    "movescu_study_uid_list_option": move(done(10), pending=LAST_OF_TEN),
    "movescu_study_uid_no_match": move(FAILED),
    "movescu_study_uid_ok": move(done(10), pending=LAST_OF_TEN),
    "movescu_unknown_destination": move(FAILED),
    "pynetdicom_movescu_batch_abort_midway": move(done(5), pending={1: (0, 5), 2: (8, 2)}, reason=ABORTED),
    "pynetdicom_movescu_batch_both_timeouts": move(reason=COMMAND_LINE),
    "pynetdicom_movescu_batch_connection_lost": {
        "5.22.5": move(done(5), pending={1: (0, 5), 2: (9, 1)}, reason=LOST),
        "5.35.0": move(done(5), pending={1: (0, 5), 2: (8, 2)}, reason=LOST),
    },
    "pynetdicom_movescu_batch_first_hangs": move(pending={1: (3, 2)}, reason=TIMED_OUT),
    "pynetdicom_movescu_batch_hangs_idle_timeout": move(done(5), pending={1: (0, 5), 2: (8, 2)}),
    "pynetdicom_movescu_batch_missing_file": move(done(5), pending={1: (0, 5)}, reason=FILE_MISSING),
    "pynetdicom_movescu_batch_ok": move(done(5), done(10), done(5), pending=FIVE_TEN_FIVE),
    "pynetdicom_movescu_batch_second_a900": move(
        done(5), (0xA900, NO_COUNTERS, ""), done(5), pending={1: (0, 5), 3: (0, 5)}
    ),
    "pynetdicom_movescu_batch_second_b000": move(
        done(5), (0xB000, (8, 2, 0), ""), done(5), pending={1: (0, 5), 2: (2, 8), 3: (0, 5)}
    ),
    "pynetdicom_movescu_batch_second_c001": move(
        done(5), (0xC001, NO_COUNTERS, ""), done(5), pending={1: (0, 5), 3: (0, 5)}
    ),
    "pynetdicom_movescu_batch_second_hangs": move(done(5), pending={1: (0, 5), 2: (8, 2)}, reason=TIMED_OUT),
    "pynetdicom_movescu_batch_second_hangs_before_first_instance": move(
        done(5), pending={1: (0, 5)}, reason=TIMED_OUT
    ),
    "pynetdicom_movescu_batch_slow_retrieve_timeout": move(done(5), done(10), done(5), pending=FIVE_TEN_FIVE),
    "pynetdicom_movescu_batch_slow_retrieve_timeout_total": move(pending={1: (3, 2)}, reason=TIMED_OUT),
    "pynetdicom_movescu_closed_during_association": move(
        reason="the connection was closed instead of answering the association"
    ),
    "pynetdicom_movescu_response_timeout_unknown_option": move(reason=COMMAND_LINE),
}


@dataclass(frozen=True, kw_only=True)
class Find:
    """Query of each pending response; finals by query; for each query whether its answer is complete.

    `files`: how many result files there were, by default as many as responses.
    """

    responses: list[int]
    finals: dict[int, Status]
    complete: tuple[bool, ...]
    files: int
    reason: str


def find(
    responses: list[int],
    finals: dict[int, Status],
    *,
    complete: tuple[bool, ...] = (True,),
    files: int | None = None,
    reason: str = UNKNOWN_REASON,
) -> Find:
    count = len(responses) if files is None else files
    return Find(responses=responses, finals=finals, complete=complete, files=count, reason=reason)


OK = {1: Status(code=0)}
THREE = (False, False, False)

FINDS: dict[str, Find] = {
    "dcmqrscp_findscu_image_level_without_series": find(
        [], {1: Status(code=0xA900, comment="Missing SeriesInstanceUID (0020,000E)")}, complete=(False,)
    ),
    "findscu_accession_one_match": find([1], OK),
    "findscu_batch_of_three": find([], {}, complete=THREE, reason=COMMAND_LINE),
    "findscu_connection_refused": find([], {}, complete=(False,), reason="connection refused"),
    "findscu_image_level": find([1] * 10, OK),
    "findscu_image_level_query_file": find([1] * 5, OK),
    "findscu_image_level_without_series": find([1] * 10, OK),
    "findscu_level_in_file_is_overridden": find([1], OK),
    "findscu_no_match": find([], OK),
    "findscu_patient_two_studies_xml": find([1, 1], OK),
    "findscu_quiet_logging": find([1], OK),
    "findscu_series_level": find([1, 1], OK),
    "findscu_study_uid_list": find([1, 1], OK),
    "pynetdicom_findscu_a700": find(
        [], {1: Status(code=0xA700, comment="out of resources")}, complete=(False,)
    ),
    "pynetdicom_findscu_abort_midway": find([1, 1], {}, complete=(False,), reason=ABORTED),
    "pynetdicom_findscu_batch_a700_after_two_answers": find(
        [1, 1, 2, 2, 3, 3], {number: Status(code=0xA700) for number in (1, 2, 3)}, complete=THREE
    ),
    "pynetdicom_findscu_batch_abort_midway": find([1, 1], {}, complete=THREE, reason=ABORTED),
    "pynetdicom_findscu_batch_numbering": find(
        [1, 1, 3, 3], {number: Status(code=0) for number in (1, 2, 3)}, complete=(True, True, True)
    ),
    "pynetdicom_findscu_empty_and_absent_keys": find([1, 1, 1], OK),
    "pynetdicom_findscu_hangs_before_first_answer_response_timeout": find(
        [], {}, complete=THREE, reason=TIMED_OUT
    ),
    "pynetdicom_findscu_hangs_idle_timeout": find([1, 1], {}, complete=THREE),
    "pynetdicom_findscu_hangs_response_timeout": find([1, 1], {}, complete=THREE),
    "pynetdicom_findscu_input_filter_drops_keys": find([], OK),
    "pynetdicom_findscu_key_latin1": find([], OK),
    "pynetdicom_findscu_key_nocharset": find([], OK),
    "pynetdicom_findscu_key_utf8": find([], OK),
    "pynetdicom_findscu_killed_midway": find([1, 1, 1], {}, complete=THREE, reason=LOST),
    "pynetdicom_findscu_killed_midway_single": find([1, 1, 1], {}, complete=(False,), reason=LOST),
    "pynetdicom_findscu_missing_file": find([1, 1], OK, complete=(True, False, False), reason=FILE_MISSING),
    "pynetdicom_findscu_names": find([1] * 9, OK),
    "pynetdicom_findscu_no_match": find([], OK),
    "pynetdicom_findscu_out_dir_missing": find([1, 1], OK),
    "pynetdicom_findscu_out_dir_read_only": find(
        [1, 1], OK, complete=(False,), files=0, reason="a file cannot be written or read"
    ),
    "pynetdicom_findscu_return_key_blanks_match_key": find([], OK),
    "pynetdicom_findscu_slow_response_timeout": find([1] * 6, OK),
}


@dataclass(frozen=True, kw_only=True)
class Store:
    """How many files storescp renamed, and whether under digested names.

    `in_data_set`: the SOP Instance UID there, where the sender's command named another: it names the file.
    """

    renamed: int
    in_data_set: str | None = None
    digested: bool = True
    reason: str = UNKNOWN_REASON


STORES: dict[str, Store] = {
    "storescp_disk_full": Store(renamed=5, reason="the disk is full"),
    "storescp_garbage_and_truncated_instance": Store(
        renamed=1, in_data_set="2.25.1326939876846094758567142760899846567", reason=LOST
    ),
    "storescp_instance_twice_echo_wrong_aet": Store(renamed=2),
    "storescp_one_instance": Store(renamed=1),
    "storescp_port_in_use": Store(renamed=0, reason="the port is in use"),
    "storescp_read_only_directory": Store(renamed=0, reason="a file cannot be written or read"),
    "storescp_receiving": Store(renamed=2, digested=False),
    "storescp_same_instance_on_four_associations": Store(renamed=4),
    "storescp_sender_killed_midway": Store(renamed=0, reason=LOST),
    "storescp_sigint_while_receiving": Store(renamed=0),
    "storescp_sigkill_while_receiving": Store(renamed=0),
    "storescp_sigterm_while_receiving": Store(renamed=0),
}

# XML results, which we ask for no more: patients' IDs, or None where no XML parser takes the file.
XML: dict[str, tuple[str, ...] | None] = {
    "findscu_patient_two_studies_xml.output": ("P00005", "P00005"),
    "pynetdicom_findscu_empty_and_absent_keys.001": ("P1",),
    "pynetdicom_findscu_empty_and_absent_keys.002": ("P2",),
    "pynetdicom_findscu_names.001": ("ÄÖ-1",),
    "pynetdicom_findscu_names.002": ("пациент-病",),
    "pynetdicom_findscu_names.003": ("P3",),
    "pynetdicom_findscu_names.004": ("A&B<C>\"D'",),
    "pynetdicom_findscu_names.005": ("P5",),
    "pynetdicom_findscu_names.006": ("P6",),
    "pynetdicom_findscu_names.007": None,
    "pynetdicom_findscu_names.008": ("P8",),
    "pynetdicom_findscu_names.009": ("P9",),
}


def lines_of(version: str, name: str) -> list[bytes]:
    return (TRANSCRIPTS / version / f"{name}.txt").read_bytes().splitlines(keepends=True)


def reason_of(lines: list[bytes]) -> str:
    return failure_reason(line.decode("utf-8", "replace") for line in lines)


@pytest.mark.parametrize("version", VERSIONS)
def test_no_transcript_is_without_an_expectation(version: str) -> None:
    present = {path.name for path in (TRANSCRIPTS / version).iterdir()}
    expected = {f"{name}.txt" for name in (*MOVES, *FINDS, *STORES)} | {f"{name}.xml" for name in XML}
    assert present == expected


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", MOVES)
def test_movescu_is_understood(version: str, name: str) -> None:
    by_version = MOVES[name]
    expected = by_version[version] if isinstance(by_version, dict) else by_version
    lines = lines_of(version, name)
    log = MoveLog()
    responses = [response for line in lines if (response := log.feed(line))]
    finals = {
        number: (final.status, (final.completed, final.failed, final.warning), final.error_comment)
        for number, final in log.final.items()
    }
    pending = {number: (last.remaining, last.completed) for number, last in log.last_pending.items()}
    assert finals == expected.finals
    assert pending == expected.pending
    assert reason_of(lines) == expected.reason
    assert [response for response in responses if not response.pending] == list(log.final.values())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", FINDS)
def test_findscu_is_understood(version: str, name: str, tmp_path: Path) -> None:
    expected = FINDS[name]
    lines = lines_of(version, name)
    log = FindLog()
    for line in lines:
        log.feed(line)
    assert log.responses == expected.responses
    assert log.final == expected.finals
    assert reason_of(lines) == expected.reason
    for position in range(1, expected.files + 1):
        (tmp_path / f"{position:03}.dcm").write_bytes(query_file({"PatientID": str(position)}))
    answers = read_answers(log, tmp_path, len(expected.complete))
    assert tuple(answer.complete for answer in answers) == expected.complete
    if expected.files == len(expected.responses):
        assert sum(len(answer.matches) for answer in answers) == expected.files


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", FINDS)
def test_the_files_a_findscu_left_are_the_responses_it_logged(version: str, name: str) -> None:
    text = b"".join(lines_of(version, name)).decode("utf-8", "replace")
    if listed := re.search(r"^# files in out: (.*)$", text, re.MULTILINE):
        assert len(listed[1].split()) == FINDS[name].files


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", STORES)
def test_storescp_is_understood(version: str, name: str) -> None:
    expected = STORES[name]
    lines = lines_of(version, name)
    assert reason_of(lines) == expected.reason
    text = b"".join(lines).decode("utf-8", "replace")
    renamed = re.findall(r"M-RENAME \S+?/([\d.]+)\.part to \S*/([\w.]+)/([\w.]+)\.dcm$", text, re.MULTILINE)
    assert len(renamed) == expected.renamed
    if expected.digested:
        uids = {expected.in_data_set} if expected.in_data_set else set(re.findall(r"iuid=([\d.]+)", text))
        assert {instance for _, _, instance in renamed} <= {staging_name(uid) for uid in uids}
        assert all(re.fullmatch(r"[0-9a-v]{26}", study) for _, study, _ in renamed)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", XML)
def test_xml_results_are_why_data_sets_are_asked_for(version: str, name: str) -> None:
    text = (TRANSCRIPTS / version / f"{name}.xml").read_text(encoding="utf-8")
    documents = [part for part in re.split(r"<\?xml[^>]*\?>\n?", text) if part.strip()]
    expected = XML[name]
    if expected is None:
        with pytest.raises(ET.ParseError):
            ET.fromstring(documents[0])
        return
    values = [
        ET.fromstring(document).findtext("DicomAttribute[@keyword='PatientID']/Value")
        for document in documents
    ]
    assert tuple(values) == expected
