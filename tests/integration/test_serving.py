"""The live page: a real server on a free port, while a real ledger is written."""

import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from niffler_ops.clock import SystemClock
from niffler_ops.errors import UnavailableError
from niffler_ops.layout import Layout
from niffler_ops.ledger.store import Ledger
from niffler_ops.processes.identity import Identity, identify
from niffler_ops.reporting.serving import serve
from niffler_ops.states import StudyState
from tests.support.extractions import (
    asked,
    end_run,
    fail,
    make_ledger,
    match,
    move,
    receive,
    refused,
    retrieve,
    start_run,
)
from tests.support.serving import Served, served

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def supervisor() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that stands for one, to be killed."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def identity_of(process: "subprocess.Popen[bytes]") -> Identity:
    identity = identify(process.pid)
    assert identity is not None
    return identity


def running(folder: Path, identity: Identity | None = None) -> Ledger:
    """An extraction at work: two rows done, one failed, one rejected, others on their way."""
    ledger = make_ledger(folder, [*(asked(line) for line in range(2, 7)), refused(7, f"wildcard {HOSTILE}")])
    start_run(ledger, identity)
    match(ledger, {2: ["1.2.840.99.2"], 3: ["1.2.840.99.3"], 4: ["1.2.840.99.4"], 5: ["1.2.840.99.5"]})
    retrieve(ledger, "1.2.840.99.2")
    retrieve(ledger, "1.2.840.99.3")
    fail(ledger, "1.2.840.99.4", "refused: 1.2.840.99.4.1 (A900)")
    return ledger


def page(server: Served) -> str:
    """The path of the only extraction's page."""
    answer = server.get("/")
    assert answer.status == 303
    return answer.headers["location"]


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)


def test_the_page_tells_what_the_ledger_says(tmp_path: Path) -> None:
    ledger = running(tmp_path)
    with served(tmp_path) as server:
        shown = server.get(page(server))
    ledger.close()
    assert shown.status == 200
    assert "running" in shown.body
    assert "refused: " in shown.body
    assert HOSTILE not in shown.body
    assert "wildcard &lt;script&gt;alert(1)&lt;/script&gt;" in shown.body


def test_nothing_of_a_patient_is_shown_unless_it_is_asked_for(tmp_path: Path) -> None:
    ledger = running(tmp_path)
    with served(tmp_path) as server:
        path = page(server)
        everything = [server.get(path).body, server.get("/metrics").body]
        everything.append(str(next(server.events(path + "events"))))
    for text in everything:
        assert "P2" not in text
        assert "1.2.840.99" not in text
    with served(tmp_path, identifiers=True, token="known") as server:
        location = server.get("/?token=known").headers["location"]
        path = server.get(location, headers={"Authorization": "Bearer known"}).headers["location"]
        text = server.get(path, headers={"Authorization": "Bearer known"}).body
    ledger.close()
    assert "PatientID" in text
    assert "P2" in text
    assert "1.2.840.99.2" in text


def test_events_tell_what_changes_while_an_extraction_runs(tmp_path: Path) -> None:
    ledger = running(tmp_path)
    with served(tmp_path) as server:
        events = server.events(page(server) + "events")
        first = next(events)
        assert "2" in first["parts"]["summary"]
        assert set(first["parts"]) >= {"headline", "summary", "charts", "problems", "work", "rows"}
        receive(ledger, move(ledger, "1.2.840.99.5"), 1)
        assert "33.3 %" in first["title"]
        retrieve_rest(ledger)
        later = next(event for event in events if "50.0 %" in event["title"])
        assert "summary" in later["parts"]
        quiet = [next(events) for _ in range(2)][-1]
        assert "problems" not in quiet["parts"]  # only what has changed
        events.close()  # type: ignore[attr-defined]
    ledger.close()


def retrieve_rest(ledger: Ledger) -> None:
    study = ledger.studies.by_uid("1.2.840.99.5")
    assert study is not None
    receive(ledger, study, 2)
    with ledger.transaction():
        ledger.studies.decide(study.id, outcome=StudyState.DONE, verified="by_uid", reason="")
        ledger.studies.filed(study.id)


