"""niffler-insight names clocks and says how scanners are used, from a store as the receiver fills it."""

import csv
import os
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from niffler_ops.metadata import Record, open_store
from tests.support.processes import ROOT
from tests.unit.insight.series import record


def insight(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command, without a store in the environment."""
    environment = {name: value for name, value in os.environ.items() if name != "MONGO_URI"}
    return subprocess.run(
        [ROOT / "bin" / "niffler-insight", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=environment,
    )


def of_scanner(serial: str, offsets: list[float]) -> list[Record]:
    """Ten exams of a minute and a half, one begun every three minutes, each received a few seconds later."""
    return [
        record(
            600 + number * 3,
            601.5 + number * 3,
            received=601.6 + number * 3,
            fast=fast,
            PatientID=f"P{number}",
            StudyInstanceUID=f"2.25.{serial}.{number}",
            DeviceSerialNumber=serial,
            StationName=f"=CT{serial}",
        )
        for number, fast in enumerate(offsets)
    ]


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Five scanners, one 40 minutes fast, and one that steps by an hour."""
    url = f"sqlite:///{tmp_path}/store.sqlite"
    offsets = {
        "1": [0.0] * 10,
        "2": [40.0] * 10,
        "3": [0.0] * 5 + [60.0] * 5,
        "4": [0.0] * 10,
        "5": [0.0] * 10,
    }
    with closing(open_store(url)) as made:
        for serial, fast in offsets.items():
            made.upsert("default", of_scanner(serial, fast))
    return url


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_wrong_clocks_are_named_within_a_minute(store: str, tmp_path: Path) -> None:
    path, page = tmp_path / "clocks.csv", tmp_path / "clocks.html"
    done = insight("clocks", "--store", store, "--csv", path, "--html", page)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    lines = [(line["device_serial_number"], float(line["offset_minutes"])) for line in table(path)]
    assert [serial for serial, _ in lines] == ["3", "3", "2", "1", "4", "5"]
    assert [offset for _, offset in lines] == pytest.approx([0, 60, 40, 0, 0, 0], abs=1)
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert all(path.stat().st_mode & 0o077 == 0 for path in (path, page))


def test_utilization_is_what_it_is_by_hand(store: str, tmp_path: Path) -> None:
    path, chosen = tmp_path / "used.csv", tmp_path / "scanners.txt"
    chosen.write_text("1\n")
    done = insight("utilization", "--store", store, "--date", "20260304", "--scanners", chosen, "--csv", path)
    assert done.returncode == 0, done.stderr
    (line,) = table(path)
    assert line["station_name"] == "'=CT1"
    assert (line["exams"], line["encounters"], float(line["on_minutes"])) == ("10", "10", 28.5)
    assert float(line["utilization_percent"]) == pytest.approx(100 * 15 / 28.5, abs=0.01)


def test_scanners_on_a_terminal(store: str) -> None:
    done = insight("scanners", "--store", store)
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == ["1", "2", "3", "4", "5"]


def test_a_day_without_series_is_an_empty_table(store: str, tmp_path: Path) -> None:
    path = tmp_path / "used.csv"
    done = insight("utilization", "--store", store, "--date", "20250101", "--csv", path)
    assert (done.returncode, done.stderr) == (0, "No series on these days.\n")
    assert path.read_text().startswith("date,device_serial_number,station_name,modality,start,end,on_minutes")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((), 64),
        (("clocks",), 64),
        (("clocks", "--store", "STORE", "--date", "20261340"), 64),
        (("clocks", "--store", "STORE", "--from", "20260305", "--to", "20260304"), 64),
        (("clocks", "--store", "STORE", "--zone", "Nowhere/City"), 64),
        (("utilization", "--store", "sqlite:////nowhere/store.sqlite"), 66),
        (("utilization", "--store", "STORE", "--collection", "other"), 66),
        (("utilization", "--store", "STORE", "--scanners", "/nowhere/list"), 66),
        (("utilization", "--store", "STORE", "--csv", "/nowhere/used.csv"), 73),
        (("utilization", "--store", "mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=200"), 75),
        (("utilization", "--store", "somewhere"), 64),
    ],
)
def test_exit_statuses(store: str, arguments: tuple[str, ...], status: int) -> None:
    done = insight(*(store if argument == "STORE" else argument for argument in arguments))
    assert done.returncode == status
    assert done.stderr.startswith("niffler-insight: ")
    assert "Traceback" not in done.stderr
