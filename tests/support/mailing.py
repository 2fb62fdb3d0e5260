"""Mail servers, mail clients and commands that take notices, and notices to give them."""
# ruff: noqa: ARG001, ARG002  aiosmtpd gives each of its hooks everything

import socket
import ssl
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from niffler_ops.config.notices import MailServer
from niffler_ops.notices.notice import Notice

USER, PASSWORD = "niffler", "secret words"


def make_notice(number: int = 1, **changes: Any) -> Notice:
    """A notice as `compose` would make one."""
    values: dict[str, Any] = {
        "id": f"20240301T120000-completion-0-{number:08x}",
        "time": "2024-03-01T12:00:00.000+00:00",
        "subject": "Niffler: study: complete",
        "body": "Extraction into /data/study\n\nNothing is left to do.\n",
        "details": {"cause": "completion", "subject": "Niffler: study: complete"},
    }
    return Notice(**(values | changes))


class Letterbox:
    """What a server was given; `refuses` is answered instead of taking it."""

    def __init__(self, refuses: str = "") -> None:
        self.refuses = refuses
        self.envelopes: list[Envelope] = []
        self.encrypted: list[bool] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody@"):
            return "550 5.1.1 no such person"
        if address.startswith("later@"):
            return "451 4.7.1 greylisted"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refuses:
            return self.refuses
        self.envelopes.append(envelope)
        transport = server.transport
        assert transport is not None
        self.encrypted.append(transport.get_extra_info("sslcontext") is not None)
        return "250 OK"

    def messages(self) -> list[EmailMessage]:
        """The mails, parsed."""
        parser: BytesParser[EmailMessage] = BytesParser(policy=default)
        return [parser.parsebytes(_content(envelope)) for envelope in self.envelopes]


def _content(envelope: Envelope) -> bytes:
    assert isinstance(envelope.content, bytes)
    return envelope.content


def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    """Accepts USER with PASSWORD."""
    assert isinstance(data, LoginPassword)
    return AuthResult(success=data == LoginPassword(USER.encode(), PASSWORD.encode()), handled=False)


@contextmanager
def serving(box: Letterbox, **options: Any) -> Iterator[MailServer]:
    """A mail server on a free port of this machine."""
    controller = Controller(box, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield MailServer(host="localhost", port=controller.port)
    finally:
        controller.stop()


def free_port() -> int:
    """A port that nobody uses just now; aiosmtpd's Controller takes none by itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def server_context(certificate: Path) -> ssl.SSLContext:
    """TLS for a server, with the certificate and key in one file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def script(path: Path, body: str) -> Path:
    """An executable of the shell, as a site would write it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def mail_client(path: Path, record: Path, *, status: int = 0) -> Path:
    """A mail client that writes down its arguments, one a line, and its standard input."""
    return script(
        path, f"printf '%s\\n' \"$@\" > '{record}.argv'\ncat > '{record}.stdin'\necho done\nexit {status}"
    )


def only_on_path(folder: Path) -> Mapping[str, str]:
    """An environment in which the shell's own tools and those of `folder` are found."""
    return {"PATH": f"{folder}:/usr/bin:/bin"}
