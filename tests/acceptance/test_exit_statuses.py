"""How niffler-cold ends, with which message, and what it leaves untouched."""

import json
import os
import re
import shutil
import signal

import pytest

from niffler_ops.demo.corpus import Corpus
from niffler_ops.dicomtools.toolkit import TOOLS
from tests.support.archives import squatting
from tests.support.processes import wait_for_first_line, wait_until
from tests.support.rig import (
    OTHER_AET,
    Ended,
    Rig,
    Running,
    corpus_folder,
    data_sets,
    data_sets_of,
    everything,
    tree,
)

STOPPED_WITHIN_SECONDS = 10.0


def assert_one_message(ended: Ended, status: int, *parts: str) -> None:
    assert ended.status == status, ended
    assert ended.err.startswith("niffler-cold: ")
    for part in parts:
        assert part in ended.err, ended


def run_beside_a_users_file(rig: Rig, *options: object) -> Ended:
    """Run where StorageFolder is missing, and where it holds a file of the user's: both stay as they were."""
    first = rig.cold(*options)
    assert not rig.storage.exists(), first
    rig.storage.mkdir(mode=0o755)
    (rig.storage / "notes.txt").write_text("mine")
    before = everything(rig.storage)
    second = rig.cold(*options)
    assert everything(rig.storage) == before
    (rig.storage / "notes.txt").chmod(0o600)
    rig.storage.chmod(0o700)
    assert second.status == first.status
    return second


def test_every_row_done_is_0(rig: Rig, corpus: Corpus) -> None:
    rig.serve(corpus_folder(corpus), noted=False)
    rig.ask_for(corpus.studies)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert ended.err == ""
    status = rig.status()
    assert status["extraction"]["state"] == "finished"
    assert not any(process["alive"] for process in status["processes"])


# Nothing was started


@pytest.mark.parametrize(
    "option", [("--no-such-option",), ("--Config", "x"), ("--first",), ("--first", "0"), ("stray",)]
)
def test_wrong_usage_is_64(plain_rig: Rig, corpus: Corpus, option: tuple[str, ...]) -> None:
    plain_rig.ask_for(corpus.studies)
    assert_one_message(run_beside_a_users_file(plain_rig, *option), 64, "--help")


def test_a_missing_csv_is_65(plain_rig: Rig) -> None:
    assert_one_message(run_beside_a_users_file(plain_rig), 65, str(plain_rig.folder / "list.csv"))


def test_a_csv_without_a_column_that_is_named_is_65(plain_rig: Rig, corpus: Corpus) -> None:
    plain_rig.configure(PatientIndex=3, AccessionIndex=7)
    plain_rig.ask_for(corpus.studies)
    ended = run_beside_a_users_file(plain_rig)
    assert_one_message(ended, 65, "PatientIndex", "AccessionIndex", "list.csv:1")


def test_a_csv_without_a_good_row_is_65_and_lists_every_line_with_its_reason(plain_rig: Rig) -> None:
    plain_rig.write_csv(
        [
            ("", "ACCESSION-1"),
            ("PATIENT-2*", "ACCESSION-2"),
            ("PATIENT-3", "ACCESSION?3"),
            ("PATIENT-4\\X", "ACCESSION-4"),
            ("PATIENT-5\x01", "ACCESSION-5"),
            ("PATIENT-6", "ACCESSION-IS-LONGER-THAN-16"),
            ("PATIENT-7",),
        ]
    )
    ended = run_beside_a_users_file(plain_rig)
    assert_one_message(
        ended,
        65,
        *(f"list.csv:{line}: " for line in range(2, 9)),
        "empty",
        "wildcard",
        "backslash",
        "control",
    )


def test_a_toolkit_folder_without_tools_is_69(plain_rig: Rig, corpus: Corpus) -> None:
    empty = plain_rig.folder / "empty-toolkit"
    empty.mkdir()
    plain_rig.configure(DCM4CHEBin=str(empty))
    plain_rig.ask_for(corpus.studies)
    ended = run_beside_a_users_file(plain_rig)
    assert_one_message(ended, 69, "DCM4CHEBin", str(empty), "storescp", "movescu", "findscu")


def test_dcmtks_tools_of_the_same_names_are_69(plain_rig: Rig, corpus: Corpus) -> None:
    folder = plain_rig.folder / "dcmtk"
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).write_bytes(b"\x7fELF $dcmtk: ")
        (folder / tool).chmod(0o755)
    plain_rig.configure(DCM4CHEBin=str(folder))
    plain_rig.ask_for(corpus.studies)
    assert_one_message(run_beside_a_users_file(plain_rig), 69, "DCM4CHEBin", "DCMTK", "embedded")


