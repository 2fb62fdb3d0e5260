"""People are told by mail and by the site's command of ends, failures and pauses, without identifiers."""

import json
import os
import signal
import stat
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest

from niffler_ops.config.notices import MailServer
from niffler_ops.demo.corpus import Corpus
from tests.support.audit_schema import check
from tests.support.mailing import Letterbox, free_port, mail_client, script, serving
from tests.support.processes import wait_until
from tests.support.rig import Rig, corpus_folder

ADDRESS = "ada@example.org"
MAIL: dict[str, object] = {"SendEmail": True, "YourEmail": ADDRESS}


@pytest.fixture
def box() -> Letterbox:
    return Letterbox()


@pytest.fixture
def server(box: Letterbox) -> Iterator[MailServer]:
    with serving(box) as server:
        yield server


def by(server: MailServer) -> dict[str, object]:
    return MAIL | {"MailServer": str(server), "MailSecurity": "none"}


def ask_for_two(rig: Rig, corpus: Corpus) -> None:
    """One study that is there, and one that is not."""
    study = corpus.studies[0]
    rig.write_csv([(study.patient_id, study.accession_number), ("SECRET-PATIENT", "SECRET-ACCESSION")])
    rig.keep_secret(study.study_instance_uid)


def text_of(message: EmailMessage, rig: Rig) -> str:
    """The text of a mail that holds no identifier in any of its parts."""
    content: str = message.get_content()
    everything = f"{message.as_string()}\n{content}"
    assert [secret for secret in rig.identifiers if secret in everything] == []
    assert message["To"] == ADDRESS
    return content


def waiting(rig: Rig) -> list[Path]:
    return sorted(rig.private.glob("notices/*.notice"))


def test_the_end_is_told_to_people_to_a_command_to_machines_and_to_the_audit_trail(
    plain_rig: Rig, corpus: Corpus, box: Letterbox, server: MailServer
) -> None:
    rig = plain_rig
    rig.serve(corpus_folder(corpus))
    tell = script(rig.folder / "tell", f"cat > '{rig.folder}/told.json'")
    rig.configure(**by(server), NotifyCommand=[str(tell)], AuditTrail="file")
    ask_for_two(rig, corpus)
    ended = rig.cold("--log-json")
    assert ended.status == 3, ended

    [mail] = box.messages()
    assert mail["Subject"] == "Niffler: extraction: complete, 1 of 2 rows are not done"
    text = text_of(mail, rig)
    assert "1 of 2 done" in text
    assert "line 3: not found" in text
    assert "--retry-failed" in text

    told: dict[str, Any] = json.loads((rig.folder / "told.json").read_text())
    assert (told["cause"], told["exit_status"], told["state"]) == ("completion", 3, "finished")
    assert told["subject"] == mail["Subject"]
    assert [problem["line"] for problem in told["problems"]] == [3]
    assert [secret for secret in rig.identifiers if secret in json.dumps(told)] == []

    entries = [json.loads(line) for line in rig.log().splitlines()]
    assert {entry["extraction"] for entry in entries} == {str(rig.storage)}
    [problem] = [entry for entry in entries if "not_found" in entry["message"] and "line" in entry]
    assert (problem["line"], problem["level"]) == (3, "WARNING")
    assert [json.loads(line) for line in ended.out.splitlines()] == entries
    assert not waiting(rig)

    messages = [fromstring(line) for line in (rig.private / "audit.log").read_text().splitlines()]
    for message in messages:
        check(message)
    events = [message.findall("*/*")[0].attrib["originalText"] for message in messages]
    assert events[0] == events[-1] == "Application Activity"
    assert {"Query", "DICOM Instances Transferred"} < set(events)


def test_the_receiver_logs_for_machines_too(plain_rig: Rig) -> None:
    own = plain_rig.folder / "meta.json"
    own.write_text(json.dumps({"StorageFolder": "stream", "QueryAet": f"META:{plain_rig.other_port}"}))
    options = ("--config", own, "--sweep", "--log-json")
    ended = plain_rig.start(*options, command="niffler-meta", config=False).end()
    assert ended.status == 0, ended
    [entry] = [json.loads(line) for line in ended.out.splitlines()]
    assert entry["extraction"] == str(plain_rig.folder / "stream")
    assert entry["message"].startswith("Sweep: 0 images")


def test_a_run_that_fails_tells_why_and_its_exit_status(
    plain_rig: Rig, corpus: Corpus, box: Letterbox, server: MailServer
) -> None:
    plain_rig.configure(**by(server))
    ask_for_two(plain_rig, corpus)
    ended = plain_rig.cold()
    assert ended.status == 69, ended
    [mail] = box.messages()
    assert mail["Subject"] == "Niffler: extraction: ended early with exit status 69"
    assert "Check host, port and AE titles" in " ".join(text_of(mail, plain_rig).split())


def test_a_pause_that_needs_a_person_is_told_once_and_the_stop_that_was_asked_for_is_not(
    plain_rig: Rig, corpus: Corpus, box: Letterbox, server: MailServer
) -> None:
    plain_rig.serve(corpus_folder(corpus))
    plain_rig.configure(**by(server), MinFreeDisk="99999 TB")
    ask_for_two(plain_rig, corpus)
    running = plain_rig.start()
    wait_until(lambda: running.ended or box.messages(), "the mail")
    running.signal(signal.SIGTERM)
    ended = running.end(10)
    assert ended.status == 75, ended
    [mail] = box.messages()
    assert mail["Subject"] == "Niffler: extraction: paused until somebody makes room"
    assert "MinFreeDisk" in text_of(mail, plain_rig)


def test_a_mail_server_that_is_down_changes_nothing_and_the_next_run_sends_the_mail(
    plain_rig: Rig, corpus: Corpus, box: Letterbox
) -> None:
    rig = plain_rig
    rig.serve(corpus_folder(corpus))
    down = MailServer(host="localhost", port=free_port())
    rig.configure(**by(down))
    rig.ask_for(corpus.studies[:1])
    ended = rig.cold(seconds=60)
    assert ended.status == 0, ended
    assert f"Notice not sent by mail (again in 15 s): MailServer {down}: Connection refused" in rig.log()
    assert "1 notices are not sent; the same command tries again when it is run next" in rig.log()
    [kept] = waiting(rig)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    with serving(box) as up:
        rig.configure(**by(up))
        assert rig.cold().status == 0
    [mail] = box.messages()
    assert mail["Subject"] == "Niffler: extraction: complete"
    assert "1 of 1 done" in text_of(mail, rig)
    assert not waiting(rig)


def test_without_a_mail_server_the_machines_own_client_takes_the_mail(
    plain_rig: Rig, corpus: Corpus, tmp_path: Path
) -> None:
    mail_client(tmp_path / "clients" / "mail", tmp_path / "got")
    plain_rig.environment["PATH"] = f"{tmp_path / 'clients'}{os.pathsep}{os.environ['PATH']}"
    plain_rig.configure(**MAIL, MailFrom="niffler@example.org")
    ask_for_two(plain_rig, corpus)
    ended = plain_rig.cold()
    assert ended.status == 69, ended
    subject = "Niffler: extraction: ended early with exit status 69"
    argv = (tmp_path / "got.argv").read_text().splitlines()
    assert argv == ["-s", subject, "-r", "niffler@example.org", ADDRESS]
    text = (tmp_path / "got.stdin").read_text()
    assert "Rows        0 of 2 done, 2 to do\n" in text
    assert [secret for secret in plain_rig.identifiers if secret in text] == []
