"""The audit trail of ledgers: valid messages, no identifiers unless wanted, nothing lost."""

import os
import socket
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest

from niffler_ops.dicomtools.storescp import staging_name
from niffler_ops.layout import Layout
from niffler_ops.ledger import audited as audited_module
from niffler_ops.ledger.store import Ledger
from niffler_ops.processes.identity import Identity
from niffler_ops.processes.users import user_name
from niffler_ops.reporting import audit_sinks
from niffler_ops.reporting.audit_events import Scene
from niffler_ops.reporting.audit_sinks import FileSink, SyslogSink
from niffler_ops.reporting.audit_trail import AuditTrail, login_user
from tests.support.audit_schema import check, details
from tests.support.clock import FakeClock
from tests.support.extractions import (
    ARCHIVE,
    asked,
    end_run,
    fail,
    launch,
    make_ledger,
    match,
    retrieve,
    start_run,
)

UID = "1.2.840.99999.1.2.3"
FINDSCU = ["-c", ARCHIVE, "-b", "QBNIFFLER", "-L", "STUDY", "--", "a.dcm", "b.dcm"]


class Memory:
    """A sink that may be away."""

    def __init__(self) -> None:
        self.away = False
        self.messages: list[str] = []

    def take(self, messages: Sequence[str], now: datetime) -> None:  # noqa: ARG002 - as a sink
        if self.away:
            raise OSError(2, "No such file or directory")
        self.messages += messages

    def parsed(self) -> list[Element]:
        elements = [fromstring(message) for message in self.messages]
        for element in elements:
            check(element)
        return elements


class Stage:
    """An extraction and its audit trail."""

    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder)
        self.clock = FakeClock()
        self.sink = Memory()
        self.scene = Scene(
            storage_folder=folder, calling_aet="QBNIFFLER", destination="QBNIFFLER", host="research-1"
        )
        self.ledger = make_ledger(folder, [asked(2), asked(3), asked(4)])
        self.trail = self.make()

    def make(self) -> AuditTrail:
        return AuditTrail(self.sink, self.scene, self.layout, self.clock)

    def look(self) -> list[Element]:
        """What is told newly."""
        before = len(self.sink.messages)
        self.trail.show(self.ledger)
        return self.sink.parsed()[before:]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path / "study")
    yield stage
    stage.ledger.close()


def event(element: Element) -> str:
    code = element.find("EventIdentification/EventTypeCode")
    if code is None:
        code = element.find("EventIdentification/EventID")
    assert code is not None
    return code.attrib["originalText"]


def role(element: Element, meaning: str) -> dict[str, str]:
    """The participant in a role."""
    for participant in element.iter("ActiveParticipant"):
        codes = participant.findall("RoleIDCode")
        if [code.attrib["originalText"] for code in codes] == [meaning]:
            return dict(participant.attrib)
    raise AssertionError(meaning)


def test_who_started_and_stopped_it(stage: Stage) -> None:
    token = start_run(stage.ledger)
    [started] = stage.look()
    end_run(stage.ledger, "finished", token)
    [stopped] = stage.look()
    assert (event(started), event(stopped)) == ("Application Start", "Application Stop")
    for message in (started, stopped):
        application = role(message, "Application")
        assert application["UserID"] == str(os.getpid())
        assert application["AlternativeUserID"] == "AETITLES=QBNIFFLER"
        assert application["UserName"] == f"niffler-cold {stage.layout.storage_folder}"
        launcher = role(message, "Application Launcher")
        assert launcher["UserID"] == f"{user_name(os.getuid())}@research-1"
        assert launcher["UserIsRequestor"] == "true"
    assert stopped.findtext("EventIdentification/EventOutcomeDescription") == "finished"


def test_the_person_behind_a_service_account_is_named_as_well(stage: Stage) -> None:
    stage.scene = replace(stage.scene, login="ada")
    stage.trail = stage.make()
    start_run(stage.ledger)
    [started] = stage.look()
    people = [one.attrib for one in started.iter("ActiveParticipant")][1:]
    account = f"{user_name(os.getuid())}@research-1"
    assert [(one["UserID"], one["UserIsRequestor"]) for one in people] == [
        ("ada@research-1", "true"),
        (account, "false"),
    ]


