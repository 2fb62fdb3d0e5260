"""Mail through the machine's own client and by SMTP: taken, refused, encrypted, and never waited for long."""

import socket
import threading
import time
from collections.abc import Iterator
from email.header import decode_header, make_header
from email.parser import BytesParser
from email.policy import default
from pathlib import Path

import pytest

from niffler_ops.config.notices import MailSecurity, MailServer
from niffler_ops.notices import mail
from niffler_ops.notices.mail import SmtpServer, SystemClient
from niffler_ops.notices.notice import DeliveryError
from tests.support.mailing import (
    PASSWORD,
    USER,
    Letterbox,
    authenticate,
    free_port,
    mail_client,
    make_notice,
    only_on_path,
    script,
    server_context,
    serving,
)

TO = ("ada@example.org",)


def smtp(
    server: MailServer,
    security: MailSecurity = "none",
    *,
    to: tuple[str, ...] = TO,
    login: Path | None = None,
    seconds: float = 10.0,
) -> SmtpServer:
    return SmtpServer(
        server=server, security=security, to=to, sender="niffler@example.org", login=login, seconds=seconds
    )


def login_file(folder: Path, password: str = PASSWORD) -> Path:
    path = folder / "login"
    path.write_text(f"{USER}\n{password}\n", encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.fixture
def clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for mail clients, which are found there and nowhere else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(mail, "SYSTEM_FOLDERS", ())
    monkeypatch.setenv("PATH", only_on_path(folder)["PATH"])
    return folder


def test_the_mail_command_is_given_subject_address_and_body(tmp_path: Path, clients: Path) -> None:
    mail_client(clients / "mail", tmp_path / "sent")
    SystemClient(to=("ada@example.org", "root")).deliver(make_notice())
    assert (tmp_path / "sent.argv").read_text().splitlines() == [
        "-s",
        "Niffler: study: complete",
        "ada@example.org",
        "root",
    ]
    assert (tmp_path / "sent.stdin").read_text() == make_notice().body


def test_mail_is_taken_before_mailx_and_sendmail(tmp_path: Path, clients: Path) -> None:
    for name in ("sendmail", "mailx", "mail"):
        mail_client(clients / name, tmp_path / name)
        SystemClient(to=TO).deliver(make_notice())
        assert (tmp_path / f"{name}.argv").exists()


def test_no_shell_reads_a_subject(tmp_path: Path, clients: Path) -> None:
    mail_client(clients / "mail", tmp_path / "sent")
    subject = f"Niffler: $(touch {tmp_path}/run) `touch {tmp_path}/run`; touch {tmp_path}/run"
    SystemClient(to=TO).deliver(make_notice(subject=subject))
    assert (tmp_path / "sent.argv").read_text().splitlines()[1] == subject
    assert not (tmp_path / "run").exists()


def test_a_line_that_begins_with_a_tilde_is_no_command_of_the_client(tmp_path: Path, clients: Path) -> None:
    mail_client(clients / "mail", tmp_path / "sent")
    SystemClient(to=TO).deliver(make_notice(body="Folder\n~! rm -r /\n~x\n"))
    assert (tmp_path / "sent.stdin").read_text() == "Folder\n ~! rm -r /\n ~x\n"


def test_a_subject_that_is_not_ascii_is_encoded_for_the_header(tmp_path: Path, clients: Path) -> None:
    mail_client(clients / "mail", tmp_path / "sent")
    subject = "Niffler: Schädel-Übersichten und noch viel mehr davon im Ordner: complete"
    SystemClient(to=TO, sender="niffler@example.org").deliver(make_notice(subject=subject))
    _, sent, *rest = (tmp_path / "sent.argv").read_text().splitlines()
    assert sent.isascii()
    assert str(make_header(decode_header(sent))) == subject
    assert rest == ["-r", "niffler@example.org", *TO]


def test_sendmail_is_given_a_whole_message(tmp_path: Path, clients: Path) -> None:
    mail_client(clients / "sendmail", tmp_path / "sent")
    SystemClient(to=TO, sender="niffler@example.org").deliver(make_notice(body="Müller\n" + "x" * 2000))
    assert (tmp_path / "sent.argv").read_text().splitlines() == ["-i", "-f", "niffler@example.org", *TO]
    content = (tmp_path / "sent.stdin").read_bytes()
    message = BytesParser(policy=default).parsebytes(content)
    assert (message["To"], message["From"]) == (TO[0], "niffler@example.org")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().startswith("Müller\nxxx")
    assert max(map(len, content.splitlines())) < 998  # RFC 5322, 2.1.1


def test_a_client_that_fails_is_an_error_with_its_last_words(clients: Path) -> None:
    script(clients / "mail", "echo 'no such transport' >&2; exit 75")
    with pytest.raises(DeliveryError, match="mail ended with exit status 75: no such transport"):
        SystemClient(to=TO).deliver(make_notice())


def test_a_client_that_reads_nothing_does_no_harm(clients: Path) -> None:
    script(clients / "mail", "exit 0")
    SystemClient(to=TO).deliver(make_notice(body="x" * 1_000_000))


def test_a_client_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path, clients: Path) -> None:
    script(clients / "mail", f"sh -c 'echo $$ > {tmp_path}/pid; exec sleep 100' & cat > /dev/null; wait")
    started = time.monotonic()
    with pytest.raises(DeliveryError, match="did not end within 1 s"):
        SystemClient(to=TO, seconds=1).deliver(make_notice())
    assert time.monotonic() - started < 10
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_client_that_goes_on_in_the_background_is_not_waited_for(clients: Path) -> None:
    script(clients / "mail", "cat > /dev/null; sleep 20 &")
    started = time.monotonic()
    SystemClient(to=TO).deliver(make_notice())
    assert time.monotonic() - started < 10


