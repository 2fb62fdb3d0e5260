"""niffler-status over real ledgers: beside a writer, after a kill, at rest, damaged."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from niffler_ops import database
from niffler_ops.cli.status import main
from niffler_ops.clock import SystemClock
from niffler_ops.errors import MissingInputError
from niffler_ops.layout import Layout
from niffler_ops.ledger import watching
from niffler_ops.ledger.store import Ledger
from niffler_ops.processes.identity import Identity, identify
from niffler_ops.reporting.status import MAX_PROBLEMS, ExtractionState, Status, gather
from tests.support.extractions import (
    GONE,
    asked,
    end_run,
    fail,
    launch,
    make_ledger,
    match,
    move,
    open_ledger,
    receive,
    refused,
    retrieve,
    start_run,
)
from tests.support.readers import NOBODY, reachable, without_leave_to_write


def status(folder: Path) -> Status:
    return gather(Layout(folder), clock=SystemClock())


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main([*map(str, arguments), "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def finished(folder: Path) -> None:
    """An extraction at its end, its ledger closed."""
    ledger = make_ledger(folder, [asked(2), asked(3)])
    token = start_run(ledger, GONE)
    match(ledger, {2: ["1.2"]})
    retrieve(ledger, "1.2")
    end_run(ledger, "finished", token)
    ledger.close()


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(folder.rglob("*"))}


def test_the_object_has_the_promised_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = make_ledger(tmp_path, [*(asked(line) for line in range(2, 9)), refused(9, "a wildcard")])
    start_run(ledger)
    match(ledger, {2: ["1.2"], 3: ["1.3"], 4: ["1.4"], 5: ["1.5"], 6: ["1.6"], 7: ["1.7"]})
    retrieve(ledger, "1.2")
    retrieve(ledger, "1.3", missing=1)
    fail(ledger, "1.4", "refused: A900")
    retrieve(ledger, "1.5", verified="unverified")
    receive(ledger, move(ledger, "1.6"), 1)
    with ledger.transaction():
        ledger.count_unexpected(3)
    answer = told(capsys, tmp_path)
    rate, eta, overall = (answer.pop(name) for name in ("rate", "eta_seconds", "rate_overall"))
    assert datetime.fromisoformat(answer.pop("expected_end")).tzinfo
    times = [answer["extraction"].pop(name) for name in ("created_at", "started_at", "updated_at")]
    assert all(datetime.fromisoformat(moment).tzinfo for moment in times)
    assert set(rate) == {"studies_per_hour", "instances_per_second"}
    assert set(overall) == {*rate, "seconds"}
    assert min(*rate.values(), *overall.values()) > 0
    assert eta >= 0
    assert answer == {
        "extraction": {
            "state": "running",
            "storage_folder": str(tmp_path),
            "csv_file": str(tmp_path / "list.csv"),
            "finished_at": None,
            "pause_reason": None,
            "resumes_at": None,
            "stop_reason": None,
            "lists_only": False,
            "shard": None,
            "csv_digest": "0" * 64,
        },
        "rows": {
            "total": 8,
            "pending": 0,
            "active": 2,
            "done": 2,
            "partial": 1,
            "failed": 1,
            "not_found": 1,
            "rejected": 1,
            "withdrawn": 0,
        },
        "studies": {
            "total": 6,
            "pending": 1,
            "active": 1,
            "done": 2,
            "partial": 1,
            "failed": 1,
            "not_found": 0,
            "rejected": 0,
            "unverified": 1,
        },
        "instances": {"expected": 12, "received": 6},
        "bytes_received": 6000,
        "processes": [{"role": "supervisor", "pid": os.getpid(), "alive": True, "restarts": 0}],
        "post": {},
        "problems": [
            {"line": 3, "outcome": "partial", "reason": "1 instances missing: 1.3.1.9"},
            {"line": 4, "outcome": "failed", "reason": "refused: A900"},
            {"line": 8, "outcome": "not_found", "reason": "the archive has nothing that matches"},
            {"line": 9, "outcome": "rejected", "reason": "a wildcard"},
        ],
        "problems_total": 4,
        "unexpected_files": 3,
        "standing": {"archives": [], "night": None, "max_attempts": None},
    }


def test_rows_being_asked_for_are_active_while_somebody_is_at_work(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, [asked(2), asked(3)])
    start_run(ledger)
    with ledger.transaction():
        ledger.rows.claim(1)
    assert (status(tmp_path).rows.pending, status(tmp_path).rows.active) == (1, 1)
    with ledger.transaction():
        ledger.run_ended("stopped")
    assert (status(tmp_path).rows.pending, status(tmp_path).rows.active) == (2, 0)


def test_an_extraction_that_never_ran_is_stopped(tmp_path: Path) -> None:
    make_ledger(tmp_path, [asked(2)])
    found = status(tmp_path)
    assert (found.state, found.started_at, found.processes) == (ExtractionState.STOPPED, None, ())


@pytest.mark.parametrize("run_state", ["stopped", "finished"])
def test_a_run_that_ended_in_order_says_how(tmp_path: Path, run_state: str) -> None:
    ledger = make_ledger(tmp_path, [asked(2)])
    token = start_run(ledger)
    receiver = launch(ledger, "storescp", GONE)
    end_run(ledger, run_state, token, receiver)
    found = status(tmp_path)
    assert found.state == run_state
    assert [(process.role, process.alive) for process in found.processes] == [
        ("supervisor", False),
        ("storescp", False),
    ]
    assert (found.rate.studies_per_hour, found.eta_seconds) == (0, None)


def test_a_run_is_still_running_between_its_supervisors_end_and_its_own(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, [asked(2)])
    token = start_run(ledger)
    with ledger.transaction():
        ledger.launches.ended(token, 0)
    found = status(tmp_path)
    assert found.state is ExtractionState.RUNNING
    assert found.processes[0].alive


@pytest.mark.parametrize(
    "identity",
    [
        GONE,
        Identity(pid=os.getpid(), start_ticks=1, boot_id="0"),  # the pid was given to another process
    ],
)
def test_a_run_without_its_supervisor_is_crashed(tmp_path: Path, identity: Identity) -> None:
    start_run(make_ledger(tmp_path, [asked(2)]), identity)
    found = status(tmp_path)
    assert found.state is ExtractionState.CRASHED
    assert not found.processes[0].alive
    assert found.eta_seconds is None


def test_one_that_ends_in_order_while_it_is_looked_at_is_not_crashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = make_ledger(tmp_path, [asked(2)])
    token = start_run(ledger, GONE)

    def ends_just_now(_identity: Identity) -> bool:
        if ledger.record().run_state == "running":  # type: ignore[union-attr] # it was created above
            end_run(ledger, "finished", token)
        return False

    monkeypatch.setattr("niffler_ops.reporting.status.is_alive", ends_just_now)
    assert status(tmp_path).state is ExtractionState.FINISHED


def test_one_that_is_resumed_while_it_is_looked_at_is_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = make_ledger(tmp_path, [asked(2)])
    start_run(ledger, GONE)
    ours = identify(os.getpid())

    def resumes_just_now(identity: Identity) -> bool:
        if identity == GONE:
            start_run(ledger)
        return identity == ours

    monkeypatch.setattr("niffler_ops.reporting.status.is_alive", resumes_just_now)
    assert status(tmp_path).state is ExtractionState.RUNNING


def test_processes_of_the_latest_run_are_listed_and_restarts_counted(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, [asked(2)])
    start_run(ledger, GONE)
    launch(ledger, "storescp", GONE)  # of an earlier run
    start_run(ledger)
    ours = identify(os.getpid())
    assert ours is not None
    for token in [
        launch(ledger, "storescp", GONE),
        launch(ledger, "storescp", GONE),
        launch(ledger, "movescu", GONE),
    ]:
        with ledger.transaction():
            ledger.launches.ended(token, 1)
    launch(ledger, "storescp", ours)
    launch(ledger, "findscu", ours)
    with ledger.transaction():
        ledger.launches.intend("movescu", ["movescu"])  # not launched yet: it has no pid to show
    assert [(process.role, process.alive, process.restarts) for process in status(tmp_path).processes] == [
        ("supervisor", True, 0),
        ("storescp", True, 2),
        ("findscu", True, 0),
    ]


def test_a_thousand_problems_are_listed_and_all_are_counted(tmp_path: Path) -> None:
    make_ledger(tmp_path, [refused(line, "a wildcard") for line in range(2, MAX_PROBLEMS + 12)])
    found = status(tmp_path)
    assert (len(found.problems), found.problems[-1].line) == (MAX_PROBLEMS, MAX_PROBLEMS + 1)
    assert found.rows.problems == MAX_PROBLEMS + 10


WRITER = """
import sys, time
from pathlib import Path
from tests.support.extractions import *
ledger = make_ledger(Path(sys.argv[1]), [asked(line) for line in range(2, 12)])
start_run(ledger)
match(ledger, {line: [f"1.{line}"] for line in range(2, 8)})
retrieve(ledger, "1.2")
with ledger.transaction():
    ledger.count_unexpected(5)
    print("writing", flush=True)
    time.sleep(300)