def test_a_supervisor_that_is_killed_is_told_as_a_crash(
    tmp_path: Path, supervisor: "subprocess.Popen[bytes]"
) -> None:
    ledger = running(tmp_path, identity_of(supervisor))
    with served(tmp_path) as server:
        events = server.events(page(server) + "events")
        assert "running" in next(events)["title"]
        supervisor.kill()
        supervisor.wait()
        crashed = next(event for event in events if "crashed" in event["title"])
        assert "Run the same command again" in crashed["parts"]["headline"]
        events.close()  # type: ignore[attr-defined]
    ledger.close()


def test_several_extractions_stand_on_one_page(tmp_path: Path) -> None:
    first, second = running(tmp_path / "first"), make_ledger(tmp_path / "second", [asked(2)])
    (tmp_path / "third").mkdir()
    with served(tmp_path / "first", tmp_path / "second", tmp_path / "third") as server:
        shown = server.get("/")
        event = next(server.events("/events"))
        metrics = server.get("/metrics")
    first.close()
    second.close()
    for name in ("first", "second", "third"):
        assert str(tmp_path / name) in shown.body
        assert str(tmp_path / name) in event["parts"]["cards"]
    assert "no ledger here" in shown.body
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert str(tmp_path / "second") in metrics.body


def test_an_extraction_that_begins_later_appears(tmp_path: Path) -> None:
    with served(tmp_path / "later") as server:
        path = page(server)
        assert server.get(path).status == 503
        ledger = running(tmp_path / "later")
        until(lambda: server.get(path).status == 200)
    ledger.close()


def test_a_new_extraction_in_the_same_folder_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    ledger = running(tmp_path)
    with served(tmp_path) as server:
        path = page(server)
        assert "3 studies ended in" in server.get(path).body
        ledger.close()
        shutil.rmtree(tmp_path / ".niffler")
        ledger = make_ledger(tmp_path, [asked(2)])
        start_run(ledger)
        match(ledger, {2: ["1.9"]})
        retrieve(ledger, "1.9")
        until(lambda: "1 study ended in" in server.get(path).body)
    ledger.close()


def test_a_ledger_that_cannot_be_read_any_more_is_told(tmp_path: Path) -> None:
    ledger = running(tmp_path)
    with served(tmp_path) as server:
        path = page(server)
        events = server.events(path + "events")
        next(events)
        ledger.close()
        Layout(tmp_path).ledger.write_bytes(b"damaged" * 1000)
        told = next(event for event in events if event["parts"].get("trouble"))
        assert "damaged" in told["parts"]["trouble"]
        assert server.get(path).status == 503
        events.close()  # type: ignore[attr-defined]


def test_rows_are_selected_by_state_and_line(tmp_path: Path) -> None:
    ledger = running(tmp_path)
    with served(tmp_path) as server:
        path = page(server)
        failed = server.get(f"{path}?state=failed").body
        later = server.get(f"{path}?from=5").body
        odd = server.get(f"{path}?state=%3Cb%3E&from=-3").body
    ledger.close()
    assert rows_of(failed) == ["4"]
    assert rows_of(later) == ["5", "6", "7"]
    assert rows_of(odd) == ["2", "3", "4", "5", "6", "7"]


def rows_of(body: str) -> list[str]:
    rows = body.split('<tbody id="rows" data-live>')[1].split("</tbody>", maxsplit=1)[0]
    return [line.split("<")[0] for line in rows.split('<tr>\n  <td class="number">')[1:]]


def test_every_answer_has_the_security_headers(tmp_path: Path) -> None:
    running(tmp_path).close()
    with served(tmp_path) as server:
        paths = [page(server), "/", "/metrics", "/static/page.css", "/static/none", "/favicon.ico", "/a/b/c"]
        answers = [server.get(path) for path in paths] + [server.get("/", method="POST")]
        head = server.get(page(server), method="HEAD")
    assert [answer.status for answer in answers] == [200, 303, 200, 200, 404, 200, 404, 405]
    assert (head.status, head.body) == (200, "")
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