@pytest.mark.parametrize("arguments", [(), ("--dry-run",)])
def test_a_toolkit_that_cannot_run_is_69(plain_rig: Rig, corpus: Corpus, arguments: tuple[str, ...]) -> None:
    without_java = plain_rig.folder / "without-java"
    without_java.mkdir()
    for tool in TOOLS:
        (without_java / tool).write_text("#!/bin/sh\necho 'exec: java: not found' >&2\nexit 127\n")
        (without_java / tool).chmod(0o755)
    plain_rig.configure(DCM4CHEBin=str(without_java))
    plain_rig.serve(corpus_folder(corpus))
    plain_rig.ask_for(corpus.studies)
    ended = run_beside_a_users_file(plain_rig, *arguments)
    assert_one_message(ended, 69, "DCM4CHEBin", "storescp", "127", "Java was not found")


def test_all_errors_of_the_configuration_are_78_and_told_at_once(plain_rig: Rig, corpus: Corpus) -> None:
    plain_rig.configure(
        ExtractionType="emp_accession",
        SrcAet="ARCHIVE",
        BatchSize=0,
        FilePath="{00100020}/{0020000D}.dcm",
        NightlyOnly="by night",
        StorageFoldr="elsewhere",
        PatientIndex="first",
    )
    plain_rig.ask_for(corpus.studies)
    ended = run_beside_a_users_file(plain_rig)
    assert_one_message(
        ended,
        78,
        *("ExtractionType", "SrcAet", "BatchSize", "FilePath", "NightlyOnly", "StorageFoldr", "PatientIndex"),
        *(str(plain_rig.folder / "config.json"), str(plain_rig.folder / "system.json")),
        "`StorageFolder` is probably meant",
    )


def test_a_missing_configuration_file_is_78(plain_rig: Rig) -> None:
    missing = plain_rig.folder / "nowhere.json"
    assert_one_message(plain_rig.cold("--config", missing, config=False), 78, str(missing))
    (plain_rig.folder / "system.json").unlink()
    assert_one_message(run_beside_a_users_file(plain_rig), 78, str(plain_rig.folder / "system.json"))


def test_a_configuration_that_is_no_json_is_78_and_names_the_line(plain_rig: Rig) -> None:
    (plain_rig.folder / "config.json").write_text('{\n  "StorageFolder": "extraction"\n  "CsvFile": 1\n}\n')
    assert_one_message(run_beside_a_users_file(plain_rig), 78, "config.json:3")


@pytest.mark.parametrize(
    "pattern", ["{00100020}/{0020000D}/{0020000E}.dcm", "image.dcm", "{00080050}/{InstanceNumber}"]
)
def test_a_file_path_that_cannot_tell_instances_apart_is_78(
    plain_rig: Rig, corpus: Corpus, pattern: str
) -> None:
    plain_rig.configure(FilePath=pattern)
    plain_rig.ask_for(corpus.studies)
    assert_one_message(run_beside_a_users_file(plain_rig), 78, "FilePath", "00080018")


def test_the_same_storage_folder_with_another_configuration_is_78_and_says_what_differs(
    plain_rig: Rig, corpus: Corpus
) -> None:
    plain_rig.serve(corpus_folder(corpus), noted=False)
    plain_rig.ask_for(corpus.studies[:1])
    assert plain_rig.cold().status == 0
    before, report = tree(plain_rig.storage), plain_rig.report()
    ended = plain_rig.cold("--FilePath", "{00080018}.dcm")
    assert_one_message(ended, 78, "FilePath", "{00080018}.dcm", str(plain_rig.storage))
    assert (tree(plain_rig.storage), plain_rig.report()) == (before, report)
    assert plain_rig.cold().status == 0


# Something is in the way


def test_a_taken_port_is_69_and_its_holder_is_named(rig: Rig, corpus: Corpus) -> None:
    rig.serve(corpus_folder(corpus), noted=False)
    rig.ask_for(corpus.studies)
    with squatting(rig.port):
        ended = rig.cold()
    assert_one_message(ended, 69, "QueryAet", str(rig.port), "pid ")
    assert rig.status()["rows"]["pending"] == 4


@pytest.mark.parametrize("place", ["taken", "taken/below"])
def test_a_storage_folder_that_is_a_file_is_73(plain_rig: Rig, corpus: Corpus, place: str) -> None:
    file = plain_rig.folder / "taken"
    file.write_text("mine")
    plain_rig.configure(StorageFolder=place)
    plain_rig.ask_for(corpus.studies)
    assert_one_message(plain_rig.cold(), 73, "StorageFolder", str(file))
    assert file.read_text() == "mine"