"""


@contextmanager
def busy_writer(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of a transaction."""
    root = Path(__file__).parents[2]
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True, cwd=root
    )
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        yield writer
    finally:
        writer.kill()
        writer.communicate()


def test_it_answers_beside_a_busy_writer_and_after_it_was_killed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with busy_writer(tmp_path) as writer:
        running = told(capsys, tmp_path)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        crashed = told(capsys, tmp_path)
    assert running["extraction"]["state"] == "running"
    assert running["processes"] == [{"role": "supervisor", "pid": writer.pid, "alive": True, "restarts": 0}]
    assert running["unexpected_files"] == 0  # not committed
    assert crashed["extraction"]["state"] == "crashed"
    assert crashed["processes"] == [{"role": "supervisor", "pid": writer.pid, "alive": False, "restarts": 0}]
    assert crashed["eta_seconds"] is None
    for key in ("rows", "studies", "instances"):
        assert crashed[key] == running[key]
    assert crashed["rows"]["done"] == 1


def test_a_defunct_supervisor_is_not_alive(tmp_path: Path) -> None:
    with busy_writer(tmp_path) as writer:
        os.kill(writer.pid, signal.SIGKILL)
        end = time.monotonic() + 10
        while Path(f"/proc/{writer.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            assert time.monotonic() < end
            time.sleep(0.01)
        assert status(tmp_path).state is ExtractionState.CRASHED  # nobody has waited for it


def test_looking_changes_nothing_after_the_end(tmp_path: Path) -> None:
    finished(tmp_path)
    before = listing(tmp_path)
    assert status(tmp_path).state is ExtractionState.FINISHED
    assert listing(tmp_path) == before


def test_looking_leaves_no_file_behind_after_a_kill(tmp_path: Path) -> None:
    with busy_writer(tmp_path):
        pass
    before = set(listing(tmp_path))
    assert status(tmp_path).state is ExtractionState.CRASHED
    assert set(listing(tmp_path)) == before


def test_the_next_run_can_write_after_a_look(tmp_path: Path) -> None:
    finished(tmp_path)
    status(tmp_path)
    ledger = open_ledger(Layout(tmp_path).ledger)
    start_run(ledger)
    assert status(tmp_path).state is ExtractionState.RUNNING
    ledger.close()


def test_a_writer_that_comes_during_the_look_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(tmp_path)
    writers: list[Ledger] = []
    tallies = Ledger.tallies

    def write_then_tell(ledger: Ledger) -> dict[tuple[str, str], int]:
        if not writers:
            writers.append(open_ledger(Layout(tmp_path).ledger))
            start_run(writers[0])
        return tallies(ledger)

    monkeypatch.setattr(Ledger, "tallies", write_then_tell)
    assert status(tmp_path).state is ExtractionState.RUNNING


@pytest.fixture
def reachable_folder() -> Iterator[Path]:
    with reachable() as folder:
        yield folder


def test_it_answers_in_a_folder_that_cannot_be_written_after_the_end(reachable_folder: Path) -> None:
    finished(reachable_folder)
    with without_leave_to_write(reachable_folder):
        assert status(reachable_folder).state is ExtractionState.FINISHED


def test_it_answers_in_a_folder_that_cannot_be_written_after_a_kill(reachable_folder: Path) -> None:
    with busy_writer(reachable_folder):
        pass
    with without_leave_to_write(reachable_folder):
        assert status(reachable_folder).state is ExtractionState.CRASHED


def test_a_reader_falls_back_to_an_unchanging_file_where_sqlite_can_make_none_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OnReadOnlyMount(sqlite3.Connection):
        """SQLite opens lazily: the first statement finds that -wal and -shm cannot be made."""

        tried: ClassVar[list[str]] = []

        def __init__(self, name: str, **options: Any) -> None:
            super().__init__(name, **options)
            self.name = name
            self.tried.append(name)

        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            if "immutable" not in self.name:
                raise sqlite3.OperationalError("unable to open database file")
            return super().execute(sql, *parameters)

    finished(tmp_path)
    monkeypatch.setattr(sqlite3, "connect", OnReadOnlyMount)
    with closing(Ledger.open_read_only(Layout(tmp_path).ledger)) as ledger:
        assert ledger.tallies()["study", "done"] == 1
    assert len(OnReadOnlyMount.tried) == 2


def closed_ledger(folder: Path) -> Path:
    finished(folder)
    return Layout(folder).ledger


def garbage(ledger: Path) -> None:
    ledger.write_bytes(b"this is no database" * 1000)


def truncated(ledger: Path) -> None:
    os.truncate(ledger, ledger.stat().st_size // 2)


def header_only(ledger: Path) -> None:
    os.truncate(ledger, 100)


def overwritten(ledger: Path) -> None:
    """Everything behind the schema's first page is lost."""
    size = ledger.stat().st_size
    with ledger.open("r+b") as stream:
        stream.seek(4096)
        stream.write(b"\xff" * (size - 4096))


def of_another_program(ledger: Path) -> None:
    ledger.unlink()
    connection = sqlite3.connect(ledger)
    connection.execute("CREATE TABLE notes (text)")
    connection.close()


@pytest.mark.parametrize("damage", [garbage, truncated, header_only, overwritten, of_another_program])
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_damaged_ledger_ends_in_66_and_says_what_can_still_be_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None], form: list[str]
) -> None:
    ledger = closed_ledger(tmp_path)
    damage(ledger)
    assert main([str(tmp_path), *form]) == 66
    out, err = capsys.readouterr()
    assert out == ""
    assert str(ledger) in err
    assert ".recover" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("kept", range(0, 100, 7))
