"""Whether those who want to be told can be: what is in the way is named, and nothing is sent."""

from pathlib import Path

import pytest

from niffler_ops.config import Config
from niffler_ops.doctor.findings import Finding, Result
from niffler_ops.doctor.notices import check_notices
from tests.support.mailing import Letterbox, free_port, mail_client, script, serving
from tests.unit.doctor.conftest import Configure

MAIL = {"SendEmail": True, "YourEmail": "ada@example.org"}


def look(config: Config) -> list[tuple[str, Result]]:
    return [(finding.check, finding.result) for finding in findings(config)]


def findings(config: Config) -> list[Finding]:
    return list(check_notices(config, examined=True))


def test_where_nobody_is_to_be_told_all_is_well(configure: Configure) -> None:
    [finding] = findings(configure(YourEmail="ada@example.org"))
    assert finding.result is Result.OK
    assert "SendEmail is false" in finding.text


def test_the_machines_own_client_is_named(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("niffler_ops.notices.mail.SYSTEM_FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert look(configure(**MAIL)) == [("mail", Result.FAILURE)]
    mail_client(tmp_path / "bin" / "mail", tmp_path / "got")
    assert look(configure(**MAIL)) == [("mail", Result.WARNING)]
    mail_client(tmp_path / "bin" / "sendmail", tmp_path / "got")
    [finding] = findings(configure(**MAIL))
    assert finding.result is Result.OK
    assert str(tmp_path / "bin" / "mail") in finding.text
    assert not (tmp_path / "got.stdin").exists()


def test_a_server_is_spoken_to_until_just_before_the_mail(configure: Configure) -> None:
    box = Letterbox()
    with serving(box) as server:
        keys = MAIL | {"MailServer": str(server), "MailSecurity": "none"}
        [finding] = findings(configure(**keys))
        refused = findings(configure(**keys | {"YourEmail": "nobody@example.org"}))
        later = findings(configure(**keys | {"YourEmail": "later@example.org"}))
    assert finding.result is Result.OK
    assert str(server) in finding.text
    assert [one.result for one in (*refused, *later)] == [Result.FAILURE, Result.WARNING]
    assert not box.envelopes


def test_a_server_that_is_not_there_is_a_failure(configure: Configure) -> None:
    [finding] = findings(configure(**MAIL, MailServer=f"localhost:{free_port()}"))
    assert finding.result is Result.FAILURE
    assert "Connection refused" in finding.text


def test_a_login_that_others_may_read_is_a_failure(configure: Configure, tmp_path: Path) -> None:
    login = tmp_path / "login"
    login.write_text("niffler\nwords\n")
    login.chmod(0o640)
    [finding] = findings(configure(**MAIL, MailServer="localhost:1", MailLogin="login"))
    assert finding.result is Result.FAILURE
    assert "chmod 600" in finding.text
    assert "words" not in finding.text


def test_mail_that_leaves_the_machine_in_clear_is_a_warning(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("niffler_ops.notices.mail.SmtpServer.problem", lambda _: None)
    keys = MAIL | {"MailServer": "smtp.example.org", "MailSecurity": "none"}
    assert look(configure(**keys)) == [("mail", Result.OK), ("mail", Result.WARNING)]


def test_a_command_that_may_not_be_run_is_a_failure_beside_the_mail(
    configure: Configure, tmp_path: Path
) -> None:
    tell = script(tmp_path / "tell", f"touch '{tmp_path}/told'")
    assert look(configure(NotifyCommand=[str(tell)])) == [("notify command", Result.OK)]
    assert not (tmp_path / "told").exists()
    tell.chmod(0o600)
    assert look(configure(NotifyCommand=[str(tell)])) == [("notify command", Result.FAILURE)]


def test_what_waits_to_be_sent_is_a_warning_and_stays(configure: Configure, tmp_path: Path) -> None:
    waiting = tmp_path / "study" / ".niffler" / "notices" / "1-mail.notice"
    waiting.parent.mkdir(parents=True)
    waiting.write_text("{}")
    [_, finding] = findings(configure())
    assert finding.result is Result.WARNING
    assert "1 notices" in finding.text
    assert waiting.exists()
