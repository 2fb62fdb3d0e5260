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
from niffler_ops.notices.refusals import explained, passes
from niffler_ops.notices.running import run
from niffler_ops.notices.session import Session, TlsSession
from niffler_ops.processes.users import user_name

CLIENTS = ("mail", "mailx", "sendmail")
SYSTEM_FOLDERS = ("/usr/sbin", "/usr/lib")  # where sendmail is and PATH often does not lead
CLIENT_SECONDS = 60.0
SERVER_SECONDS = 60.0
OK, FORWARDED = 250, 251

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
            raise _no_client()
        if Path(program).name == "sendmail":
            sender = ("-f", self.sender) if self.sender else ()
            text = _message(notice, self.to, self.sender or _user()).as_bytes()
            run([program, "-i", *sender, *self.to], text, seconds=self.seconds)
        else:
            sender = ("-r", self.sender) if self.sender else ()
            text = _without_escapes(notice.body).encode()
            command = [program, "-s", _encoded(notice.subject), *sender, *self.to]
            run(command, text, seconds=self.seconds)

    def problem(self) -> DeliveryError | None:
        """Whether there is one, and what it needs."""
        program = _client()
        if program is None:
            return _no_client()
        if _found("sendmail") is None:
            return DeliveryError(
                f"{program} is there, and no `sendmail`, to which such a client gives its mail: unless it is"
                " configured to do without, install one (Debian: postfix or msmtp-mta), or name a MailServer",
                is_doubtful=True,
            )
        return None

    def __str__(self) -> str:
        return f"given to {_client()}; its own log tells what becomes of it there"


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

    def problem(self) -> DeliveryError | None:
        """Whether it answers, is who it says, and accepts login, sender and recipients; no mail is sent."""
        try:
            with self._session() as session:
                self._rehearse(session)
        except DeliveryError as error:
            return error
        return None

    def __str__(self) -> str:
        return f"MailServer {self.server} ({self.security}) would take it"

    def _rehearse(self, session: smtplib.SMTP) -> None:
        """All that comes before the mail itself (RFC 5321, 3.3)."""
        session.ehlo_or_helo_if_needed()
        code, answer = session.mail(self.sender or _user())
        if code != OK:
            raise smtplib.SMTPResponseException(code, answer)
        replies = [session.rcpt(recipient) for recipient in self.to]
        session.rset()
        refused = [reply for reply in replies if reply[0] not in {OK, FORWARDED}]
        if refused:
            number = f"{len(refused)} of {len(replies)} recipients"
            cause = explained(smtplib.SMTPResponseException(*refused[0]), self.security)
            some = len(refused) < len(replies)
            text = f"MailServer {self.server}: of {number}: {cause}"
            raise DeliveryError(text, is_doubtful=some or passes(*refused))

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
            text = f"MailServer {self.server}: {explained(error, self.security)}"
            doubtful = isinstance(error, smtplib.SMTPResponseException) and passes((error.smtp_code, b""))
            raise DeliveryError(text, is_doubtful=doubtful) from None

    def _connected(self) -> smtplib.SMTP:
        host, port = self.server.host, self.server.port or PORTS[self.security]
        if self.security == "tls":
            return TlsSession(host, port, seconds=self.seconds, context=ssl.create_default_context())
        return Session(host, port, seconds=self.seconds)


def _client() -> str | None:
    return next(filter(None, map(_found, CLIENTS)), None)


def _found(name: str) -> str | None:
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS))
    return shutil.which(name, path=path)


def _no_client() -> DeliveryError:
    names = ", ".join(f"`{name}`" for name in CLIENTS)
    return DeliveryError(
        f"no mail client is on this machine ({names}): install one (Debian: bsd-mailx or msmtp-mta), or name"
        " a MailServer"
    )


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
