"""The extractions of this machine are listed from the registry, the locks, and their own ledgers."""

import json
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from niffler_ops.clock import SystemClock
from niffler_ops.layout import Layout
from niffler_ops.model import LocalEntity
from niffler_ops.processes.holders import RUNTIME_VARIABLE
from niffler_ops.processes.identity import identify
from niffler_ops.processes.locks import acquire
from niffler_ops.reporting import registry
from niffler_ops.reporting.prometheus import metrics_text
from niffler_ops.reporting.registry import FORGOTTEN_AFTER, Extraction, extractions, register, registry_folder
from niffler_ops.reporting.registry_text import NONE_KNOWN, listing_json, listing_text
from niffler_ops.reporting.serving.board import _card
from niffler_ops.reporting.snapshot import Seen, look, write_snapshot
from niffler_ops.reporting.standing import Standing
from niffler_ops.reporting.status import gather
from niffler_ops.stages.windows import Window
from tests.support.clock import FakeClock
from tests.support.extractions import GONE, asked, end_run, make_ledger, match, refused, retrieve, start_run
from tests.support.processes import wait_until

CLOCK = SystemClock()
UID = "1.2.826.0.1.3680043.8.498.7"


@pytest.fixture(autouse=True)
def own_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NIFFLER_REGISTRY", str(tmp_path / "registry"))
    monkeypatch.setenv(RUNTIME_VARIABLE, str(tmp_path / "locks"))
    return tmp_path / "registry"


def finished(folder: Path) -> Path:
    ledger = make_ledger(folder, [asked(2), refused(3, "a wildcard")])
    token = start_run(ledger, GONE)
    match(ledger, {2: [UID]})
    retrieve(ledger, UID)
    end_run(ledger, "finished", token)
    ledger.close()
    register(folder, CLOCK)
    return folder


def states(found: list[Extraction]) -> list[tuple[str, str]]:
    return [(Path(one.storage_folder).name, one.state) for one in found]


def test_each_extraction_is_listed_once_those_at_work_first(tmp_path: Path) -> None:
    finished(tmp_path / "first")
    running = make_ledger(tmp_path / "second", [asked(2)])
    start_run(running)
    register(tmp_path / "second", CLOCK)
    crashed = make_ledger(tmp_path / "third", [asked(2)])
    start_run(crashed, GONE)
    register(tmp_path / "third", CLOCK)
    register(tmp_path / "third", CLOCK)
    assert states(extractions(CLOCK)) == [("second", "running"), ("third", "crashed"), ("first", "finished")]


def test_it_tells_folder_state_done_of_total_and_problems(tmp_path: Path) -> None:
    folder = finished(tmp_path / "first")
    (found,) = extractions(CLOCK)
    assert found.status is not None
    assert listing_text([found]) == (f"finished  {folder}\n          1 of 2 rows done, 1 with problems\n")
    (told,) = listing_json([found])
    assert told == {
        "storage_folder": str(folder),
        "state": "finished",
        "registered_at": found.registered_at,
        "note": "",
        "rows_total": 2,
        "rows_done": 1,
        "problems": 1,
        "studies_per_hour": 0.0,
        "instances_per_second": 0.0,
        "eta_seconds": None,
        "expected_end": None,
    }


def test_a_folder_that_vanished_is_gone_and_forgotten_in_time(tmp_path: Path, own_registry: Path) -> None:
    clock = FakeClock()
    register(tmp_path / "vanished", clock)
    (found,) = extractions(CLOCK)
    assert (found.state, found.status) == ("gone", None)
    assert "does not exist any more; it is forgotten in time" in listing_text([found])
    clock.pass_time((FORGOTTEN_AFTER - timedelta(hours=1)).total_seconds())
    register(tmp_path / "new", clock)
    assert len(list(own_registry.glob("*.json"))) == 2
    clock.pass_time(timedelta(hours=2).total_seconds())
    register(tmp_path / "new", clock)
    assert states(extractions(CLOCK)) == [("new", "gone")]


def test_the_hours_of_nightly_only_are_known_of_each(tmp_path: Path) -> None:
    night = Window(start_hour=3, end_hour=3)
    ledger = make_ledger(tmp_path / "first", [asked(2), asked(3)])
    start_run(ledger)
    match(ledger, {2: ["1.2"], 3: ["1.3"]})
    retrieve(ledger, "1.2")
    layout = Layout(tmp_path / "first")
    write_snapshot(layout, gather(layout, clock=CLOCK), identify(os.getpid()), Standing(night=night))
    register(tmp_path / "first", CLOCK)
    (found,) = extractions(CLOCK)
    assert found.status is not None
    assert found.status.night == night
    assert f"from {night} only, until about" in " ".join(listing_text([found]).split())
    assert f"from {night} only" in str(_card(found).figures)
    (told,) = listing_json([found])
    assert datetime.fromisoformat(told["expected_end"]).tzinfo


