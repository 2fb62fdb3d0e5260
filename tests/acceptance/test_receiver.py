"""niffler-meta with real associations: nothing is deleted unread, and nothing stops it for long."""

import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import psutil
import pytest

from niffler_ops.files import make_private_folder, write_private
from niffler_ops.metadata import open_store
from tests.support.mongodb import needs_mongodb, server
from tests.support.processes import wait_for_first_line, wait_until
from tests.support.receiving import (
    PATIENT,
    ROOT_UID,
    STOPS_WITHIN,
    ReceiverRig,
    Sent,
    check_invariant,
    copies,
    counted,
    encoded,
    readers_of,
    receiver_rig,
    sending,
    series_of,
    stop,
    transmit,
)
from tests.support.small_disk import fill, mounted

BACK_WITHIN = 10.0
RESTARTED_AFTER = 2.0  # as the unit file has it
CYCLES, SEED = 20, 20260304
FAILPOINTS = (
    "journaled",
    "recorded",
    "rename-before:3",
    "rename-after:2",
    "rename-after:15",
    "journal-acknowledged",
    "deleted",
)
SOME = [*series_of(1, 1, 5), *series_of(1, 2, 3), *series_of(2, 1, 4)]


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[ReceiverRig]:
    """A rig with the embedded toolkit."""
    with receiver_rig(tmp_path) as rig:
        yield rig


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MB."""
    with mounted(tmp_path) as folder:
        yield folder


def storescp_of(rig: ReceiverRig) -> int:
    (pid,) = [process["pid"] for process in rig.status()["processes"] if process["role"] == "storescp"]
    return int(pid)


def alive(rig: ReceiverRig) -> set[int]:
    return {process["pid"] for process in rig.status()["processes"] if process["alive"]}


# What it is for


def test_records_are_right_and_images_go_at_the_hour_and_not_before(tmp_path: Path, toolkit: str) -> None:
    with receiver_rig(tmp_path, toolkit) as rig:
        rig.clock.to_hour(21)
        running = rig.receive()
        assert len(rig.send(SOME, calling="CTROOM1")) == len(SOME)
        rig.wait_for_stored(counted(SOME))
        record = rig.records()[SOME[0].series_uid]
        assert record["_id"] == record["SeriesInstanceUID"]
        assert record["DeviceSerialNumber"] == "SN1"
        assert record["StationName"] == "CT1"
        assert record["first_acquisition"] == "2024-03-01T12:00:00.000"
        assert record["last_acquisition"] == "2024-03-01T12:00:04.000"
        assert record["first_received"] <= record["last_received"]
        assert PATIENT not in json.dumps(record)
        assert SOME[0].series_uid not in json.dumps(record)
        rig.clock.to_hour(22)
        time.sleep(1.5)
        assert len(rig.waiting()) == len(SOME)
        assert rig.status()["receiver"]["next_deletion"].endswith("T23:00:00+00:00")
        rig.clock.to_hour(23)
        wait_until(lambda: not rig.waiting(), "the nightly deletion")
        wait_until(lambda: rig.counts()["deleted"] == len(SOME), "the count")
        assert not [path for path in rig.storage.iterdir() if path.name != ".niffler"], "empty folders go"
        assert rig.stored() == counted(SOME)
        stop(running)
        assert "12 images of 3 series deleted" in rig.log()


def test_an_hour_at_which_it_was_not_there_is_made_up_for(receiver: ReceiverRig) -> None:
    receiver.clock.to_hour(22)
    running = receiver.receive()
    receiver.send(SOME)
    receiver.wait_for_stored(counted(SOME))
    stop(running)
    receiver.clock.to_hour(1)
    running = receiver.receive()
    wait_until(lambda: not receiver.waiting(), "the nightly deletion")
    stop(running)


def test_what_is_not_settled_or_to_be_kept_stays_and_goes_once_it_may(receiver: ReceiverRig) -> None:
    receiver.configure(SettleMinutes=90, KeepImagesHours=2)
    running = receiver.receive()
    receiver.send(SOME)
    receiver.wait_for_stored(counted(SOME))
    receiver.clock.forward(1.6)
    late = series_of(2, 1, 1, first=4)  # keeps its series' images, and no other
    receiver.send(late)
    receiver.wait_for_stored(counted([*SOME, *late]))
    assert receiver.sweep().status == 0
    assert len(receiver.on_disk()) == len(SOME) + 1, "settled, but not two hours old"
    receiver.clock.forward(0.5)
    assert receiver.sweep().status == 0
    assert receiver.on_disk() == {one.uid for one in [*SOME, *late] if one.study == 2}
    receiver.clock.forward(1.6)
    assert receiver.sweep().status == 0
    assert not receiver.on_disk()
    stop(running)


def test_an_instance_that_comes_again_is_counted_once_also_after_its_deletion(receiver: ReceiverRig) -> None:
    running = receiver.receive()
    for _ in range(2):
        receiver.send(SOME)
        receiver.wait_for_stored(counted(SOME))
        receiver.send(SOME[:3])
        assert receiver.sweep().status == 0
        assert receiver.stored() == counted(SOME)
        assert not receiver.on_disk()
    late = series_of(1, 1, 2, first=5)
    receiver.send(late)
    assert receiver.sweep().status == 0
    assert receiver.stored() == counted([*SOME, *late])
    assert receiver.counts()["received"] == len(SOME) + len(late)
    assert 3 <= receiver.counts()["repeated"] <= len(SOME) + 6  # one replaced before it is read counts once
    stop(running)


def test_what_cannot_be_read_is_never_deleted_and_listed(receiver: ReceiverRig) -> None:
    running = receiver.receive()
    receiver.send(SOME)
    nonsense = receiver.private / "incoming" / "folder"
    nonsense.mkdir(mode=0o700)
    (nonsense / "nonsense.dcm").write_bytes(b"no image")
    (nonsense / "nonsense.dcm").chmod(0o600)
    ended = receiver.sweep()
    assert ended.status == 3, ended
    assert "files that cannot be read" in ended.err
    (kept,) = (receiver.private / "unreadable").iterdir()
    assert kept.read_bytes() == b"no image"
    assert not receiver.waiting()
    status = receiver.status()
    assert status["unreadable"]["files"] == 1
    assert status["unreadable"]["first"][0]["path"] == f".niffler/unreadable/{kept.name}"
    assert "Unreadable  1 files" in receiver.status_text()
    stop(running)


@pytest.mark.parametrize("damaged", ["receiver.sqlite", "journal.sqlite"])
def test_a_damaged_database_is_named_and_without_it_the_images_are_read_once_more(
    receiver: ReceiverRig, damaged: str
) -> None:
    running = receiver.receive()
    receiver.send(SOME)
    receiver.wait_for_stored(counted(SOME))
    stop(running)
    write_private(receiver.private / damaged, b"no database " * 1000)
    ended = receiver.launch().end(STOPS_WITHIN)
    assert ended.status == 73, ended
    assert f"{damaged}: the database is damaged" in ended.err
    for path in [*receiver.private.glob("receiver.sqlite*"), *receiver.private.glob("journal.sqlite*")]:
        path.rename(receiver.folder / path.name)
    again = receiver.private / "incoming" / "again"
    make_private_folder(again)
    for number, path in enumerate(receiver.waiting()):
        path.rename(again / f"{number}.dcm")
    assert receiver.sweep().status == 0
    assert receiver.stored() == counted(SOME)
    assert not receiver.on_disk()


def test_a_sweep_takes_up_what_was_about_to_go_when_it_was_killed(receiver: ReceiverRig) -> None:
    receiver.leave_in_incoming(SOME)
    receiver.environment["NIFFLER_FAILPOINT"] = f"rename-after:{len(SOME) + 2}"  # with that of the secret
    assert receiver.sweep().status == -signal.SIGKILL
    del receiver.environment["NIFFLER_FAILPOINT"]
    assert len(list((receiver.private / "leaving").iterdir())) == 1
    for _ in range(2):
        assert receiver.sweep().status == 0
    assert not receiver.on_disk()


def test_what_could_not_be_read_and_was_taken_away_is_no_longer_listed(receiver: ReceiverRig) -> None:
    receiver.leave_in_incoming(SOME[:1])
    write_private(receiver.private / "incoming" / "1" / "broken.dcm", b"no image")
    for _ in range(2):
        assert receiver.sweep().status == 3
    (kept,) = (receiver.private / "unreadable").iterdir()
    kept.unlink()
    assert receiver.sweep().status == 0


def test_a_sweep_without_a_receiver_reads_stores_and_deletes(receiver: ReceiverRig) -> None:
    receiver.configure(SettleMinutes=60)
    running = receiver.receive()
    receiver.send(SOME)
    wait_until(lambda: receiver.counts().get("received") == len(SOME), "all that was sent")
    running.kill()
    receiver.wait_for_no_process()
    assert receiver.sweep().status == 0
    assert receiver.stored() == counted(SOME)
    assert len(receiver.on_disk()) == len(SOME)
    receiver.clock.forward(1.1)
    assert receiver.sweep().status == 0
    assert not receiver.on_disk()


@pytest.mark.parametrize("pass_on", [[], ["png"]])
def test_a_key_that_is_lost_or_replaced_is_told_before_there_are_two_pseudonyms(
    receiver: ReceiverRig, pass_on: list[str]
) -> None:
    receiver.configure(PassOn=pass_on)
    assert receiver.sweep().status == 0
    key = receiver.storage / ".niffler" / "pseudonym.key"
    kept = key.rename(receiver.folder / "kept.key")
    lost = receiver.sweep()
    assert (lost.status, "the pseudonym key is missing" in lost.err) == (78, True), lost
    write_private(key, b"\1" * len(kept.read_bytes()))
    replaced = receiver.sweep()
    assert (replaced.status, "this is not the pseudonym key" in replaced.err) == (78, True), replaced
    kept.rename(key)
    assert receiver.sweep().status == 0


def test_images_are_handed_on_before_they_go(receiver: ReceiverRig) -> None:
    receiver.configure(PassOn=["png", "deidentify"])
    running = receiver.receive()
    receiver.send(SOME)
    assert receiver.sweep(120).status == 0
    output = receiver.folder / "received-deidentified"
    assert len(list(output.rglob("*.png"))) == len(list(output.rglob("*.dcm"))) == len(SOME)
    made = b"".join(path.read_bytes() for path in output.rglob("*") if path.is_file())
    now, acquired = receiver.clock.now(), date(2024, 3, 1)
    for day in (now.date(), acquired):  # neither when it was received, nor when it was made
        assert day.isoformat().encode() not in made
        assert f"{day:%Y%m%d}".encode() not in made
    assert len((output / "mapping.csv").read_text().splitlines()) == 1 + len(SOME)
    assert "received" not in (output / "metadata.csv").read_text().casefold()
    assert not receiver.on_disk(), "a study of several series goes as a whole"
    late = series_of(3, 1, 1)
    receiver.send(late)
    wait_until(lambda: receiver.record("SELECT count(*) FROM passed") == [(2,)], "what came late")
    stop(running)
    assert len((output / "mapping.csv").read_text().splitlines()) == 1 + len(SOME) + len(late)


def made_of(receiver: ReceiverRig) -> tuple[int, int, int]:
    """How many PNG and DICOM files there are, and lines of mapping.csv."""
    output = receiver.folder / "received-deidentified"
    rows = (output / "mapping.csv").read_text().splitlines()[1:]
    return len(list(output.rglob("*.png"))), len(list(output.rglob("*.dcm"))), len(rows)


def test_what_was_made_of_images_that_are_gone_stays_when_more_of_their_study_comes(
    receiver: ReceiverRig,
) -> None:
    receiver.configure(PassOn=["png", "deidentify"])
    known: set[str] = set()
    for come in (
        series_of(1, 1, 5),
        series_of(1, 1, 1, first=5),  # a late instance
        series_of(1, 2, 2),  # a late series
        series_of(1, 1, 1, first=2),  # one that comes again
    ):
        receiver.leave_in_incoming(come)
        assert receiver.sweep(120).status == 0
        assert not receiver.on_disk()
        known |= {one.uid for one in come}
        assert made_of(receiver) == (len(known),) * 3


# The store is away


def wait_for_reason(rig: ReceiverRig) -> None:
    wait_until(lambda: rig.record("SELECT 1 FROM receiver WHERE store_reason <> ''"), "the store's trouble")


def test_while_the_store_cannot_be_used_nothing_is_deleted(receiver: ReceiverRig) -> None:
    away = receiver.folder / "away"
    away.write_text("a file where the store's folder is to be")
    receiver.configure(MetadataStore=f"sqlite:///{away}/records.sqlite")
    running = receiver.receive()
    receiver.send(SOME)
    ended = receiver.sweep()
    assert ended.status == 75, ended
    assert len(receiver.waiting()) == len(SOME)
    wait_for_reason(receiver)
    assert str(away) in receiver.status()["receiver"]["store_reason"]
    assert str(away) in receiver.status_text()
    receiver.clock.forward(24)
    wait_until(lambda: "Nightly deletion: 0 images" in receiver.log(), "the nightly hour")
    late = series_of(3, 1, 2)
    receiver.send(late)
    wait_until(lambda: len(receiver.waiting()) == len(SOME) + len(late), "what came meanwhile")
    away.unlink()
    wait_until((away / "records.sqlite").exists, "the store", seconds=60)
    assert receiver.sweep().status == 0
    assert not receiver.on_disk()
    with closing(open_store(f"sqlite:///{away}/records.sqlite")) as store:
        assert sum(int(str(one["instances"])) for one in store.records("default")) == len(SOME) + len(late)
    assert receiver.log().count("Images stay until it can") == 1
    assert "can be used again" in receiver.log()
    stop(running)


def test_a_sweep_without_a_receiver_tells_that_the_store_cannot_be_used(receiver: ReceiverRig) -> None:
    away = receiver.folder / "away"
    away.write_text("")
    receiver.configure(MetadataStore=f"sqlite:///{away}/records.sqlite")
    receiver.leave_in_incoming(SOME)
    ended = receiver.sweep()
    assert (ended.status, ended.err.count("the metadata store cannot be used")) == (75, 1)
    assert len(receiver.on_disk()) == len(SOME)


def test_another_store_is_filled_from_the_journal(receiver: ReceiverRig) -> None:
    receiver.leave_in_incoming(SOME)
    assert receiver.sweep().status == 0
    assert not receiver.on_disk()
    records = receiver.private / "metadata.sqlite"
    records.rename(receiver.private / "lost.sqlite")
    receiver.configure(MetadataStore=f"sqlite:///{records}")
    assert receiver.sweep().status == 0
    assert receiver.stored() == counted(SOME)


def test_a_store_that_is_lost_or_replaced_by_an_older_copy_is_filled_again_before_images_go(
    receiver: ReceiverRig,
) -> None:
    receiver.clock.to_hour(21)
    more, most = series_of(3, 1, 2), series_of(4, 1, 2)
    store, copy = receiver.private / "metadata.sqlite", receiver.folder / "copy.sqlite"
    running = receiver.receive()
    receiver.send(SOME)
    receiver.wait_for_stored(counted(SOME))
    for file in receiver.private.glob("metadata.sqlite*"):
        file.unlink()
    receiver.send(more)
    assert receiver.sweep().status == 0
    assert not receiver.on_disk()
    assert receiver.stored() == counted([*SOME, *more])
    stop(running)
    shutil.copy(store, copy)
    running = receiver.receive()
    receiver.send(most)
    receiver.wait_for_stored(counted([*SOME, *more, *most]))
    stop(running)
    copy.replace(store)
    running = receiver.receive()
    assert receiver.sweep().status == 0
    assert not receiver.on_disk()
    assert receiver.stored() == counted([*SOME, *more, *most])
    assert receiver.log().count("was lost or is an older copy") == 2
    stop(running)


# Deaths


def test_it_may_die_at_any_step(receiver: ReceiverRig) -> None:
    stop(receiver.receive())  # the first start has renames of its own
    acknowledged: list[str] = []
    sent: list[Sent] = []
    for study, failpoint in enumerate(FAILPOINTS, start=1):
        receiver.environment["NIFFLER_FAILPOINT"] = failpoint
        running = receiver.launch()
        wait_until(lambda: running.ended or receiver.echoes(), "its death at what waits, or that it listens")  # noqa: B023 - at once
        batch = [*series_of(study, 1, 5), *series_of(study, 2, 3)]
        sent += batch
        acknowledged += receiver.send(batch)
        receiver.environment.pop("NIFFLER_FAILPOINT")
        receiver.launch("--sweep")
        ended = running.end(20)
        assert ended.status == -signal.SIGKILL, f"{failpoint}: {ended}"
        receiver.end_all()
        check_invariant(receiver, acknowledged)
    running = receiver.receive()
    receiver.send([one for one in sent if one.uid not in acknowledged])
    assert receiver.sweep().status == 0
    assert receiver.stored() == counted(sent)
    assert not receiver.on_disk()
    assert not list((receiver.private / "leaving").iterdir())
    stop(running)


def test_it_may_die_before_and_after_it_has_handed_images_on(receiver: ReceiverRig) -> None:
    receiver.configure(PassOn=["png"])
    for number, failpoint in enumerate(("recorded", "deleted")):
        receiver.leave_in_incoming(series_of(1, 1, 1, first=number))
        receiver.environment["NIFFLER_FAILPOINT"] = failpoint
        assert receiver.sweep().status == -signal.SIGKILL
        receiver.wait_for_no_process()
    receiver.environment.pop("NIFFLER_FAILPOINT")
    receiver.leave_in_incoming(series_of(1, 1, 1, first=2))
    assert receiver.sweep().status == 0
    assert made_of(receiver) == (3, 0, 3)
    failures = (receiver.folder / "received-deidentified" / "failures.csv").read_text()
    assert len(failures.splitlines()) == 1, "a file that has just gone is no failure"
    assert not receiver.on_disk()


@pytest.mark.timeout(600)
def test_killed_at_random_through_cycles_every_instance_is_in_a_record_or_on_the_disk(
    receiver: ReceiverRig,
) -> None:
    chance = random.Random(SEED)
    acknowledged: list[str] = []
    sent: list[Sent] = []
    for cycle in range(1, CYCLES + 1):
        receiver.receive()
        batch = [*series_of(cycle, 1, 12), *itertools.chain(*(series_of(cycle, n, 1) for n in range(2, 14)))]
        sent += batch
        told: list[str] = []
        gone = receiver.counts().get("deleted", 0)
        thread = sending(receiver, encoded(batch), told)
        time.sleep(chance.uniform(0.0, 0.7))
        write_private(receiver.private / "control" / f"sweep-{cycle}.asked", b"")  # store and delete, now
        if cycle % 4 == 0:  # also on a slow machine some have gone before it is killed
            thread.join()
            write_private(receiver.private / "control" / f"sweep-{cycle}-again.asked", b"")
            wait_until(lambda gone=gone: receiver.counts()["deleted"] > gone, "the first deletion")  # type: ignore[misc]
        time.sleep(chance.uniform(0.0, 2.0))  # the instant itself is what is to be at random
        receiver.end_all()
        thread.join()
        acknowledged += told
        check_invariant(receiver, acknowledged)
    running = receiver.receive()
    receiver.send([one for one in sent if one.uid not in set(acknowledged)])
    assert receiver.sweep().status == 0
    assert receiver.stored() == counted(sent)
    assert not receiver.on_disk()
    stop(running)


def test_storescp_comes_back_again_and_again(receiver: ReceiverRig) -> None:
    running = receiver.receive()
    hanging = storescp_of(receiver)
    os.kill(hanging, signal.SIGSTOP)
    wait_until(lambda: hanging not in alive(receiver), "its end")
    wait_until(receiver.echoes, "its return", seconds=BACK_WITHIN)
    for _ in range(6):
        os.kill(storescp_of(receiver), signal.SIGKILL)
        begun = time.monotonic()
        wait_until(lambda: not receiver.echoes(), "its end")
        wait_until(lambda: running.ended or receiver.echoes(), "its return")
        assert time.monotonic() - begun < BACK_WITHIN
    running.kill()
    begun = time.monotonic()
    time.sleep(RESTARTED_AFTER)
    running = receiver.receive()
    assert time.monotonic() - begun < RESTARTED_AFTER + BACK_WITHIN
    assert len(receiver.send(SOME)) == len(SOME)
    receiver.wait_for_stored(counted(SOME))
    stop(running)


OTHER_USER = 54_321  # whom the kernel lets have so many processes and threads, which root may always have
ALMOST_ROOT = "+dac_override,+dac_read_search,+fowner,+chown"
AS_OTHER_USER = (
    *("setpriv", f"--reuid={OTHER_USER}", "--clear-groups"),
    *(f"--inh-caps={ALMOST_ROOT}", f"--ambient-caps={ALMOST_ROOT}"),
)


MOST_PROCESSES = 100
CROWD = f"""
import threading, time
for _ in range({MOST_PROCESSES}):
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
print("there", flush=True)
time.sleep(600)
"""


@contextlib.contextmanager
def crowd() -> Iterator[None]:
    """As many threads of the other user as a receiver of his may see."""
    with subprocess.Popen([*AS_OTHER_USER, sys.executable, "-c", CROWD], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        try:
            yield
        finally:
            process.kill()


def other_user_can_run_it() -> bool:
    """Whether another user may, who has no right of its own to our Python below a private home."""
    if os.getuid() != 0 or shutil.which("setpriv") is None:
        return False
    look = f"import os, sys; sys.exit(not os.access({sys.executable!r}, os.X_OK))"
    return subprocess.run([*AS_OTHER_USER, sys.executable, "-c", look], check=False).returncode == 0


@pytest.mark.skipif(
    not other_user_can_run_it(), reason="run the tests as root, by setpriv, with a Python that all may run"
)
def test_a_machine_that_has_no_process_left_is_waited_for_and_nothing_is_lost(receiver: ReceiverRig) -> None:
    receiver.configure(PassOn=["png"])
    running = receiver.launch(before=("prlimit", f"--nproc={MOST_PROCESSES}", *AS_OTHER_USER))
    receiver.wait_for_listening(running)
    receiver.send(SOME[:3])
    receiver.wait_for_stored(counted(SOME[:3]))
    with crowd():
        os.kill(storescp_of(receiver), signal.SIGKILL)
        for reader in readers_of(running):
            os.kill(reader, signal.SIGKILL)
        receiver.leave_in_incoming(SOME[3:])
        for trouble in ("storescp cannot be started and is tried again", "Readers cannot be started"):
            wait_until(lambda: trouble in receiver.log(), trouble)  # noqa: B023 - at once
        time.sleep(3)
        assert not running.ended
        assert receiver.status()["receiver"]["state"] == "running"
    begun = time.monotonic()
    wait_until(receiver.echoes, "its return")
    assert time.monotonic() - begun < BACK_WITHIN
    assert receiver.launch("--sweep", before=AS_OTHER_USER).end(120).status == 0
    assert receiver.stored() == counted(SOME)
    assert not receiver.on_disk()
    assert len(list((receiver.folder / "received-deidentified").rglob("*.png"))) == len(SOME)
    for trouble in ("storescp cannot be started", "Readers cannot be started"):
        assert receiver.log().count(trouble) == 1
    stop(running)


def test_what_storescp_was_writing_when_it_was_killed_does_not_stay_for_ever(receiver: ReceiverRig) -> None:
    part = receiver.private / "incoming" / "1.2.300000000000000001.part"
    make_private_folder(part.parent)
    part.write_bytes(b"half")
    part.chmod(0o600)
    os.utime(part, (time.time() - 86400, time.time() - 86400))
    running = receiver.receive()
    assert receiver.sweep().status == 0
    assert not part.exists()
    stop(running)


# How it starts and ends


def test_a_signal_ends_it_in_order_also_while_it_receives(receiver: ReceiverRig) -> None:
    running = receiver.receive()
    told: list[str] = []
    many = copies(1, 1, 16_000)
    thread = sending(receiver, many, told)
    wait_until(lambda: receiver.counts().get("received", 0) > 20, "the first instances")
    stop(running)
    thread.join()
    receiver.wait_for_no_process()
    assert receiver.status()["receiver"]["state"] == "stopped"
    assert 0 < len(told) < len(many)
    check_invariant(receiver, told)
    assert receiver.sweep().status == 0
    assert sum(receiver.stored().values()) >= len(told)


def test_readers_that_hang_do_not_keep_it_from_ending(receiver: ReceiverRig) -> None:
    running = receiver.receive()
    receiver.send(SOME)
    receiver.wait_for_stored(counted(SOME))
    readers = readers_of(running)
    assert readers
    for reader in readers:
        os.kill(reader, signal.SIGSTOP)
    receiver.send(series_of(9, 1, 5))
    time.sleep(1)
    stop(running)
    assert len(receiver.on_disk()) == len(SOME) + 5


def test_a_signal_ends_a_sweep_too(receiver: ReceiverRig) -> None:
    stop(receiver.receive())
    receiver.leave_in_incoming(series_of(1, 1, 800))
    running = receiver.launch("--sweep")
    wait_until(lambda: receiver.counts().get("received", 0) > 0, "the first instances")
    running.signal(signal.SIGTERM)
    begun = time.monotonic()
    ended = running.end(60)
    assert ended.status != 0, ended
    assert time.monotonic() - begun < STOPS_WITHIN


def test_a_second_receiver_and_a_stranger_on_the_port(receiver: ReceiverRig) -> None:
    told = receiver.folder / "told.json"
    receiver.configure(NotifyCommand=["/usr/bin/tee", str(told)])
    with socket.create_server(("127.0.0.1", receiver.port)):
        ended = receiver.launch().end(30)
        assert ended.status == 69, ended
        assert str(receiver.port) in ended.err
    notice = json.loads(told.read_bytes())
    assert (notice["cause"], notice["exit_status"]) == ("failure", 69)
    assert str(receiver.port) in notice["reason"]
    receiver.configure()
    running = receiver.receive()
    ended = receiver.launch().end(30)
    assert ended.status == 75, ended
    storage = receiver.storage
    receiver.configure(StorageFolder="another")
    ended = receiver.launch().end(30)
    assert ended.status == 75, ended
    receiver.configure(StorageFolder="another", QueryAet=f"OTHER:{receiver.port}")
    ended = receiver.launch().end(30)
    assert ended.status == 75, ended
    receiver.configure(StorageFolder="another")
    receiver._storages.add(storage)
    stop(running)


def test_a_stranger_on_one_of_two_ports_does_not_keep_the_other_from_receiving(receiver: ReceiverRig) -> None:
    other = receiver.other_port
    receiver.configure(QueryAet=[f"NIFFLER:{other}", f"NIFFLER:{receiver.port}"])
    with socket.create_server(("127.0.0.1", other)):
        running = receiver.receive()
        receiver.send(SOME)
        receiver.wait_for_stored(counted(SOME))
        assert f"port {other} is taken by" in receiver.log()
    wait_until(lambda: receiver.echoes(other), "the port that is free again")
    stop(running)


def test_a_wrong_configuration_is_told_at_once_and_starts_nothing(receiver: ReceiverRig) -> None:
    receiver.configure(DeleteHour=24, SetleMinutes=5, PassOn=["jpeg"], QueryAet="NIFFLER")
    ended = receiver.launch().end(30)
    assert ended.status == 78, ended
    for key in ("DeleteHour", "SetleMinutes", "SettleMinutes", "PassOn", "QueryAet"):
        assert key in ended.err
    assert not receiver.storage.exists()
    (receiver.folder / "meta.json").unlink()
    assert receiver.launch().end(30).status == 78


@pytest.mark.parametrize(("options", "status"), [((), 0), (("--sweep",), 75)])
def test_a_signal_before_anything_was_begun_ends_it_in_order(
    receiver: ReceiverRig, options: tuple[str, ...], status: int
) -> None:
    running = receiver.launch(*options)
    wait_for_first_line(running.pid, "niffler-meta")
    running.signal(signal.SIGTERM)
    ended = running.end(STOPS_WITHIN)
    assert ended.status == status, ended


def test_systemd_is_told_that_it_is_ready_alive_and_stopping(receiver: ReceiverRig) -> None:
    address = receiver.folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(address))
        channel.settimeout(20)
        receiver.environment |= {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "400000"}
        running = receiver.launch()
        seen: list[str] = []
        while seen.count("WATCHDOG=1") < 5 or "READY=1" not in seen:
            seen.append(channel.recv(4096).decode())
        assert receiver.echoes()
        running.signal(signal.SIGTERM)
        while seen[-1] != "STOPPING=1":
            seen.append(channel.recv(4096).decode())
        assert running.end(STOPS_WITHIN).status == 0
    assert seen.count("READY=1") == 1


def test_whoever_asked_to_be_told_and_does_not_listen_holds_nothing_up(receiver: ReceiverRig) -> None:
    address = receiver.folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(address))
        receiver.environment |= {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "2000"}
        running = receiver.receive()
        time.sleep(3)
        receiver.send(SOME)
        assert receiver.sweep(30).status == 0
        stop(running)


# What is shown


def test_the_status_of_one_with_two_ports_that_runs_was_stopped_and_crashed(receiver: ReceiverRig) -> None:
    other, half = receiver.other_port, len(SOME) // 2
    receiver.configure(QueryAet=[f"NIFFLER:{receiver.port}", f"NIFFLER:{other}"])
    running = receiver.receive()
    wait_until(lambda: receiver.echoes(other), "the second port")
    receiver.send(SOME[:half], calling="CTROOM1")
    receiver.send(SOME[half:], port=other, calling="MRROOM1")
    receiver.wait_for_stored(counted(SOME))
    children = psutil.Process(running.pid).children(recursive=True)
    commands = [text for process in children for text in process.cmdline()]
    wait_until(lambda: receiver.record("SELECT 1 FROM receiver WHERE unstored = 0 AND rate > 0"), "a rate")
    status = receiver.status()
    assert status["receiver"]["state"] == "running"
    assert status["receiver"]["local_entities"] == [f"NIFFLER:{receiver.port}", f"NIFFLER:{other}"]
    assert status["instances"] == {"received": len(SOME), "repeated": 0}
    assert status["backlog"] == {
        "unread_files": 0,
        "unstored_series": 0,
        "lag_seconds": pytest.approx(0, abs=0.1),
    }
    assert status["waiting"]["files"] == len(SOME)
    assert status["bytes_received"] == status["waiting"]["bytes"] > 0
    sources = [(source["aet"], source["instances"], source["silent"]) for source in status["sources"]]
    assert sources == [("CTROOM1", half, False), ("MRROOM1", len(SOME) - half, False)]
    roles = {process["role"]: process for process in status["processes"]}
    assert roles["supervisor"] == {"role": "supervisor", "pid": running.pid, "alive": True, "restarts": 0}
    assert roles["storescp"]["alive"]
    text = receiver.status_text()
    assert "running" in text
    assert "From CTROOM1" in text
    for told in (*commands, json.dumps(status), text, receiver.log(), running.output()):
        assert not [secret for secret in (*receiver.identifiers, ROOT_UID) if secret in told]
    running.kill()
    receiver.wait_for_no_process()
    status = receiver.status()
    assert status["receiver"]["state"] == "crashed"
    assert not any(process["alive"] for process in status["processes"])
    assert "crashed" in receiver.status_text()
    running = receiver.receive()
    assert receiver.status()["receiver"]["state"] == "running"
    stop(running)
    status = receiver.status()
    assert status["receiver"]["state"] == "stopped"
    assert not any(process["alive"] for process in status["processes"])


def test_the_doctor_examines_one_that_runs_by_its_meta_json(receiver: ReceiverRig) -> None:
    def findings(*options: object, status: int = 0) -> list[dict[str, str]]:
        arguments = ("--meta", receiver.folder / "meta.json", "--json", *options)
        ended = receiver.start(*arguments, command="niffler-doctor", config=False).end()
        assert ended.status == status, ended
        found: list[dict[str, str]] = json.loads(ended.out)
        return found

    def text_of(found: list[dict[str, str]], check: str) -> str:
        return "\n".join(finding["text"] for finding in found if finding["check"] == check)

    running = receiver.receive()
    receiver.send(SOME)
    receiver.wait_for_stored(counted(SOME))
    found = findings("--clean", "--yes")
    assert "it answers C-ECHO" in text_of(found, "port")
    assert "a receiver that runs" in text_of(found, "port")
    assert "exit status 75" not in text_of(found, "locks")
    assert "holds records" in text_of(found, "store")
    assert f"running; {len(SOME)} instances received" in text_of(found, "receiver")
    assert receiver.echoes(), "nothing that lives is cleaned"
    os.kill(storescp_of(receiver), signal.SIGSTOP)
    assert "C-ECHO" in text_of(findings(status=1), "port")
    os.kill(storescp_of(receiver), signal.SIGCONT)
    running.kill()
    receiver.wait_for_no_process()
    found = findings()
    assert "is free" in text_of(found, "port")
    assert "supervisor is gone" in text_of(found, "receiver")
    (receiver.private / "pseudonym.key").rename(receiver.folder / "kept.key")
    assert "pseudonym key is missing" in text_of(findings(status=1), "receiver")
    assert not [secret for secret in receiver.identifiers if secret in json.dumps(found)]


# Room on the disk


def test_below_min_free_disk_stored_images_go_at_any_hour_and_no_others(receiver: ReceiverRig) -> None:
    away = receiver.folder / "away"
    away.write_text("")
    receiver.configure(
        MinFreeDisk="100000 GB", KeepImagesHours=48, MetadataStore=f"sqlite:///{away}/records.sqlite"
    )
    running = receiver.receive()
    receiver.send(SOME)
    wait_until(lambda: receiver.counts().get("received") == len(SOME), "all that was sent")
    wait_until(lambda: receiver.status()["receiver"]["pressure"], "the pressure to be told")
    assert "MinFreeDisk" in receiver.status_text()
    time.sleep(12)
    assert len(receiver.on_disk()) == len(SOME)
    away.unlink()
    wait_until(lambda: receiver.counts()["deleted"] == len(SOME), "room to be made", seconds=60)
    stop(running)
    log = receiver.log()
    assert log.index("disk is filling") < log.index("To make room")
    assert log.count("To make room") <= 3


def test_a_full_disk_is_given_room_by_deleting_what_is_stored(
    receiver: ReceiverRig, small_disk: Path
) -> None:
    receiver.configure(StorageFolder=str(small_disk / "received"), MinFreeDisk="4 MB", KeepImagesHours=48)
    running = receiver.receive()
    receiver.send(SOME)
    receiver.wait_for_stored(counted(SOME))
    wait_until(lambda: receiver.counts()["received"] == len(SOME), "the count")
    fill(small_disk, leave=0)
    with contextlib.suppress(AssertionError):
        wait_until(lambda: running.ended or not receiver.waiting(), "its end, or room", seconds=15)
    if running.ended:  # systemd starts it again
        running = receiver.launch()
    wait_until(lambda: not receiver.waiting(), "room to be made", seconds=10)
    stop(running)


# Several


def test_two_receivers_feed_one_store_with_the_same_pseudonyms(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    with receiver_rig(tmp_path / "one") as one, receiver_rig(tmp_path / "other") as other:
        shared = {
            "MetadataStore": f"sqlite:///{tmp_path}/records.sqlite",
            "PseudonymKey": str(tmp_path / "pseudonym.key"),
        }
        for rig in (one, other):
            rig.configure(**shared)
        both = [(one, one.receive()), (other, other.receive())]
        for rig, studies in ((one, (1, 3)), (other, (2, 3))):
            rig.send([sent for study in studies for sent in series_of(study, 1 + (rig is one), 40)])
        for rig, running in both:
            assert rig.sweep().status == 0
            assert not rig.on_disk()
            stop(running)
        with closing(open_store(shared["MetadataStore"])) as store:
            records = list(store.records("default"))
    assert [record["instances"] for record in records] == [40] * 4
    assert len({record["StudyInstanceUID"] for record in records}) == 3, "one study came to both"


def test_the_memory_of_the_main_process_does_not_grow(receiver: ReceiverRig) -> None:
    running = receiver.receive()
    process = psutil.Process(running.pid)
    sizes = []
    for study in range(1, 5):
        data_sets = itertools.chain(*(copies(study, number, 100) for number in range(1, 6)))
        assert len(transmit(data_sets, port=receiver.port, called="NIFFLER")) == 500
        wait_until(lambda: receiver.counts()["received"] == study * 500, "all that was sent")  # noqa: B023
        assert receiver.sweep().status == 0
        sizes.append(process.memory_info().rss)
    assert sizes[-1] - sizes[0] < 6e6, sizes
    stop(running)


@pytest.mark.parametrize("receives_on", [pytest.param("mongodb", marks=needs_mongodb)])
def test_a_store_that_is_killed_and_comes_back_misses_nothing(
    receiver: ReceiverRig, receives_on: str
) -> None:
    with server(receiver.folder) as store:
        url = f"{store.url}/{receives_on}?serverSelectionTimeoutMS=500"
        receiver.configure(MetadataStore=url)
        running = receiver.receive()
        receiver.send(SOME[:5])
        assert receiver.sweep().status == 0
        assert not receiver.on_disk()
        store.kill()
        receiver.send(SOME[5:])
        ended = receiver.sweep()
        assert ended.status == 75, ended
        assert len(receiver.on_disk()) == len(SOME) - 5
        store.start()
        wait_until(lambda: receiver.sweep().status == 0, "the store to be used again", seconds=90)
        assert not receiver.on_disk()
        stop(running)
