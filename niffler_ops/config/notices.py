"""The keys about who is told of the ends and troubles of an extraction or receiver, and how."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from niffler_ops.config.forms import Problem
from niffler_ops.config.kinds import Choice, Flag, Kind, Maybe, Place, Whole
from niffler_ops.config.several import Words

MailSecurity = Literal["starttls", "tls", "none"]

MOST_MINUTES = 10_080
PORTS: Mapping[str, int] = {"starttls": 587, "tls": 465, "none": 25}
_MAX_PORT = 65535
# Neither a leading hyphen, which a mail client would take for an option, nor what a shell or a header reads.
_MAILBOX = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9_.+=/~-]{0,63}(@[A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?)?", re.ASCII
)
_SERVER = re.compile(
    r"(\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?))(:(?P<port>[0-9]{1,5}))?"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class MailServer:
    """A server that takes mail by SMTP; without `port` the usual one of MailSecurity."""

    host: str
    port: int | None = None

    @property
    def is_this_machine(self) -> bool:
        """Whether what is sent there never leaves this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.casefold() == "localhost"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


class Mailbox(Kind):
    """An address of mail, or a user of this machine."""

    allowed = "an address such as `you@example.org`, or a user of this machine"

    def read(self, value: Any) -> str:
        """The address."""
        text = value.strip() if isinstance(value, str) else ""
        if not _MAILBOX.fullmatch(text):
            raise ValueError(self.allowed)
        return text


class Mailboxes(Kind):
    """Where mail goes to."""

    allowed = f"{Mailbox.allowed}; several as a list, or with commas between"

    def read(self, value: Any) -> tuple[str, ...]:
        """The addresses, each once; none where it is empty."""
        entries = value.split(",") if isinstance(value, str) else value
        if value in ("", {}, []):
            return ()
        try:
            return tuple(dict.fromkeys(Mailbox().read(entry) for entry in entries))
        except (TypeError, ValueError):
            raise ValueError(self.allowed) from None


class Server(Kind):
    """A mail server."""

    allowed = "HOST or HOST:PORT (an IPv6 address in square brackets)"

    def read(self, value: Any) -> MailServer:
        """Host and port."""
        found = _SERVER.fullmatch(value.strip() if isinstance(value, str) else "")
        if found is None:
            raise ValueError(self.allowed)
        port = None if found["port"] is None else int(found["port"])
        if port is not None and not 1 <= port <= _MAX_PORT:
            raise ValueError(self.allowed)
        return MailServer(host=found["v6"] or found["host"], port=port)


class ChannelKeys(BaseModel):
    """Who is told, and by which way."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    send_email: Annotated[bool, Flag()] = Field(
        False,  # noqa: FBT003  pydantic takes the default first
        alias="SendEmail",
        description="Send a mail when an extraction has ended, has failed, stands still, or waits for a "
        "person, and when a receiver needs one; it holds no identifiers",
        examples=[True],
    )
    your_email: Annotated[tuple[str, ...], Mailboxes()] = Field(
        (),
        alias="YourEmail",
        description="Where the mail of SendEmail goes; without effect while that is false",
        examples=["you@example.org"],
    )
    mail_server: Annotated[MailServer | None, Maybe(Server())] = Field(
        None,
        alias="MailServer",
        description="The server that takes the mail; by default it is given to this machine's own mail "
        "client (`mail`, `mailx` or `sendmail`)",
        examples=["smtp.example.org:587"],
    )
    mail_security: Annotated[MailSecurity, Choice("starttls", "tls", "none")] = Field(
        "starttls",
        alias="MailSecurity",
        description="How the way to MailServer is kept private: `starttls` (port 587), `tls` from the first "
        "byte (port 465), or not at all (port 25)",
        examples=["tls"],
    )
    mail_login: Annotated[Path | None, Maybe(Place("a file of mode 0600"))] = Field(
        None,
        alias="MailLogin",
        description="The login at MailServer, where it wants one: a file of mode 0600 with the user on its "
        "first line and the password on its second",
        examples=["/etc/niffler/mail-login"],
    )
    mail_from: Annotated[str | None, Maybe(Mailbox())] = Field(
        None,
        alias="MailFrom",
        description="The sender of the mail; by default the user who runs the command, at this machine",
        examples=["niffler@example.org"],
    )
    notify_command: Annotated[tuple[str, ...], Words()] = Field(
        (),
        alias="NotifyCommand",
        description="The site's own way to tell people, run with a JSON description on its standard input "
        "whenever a mail would be sent, with or without SendEmail",
        examples=[["/opt/site/tell-chat", "--room", "imaging"]],
    )


class NoticeKeys(ChannelKeys):
    """The same of an extraction, and when."""

    stall_minutes: Annotated[int, Whole(0, MOST_MINUTES, "minutes")] = Field(
        90,
        alias="StallMinutes",
        description="Time in which nothing has moved, pauses aside, after which people are told; 0: never",
        examples=[30],
    )


def notice_problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong about how the keys go together; `data` holds the values that are right by themselves."""
    if data.get("send_email") and data.get("your_email") == ():
        yield Problem("your_email", "an address, because SendEmail is true")
    login, server = data.get("mail_login"), data.get("mail_server")
    if login is not None and "mail_server" in data and server is None:
        yield Problem("mail_login", "only with MailServer: this machine's own mail client has its own login")
    in_clear = data.get("mail_security") == "none" and server is not None and not server.is_this_machine
    if login is not None and in_clear:
        yield Problem("mail_security", "`starttls` or `tls`, because MailLogin's password is sent")