def test_without_a_client_the_remedy_is_named(clients: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(clients))
    with pytest.raises(DeliveryError, match="MailServer"):
        SystemClient(to=TO).deliver(make_notice())
    assert "MailServer" in str(SystemClient(to=TO).problem())


def test_a_server_takes_the_mail() -> None:
    box = Letterbox()
    with serving(box) as server:
        channel = smtp(server, to=("ada@example.org", "bob@example.org"))
        channel.deliver(make_notice(subject="Niffler: Schädel: complete"))
        assert channel.problem() is None
    [message] = box.messages()
    assert message["Subject"] == "Niffler: Schädel: complete"
    assert message["To"] == "ada@example.org, bob@example.org"
    assert message["Date"] == "Fri, 01 Mar 2024 12:00:00 +0000"
    assert message.get_content().replace("\r\n", "\n") == make_notice().body
    assert box.envelopes[0].rcpt_tos == ["ada@example.org", "bob@example.org"]
    assert box.envelopes[0].mail_from == "niffler@example.org"


def test_sent_again_it_is_the_same_mail() -> None:
    box = Letterbox()
    with serving(box) as server:
        for _ in range(2):
            smtp(server).deliver(make_notice())
    first, second = box.messages()
    assert first["Message-ID"] == second["Message-ID"]


def test_starttls_encrypts(certificate: Path) -> None:
    box = Letterbox()
    options = {"tls_context": server_context(certificate), "require_starttls": True}
    with serving(box, **options) as server:
        smtp(server, "starttls").deliver(make_notice())
    assert box.encrypted == [True]


def test_a_server_without_starttls_gets_nothing_and_the_key_is_named() -> None:
    box = Letterbox()
    with serving(box) as server, pytest.raises(DeliveryError, match="MailSecurity is `starttls`"):
        smtp(server, "starttls").deliver(make_notice())
    assert not box.envelopes


def test_tls_from_the_first_byte(certificate: Path) -> None:
    box = Letterbox()
    with serving(box, ssl_context=server_context(certificate)) as server:
        smtp(server, "tls").deliver(make_notice())
    assert box.encrypted == [True]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_of_an_unknown_authority_is_refused(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, security: MailSecurity
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    box = Letterbox()
    context = server_context(certificate)
    options = {"ssl_context": context} if security == "tls" else {"tls_context": context}
    with serving(box, **options) as server, pytest.raises(DeliveryError, match="certificate is not accepted"):
        smtp(server, security).deliver(make_notice())
    assert not box.envelopes


def test_a_certificate_of_another_host_is_refused(certificate: Path) -> None:
    with serving(Letterbox(), ssl_context=server_context(certificate)) as server:
        other = MailServer(host="127.0.0.1", port=server.port)
        with pytest.raises(DeliveryError, match="certificate is not accepted"):
            smtp(other, "tls").deliver(make_notice())


def test_a_server_that_does_not_speak_tls_is_explained() -> None:
    with serving(Letterbox()) as server, pytest.raises(DeliveryError, match="no TLS"):
        smtp(server, "tls").deliver(make_notice())


def test_the_login_is_read_from_its_file(tmp_path: Path, certificate: Path) -> None:
    box = Letterbox()
    options = {"tls_context": server_context(certificate), "auth_required": True}
    with serving(box, authenticator=authenticate, **options) as server:
        smtp(server, "starttls", login=login_file(tmp_path)).deliver(make_notice())
    assert len(box.envelopes) == 1


def test_a_wrong_login_is_told_without_user_or_password(tmp_path: Path, certificate: Path) -> None:
    options = {"tls_context": server_context(certificate), "auth_required": True}
    with (
        serving(Letterbox(), authenticator=authenticate, **options) as server,
        pytest.raises(DeliveryError, match=r"does not accept MailLogin \(535\)") as caught,
    ):
        smtp(server, "starttls", login=login_file(tmp_path, "a wrong word")).deliver(make_notice())
    assert "a wrong word" not in str(caught.value)
    assert USER not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "mode", "problem"),
    [
        ("niffler\nwords\n", 0o640, "chmod 600"),
        ("niffler\nwords\n", 0o604, "chmod 600"),
        ("niffler\n", 0o600, "second"),
        ("", 0o600, "second"),
        ("\n\n", 0o600, "second"),
    ],
)
def test_a_login_file_that_others_read_or_that_is_incomplete_is_refused(
    tmp_path: Path, content: str, mode: int, problem: str
) -> None:
    path = tmp_path / "login"
    path.write_text(content, encoding="utf-8")
    path.chmod(mode)
    channel = smtp(MailServer(host="localhost", port=free_port()), login=path)
    assert problem in str(channel.problem())
    assert "words" not in str(channel.problem())


