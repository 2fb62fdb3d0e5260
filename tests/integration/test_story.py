"""The story of one row is read from a real ledger: in words, with what is next, and without identifiers."""

import re
import shlex
from datetime import timedelta
from pathlib import Path

import pytest

from niffler_ops.clock import SystemClock
from niffler_ops.errors import MissingInputError, UsageError
from niffler_ops.layout import Layout
from niffler_ops.ledger import tracing
from niffler_ops.ledger.passing import Passed, Why
from niffler_ops.ledger.store import Ledger
from niffler_ops.ledger.studies import MoveOutcome
from niffler_ops.ledger.wanting import FoundSeries, FoundStudy
from niffler_ops.model import CsvRow
from niffler_ops.reporting.narration import short_name
from niffler_ops.reporting.snapshot import write_snapshot
from niffler_ops.reporting.standing import Standing
from niffler_ops.reporting.status import gather
from niffler_ops.reporting.story import MOST_STUDIES, Story, read_story
from niffler_ops.reporting.story_text import story_text
from niffler_ops.states import RowState, StudyState
from tests.support.extractions import (
    ARCHIVE,
    GONE,
    asked,
    end_run,
    fail,
    launch,
    make_ledger,
    match,
    move,
    receive,
    refused,
    retrieve,
    start_run,
)

UID = "1.2.826.0.1.3680043.8.498.7"
MOVESCU = [
    "/opt/dcm4che/bin/movescu",
    "-c",
    ARCHIVE,
    "-b",
    "QB",
    "--dest",
    "QB",
    "-L",
    "STUDY",
    "--",
    "1.query",
]
SOME_FAILED = "sub-operations complete, some failed (B000)"
FINDSCU = ["/opt/dcm4che/bin/findscu", "-c", ARCHIVE, "-b", "QB", "-L", "STUDY", "--", "1.query"]


def story(folder: Path, line: int, *, identifiers: bool = False) -> Story:
    return read_story(Layout(folder), line, clock=SystemClock(), identifiers=identifiers)


def told(folder: Path, line: int, *, identifiers: bool = False) -> str:
    text = story_text(story(folder, line, identifiers=identifiers))
    commands = text.partition("By hand")[2]
    assert all(len(row) <= 80 for row in text.removesuffix(commands).splitlines())
    return " ".join(text.split())


def texts(found: Story, study: int | None = None) -> list[str]:
    moments = found.moments if study is None else found.studies[study].moments
    return [moment.text for moment in moments]


def used(ledger: Ledger, *commands: list[str]) -> None:
    """These tools have been launched."""
    with ledger.transaction():
        for command in commands:
            ledger.launches.intend(Path(command[0]).name, command)


def partial_row(folder: Path) -> Ledger:
    """A row whose study came but for one instance, at the second attempt."""
    ledger = make_ledger(folder, [asked(2)])
    start_run(ledger)
    match(ledger, {2: [UID]}, count=3)
    used(ledger, FINDSCU, MOVESCU)
    study = move(ledger, UID)
    with ledger.transaction():
        ledger.studies.retry(study.id, delay=0.0, reason="3 of 3 instances missing")
        attempt = ledger.studies.begin_move(ledger.studies.get(study.id), lane=2, level="STUDY")
        outcome = MoveOutcome(status=0xB000, completed=2, failed=1, warning=0, reason=SOME_FAILED)
        ledger.studies.end_move(study.id, attempt, outcome, grace=0.0)
    receive(ledger, study, 2)
    with ledger.transaction():
        ledger.instances.name_missing(study.id)
        ledger.studies.decide(
            study.id,
            outcome=StudyState.PARTIAL,
            verified=None,
            reason=f"1 of 3 instances missing: {UID}.1.2",
        )
        ledger.studies.filed(study.id)
    return ledger


def test_each_query_and_attempt_is_told_with_what_came_and_what_is_missing(tmp_path: Path) -> None:
    partial_row(tmp_path)
    layout = Layout(tmp_path)
    write_snapshot(layout, gather(layout, clock=SystemClock()), None, Standing(max_attempts=3))
    found = story(tmp_path, 2)
    assert (found.line, found.state, found.studies_total) == (2, RowState.PARTIAL, 1)
    assert texts(found) == [
        "C-FIND: an archive is asked for it",
        "C-FIND: its studies are named",
        f"partial: 1 of 3 instances missing: {short_name(f'{UID}.1.2')}",
    ]
    (study,) = found.studies
    assert (study.expected, study.received, study.bytes_received) == (3, 2, 2000)
    assert study.missing == (short_name(f"{UID}.1.2"),)
    attempts = [text for text in texts(found, 0) if text.startswith("C-MOVE")]
    assert [text.partition(f"C-MOVE from {ARCHIVE}, ")[2] for text in attempts] == [
        "by the row's keys, level STUDY: success (0000); took 0 s; attempt 1 of 3",
        f"lane 2, level STUDY: {SOME_FAILED}; 2 sent, 1 failed, 0 with a warning; took 0 s; attempt 2 of 3",
    ]
    assert texts(found, 0)[-1].startswith("partial: 1 of 3 instances missing")
    assert study.ahead == "Nothing by itself; niffler-cold with --retry-failed takes it up again."


