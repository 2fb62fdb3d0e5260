"""The page, the metrics and the live view of a receiver."""

import asyncio
import json
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from niffler_ops.cli.status import main
from niffler_ops.clock import SystemClock, timestamp
from niffler_ops.files import make_private_folder
from niffler_ops.metadata import Journal
from niffler_ops.processes.holders import RECEIVER
from niffler_ops.realtime import record as module
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.record import Record, Standing, Waiting
from niffler_ops.realtime.showing.history import read_history
from niffler_ops.realtime.showing.live import LiveReceivers
from niffler_ops.realtime.watching import ReceiverSource
from niffler_ops.reporting.page.selection import Selection
from niffler_ops.reporting.registry import register
from niffler_ops.reporting.watch.signs import UNICODE
from tests.support.clock import FakeClock

STANDING = Standing(
    rate=47.25,
    unread=12,
    unstored=4,
    lag=1.5,
    store_reason="localhost:27017: no answer",
    deletes_at="2024-03-01T23:00:00+00:00",
    pressure="41.2 GB are free",
)


def receiver(folder: Path) -> Place:
    """One that is gone without a word; nobody has heard of MRROOM1 for half a day."""
    place, clock = Place(folder), SystemClock()
    for one in (folder, *place.folders()):
        make_private_folder(one)
    now = clock.now()
    with closing(Record(place.record, clock)) as record, closing(Journal(place.journal, clock)):
        record.make(folder, "NIFFLER:104")
        record.started(local_entities="NIFFLER:104", store="mongodb://localhost/ScannersInfo")
        with record.transaction():
            record.count(readings=500, bytes=2_000_000_000)
            record.tally(490)
            record.heard("CT<b>1", instances=400, size=10, first=timestamp(now), last=timestamp(now))
            ago = timestamp(now - timedelta(hours=12))
            record.heard("MRROOM1", instances=90, size=10, first=ago, last=ago)
            lost = Waiting(
                path=".niffler/unreadable/0f3c",
                study="",
                series="",
                size=1,
                inode=1,
                modified=1,
                received=timestamp(now),
                reason="not DICOM",
            )
            record.add([lost])
            record.touch(STANDING)
    return place


def test_its_page_is_one_file_that_says_what_needs_somebody(tmp_path: Path) -> None:
    receiver(tmp_path / "received")
    page = tmp_path / "page.html"
    assert main([str(tmp_path / "received"), "--html", str(page)]) == 0
    html = page.read_text()
    assert page.stat().st_mode & 0o777 == 0o600
    for told in (
        "crashed",
        "The store cannot be used: localhost:27017: no answer.",
        "The disk is filling: 41.2 GB are free.",
        "1 file cannot be read",
        "Nothing has come from MRROOM1",
        "490 instances (2.0 GB) came in",
        'id="lag"',
        "CT&lt;b&gt;1",
    ):
        assert told in html, told
    assert "CT<b>1" not in html
    assert "http://" not in html.replace("http://www.w3.org", "")


def test_its_metrics_are_written(tmp_path: Path) -> None:
    receiver(tmp_path / "received")
    assert main([str(tmp_path / "received"), "--prometheus", str(tmp_path / "n.prom")]) == 0
    text = (tmp_path / "n.prom").read_text()
    folder = f'storage_folder="{tmp_path / "received"}"'
    assert f'niffler_receiver_state{{{folder},state="crashed"}} 1\n' in text
    assert f"niffler_receiver_instances_received{{{folder}}} 490\n" in text
    assert f"niffler_receiver_store_usable{{{folder}}} 0\n" in text
    assert f'niffler_receiver_source_silent{{{folder},aet="MRROOM1"}} 1\n' in text


def test_receivers_that_were_started_here_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("NIFFLER_REGISTRY", "NIFFLER_RUNTIME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    place = receiver(tmp_path / "received")
    register(place.storage_folder, SystemClock(), RECEIVER)
    register(tmp_path / "gone", SystemClock(), RECEIVER)
    assert main([]) == 0
    listed = capsys.readouterr().out
    assert listed.startswith(f"crashed   {place.storage_folder}\n")
    assert "gone" not in listed.replace("is gone", "")
    assert main(["--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert (one["kind"], one["state"], one["lag_seconds"]) == ("receiver", "crashed", 1.5)
    (card,) = LiveReceivers(SystemClock()).look(None).cards
    assert (card.storage_folder, card.state) == (str(place.storage_folder), "crashed")
    assert main(["--watch"]) == 0
    watched = capsys.readouterr().out
    assert f"{place.storage_folder} crashed: receiver, 490 instances" in watched
    assert "The disk is filling" in watched


async def _looked(place: Place) -> tuple[str, bool, str]:
    view = await LiveReceivers(SystemClock()).watch(place.storage_folder).look(Selection())
    return view.title, view.whole, view.parts["charts"]


def test_it_is_looked_at_live(tmp_path: Path) -> None:
    title, whole, drawn = asyncio.run(_looked(receiver(tmp_path)))
    assert (title, whole) == ("47 a second, crashed · Niffler receiver", True)
    assert "<svg" in drawn


def test_the_history_is_kept_by_the_minute_and_for_a_week(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HISTORY_MINUTES", 3)
    place, clock = Place(tmp_path), FakeClock()
    make_private_folder(place.private)
    with closing(Record(place.record, clock)) as record:
        for number in range(12):
            with record.transaction():
                record.count(readings=10)
                record.tally(10 * (number + 1))
                record.touch(replace(STANDING, lag=float(number)))
            clock.pass_time(30)
    minutes = read_history(place)
    assert [minute.instances for minute in minutes] == [20, 20, 20, 20]
    assert [minute.lag for minute in minutes] == [5.0, 7.0, 9.0, 11.0]


@pytest.mark.parametrize("width", [40, 120])
def test_it_is_watched_on_a_terminal(tmp_path: Path, width: int) -> None:
    picture = ReceiverSource(receiver(tmp_path / "received"), SystemClock()).look()
    assert "crashed" in picture.line
    told = " ".join(line.plain for section in picture.sections(width, UNICODE) for line in section.lines)
    for text in ("The store cannot be used", "CT<b>1", "MRROOM1", "silent", "not DICOM", "490 instances"):
        assert text in told, text