def test_each_findscu_is_a_query_with_its_archive_and_number(stage: Stage) -> None:
    with stage.ledger.transaction():
        token = stage.ledger.launches.intend("findscu", ["/opt/findscu", *FINDSCU])
    assert not stage.look()  # intended is not launched
    with stage.ledger.transaction():
        stage.ledger.launches.launched(token, pid=4711, start_ticks=1, boot_id="b")
    [query] = stage.look()
    assert event(query) == "Query"
    assert role(query, "Source Role ID")["UserID"] == "4711"
    archive = role(query, "Destination Role ID")
    assert archive["AlternativeUserID"] == "AETITLES=PACS"
    assert (archive["NetworkAccessPointID"], archive["NetworkAccessPointTypeCode"]) == ("archive", "1")
    assert details(query)["Queries"] == "2"
    assert query.findtext(".//ParticipantObjectName") == "2 queries at STUDY level"
    assert not stage.look()


def test_studies_are_told_with_outcome_and_counts(stage: Stage) -> None:
    match(stage.ledger, {2: [f"{UID}.1"], 3: [f"{UID}.2"], 4: [f"{UID}.3"]})
    retrieve(stage.ledger, f"{UID}.1")
    retrieve(stage.ledger, f"{UID}.2", missing=1)
    fail(stage.ledger, f"{UID}.3", "refused")
    messages = stage.look()
    assert [event(message) for message in messages] == ["DICOM Instances Transferred"] * 3
    identified = [message.find("EventIdentification") for message in messages]
    assert [one.attrib["EventOutcomeIndicator"] for one in identified if one is not None] == ["0", "4", "8"]
    counts = [one.attrib["NumberOfInstances"] for message in messages for one in message.iter("SOPClass")]
    assert counts == ["2", "1", "0"]
    assert {details(message)["InstancesExpected"] for message in messages} == {"2"}
    assert role(messages[0], "Source Role ID")["UserID"] == "PACS"
    assert role(messages[0], "Destination Role ID")["UserID"] == "QBNIFFLER"


def test_no_identifier_is_told_unless_it_is_wanted(stage: Stage) -> None:
    match(stage.ledger, {2: [UID]})
    retrieve(stage.ledger, UID)
    stage.look()
    [message] = stage.sink.messages
    assert staging_name(UID) in message
    assert UID not in message
    assert "A2" not in message


def test_with_identifiers_study_accession_and_patient_are_named(stage: Stage) -> None:
    stage.scene = replace(stage.scene, identifiers=True)
    stage.trail = stage.make()
    match(stage.ledger, {2: [UID]})
    retrieve(stage.ledger, UID)
    with stage.ledger.transaction():
        keys = '{"PatientID": "P<2>&", "AccessionNumber": "A2"}'
        stage.ledger._connection.execute("UPDATE rows SET keys = ? WHERE line = 2", (keys,))
    [message] = stage.look()
    study, patient = message.findall("ParticipantObjectIdentification")
    assert study.attrib["ParticipantObjectID"] == UID
    assert [one.attrib["Number"] for one in study.iter("Accession")] == ["A2"]
    assert patient.attrib["ParticipantObjectID"] == "P<2>&"
    assert patient.attrib["ParticipantObjectTypeCodeRole"] == "1"


def test_an_external_destination_is_not_us(stage: Stage) -> None:
    stage.scene = replace(stage.scene, destination="OTHER", receives=False)
    stage.trail = stage.make()
    match(stage.ledger, {2: [UID]})
    retrieve(stage.ledger, UID)
    [message] = stage.look()
    identified = message.find("EventIdentification")
    assert identified is not None
    assert identified.attrib["EventActionCode"] == "R"
    assert role(message, "Destination Role ID")["AlternativeUserID"] == "AETITLES=OTHER"
    requestors = [one.attrib["UserID"] for one in message.iter("ActiveParticipant")]
    assert requestors[-1] == "QBNIFFLER"


def test_a_list_of_studies_is_no_transfer(stage: Stage) -> None:
    stage.scene = replace(stage.scene, retrieves=False)
    stage.trail = stage.make()
    match(stage.ledger, {2: [UID]})
    retrieve(stage.ledger, UID)
    assert not stage.look()


def test_a_restart_goes_on_where_it_was_and_tells_nothing_twice(stage: Stage) -> None:
    token = start_run(stage.ledger)
    stage.look()
    stage.trail = stage.make()
    assert not stage.look()
    end_run(stage.ledger, "stopped", token)
    stage.trail = stage.make()
    assert [event(message) for message in stage.look()] == ["Application Stop"]


