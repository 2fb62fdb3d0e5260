"""Disk, file systems and clock."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from niffler_ops.doctor.findings import Result
from niffler_ops.doctor.machine import check_clock, check_disk, check_file_systems
from tests.support.clock import FakeClock
from tests.unit.doctor.conftest import Configure


def test_room_is_told_where_the_folder_will_be_made(configure: Configure, tmp_path: Path) -> None:
    (finding,) = check_disk(configure(MinFreeDisk="1 MB"))
    assert finding.result is Result.OK
    assert str(tmp_path / "study") in finding.text
    assert "GB are free" in finding.text
    assert not (tmp_path / "study").exists()


def test_less_than_min_free_disk_is_a_failure_in_both_folders(configure: Configure) -> None:
    found = list(check_disk(configure(MinFreeDisk="90000000 GB", LedgerFolder="ledgers")))
    assert [finding.result for finding in found] == [Result.FAILURE] * 2
    assert "MinFreeDisk" in found[0].text
    assert "LedgerFolder" in found[1].text


def test_a_file_in_the_way_is_a_failure(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "study").write_text("mine")
    (finding,) = check_disk(configure())
    assert finding.result is Result.FAILURE
    assert "is no folder" in finding.text


def test_a_folder_in_which_others_may_write_is_a_failure(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study").chmod(0o777)
    (finding,) = check_disk(configure())
    assert finding.result is Result.FAILURE
    assert "everybody may write there too" in finding.text


def test_a_folder_that_cannot_be_written_is_a_failure(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the system says, which lets root write everywhere."""
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    (finding,) = check_disk(configure())
    assert finding.result is Result.FAILURE
    assert "cannot be written" in finding.text


@pytest.mark.parametrize(
    ("mounted", "keys", "results"),
    [
        ("nowhere", {}, [Result.OK]),
        ("study", {}, [Result.FAILURE]),
        ("study", {"LedgerFolder": "local"}, [Result.OK]),
        ("local", {"LedgerFolder": "local"}, [Result.FAILURE]),
        ("locks", {}, [Result.WARNING, Result.OK]),
    ],
)
def test_ledger_and_locks_want_a_local_disk(
    configure: Configure,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mounted: str,
    keys: dict[str, str],
    results: list[Result],
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"1 0 0:1 / / rw - ext4 disk rw\n2 1 0:2 / {tmp_path / mounted} rw - nfs4 server:/ rw\n"
    )
    monkeypatch.setenv("NIFFLER_MOUNTS", str(mounts))
    monkeypatch.setenv("NIFFLER_RUNTIME", str(tmp_path / "locks"))
    assert [finding.result for finding in check_file_systems(configure(**keys))] == results
    assert [finding.result for finding in check_file_systems(None)] == [
        result for result in results if result is Result.WARNING
    ]


class Set(FakeClock):
    """A clock that was set."""

    def __init__(self, year: int) -> None:
        super().__init__()
        self._now = datetime(year, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("year", "result"),
    [(1970, Result.FAILURE), (2023, Result.FAILURE), (2026, Result.OK), (2106, Result.FAILURE)],
)
def test_an_implausible_year_is_a_failure(year: int, result: Result) -> None:
    (finding,) = check_clock(None, Set(year))
    assert finding.result is result
    assert finding.text.startswith(str(year))
    assert "(UTC+" in finding.text or "(UTC-" in finding.text


def test_the_hours_of_the_night_are_told_with_the_zone_they_count_in(configure: Configure) -> None:
    (finding,) = check_clock(configure(NightlyOnly="True", StartHour=19, EndHour=7), Set(2026))
    assert "from 19 to 7 o'clock" in finding.text
    (finding,) = check_clock(configure(), Set(2026))
    assert "o'clock" not in finding.text
