"""Mail: through this machine's own client, or to a server by SMTP."""

import email.policy
import logging
import os
import shutil
import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from niffler_ops.config.notices import PORTS, MailSecurity, MailServer
from niffler_ops.notices.login import read_login
from niffler_ops.notices.notice import DeliveryError, Notice
from niffler_ops.notices.refusals import explained
from niffler_ops.notices.running import run
from niffler_ops.notices.session import Session, TlsSession
from niffler_ops.processes.users import user_name

CLIENTS = ("mail", "mailx", "sendmail")
SYSTEM_FOLDERS = ("/usr/sbin", "/usr/lib")  # where sendmail is and PATH often does not lead
CLIENT_SECONDS = 60.0
SERVER_SECONDS = 60.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class SystemClient:
    """`mail`, `mailx` or `sendmail`, whichever is there first; it has its own queue, and its own retries."""

    to: Sequence[str]
    sender: str | None = None
    seconds: float = CLIENT_SECONDS

    def deliver(self, notice: Notice) -> None:
        """Raises DeliveryError where there is none, or where it does not take the mail."""
        program = _client()
        if program is None:
            raise DeliveryError(self.problem())
        if Path(program).name == "sendmail":
            sender = ("-f", self.sender) if self.sender else ()
            text = _message(notice, self.to, self.sender or _user()).as_bytes()
            run([program, "-i", *sender, *self.to], text, seconds=self.seconds)
        else:
            sender = ("-r", self.sender) if self.sender else ()
            text = _without_escapes(notice.body).encode()
            command = [program, "-s", _encoded(notice.subject), *sender, *self.to]
            run(command, text, seconds=self.seconds)

    def problem(self) -> str:
        """Whether there is one."""
        if _client() is None:
            names = ", ".join(f"`{name}`" for name in CLIENTS)
            return (
                f"no mail client is on this machine ({names}): install one (Debian: bsd-mailx or msmtp-mta),"
                " or name a MailServer"
            )
        return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SmtpServer:
    """A server that takes the mail (RFC 5321), its certificate checked against the system's authorities."""

    server: MailServer
    security: MailSecurity
    to: Sequence[str]
    sender: str | None = None
    login: Path | None = None
    seconds: float = SERVER_SECONDS

    def deliver(self, notice: Notice) -> None:
        """Raises DeliveryError; a recipient that alone is refused is left out."""
        sender = self.sender or _user()
        with self._session() as session:
            message = _message(notice, self.to, sender)
            refused = session.send_message(message, from_addr=sender, to_addrs=list(self.to))
        if refused:
            log.warning("MailServer %s refuses %d of %d recipients", self.server, len(refused), len(self.to))

    def problem(self) -> str:
        """Whether it answers, is who it says, and accepts the login."""
        try:
            with self._session() as session:
                session.noop()
        except DeliveryError as error:
            return str(error)
        return ""

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        """A connection that is ready for mail, and ends in bounded time however slow the server is."""
        login = None if self.login is None else read_login(self.login)
        try:
            with self._connected() as session:
                if self.security == "starttls":
                    session.starttls(context=ssl.create_default_context())
                if login is not None:
                    session.login(login.user, login.password)
                yield session
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise DeliveryError(f"MailServer {self.server}: {explained(error, self.security)}") from None

    def _connected(self) -> smtplib.SMTP:
        host, port = self.server.host, self.server.port or PORTS[self.security]
        if self.security == "tls":
            return TlsSession(host, port, seconds=self.seconds, context=ssl.create_default_context())
        return Session(host, port, seconds=self.seconds)


def _client() -> str | None:
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS))
    return next(filter(None, (shutil.which(name, path=path) for name in CLIENTS)), None)


def _message(notice: Notice, to: Sequence[str], sender: str) -> EmailMessage:
    message = EmailMessage(policy=email.policy.SMTP.clone(linesep="\n"))
    message["From"] = sender
    message["To"] = ", ".join(to)
    message["Subject"] = notice.subject
    message["Date"] = format_datetime(datetime.fromisoformat(notice.time))
    message["Message-ID"] = f"<{notice.id}@{socket.gethostname()}>"  # the same when it is sent again
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
    message.set_content(notice.body)
    return message


def _encoded(subject: str) -> str:
    """A subject in ASCII (RFC 2047), because `mail` puts it into the header as it stands."""
    return subject if subject.isascii() else Header(subject, "utf-8").encode(linesep="")


def _without_escapes(body: str) -> str:
    """Lines that no `mail` takes for one of its commands, as GNU's does even from a pipe (CVE-2021-32749)."""
    return "".join(f" {line}" if line.startswith("~") else line for line in body.splitlines(keepends=True))


def _user() -> str:
    return f"{user_name(os.geteuid()).replace(' ', '-')}@{socket.gethostname()}"
