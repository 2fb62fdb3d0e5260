"""The keys about notices and the audit trail, by themselves and together."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from niffler_ops.config.audit_trail import AuditTrailKeys
from niffler_ops.config.keys import describe
from niffler_ops.config.notices import MailServer, NoticeKeys, notice_problems


def test_nobody_is_told_by_default() -> None:
    keys = NoticeKeys()
    assert (keys.send_email, keys.your_email, keys.notify_command) == (False, (), ())
    assert keys.mail_security == "starttls"
    assert keys.stall_minutes == 90


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("test@test.test", ("test@test.test",)),
        (" ada@example.org , root ", ("ada@example.org", "root")),
        (["ada@example.org", "ada@example.org"], ("ada@example.org",)),
        ("", ()),
    ],
)
def test_addresses(given: Any, read: tuple[str, ...]) -> None:
    assert NoticeKeys(YourEmail=given).your_email == read


@pytest.mark.parametrize(
    "given",
    ["-f@example.org", "a b@c", "a@b;c", "$(x)@y", "a@b\nBcc: c@d", "Ada <a@b>", "@b", "a@", 5, [5], "a@b,"],
)
def test_what_is_no_address_or_could_be_an_option_is_refused(given: Any) -> None:
    with pytest.raises(ValidationError):
        NoticeKeys(YourEmail=given)


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("smtp.example.org", MailServer(host="smtp.example.org")),
        ("smtp.example.org:587", MailServer(host="smtp.example.org", port=587)),
        ("10.0.0.5:25", MailServer(host="10.0.0.5", port=25)),
        ("[::1]:25", MailServer(host="::1", port=25)),
    ],
)
def test_servers_are_read_and_written_alike(text: str, server: MailServer) -> None:
    assert NoticeKeys(MailServer=text).mail_server == server
    assert str(server) == text


@pytest.mark.parametrize("text", ["a:0", "a:99999", "a:b", ":25", "a b", "-x:25", "::1", "http://a"])
def test_what_is_no_server_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        NoticeKeys(MailServer=text)


def problems(**keys: Any) -> list[str]:
    values = dict(NoticeKeys(**keys))
    return [problem.attribute for problem in notice_problems(values)]


def test_how_the_keys_go_together(tmp_path: Path) -> None:
    login = str(tmp_path / "login")
    assert problems() == []
    assert problems(SendEmail="True") == ["your_email"]
    assert problems(SendEmail=True, YourEmail="root") == []
    assert problems(MailLogin=login) == ["mail_login"]
    assert problems(MailLogin=login, MailServer="smtp.example.org") == []
    assert problems(MailLogin=login, MailServer="smtp.example.org", MailSecurity="none") == ["mail_security"]
    for here in ("localhost", "127.0.0.1:25", "[::1]"):
        assert problems(MailLogin=login, MailServer=here, MailSecurity="none") == []


def test_keys_that_were_refused_by_themselves_are_not_told_again() -> None:
    assert list(notice_problems({"send_email": True, "mail_login": Path("/x")})) == []


def test_the_audit_trail_is_off_by_default() -> None:
    keys = AuditTrailKeys()
    assert keys.audit_trail is None
    assert not keys.audit_identifiers
    assert AuditTrailKeys(AuditTrail="").audit_trail is None
    assert AuditTrailKeys(AuditTrail="Syslog").audit_trail == "syslog"
    with pytest.raises(ValidationError):
        AuditTrailKeys(AuditTrail="both")


def test_every_key_is_described() -> None:
    for key in (*describe(NoticeKeys, "either"), *describe(AuditTrailKeys, "either")):
        assert key.help
        assert key.type
        assert key.example