def test_without_identifiers_neither_keys_nor_uids_are_told(tmp_path: Path) -> None:
    partial_row(tmp_path)
    text = told(tmp_path, 2)
    assert not re.search(r"\d+(\.\d+){4,}", text.replace("dicom", ""))
    for secret in ("A2", "P2", UID):
        assert secret not in text
    assert short_name(UID) in text
    assert "--identifiers" in text


def test_with_identifiers_they_are(tmp_path: Path) -> None:
    partial_row(tmp_path)
    text = told(tmp_path, 2, identifiers=True)
    assert "AccessionNumber A2" in text
    assert f"Study {UID}, partial" in text
    assert f"Missing {UID}.1.2" in text
    assert "…" not in text


def test_the_command_that_repeats_it_is_the_supervisors_own_with_the_study_on_the_command_line(
    tmp_path: Path,
) -> None:
    partial_row(tmp_path)
    (study,) = story(tmp_path, 2, identifiers=True).studies
    words = shlex.split(study.command)
    assert words[:7] == ["/opt/dcm4che/bin/movescu", "-c", ARCHIVE, "-b", "QB", "--dest", "QB"]
    assert words[-2:] == ["-m", f"StudyInstanceUID={UID}"]
    assert "--not-async" in words
    assert "--" not in words
    hidden = story(tmp_path, 2)
    assert hidden.studies[0].command.endswith("-m 'StudyInstanceUID=…'")
    assert shlex.split(hidden.command) == [
        *FINDSCU[:7],
        "-m",
        "AccessionNumber=…",
        "-r",
        "StudyInstanceUID",
    ]
    assert f"sent to {words[6]}: a storescp" in told(tmp_path, 2)


def test_of_a_study_that_is_wanted_in_part_the_series_are_asked_for(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, [asked(2)])
    with ledger.transaction():
        (row,) = ledger.rows.claim(1)
        series = tuple(FoundSeries(series_instance_uid=f"{UID}.{n}", promised_count=2) for n in (1, 2))
        found = FoundStudy(study_instance_uid=UID, promised_count=None, series=series)
        ledger.rows.matched(row.id, [found], archive=ARCHIVE, mismatches=0)
    used(ledger, MOVESCU)
    (study,) = story(tmp_path, 2, identifiers=True).studies
    words = shlex.split(study.command)
    assert words[words.index("-L") + 1] == "SERIES"
    assert words[-1] == rf"SeriesInstanceUID={UID}.1\{UID}.2"


def test_before_any_tool_has_run_there_is_no_command(tmp_path: Path) -> None:
    make_ledger(tmp_path, [asked(2)])
    found = story(tmp_path, 2)
    assert (found.command, found.studies, found.moments) == ("", (), ())
    assert "By hand" not in told(tmp_path, 2)
    assert "Matches 0 studies" in told(tmp_path, 2)


def test_a_query_that_is_asked_again_says_why_and_when(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, [asked(2)])
    start_run(ledger)
    with ledger.transaction():
        (row,) = ledger.rows.claim(1)
        ledger.rows.ask_again(row.id, delay=125.0, charged=True, reason="connection refused")
    found = story(tmp_path, 2)
    assert texts(found)[-1] == "C-FIND: no complete answer; it is asked for again: connection refused"
    assert re.fullmatch(r"The first archive of SrcAet is asked for it at .{25}, in 2 min\.", found.ahead)


def test_what_waits_waits_for_the_next_run_where_nobody_is_at_work(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, [asked(2)])
    start_run(ledger, GONE)
    match(ledger, {2: [UID]})
    assert story(tmp_path, 2).studies[0].ahead == (
        f"{ARCHIVE} is asked which instances it has when the same niffler-cold command is run again."
    )


