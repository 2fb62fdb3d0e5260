"""The screen of an extraction as text: in every state, at every size, whatever names hold."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from niffler_ops.ledger.watching import WatchedEvent, WatchedLane
from niffler_ops.reporting.counts import Counts, PostCounts
from niffler_ops.reporting.narration import short_name
from niffler_ops.reporting.rate import Rate
from niffler_ops.reporting.registry import Extraction
from niffler_ops.reporting.standing import ArchiveStanding, Standing
from niffler_ops.reporting.status import ExtractionState, Problem, ProcessStatus, Status
from niffler_ops.reporting.watch.extraction import Activity, ExtractionPicture
from niffler_ops.reporting.watch.frame import as_text, frame, shortened
from niffler_ops.reporting.watch.machine import MachinePicture
from niffler_ops.reporting.watch.neighbour import Neighbour
from niffler_ops.reporting.watch.picture import Picture
from niffler_ops.reporting.watch.signs import ASCII, UNICODE, Signs
from niffler_ops.stages.windows import Window
from niffler_ops.states import RowState

NOW = datetime(2026, 5, 1, 22, tzinfo=UTC)
UID = "1.2.840.113619.2.55.3.604688.1"
STATUS = Status(
    state=ExtractionState.RUNNING,
    storage_folder="/data/study",
    csv_file="/data/list.csv",
    started_at=(NOW - timedelta(hours=2, minutes=5)).isoformat(),
    updated_at=(NOW - timedelta(seconds=3)).isoformat(),
    finished_at=None,
    pause_reason=None,
    resumes_at=None,
    gathered_at=NOW,
    rows=Counts(pending=3, active=2, done=10, failed=1, not_found=1),
    studies=Counts(pending=1, active=4, done=12, failed=1),
    unverified=0,
    expected=2000,
    received=1500,
    bytes_received=1_234_000_000,
    rate=Rate(studies_per_hour=1234.5, instances_per_second=42.04, ends_per_second=0.3),
    eta_seconds=4000,
    processes=(
        ProcessStatus(role="supervisor", pid=4711, alive=True, restarts=0),
        ProcessStatus(role="storescp", pid=4712, alive=True, restarts=2),
        ProcessStatus(role="movescu", pid=4713, alive=True, restarts=0),
        ProcessStatus(role="movescu", pid=4714, alive=True, restarts=0),
    ),
    post={"png": PostCounts(done=7, active=1, pending=3, failed=1, held=2)},
    problems=(
        Problem(line=7, outcome=RowState.FAILED, reason=f"the archive refused {UID}"),
        Problem(line=12, outcome=RowState.NOT_FOUND, reason="the archive has no match"),
    ),
    unexpected_files=0,
)
LANE = WatchedLane(
    archive="PACS@archive:104",
    lane=1,
    study_instance_uid=UID,
    received=12,
    expected=200,
    since=(NOW - timedelta(seconds=12)).isoformat(),
    studies=4,
)
EVENT = WatchedEvent(
    at=NOW.isoformat(),
    subject="study",
    state="partial",
    reason=f"1 instances missing: {UID}.5",
    line=None,
    processor=None,
    study_instance_uid=UID,
)
ARCHIVE = ArchiveStanding(name="PACS@archive:104", state="answers", reason="", seconds=0, lanes=3)
PICTURE = ExtractionPicture(
    status=STATUS,
    note="",
    activity=Activity(lanes=[LANE], events=[EVENT]),
    standing=Standing(archives=(ARCHIVE,)),
    rates=[float(step) for step in range(120)],
)


def screen(
    picture: Picture = PICTURE, width: int = 80, height: int = 24, *, signs: Signs = UNICODE, error: str = ""
) -> str:
    """As it is drawn; whatever was drawn fits."""
    lines = frame(picture, width=width, height=height, signs=signs, now=NOW, looked_at=NOW, error=error)
    assert len(lines) == height
    assert max((cell_len(line.plain) for line in lines), default=0) <= width
    shown = as_text(lines)
    assert all(letter.isprintable() or letter == "\n" for letter in shown)
    return shown


def of(**changes: Any) -> ExtractionPicture:
    return replace(PICTURE, status=replace(STATUS, **changes))


def paragraph(shown: str) -> str:
    return " ".join(shown.split())


def test_a_usual_terminal_shows_all_that_matters() -> None:
    shown = screen()
    lines = shown.splitlines()
    assert lines[0].startswith("niffler-status  /data/study")
    assert lines[1].startswith("▸ running for 2 h 5 min")
    assert "About 1 h 6 min to go, until about" in shown
    assert "Rows        ███████████✗✗▒▒··· 10 of 17 done, 2 at work, 1 failed, 1 not found" in shown
    assert "Studies     " in shown
    assert "1,500 of 2,000, 1.2 GB" in shown
    assert "Png         " in shown
    assert "7 of 12 studies, 1 at work, 1 failed, 2 held back" in shown
    assert "42.0, peak 119.0 in 3 min; 1,234 studies/h" in shown
    assert "1 of 3 lanes at work" in shown
    assert f"1  study {short_name(UID)}  12 of 200 instances, for 12 s, 3 more in its batch" in shown
    assert "✓ PACS@archive:104 answers" in shown
    assert "✓ supervisor 4711, ✓ storescp 4712, restarted 2 times, 2 movescu" in shown
    assert "2 rows with problems" in shown
    assert "When it has ended, the same command with --retry-failed takes up what is" in shown
    assert "✗ line  7  failed     the archive refused" in shown
    assert "? line 12  not found  the archive has no match" in shown
    assert f"◐ study {short_name(UID)} partial: 1 instances missing: {short_name(f'{UID}.5')}" in shown
    assert lines[-1].rstrip().endswith("q leaves")


def test_nobody_is_identified() -> None:
    assert UID not in screen(width=250, height=100)


def test_a_small_terminal_shows_what_matters_most() -> None:
    shown = screen(width=60, height=15)
    for what in ("running", "to go", "Rows", "Studies", "Instances", "line  7", "restarted 2"):
        assert what in shown
    shown = screen(width=40, height=6)
    assert "running" in shown
    assert "Rows" in shown


def test_a_large_terminal_uses_its_room() -> None:
    problems = tuple(Problem(line=line, outcome=RowState.FAILED, reason="refused") for line in range(2, 400))
    many = of(problems=problems, rows=Counts(failed=398, done=10))
    usual, large = screen(many), screen(many, 200, 60)
    assert usual.count("refused") < large.count("refused")
    told = [screen(many, 80, height) for height in (24, 30, 200)]
    assert [shown.count("refused") + int(re.findall(r"… (\d+) more", shown)[0]) for shown in told] == [
        398
    ] * 3
    assert "█" * 60 not in usual
    assert "10 min" in large


@given(st.integers(1, 130), st.integers(1, 60), st.sampled_from(list(ExtractionState)))
def test_no_size_is_too_small(width: int, height: int, state: ExtractionState) -> None:
    screen(of(state=state), width, height, signs=ASCII if width % 2 else UNICODE)


@given(st.text())
def test_whatever_names_and_reasons_hold(text: str) -> None:
    problem = Problem(line=2, outcome=RowState.FAILED, reason=text)
    hostile = replace(
        of(
            storage_folder=text,
            csv_file=text,
            problems=(problem,),
            pause_reason=text,
            post={text: PostCounts()},
        ),
        note=text,
        activity=Activity(
            lanes=[replace(LANE, archive=text)],
            events=[replace(EVENT, reason=text, processor=text), replace(EVENT, reason=text, state=text)],
        ),
        standing=Standing(archives=(replace(ARCHIVE, name=text, state="refuses", reason=text),)),
    )
    screen(hostile, 100, 40, error=text)
    screen(hostile, 20, 12, error=text)


def test_a_terminal_without_unicode_gets_letters_it_knows() -> None:
    shown = screen(signs=ASCII)
    assert shown.isascii()
    assert "###########xx>>..." in shown


def test_a_crashed_one_says_so_and_what_to_do() -> None:
    gone = tuple(replace(process, alive=False) for process in STATUS.processes)
    shown = screen(of(state=ExtractionState.CRASHED, processes=gone, eta_seconds=None))
    assert "✗ crashed: its supervisor is gone" in shown
    assert "run the same command again" in paragraph(shown)
    assert "✗ supervisor 4711 gone" in shown
    assert "lane" not in shown, "nobody is at work"


def test_a_pause_says_why_and_until_when() -> None:
    reason = "NightlyOnly allows 21:00 to 6:00; it goes on by itself at 2026-05-02 21:00"
    shown = screen(of(state=ExtractionState.PAUSED, pause_reason=reason, eta_seconds=None))
    assert "‖ paused" in shown
    assert f"Paused: {reason}" in paragraph(shown)


def test_a_pause_says_when_the_end_is_expected_where_that_is_known() -> None:
    night = Window(start_hour=22, end_hour=6)
    paused = of(state=ExtractionState.PAUSED, resumes_at=NOW.isoformat(), pause_reason="by day", night=night)
    assert "About 1 h 6 min to go, from 22:00 to 6:00 only, until about" in screen(paused)
    unknown = of(state=ExtractionState.PAUSED, pause_reason="by day", eta_seconds=None)
    assert "not known yet" not in screen(unknown)


def test_the_time_left_knows_the_night() -> None:
    shown = screen(of(night=Window(start_hour=22, end_hour=6)))
    assert "About 1 h 6 min to go, from 22:00 to 6:00 only, until about" in shown


def test_a_finished_one_is_done() -> None:
    shown = screen(
        of(state=ExtractionState.FINISHED, finished_at=NOW.isoformat(), rows=Counts(done=17), problems=())
    )
    assert "✓ finished" in shown
    assert "Every row is done." in shown
    assert "Instances/s" not in shown


def test_an_archive_in_trouble_is_shown_before_others_and_soon() -> None:
    silent = replace(ARCHIVE, name="OTHER@b:104", state="silent", reason="asked again", seconds=75)
    troubled = replace(PICTURE, standing=Standing(archives=(ARCHIVE, silent)))
    shown = screen(troubled, 80, 12)
    assert "✗ OTHER@b:104 silent for 75 s: asked again" in shown
    assert shown.index("OTHER") < screen(troubled).index("PACS@archive:104 answers")


def test_a_supervisor_that_writes_nothing_is_noticed() -> None:
    quiet = of(updated_at=(NOW - timedelta(minutes=5)).isoformat())
    assert "has written nothing for 5 min" in screen(quiet)


def test_why_there_is_no_newer_picture_is_at_the_foot() -> None:
    assert (
        "As it was 0 s ago. the ledger is damaged" in screen(error="the ledger is damaged").splitlines()[-1]
    )
    lines = frame(
        PICTURE,
        width=80,
        height=24,
        signs=UNICODE,
        now=NOW + timedelta(seconds=40),
        looked_at=NOW,
        error="",
    )
    assert "As it was 40 s ago: the ledger does not answer" in lines[-1].plain


@pytest.mark.parametrize(
    ("room", "text"), [(20, "/data/archive/study"), (9, "/dat…tudy"), (1, "…"), (0, "…")]
)
def test_of_a_long_path_both_ends_are_shown(room: int, text: str) -> None:
    assert shortened("/data/archive/study", room, UNICODE) == text


def test_a_machine_shows_each_extraction() -> None:
    machine = MachinePicture(
        extractions=[
            Extraction(storage_folder="/data/study", state="running", status=STATUS),
            Extraction(storage_folder="/data/other", state="gone", note="the folder does not exist any more"),
        ]
    )
    shown = screen(machine)
    assert "▸ running   /data/study" in shown
    assert "10 of 17 rows done, 2 with problems" in shown
    assert "· gone      /data/other" in shown
    assert machine.at_work
    assert machine.line.startswith("/data/study running: 10 of 17 rows done")
    screen(machine, 20, 5)


def test_a_machine_shows_its_receivers_after_the_extractions() -> None:
    receiver = Neighbour(
        storage_folder="/data/received",
        state="running",
        told=[
            "receiver, 490 instances, 47.2 a second, 2 s behind",
            f"The store cannot be used: {'why ' * 30}",
        ],
    )
    study = Extraction(storage_folder="/data/study", state="finished")
    machine = MachinePicture(extractions=[study], receivers=[receiver])
    shown = screen(machine)
    assert "1 extraction and 1 receiver of this machine" in shown
    assert shown.index("finished  /data/study") < shown.index("▸ running   /data/received")
    assert "receiver, 490 instances, 47.2 a second" in shown
    assert "The store cannot be used: why why" in shown
    assert "/data/received running: receiver, 490 instances" in machine.line
    assert not machine.at_work, "a receiver goes on for ever"
    screen(machine, 20, 5)
    alone = screen(MachinePicture(extractions=[], receivers=[receiver]))
    assert "/data/received" in alone
    assert "No extraction is known" not in alone


def test_what_is_wrong_with_a_receiver_is_told_at_once_and_its_numbers_are_not() -> None:
    def told(*words: str) -> object:
        one = Neighbour(storage_folder="/data/received", state="running", told=words)
        return MachinePicture(extractions=[], receivers=[one]).told_at_once

    assert told("490 instances") == told("500 instances")
    assert told("490 instances") != told("490 instances", "The disk is filling.")


def test_a_machine_without_extractions_says_how_they_come() -> None:
    nothing = MachinePicture(extractions=[])
    assert "No extraction is known on this machine" in screen(nothing)
    assert not nothing.at_work