def test_one_that_is_there_is_never_forgotten(tmp_path: Path) -> None:
    clock = FakeClock()
    (tmp_path / "old").mkdir()
    register(tmp_path / "old", clock)
    clock.pass_time(timedelta(days=1000).total_seconds())
    register(tmp_path / "new", clock)
    assert {name for name, _ in states(extractions(CLOCK))} == {"old", "new"}


def test_one_that_runs_for_somebody_else_is_known_by_its_lock(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    (tmp_path / "locks").mkdir()
    lock = acquire(LocalEntity(aet="QB", port=104), storage_folder=folder, since="now", limit=1)
    (found,) = extractions(CLOCK)
    lock.release()
    assert (found.storage_folder, found.state, found.registered_at) == (str(folder), "unknown", None)
    assert "no ledger here" in found.note
    assert extractions(CLOCK) == []


def test_one_that_runs_for_us_is_listed_once(tmp_path: Path) -> None:
    folder = finished(tmp_path / "ours")
    (tmp_path / "locks").mkdir()
    lock = acquire(LocalEntity(aet="QB", port=104), storage_folder=folder, since="now", limit=1)
    found = extractions(CLOCK)
    lock.release()
    assert states(found) == [("ours", "finished")]


def test_a_ledger_out_of_reach_is_answered_by_the_snapshot(tmp_path: Path) -> None:
    folder = finished(tmp_path / "first")
    write_snapshot(Layout(folder), gather(Layout(folder), clock=CLOCK), None)
    (folder / ".niffler" / "ledger-folder").write_text(f"{tmp_path / 'another disk'}\n")
    (found,) = extractions(CLOCK)
    assert found.state == "finished"
    assert found.note.startswith("as of ")


def test_a_disk_that_does_not_answer_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(tmp_path / "first")
    finished(tmp_path / "hangs")
    for_ever = threading.Event()

    def hang(layout: Layout, *, clock: SystemClock) -> Seen:
        if layout.storage_folder.name == "hangs":
            for_ever.wait()
        return look(layout, clock=clock)

    monkeypatch.setattr(registry, "look", hang)
    monkeypatch.setattr(registry, "PATIENCE_SECONDS", 0.5)
    try:
        found = extractions(CLOCK)
    finally:
        for_ever.set()
    assert states(found) == [("first", "finished"), ("hangs", "unknown")]
    assert found[1].note == "its disk does not answer"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"storage_folder": "/x"}', '{"registered_at": 1}'])
def test_what_is_no_entry_is_left_out(own_registry: Path, tmp_path: Path, content: str) -> None:
    finished(tmp_path / "first")
    (own_registry / "other.json").write_text(content)
    assert states(extractions(CLOCK)) == [("first", "finished")]


