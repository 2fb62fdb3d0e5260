"""A morning's stream into either store: records, clocks, utilization, and no image left."""

import csv
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, nullcontext
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from niffler_ops.metadata import Record, open_store
from tests.support.hospital import (
    EVERY,
    INSTANCES,
    ROUNDS,
    SCANNERS,
    Acquired,
    of_round,
    send_side_by_side,
)
from tests.support.mongodb import database_url, needs_mongodb
from tests.support.processes import ROOT, wait_until
from tests.support.receiving import ReceiverRig, receiver_rig, stop

IMAGES = SCANNERS * ROUNDS * INSTANCES


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty store."""
    sqlite = nullcontext(f"sqlite:///{tmp_path}/records.sqlite")
    with sqlite if request.param == "sqlite" else database_url(tmp_path) as url:
        yield url


@pytest.mark.parametrize("store", ["sqlite", pytest.param("mongodb", marks=needs_mongodb)], indirect=True)
def test_a_morning_is_recorded_and_told_right_and_its_images_go(store: str, tmp_path: Path) -> None:
    with receiver_rig(tmp_path) as rig:
        rig.configure(MetadataStore=store, DeleteHour=12, SettleMinutes=10)
        rig.clock.to_hour(6)
        start = rig.clock.now().replace(minute=30, second=0, microsecond=0)
        running = rig.receive()
        sent = list(stream(rig, start))
        wait_until(lambda: all_stored(store), "every instance in a record", seconds=60)
        assert len(rig.waiting()) == IMAGES
        rig.clock.to_hour(12)
        wait_until(lambda: rig.counts()["deleted"] == IMAGES, "the nightly deletion", seconds=60)
        assert not rig.on_disk()
        assert rig.counts()["repeated"] == 0
        stop(running)
        check_records(records_of(store), sent, rig)
    check_clocks(store, tmp_path / "clocks.csv")
    check_utilization(store, tmp_path / "used.csv", start)


def stream(rig: ReceiverRig, start: datetime) -> Iterator[Acquired]:
    """Round by round, the receiver's clock going along."""
    for number in range(ROUNDS):
        rig.clock.to(start + number * EVERY)
        made = of_round(number, start)
        assert send_side_by_side(made, port=rig.port, called="NIFFLER") == SCANNERS * INSTANCES
        expected = (number + 1) * SCANNERS * INSTANCES
        wait_until(lambda: rig.counts()["received"] == expected, "what was sent", seconds=60)  # noqa: B023
        yield from made


def records_of(store: str) -> list[Record]:
    with closing(open_store(store)) as opened:
        return list(opened.records("default"))


def all_stored(store: str) -> bool:
    return sum(int(str(record["instances"])) for record in records_of(store)) == IMAGES


def check_records(records: list[Record], sent: list[Acquired], rig: ReceiverRig) -> None:
    """Counts, times and pseudonyms of each series."""
    assert not [secret for secret in rig.identifiers if secret in json.dumps(records)]
    originals = rig.originals()
    by_uid = {originals[str(record["_id"])]: record for record in records}
    assert by_uid.keys() == {one.uid for one in sent}
    for one in sent:
        record, times = by_uid[one.uid], one.times()
        assert record["instances"] == INSTANCES
        assert record["DeviceSerialNumber"] == f"SN{one.scanner}"
        first, last = (moment.strftime("%Y-%m-%dT%H:%M:%S.000") for moment in (times[0], times[-1]))
        assert (record["first_acquisition"], record["last_acquisition"]) == (first, last)
        received = [datetime.fromisoformat(str(record[f"{end}_received"])) for end in ("first", "last")]
        assert one.ends <= received[0] <= received[1] < one.ends + EVERY
    pseudonyms = {(one.patient, by_uid[one.uid]["PatientID"]) for one in sent}
    assert len(pseudonyms) == len({one.patient for one in sent}) == SCANNERS * ROUNDS - 1


def check_clocks(store: str, path: Path) -> None:
    """The scanner that steps, the one that is fast, and three that are right."""
    lines = [
        (line["device_serial_number"], float(line["offset_minutes"])) for line in told("clocks", store, path)
    ]
    assert [serial for serial, _ in lines[:3]] == ["SN2", "SN2", "SN1"]
    assert {serial for serial, _ in lines[3:]} == {"SN0", "SN3", "SN4"}
    assert [offset for _, offset in lines] == pytest.approx([0, 60, 40, 0, 0, 0], abs=1)


def check_utilization(store: str, path: Path, start: datetime) -> None:
    """Ten exams of 99 times 6 s in 9 times half an hour and one exam; on SN0 one is of 99 times 15 s.

    That one begins five minutes after the same patient's exam before, so the two are one encounter.
    """
    lines = {line["device_serial_number"]: line for line in told("utilization", store, path)}
    assert {line["date"] for line in lines.values()} == {f"{start:%Y-%m-%d}"}
    on, of_an_exam = 9 * 30 + 9.9, 9.9
    of_both = (timedelta(minutes=30 + 10) - timedelta(seconds=15)).total_seconds() / 60
    by_hand = {
        "SN0": (on, 8 * of_an_exam + of_both, 10, 9),
        "SN1": (on, 10 * of_an_exam, 10, 10),
        "SN2": (on + 60, 10 * of_an_exam, 10, 10),
        "SN3": (on, 10 * of_an_exam, 10, 10),
        "SN4": (on, 10 * of_an_exam, 10, 10),
    }
    assert lines.keys() == by_hand.keys()
    for serial, (on_minutes, active_minutes, exams, encounters) in by_hand.items():
        line = lines[serial]
        assert float(line["on_minutes"]) == pytest.approx(on_minutes, abs=0.01)
        assert float(line["active_minutes"]) == pytest.approx(active_minutes, abs=0.01)
        assert float(line["utilization_percent"]) == pytest.approx(
            100 * active_minutes / on_minutes, abs=0.01
        )
        assert (int(line["exams"]), int(line["encounters"])) == (exams, encounters)


def told(analysis: str, store: str, path: Path) -> list[dict[str, str]]:
    """What niffler-insight writes."""
    command = [str(ROOT / "bin" / "niffler-insight"), analysis, "--store", store, "--csv", str(path)]
    environment = {**os.environ, "TZ": "UTC"}
    subprocess.run(command, check=True, timeout=120, env=environment)
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