def test_a_login_file_that_is_absent_or_a_folder_is_refused(tmp_path: Path) -> None:
    server = MailServer(host="localhost", port=free_port())
    assert "cannot be read" in str(smtp(server, login=tmp_path / "absent").problem())
    assert "no regular file" in str(smtp(server, login=tmp_path).problem())


@pytest.mark.parametrize("answer", ["554 5.7.1 no mail from there", "451 4.7.1 try again later"])
def test_a_refusal_is_told_in_the_words_of_the_server(answer: str) -> None:
    with serving(Letterbox(answer)) as server, pytest.raises(DeliveryError, match=answer):
        smtp(server).deliver(make_notice())


def test_recipients_that_are_all_refused_are_an_error_and_one_of_two_is_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    box = Letterbox()
    with serving(box) as server:
        with pytest.raises(DeliveryError, match="refuses every recipient"):
            smtp(server, to=("nobody@example.org",)).deliver(make_notice())
        smtp(server, to=("nobody@example.org", *TO)).deliver(make_notice())
    assert box.envelopes[0].rcpt_tos == list(TO)
    assert "refuses 1 of 2 recipients" in caplog.text
    assert "nobody" not in caplog.text


@pytest.mark.parametrize(
    ("to", "answer", "doubtful"),
    [
        (("nobody@example.org",), "of 1 of 1 recipients: refuses (550 5.1.1 no such person)", False),
        (("nobody@example.org", *TO), "of 1 of 2 recipients: refuses (550", True),
        (("later@example.org",), "of 1 of 1 recipients: refuses (451 4.7.1 greylisted)", True),
    ],
)
def test_a_rehearsal_tells_who_would_be_refused_and_sends_nothing(
    to: tuple[str, ...], answer: str, *, doubtful: bool
) -> None:
    box = Letterbox()
    with serving(box) as server:
        problem = smtp(server, to=to).problem()
    assert problem is not None
    assert answer in str(problem)
    assert problem.is_doubtful is doubtful
    assert not box.envelopes


def test_a_client_without_sendmail_may_lead_nowhere(
    clients: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(clients))
    mail_client(clients / "mail", tmp_path / "got")
    problem = SystemClient(to=TO).problem()
    assert problem is not None
    assert problem.is_doubtful
    mail_client(clients / "sendmail", tmp_path / "got")
    assert SystemClient(to=TO).problem() is None


def test_a_server_that_is_not_there_is_told() -> None:
    server = MailServer(host="localhost", port=free_port())
    with pytest.raises(DeliveryError, match=f"MailServer localhost:{server.port}: Connection refused"):
        smtp(server).deliver(make_notice())


@pytest.fixture
def tarpit() -> Iterator[MailServer]:
    """A server that greets a letter at a time, and never comes to an end."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            while not over.wait(0.1):
                try:
                    connection.send(b"2")
                except OSError:
                    return

    thread = threading.Thread(target=serve)
    thread.start()
    yield MailServer(host="127.0.0.1", port=listener.getsockname()[1])
    over.set()
    thread.join()
    listener.close()


def test_a_server_that_never_ends_its_answer_is_left_in_time(tarpit: MailServer) -> None:
    started = time.monotonic()
    with pytest.raises(DeliveryError):
        smtp(tarpit, seconds=1).deliver(make_notice())
    assert time.monotonic() - started < 5


def test_a_server_that_says_nothing_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = MailServer(host="127.0.0.1", port=silent.getsockname()[1])
        started = time.monotonic()
        with pytest.raises(DeliveryError):
            smtp(server, seconds=1).deliver(make_notice())
        assert time.monotonic() - started < 5