def test_entries_are_private_small_and_hold_nothing_else(tmp_path: Path, own_registry: Path) -> None:
    finished(tmp_path / "first")
    (path,) = own_registry.iterdir()
    assert set(json.loads(path.read_bytes())) == {"storage_folder", "registered_at"}
    assert (path.stat().st_mode & 0o777, own_registry.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_registry_that_cannot_be_written_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NIFFLER_REGISTRY", str(tmp_path / "file" / "registry"))
    register(tmp_path / "first", CLOCK)
    assert extractions(CLOCK) == []
    assert listing_text([]) == NONE_KNOWN


def test_a_folder_whose_name_is_no_utf_8_is_listed(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    register(folder, CLOCK)
    (found,) = extractions(CLOCK)
    assert found.storage_folder == str(folder)


def test_where_extractions_are_registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NIFFLER_REGISTRY")
    monkeypatch.setattr(registry, "SYSTEM_STATE", tmp_path / "state")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert registry_folder() == tmp_path / "home" / ".local" / "state" / "niffler" / "extractions"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert registry_folder() == tmp_path / "home" / ".local" / "state" / "niffler" / "extractions"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert registry_folder() == tmp_path / "xdg" / "niffler" / "extractions"
    (tmp_path / "state").mkdir()
    assert registry_folder() == tmp_path / "state" / "extractions", "a service account's"
    (tmp_path / "state").rmdir()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert registry_folder() == tmp_path / "state" / "extractions"


def test_users_see_their_own_and_those_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NIFFLER_REGISTRY")
    monkeypatch.setattr(registry, "SYSTEM_STATE", tmp_path / "state")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    (tmp_path / "state").mkdir()
    finished(tmp_path / "machine's")
    monkeypatch.setattr(registry, "registry_folder", lambda: tmp_path / "xdg" / "niffler" / "extractions")
    finished(tmp_path / "ours")
    names = {name for name, _ in states(extractions(CLOCK))}
    assert names == {"ours", "machine's"}


def test_a_listing_fits_a_terminal(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path / "paused", [asked(line) for line in range(2, 12)])
    start_run(ledger)
    with ledger.transaction():
        ledger.pause(
            "NightlyOnly allows 21:00 to 9:00; it goes on by itself at 2026-01-01 21:00",
            until=datetime(2026, 1, 1, 21, tzinfo=UTC),
        )
    register(tmp_path / "paused", CLOCK)
    text = listing_text(extractions(CLOCK))
    assert "paused    " in text
    assert "0 of 10 rows done, NightlyOnly allows" in text
    assert all(len(line) <= 80 for line in text.splitlines()[1:])


@pytest.mark.parametrize("content", [b"\xff\xfe", b"/a\0b", b"/" * 5000])
def test_a_pointer_that_no_path_can_be_leads_nowhere(tmp_path: Path, content: bytes) -> None:
    finished(tmp_path / "first")
    (tmp_path / "first" / ".niffler" / "ledger-folder").write_bytes(content)
    ((_, state),) = states(extractions(CLOCK))
    assert state in {"finished", "unknown"}


def test_a_pipe_in_the_place_of_a_pointer_or_a_snapshot_is_not_waited_for(tmp_path: Path) -> None:
    finished(tmp_path / "first")
    for name in ("ledger-folder", "status.json"):
        path = tmp_path / "first" / ".niffler" / name
        path.unlink(missing_ok=True)
        os.mkfifo(path)
    assert states(extractions(CLOCK)) == [("first", "finished")]


def test_what_cannot_be_understood_is_told_and_hinders_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(tmp_path / "first")

    def fail(_layout: Layout, *, clock: SystemClock) -> Seen:
        raise TypeError(clock)

    monkeypatch.setattr(registry, "look", fail)
    (found,) = extractions(CLOCK)
    assert (found.state, found.note) == ("unknown", registry.NOT_OURS)


def test_a_note_does_not_command_a_terminal() -> None:
    one = Extraction(storage_folder="/a", state="unknown", note="/\x1b]0;x\x07/ledger.sqlite: damaged")
    assert listing_text([one]).replace("\n", "").isprintable()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE tallies SET number = 'many' WHERE subject = 'instance'",
        "UPDATE tallies SET number = 1000000000000000 WHERE subject = 'row' AND name = 'pending'",
        "UPDATE tallies SET number = -1 WHERE subject = 'unexpected'",
    ],
)
def test_numbers_that_are_none_keep_nobody_from_the_others(tmp_path: Path, damage: str) -> None:
    ledger = make_ledger(tmp_path / "theirs", [asked(2), asked(3)])
    start_run(ledger)
    match(ledger, {2: ["1.2"], 3: ["1.3"]})
    retrieve(ledger, "1.2")
    ledger._connection.execute(damage)
    register(tmp_path / "theirs", CLOCK)
    finished(tmp_path / "ours")
    found = extractions(CLOCK)
    assert states(found) == [("ours", "finished"), ("theirs", "unknown")]
    assert "1 of 2 rows done" in listing_text(found)
    assert len([_card(one) for one in found]) == 2
    assert "niffler_rows" in metrics_text([one.status for one in found if one.status is not None])


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("rate", "studies_per_hour", "fast"),
        ("rate", "instances_per_second", float("nan")),
        ("rows", "done", "x"),
        ("instances", "received", None),
        ("extraction", "csv_file", 7),
    ],
)
def test_a_snapshot_that_others_wrote_keeps_nobody_from_the_others(
    tmp_path: Path, part: str, key: str, value: object
) -> None:
    folder = finished(tmp_path / "theirs")
    write_snapshot(Layout(folder), gather(Layout(folder), clock=CLOCK), None)
    path = folder / ".niffler" / "status.json"
    content = json.loads(path.read_bytes())
    content[part][key] = value
    path.write_text(json.dumps(content))
    (folder / ".niffler" / "ledger-folder").write_text(f"{tmp_path / 'another disk'}\n")
    assert states(extractions(CLOCK)) == [("theirs", "unknown")]


def test_where_one_hangs_nobody_looks_again_until_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(tmp_path / "hangs")
    answers, looks = threading.Event(), []

    def hang(layout: Layout, *, clock: SystemClock) -> Seen:
        looks.append(layout)
        answers.wait()
        return look(layout, clock=clock)

    monkeypatch.setattr(registry, "look", hang)
    monkeypatch.setattr(registry, "PATIENCE_SECONDS", 0.2)
    threads = threading.active_count()
    assert {states(extractions(CLOCK))[0][1] for _ in range(3)} == {"unknown"}
    assert (threading.active_count() - threads, len(looks)) == (1, 1)
    answers.set()
    wait_until(lambda: states(extractions(CLOCK)) == [("hangs", "finished")], "the disk")


def test_a_pipe_in_the_registry_is_not_waited_for(tmp_path: Path, own_registry: Path) -> None:
    finished(tmp_path / "first")
    os.mkfifo(own_registry / "pipe.json")
    (own_registry / "endless.json").write_text("[" * 60_000)
    assert states(extractions(CLOCK)) == [("first", "finished")]