BOUND_BY_RIGHTS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner,-chown")


@pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("setpriv") is None,
    reason="run the tests as root, with setpriv (util-linux)",
)
@pytest.mark.parametrize("mode", [0o700, 0o755, 0o555])
@pytest.mark.parametrize("key", ["StorageFolder", "LedgerFolder"])
def test_a_folder_of_another_user_is_73(plain_rig: Rig, corpus: Corpus, key: str, mode: int) -> None:
    folder = plain_rig.folder / "others"
    folder.mkdir(mode=mode)
    folder.chmod(mode)
    os.chown(folder, 65534, 65534)
    plain_rig.configure(**{key: "others"})
    plain_rig.ask_for(corpus.studies)
    ended = plain_rig.start(before=BOUND_BY_RIGHTS).end()
    assert_one_message(ended, 73, f"{key} {folder}", "may write")
    assert list(folder.iterdir()) == []
    plain_rig.forget_storages()


@pytest.mark.parametrize("key", ["StorageFolder", "LedgerFolder"])
def test_a_name_that_no_folder_can_have_is_73(plain_rig: Rig, corpus: Corpus, key: str) -> None:
    plain_rig.configure(**{key: 256 * "x"})
    plain_rig.ask_for(corpus.studies)
    assert_one_message(plain_rig.cold(), 73, key, "too long")
    plain_rig.forget_storages()


@pytest.mark.parametrize("emptied", [True, False])
def test_an_extraction_whose_ledger_is_gone_is_78_and_not_begun_anew(
    rig: Rig, corpus: Corpus, *, emptied: bool
) -> None:
    rig.serve(corpus_folder(corpus))
    rig.ask_for(corpus.studies[:1])
    assert rig.cold().status == 0
    ledger = rig.private / "ledger.sqlite"
    kept = ledger.rename(rig.folder / "kept.sqlite")
    if emptied:
        ledger.touch(0o600)
    before = everything(rig.storage)
    assert_one_message(rig.cold(), 78, "StorageFolder", str(ledger), "backup")
    assert everything(rig.storage).keys() == before.keys()
    kept.rename(ledger)
    assert rig.cold().status == 0


def test_output_that_cannot_be_written_is_73(plain_rig: Rig, corpus: Corpus) -> None:
    plain_rig.serve(corpus_folder(corpus))
    plain_rig.ask_for(corpus.studies[:1])
    full = ("sh", "-c", 'exec "$@" >/dev/full', "sh")
    ended = plain_rig.start("--dry-run", before=full).end()
    assert_one_message(ended, 73, "Standard output", "No space left")
    assert plain_rig.cold().status == 0
    shown = plain_rig.start(
        plain_rig.storage, "--json", command="niffler-status", config=False, before=full
    ).end()
    assert shown.status == 73, shown


def test_an_extraction_outlives_whoever_reads_its_output(rig: Rig, corpus: Corpus) -> None:
    rig.serve(corpus_folder(corpus))
    rig.ask_for(corpus.studies)
    reader = ("bash", "-c", 'set -o pipefail; "$@" | head -1', "bash")
    ended = rig.start(before=reader).end()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)
    assert rig.status()["extraction"]["state"] == "finished"


# Stopped


def stop(running: Running, number: signal.Signals = signal.SIGTERM) -> Ended:
    running.signal(number)
    ended = running.end(STOPPED_WITHIN_SECONDS)
    assert_one_message(ended, 75, "same command")
    return ended


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_within_ten_seconds_with_75_and_the_same_command_continues(
    rig: Rig, corpus: Corpus, number: signal.Signals
) -> None:
    archive = rig.serve(corpus_folder(corpus), "slow=60")
    rig.ask_for(corpus.studies)
    running = rig.start()
    wait_until(lambda: rig.received() >= 10, "ten instances", seconds=60)
    stop(running, number)
    rig.wait_for_no_process()
    assert "Ended early with exit status 75: Stopped." in rig.log()
    status = rig.status()
    assert status["extraction"]["state"] == "stopped"
    assert status["rows"]["pending"] + status["rows"]["done"] == 4
    ended = rig.cold()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)
    again = sum(times - 1 for times in archive.delivered().values())
    assert again <= 2, "more was fetched again than what was on its way in two lanes"
    assert not rig.ledger("SELECT 1 FROM studies WHERE attempts > 1")