def test_what_a_sink_could_not_take_is_told_later(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.sink.away = True
    start_run(stage.ledger)
    assert not stage.look()
    assert not stage.look()
    assert caplog.text.count("The audit trail is behind") == 1
    stage.sink.away = False
    assert not stage.look()  # not at once: a stuck syslog must not cost each turn half a second
    stage.clock.pass_time(61)
    assert [event(message) for message in stage.look()] == ["Application Start"]


def test_the_rest_is_told_at_the_end_in_batches(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audited_module, "LIMIT", 2)
    token = start_run(stage.ledger)
    match(stage.ledger, {line: [f"{UID}.{line}"] for line in (2, 3, 4)})
    for line in (2, 3, 4):
        retrieve(stage.ledger, f"{UID}.{line}")
    for _ in range(3):
        launch_findscu(stage.ledger)
    end_run(stage.ledger, "finished", token)
    stage.trail.close()
    told = [event(message) for message in stage.sink.parsed()]
    assert sorted(told) == sorted(
        ["Application Start", "Application Stop", *["DICOM Instances Transferred"] * 3, *["Query"] * 3]
    )


def test_the_end_does_not_wait_for_a_long_backlog_and_the_next_run_tells_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audited_module, "LIMIT", 2)
    take = stage.sink.take

    def slowly(messages: Sequence[str], now: datetime) -> None:
        stage.clock.pass_time(10)
        take(messages, now)

    monkeypatch.setattr(stage.sink, "take", slowly)
    for _ in range(7):
        launch_findscu(stage.ledger)
    stage.trail.close()
    assert len(stage.sink.messages) == 2
    stage.trail = stage.make()
    for _ in range(3):
        stage.trail.show(stage.ledger)
    assert [event(message) for message in stage.sink.parsed()] == ["Query"] * 7


def launch_findscu(ledger: Ledger) -> None:
    with ledger.transaction():
        token = ledger.launches.intend("findscu", FINDSCU)
        ledger.launches.launched(token, pid=1, start_ticks=1, boot_id="b")


def test_other_tools_and_other_states_are_not_told(stage: Stage) -> None:
    launch(stage.ledger, "movescu", Identity(pid=1, start_ticks=1, boot_id="b"))
    match(stage.ledger, {2: [UID]})
    with stage.ledger.transaction():
        stage.ledger.run_started()
        stage.ledger.asked("niffler-status asked to stop")
        stage.ledger.pause("it is day", until=None)
    assert not stage.look()


def test_a_ledger_that_cannot_be_read_does_no_harm(tmp_path: Path) -> None:
    trail = AuditTrail(
        Memory(),
        Scene(storage_folder=tmp_path, calling_aet="A", destination="A", host="h"),
        Layout(tmp_path),
        FakeClock(),
    )
    trail.close()


def test_the_file_is_private_and_has_a_message_a_line(tmp_path: Path) -> None:
    sink, now = FileSink(tmp_path / "audit.log"), FakeClock().now()
    sink.take(["<a/>", "<ü/>"], now)
    sink.take(["<c/>"], now)
    path = tmp_path / "audit.log"
    assert path.read_text(encoding="utf-8").splitlines() == ["<a/>", "<ü/>", "<c/>"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_line_that_a_full_disk_broke_off_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_text("<a/>\n<b", encoding="utf-8")
    FileSink(path).take(["<c/>"], FakeClock().now())
    assert path.read_text(encoding="utf-8").splitlines() == ["<a/>", "<b", "<c/>"]


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # a socket's path has 107 letters at most
    return Path("log")


EXPECTED = (
    f"<85>1 2024-03-01T12:00:00.000+00:00 {socket.gethostname()} niffler-cold {os.getpid()} DICOM+RFC3881 - "
)


def test_syslog_gets_rfc_5424(address: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(address))
        SyslogSink("niffler-cold", address).take(["<a/>"], FakeClock().now())
        assert daemon.recv(1000).decode() == f"{EXPECTED}\ufeff<a/>"


def test_a_syslog_of_streams_gets_lines(address: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as daemon:
        daemon.bind(str(address))
        daemon.listen()
        SyslogSink("niffler-cold", address).take(["<a/>", "<b/>"], FakeClock().now())
        connection, _ = daemon.accept()
        with connection, connection.makefile("rb") as lines:
            assert lines.read().decode() == f"{EXPECTED}\ufeff<a/>\n{EXPECTED}\ufeff<b/>\n"


def test_a_syslog_that_is_stuck_is_left_in_time(address: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_sinks, "SYSLOG_SECONDS", 0.1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(address))
        with pytest.raises(TimeoutError):
            SyslogSink("niffler-cold", address).take(["x" * 10_000] * 1000, FakeClock().now())


def test_without_a_syslog_there_is_an_error(address: Path) -> None:
    with pytest.raises(FileNotFoundError):
        SyslogSink("niffler-cold", address).take(["<a/>"], FakeClock().now())


def test_who_logged_in_is_a_name_or_nobody() -> None:
    assert "\n" not in login_user()