def test_a_ledger_cut_anywhere_never_ends_in_a_traceback(tmp_path: Path, kept: int) -> None:
    ledger = closed_ledger(tmp_path)
    os.truncate(ledger, ledger.stat().st_size * kept // 100)
    try:
        status(tmp_path)
    except MissingInputError as error:
        assert str(ledger) in str(error)  # noqa: PT017 - where what is left suffices, there is an answer


def message(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([*map(str, arguments)]) == 66
    return capsys.readouterr().err


def test_a_folder_without_a_ledger_is_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no ledger here" in message(capsys, tmp_path)
    assert "no ledger here" in message(capsys, tmp_path / "missing")


def test_a_ledger_whose_csv_is_not_imported_yet_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = Layout(tmp_path)
    layout.private.mkdir()
    layout.ledger.touch()
    assert "not imported yet" in message(capsys, tmp_path)
    Ledger.open(layout.ledger).close()
    assert "not imported yet" in message(capsys, tmp_path)


def test_a_ledger_of_a_newer_program_is_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    connection = sqlite3.connect(closed_ledger(tmp_path))
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    told_so = message(capsys, tmp_path)
    assert "version 99" in told_so
    assert "It is whole" in told_so


def test_a_ledger_with_views_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    connection = sqlite3.connect(closed_ledger(tmp_path))
    connection.executescript(
        "DROP TABLE tallies; CREATE VIEW tallies AS WITH RECURSIVE endless (number) AS"
        " (SELECT 1 UNION ALL SELECT number + 1 FROM endless)"
        " SELECT 'row' AS subject, 'done' AS name, number FROM endless WHERE number < 0"
    )
    connection.close()
    assert "it has views" in message(capsys, tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE extraction SET started_at = 'NIFFLER-0001'",
        "PRAGMA ignore_check_constraints = 1; UPDATE extraction SET run_state = 'NIFFLER-0001'",
        "UPDATE extraction SET configuration = '[NIFFLER-0001'",
        "UPDATE extraction SET csv_file = CAST(X'4e49464e49462d30303031ff' AS TEXT)",
    ],
)
def test_values_that_no_ledger_has_are_damage_and_not_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    connection = sqlite3.connect(closed_ledger(tmp_path))
    connection.executescript(damage)
    connection.commit()
    connection.close()
    told = message(capsys, tmp_path)
    assert "the ledger is damaged" in told
    assert "0001" not in told


def test_a_ledger_of_an_older_program_is_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(tmp_path)
    monkeypatch.setattr(database, "latest_version", lambda _package: 99)
    assert "brings it up to date" in message(capsys, tmp_path)


def test_a_ledger_of_another_user_is_told_from_a_damaged_one(
    reachable_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finished(reachable_folder)
    with without_leave_to_write(reachable_folder):
        pass
    reachable_folder.chmod(0)
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
    try:
        told_so = message(capsys, reachable_folder)
    finally:
        os.seteuid(os.getuid())
        reachable_folder.chmod(0o700)
    assert "cannot be opened (Permission denied)" in told_so


def test_a_copy_that_lacks_its_shm_in_a_folder_that_cannot_be_written_is_not_called_damaged(
    reachable_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with busy_writer(reachable_folder):
        pass
    Path(f"{Layout(reachable_folder).ledger}-shm").unlink()
    with without_leave_to_write(reachable_folder):
        told_so = message(capsys, reachable_folder)
    assert "needs its -wal and -shm" in told_so


def test_the_text_tells_a_crash_and_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start_run(make_ledger(tmp_path, [asked(2)]), GONE)
    assert main([str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "crashed" in shown
    assert "run the same command again" in shown


def test_without_a_folder_a_request_or_a_check_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--stop", "--verify"):
        assert main([option]) == 64
        assert "--config FILE" in capsys.readouterr().err


def test_an_unknown_option_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--wrong"]) == 64
    assert "unrecognized arguments: --wrong" in capsys.readouterr().err


def test_the_folder_may_be_named_by_a_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    storage = tmp_path / "storage"
    finished(storage)
    config, system = tmp_path / "config.json", tmp_path / "system.json"
    config.write_text(
        json.dumps(
            {
                "StorageFolder": "storage",
                "CsvFile": "list.csv",
                "ExtractionType": "accession",
                "AccessionIndex": 1,
            }
        )
    )
    system.write_text(
        json.dumps(
            {
                "DCM4CHEBin": "embedded",
                "SrcAet": "PACS@127.0.0.1:104",
                "QueryAet": "NIFFLER:4243",
                "DestAet": "NIFFLER",
            }
        )
    )
    assert told(capsys, "--config", config)["extraction"]["storage_folder"] == str(storage)
    system.rename(tmp_path / "elsewhere.json")
    assert told(capsys, "--config", config)["extraction"]["storage_folder"] == str(storage)


def test_a_configuration_that_is_not_there_is_an_error_of_the_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--config", str(tmp_path / "config.json")]) == 78
    assert "config.json" in capsys.readouterr().err


def test_nothing_that_is_slow_to_import_is_imported(tmp_path: Path) -> None:
    finished(tmp_path)
    code = (
        "import sys\nfrom niffler_ops.cli.status import main\nassert main(sys.argv[1:]) == 0\n"
        "slow = {'pandas', 'numpy', 'pydantic', 'pydicom', 'pynetdicom', 'rich', 'sh', 'psutil'}\n"
        "sys.exit(str(slow & set(sys.modules)) if slow & set(sys.modules) else 0)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_answer_does_not_depend_on_the_number_of_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each statement reads a bounded number of pages: SQLite's own counter of steps tells."""
    ledger = make_ledger(tmp_path, ())
    start_run(ledger)
    ledger.close()
    connection = sqlite3.connect(Layout(tmp_path).ledger)
    with connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
            " INSERT INTO rows (line, cells, state, reason) SELECT i, '[]', 'failed', 'refused' FROM n"
        )
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
            " INSERT INTO studies (study_instance_uid, found_at, archive, state)"
            " SELECT '1.' || i, '', '', 'done' FROM n"
        )
    connection.close()
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1000
        return 0

    class Counted(sqlite3.Connection):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.set_progress_handler(count, 1000)

    monkeypatch.setattr(sqlite3, "connect", Counted)
    assert status(tmp_path).rows.problems == 99_999
    assert 0 < steps < 700_000  # twice 20 000 events, and 1000 problems; a scan of all takes millions


def test_of_many_problems_those_that_ended_last_are_told_by_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = make_ledger(tmp_path, [asked(line) for line in range(2, 32)])
    start_run(ledger)
    match(ledger, {line: [f"1.{line}"] for line in range(2, 32)})
    for line in range(31, 1, -1):
        fail(ledger, f"1.{line}", "refused: A900")
    found = status(tmp_path)
    assert [problem.line for problem in found.newest_problems] == list(range(2, 12))
    assert [problem.line for problem in found.problems] == list(range(2, 32))
    with ledger.transaction():
        ledger.rows.take_up()
        ledger.studies.take_up()
    fail(ledger, "1.31", "refused: A700")
    assert status(tmp_path).newest_problems == (), "there is one problem only"
    for line in range(30, 14, -1):
        fail(ledger, f"1.{line}", "refused: A700")
    assert [problem.line for problem in status(tmp_path).newest_problems] == list(range(15, 25))
    assert main([str(tmp_path)]) == 0
    assert "(the newest 10 of 17; --json has more)" in capsys.readouterr().out


def test_problems_of_long_ago_leave_the_first_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = make_ledger(tmp_path, [refused(line, "a wildcard") for line in range(2, 20)])
    start_run(ledger)
    monkeypatch.setattr(watching, "PROBLEM_EVENTS", 1)
    found = status(tmp_path)
    assert (found.newest_problems, len(found.problems)) == ((), 18)