@pytest.mark.parametrize("fault", ["hang-first", "find-hang"])
def test_it_stops_as_quickly_while_the_archive_hangs(rig: Rig, corpus: Corpus, fault: str) -> None:
    archive = rig.serve(corpus_folder(corpus), fault)
    rig.configure(FirstInstanceTimeout=600, QueryTimeout=600)
    rig.ask_for(corpus.studies)
    running = rig.start()
    kind = "move" if fault == "hang-first" else "find"
    wait_until(lambda: archive.events(kind), "the archive to be asked", seconds=60)
    stop(running)
    rig.wait_for_no_process()
    assert rig.status()["rows"]["pending"] == 4


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_before_anything_was_started_is_75_too(
    plain_rig: Rig, corpus: Corpus, number: signal.Signals
) -> None:
    plain_rig.ask_for(corpus.studies)
    running = plain_rig.start()
    wait_for_first_line(running.pid, "niffler-cold")
    stop(running, number)


# One at a time


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("the same port", {"StorageFolder": "other", "MaxNifflerProcesses": 2}),
        ("the limit", {"StorageFolder": "other", "QueryAet": OTHER_AET}),
        ("the same folder", {"QueryAet": OTHER_AET, "MaxNifflerProcesses": 2}),
    ],
)
def test_a_second_extraction_in_the_way_of_the_first_is_75_and_the_first_goes_on(
    plain_rig: Rig, corpus: Corpus, name: str, keys: dict[str, object]
) -> None:
    plain_rig.configure(FirstInstanceTimeout=600)
    archive = plain_rig.serve(corpus_folder(corpus), "hang-first")
    plain_rig.ask_for(corpus.studies)
    first = plain_rig.start()
    wait_until(lambda: archive.events("move"), "the first retrieve", seconds=60)
    if keys.get("QueryAet") == OTHER_AET:
        keys = keys | {"QueryAet": f"{OTHER_AET}:{plain_rig.other_port}"}
    storage = plain_rig.storage
    plain_rig.configure(**keys)
    second = plain_rig.cold()
    assert_one_message(second, 75, str(storage))
    pattern = r"\[EXTRACTION FAILURE\] \S+: Previous extraction still running\."
    assert re.search(pattern, second.out), f"{name}: {second}"
    for_machines = plain_rig.cold("--log-json")
    assert_one_message(for_machines, 75, str(storage))
    entry = json.loads(for_machines.out)
    assert (entry["level"], entry["extraction"]) == ("ERROR", str(plain_rig.storage))
    assert re.fullmatch(pattern, entry["message"])
    assert plain_rig.status(storage)["extraction"]["state"] == "running"
    stop(first)


def test_two_extractions_with_ports_of_their_own_run_side_by_side_where_that_is_allowed(
    rig: Rig, corpus: Corpus
) -> None:
    rig.serve(corpus_folder(corpus), "slow=30")
    rig.configure(IdleTimeout=60)
    rig.ask_for(corpus.studies)
    first = rig.start()
    wait_until(lambda: rig.received() >= 1, "the first instance", seconds=60)
    first.signal(signal.SIGSTOP)  # so that it is there until the second has ended
    mine = rig.storage
    rig.configure(StorageFolder="other", QueryAet=f"{OTHER_AET}:{rig.other_port}", MaxNifflerProcesses=2)
    second = rig.cold()
    first.signal(signal.SIGCONT)
    assert second.status == 0, second
    assert first.end().status == 0
    assert tree(rig.storage).keys() == tree(mine).keys()
    assert "Number of running niffler processes: 1 and storescp processes: " in second.out


# The other commands


def test_niffler_status_without_a_ledger_is_66(plain_rig: Rig) -> None:
    ended = plain_rig.start(plain_rig.folder, command="niffler-status", config=False).end()
    assert ended.status == 66, ended
    assert str(plain_rig.folder) in ended.err


def test_niffler_status_asks_nobody_where_nothing_runs(rig: Rig, corpus: Corpus) -> None:
    rig.serve(corpus_folder(corpus))
    rig.ask_for(corpus.studies[:1])
    assert rig.cold().status == 0
    ended = rig.start(rig.storage, "--stop", command="niffler-status", config=False).end()
    assert (ended.status, list((rig.private / "control").iterdir())) == (0, [])
    assert "no extraction runs there" in ended.out


def test_niffler_archive_with_wrong_usage_is_64(plain_rig: Rig) -> None:
    ended = plain_rig.start(
        plain_rig.folder,
        "--bind",
        "ARCHIVE",
        "--destination",
        "A@b:1",
        command="niffler-archive",
        config=False,
    ).end()
    assert ended.status == 64, ended
    assert "AET@HOST:PORT" in ended.err