def test_what_waits_for_the_night_says_so(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, [asked(2)])
    start_run(ledger)
    until = SystemClock().now() + timedelta(hours=1)
    with ledger.transaction():
        ledger.pause("NightlyOnly allows 21:00 to 9:00", until=until)
    assert "after the pause (NightlyOnly allows 21:00 to 9:00)" in story(tmp_path, 2).ahead


def test_a_row_that_asks_for_the_same_as_another_names_its_line(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, [asked(2, "A"), asked(3, "A")])
    assert story(tmp_path, 3).ahead == "It asks for the same as line 2, and follows that one."
    match(ledger, {2: [UID]})
    assert texts(story(tmp_path, 3)) == ["matched, as line 2"]


def test_a_rejected_row_says_what_to_do(tmp_path: Path) -> None:
    make_ledger(tmp_path, [asked(2), refused(3, "PatientID (column 0) holds a wildcard (* or ?)")])
    text = told(tmp_path, 3)
    assert text.startswith("Line 3 rejected: PatientID (column 0) holds a wildcard (* or ?)")
    assert "correct the line in the CSV" in text


def test_archives_that_did_not_give_it_are_named(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, [asked(2)])
    with ledger.transaction():
        ledger.passing.note("row", 1, "OLD@old:104", Passed(why=Why.UNAVAILABLE, reason="it does not answer"))
        ledger.rows.pass_on(1, archive="NEW@new:104", waits=False, reason="")
    found = story(tmp_path, 2)
    assert found.not_given == ("OLD@old:104: it does not answer",)
    assert found.ahead.startswith("NEW@new:104 is asked for it ")
    assert "Not given OLD@old:104: it does not answer" in told(tmp_path, 2)


def test_post_processing_is_part_of_it(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, [asked(2), asked(3)])
    with ledger.transaction():
        ledger.handovers.adopt({"metadata": {}, "png": {}})
    start_run(ledger)
    match(ledger, {2: [UID]})
    retrieve(ledger, UID)
    with ledger.transaction():
        for handover in ledger.handovers.claim(2):
            if handover.processor == "metadata":
                ledger.handovers.done(handover, files=2, held=1)
            else:
                ledger.handovers.failed(handover, "the worker died")
    post = {one.processor: (one.text, one.ahead) for one in story(tmp_path, 2).studies[0].post}
    assert post == {
        "metadata": ("done, 2 files, 1 of them in failures.csv", ""),
        "png": (
            "failed: the worker died",
            "Nothing by itself; niffler-cold with --retry-failed takes it up again.",
        ),
    }
    assert "Metadata done, 2 files" in told(tmp_path, 2)


def test_a_row_with_thousands_of_studies_shows_the_first(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, [asked(2)])
    match(ledger, {2: [f"{UID}.{number}" for number in range(MOST_STUDIES + 10)]})
    found = story(tmp_path, 2)
    assert (len(found.studies), found.studies_total) == (MOST_STUDIES, MOST_STUDIES + 10)
    assert f"Matches {MOST_STUDIES + 10} studies, of which the first {MOST_STUDIES} follow" in told(
        tmp_path, 2
    )


def test_events_are_looked_through_in_short_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    partial_row(tmp_path)
    whole = story(tmp_path, 2)
    monkeypatch.setattr("niffler_ops.reporting.story.EVENTS_AT_ONCE", 1)
    assert story(tmp_path, 2) == whole
    assert tracing.EVENTS_AT_ONCE > 1


def test_a_line_that_is_no_row_is_told_with_those_that_are(tmp_path: Path) -> None:
    make_ledger(tmp_path, [asked(2), asked(7)])
    with pytest.raises(UsageError, match="Line 5 of the CSV is no row: its rows are on lines 2 to 7"):
        story(tmp_path, 5)
    with pytest.raises(MissingInputError):
        story(tmp_path / "elsewhere", 2)


def test_a_failed_study_and_a_finished_run(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, [asked(2)])
    token = start_run(ledger)
    match(ledger, {2: [UID]})
    fail(ledger, UID, "refused: A900")
    receiver = launch(ledger, "storescp", GONE)
    end_run(ledger, "finished", token, receiver)
    ledger.close()
    assert "Study" in told(tmp_path, 2)
    assert story(tmp_path, 2).studies[0].reason == "refused: A900"


def test_what_an_archive_is_called_cannot_command_the_terminal(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, [CsvRow(line=2, values=("P",), keys={"PatientID": "P"})])
    with ledger.transaction():
        (row,) = ledger.rows.claim(1)
        ledger.rows.failed(row.id, "\x1b[2Jgone")
    assert "\x1b" not in told(tmp_path, 2)