def test_reading_changes_nothing(tmp_path: Path) -> None:
    running(tmp_path).close()
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in tmp_path.rglob("*")}
    with served(tmp_path) as server:
        assert server.get(page(server)).status == 200
        assert server.get("/metrics").status == 200
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in tmp_path.rglob("*")} == before


def test_a_writer_is_never_kept_from_writing(tmp_path: Path) -> None:
    ledger = running(tmp_path)
    with served(tmp_path) as server:
        events = server.events(page(server) + "events")
        next(events)
        connection = sqlite3.connect(Layout(tmp_path).ledger, timeout=0, isolation_level=None)
        for _ in range(200):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("UPDATE extraction SET updated_at = updated_at")
            connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        connection.close()
        events.close()  # type: ignore[attr-defined]
    ledger.close()


def test_another_name_for_this_machine_is_refused(tmp_path: Path) -> None:
    running(tmp_path).close()
    with served(tmp_path) as server:
        for host in ("evil.example", f"evil.example:{server.port}", ""):
            assert server.get("/", headers={"Host": host}).status == 421
        for host in (f"localhost:{server.port}", f"[::1]:{server.port}", "127.0.0.1"):
            assert server.get("/", headers={"Host": host}).status == 303


def test_elsewhere_than_on_loopback_the_token_is_wanted(tmp_path: Path) -> None:
    ledger = running(tmp_path)
    with served(tmp_path, host="0.0.0.0") as server:
        token = server.address.partition("token=")[2]
        assert len(token) >= 32
        refused_paths = [
            "/",
            "/metrics",
            "/events",
            "/static/live.js",
            f"/?token={token}x",
            "/?token=",
            "/?token=%FF",
        ]
        refusals = [server.get(path) for path in refused_paths]
        refusals.append(server.get("/", headers={"Cookie": f"niffler_status_{server.port}={token}"}))
        refusals.append(server.get("/", headers={"Authorization": f"Basic {token}"}))
        entered = server.get(f"//evil.example/?token={token}&state=failed")
        cookie = entered.headers["set-cookie"]
        inside = server.get("/", headers={"Cookie": cookie.partition(";")[0]})
        scraped = [
            server.get(f"/metrics?token={token}"),
            server.get("/metrics", headers={"Authorization": f"Bearer {token}"}),
        ]
    ledger.close()
    assert {answer.status for answer in refusals} == {401}
    assert all(str(tmp_path) not in answer.body for answer in refusals)
    assert (entered.status, entered.headers["location"]) == (303, "/evil.example/?state=failed")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert token not in cookie
    assert inside.status == 303
    assert [answer.status for answer in scraped] == [200, 200]


def test_identifiers_want_a_token_on_loopback_as_well(tmp_path: Path) -> None:
    running(tmp_path).close()
    with served(tmp_path, identifiers=True) as server:
        assert "token=" in server.address
        assert server.get("/").status == 401


def test_a_port_that_is_taken_is_an_error_in_words(tmp_path: Path) -> None:
    told = r"cannot listen there \(Address already in use\)"
    taken = socket.create_server(("127.0.0.1", 0))
    port, clock = taken.getsockname()[1], SystemClock()
    with taken, pytest.raises(UnavailableError, match=told):
        serve([tmp_path], host="127.0.0.1", port=port, token=None, identifiers=False, clock=clock)


def test_it_ends_at_once_while_somebody_looks(tmp_path: Path) -> None:
    running(tmp_path).close()
    with served(tmp_path) as server:
        events = server.events(page(server) + "events")
        next(events)
        began = time.monotonic()
        server.process.terminate()
        assert server.process.wait(timeout=10) == 0
        assert time.monotonic() - began < 3
        events.close()  # type: ignore[attr-defined]


def test_a_finished_extraction_says_so(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, [asked(2)])
    token = start_run(ledger)
    match(ledger, {2: ["1.2"]})
    retrieve(ledger, "1.2")
    end_run(ledger, "finished", token)
    ledger.close()
    with served(tmp_path) as server:
        body = server.get(page(server)).body
    assert "Every row is done." in body
    assert [path.name for path in tmp_path.iterdir()] == [".niffler"]
