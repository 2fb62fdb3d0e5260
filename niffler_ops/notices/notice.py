"""What passes between the parts of this room: an occasion, the notice made of it, and what delivers that."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from niffler_ops.errors import NifflerError


class Cause(StrEnum):
    """Why people are told."""

    COMPLETION = "completion"  # every row is at its end
    FAILURE = "failure"  # the run ended before that
    STALL = "stall"  # nothing has moved for a set time
    PAUSE = "pause"  # it waits for something that a person has to do
    ARCHIVE = "archive"  # an archive sends nothing until its administrator sees to it
    # Of a receiver:
    LISTENING = "listening"  # a port of its own does not receive
    STORE = "store"  # the store of the records is away
    REFUSED = "refused"  # the store takes no records of some series
    DISK = "disk"  # the disk is filling
    UNREADABLE = "unreadable"  # files that nobody can read wait
    SILENCE = "silence"  # a sender that usually sends does not


@dataclass(frozen=True, kw_only=True, slots=True)
class Occasion:
    """Something worth a notice.

    `exit_status` is that of a run that has ended; `number` tells archives apart, or ports, or senders.
    """

    cause: Cause
    reason: str = ""
    exit_status: int | None = None
    number: int | None = None

    @property
    def key(self) -> str:
        """What is the same cause: runs that end differently are not, and neither are two numbers."""
        which = self.number if self.exit_status is None else self.exit_status
        return self.cause if which is None else f"{self.cause}-{which}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """What people read, and the same as `details` for programs; free of identifiers.

    `id` is unique, and the same however often it is sent; `time` is ISO 8601.
    """

    id: str
    time: str
    subject: str
    body: str
    details: Mapping[str, Any]


class Channel(Protocol):
    """A way to people."""

    def deliver(self, notice: Notice) -> None:
        """Hand it over, in bounded time; raises DeliveryError."""
        ...

    def problem(self) -> "DeliveryError | None":
        """What is in the way of a delivery, as far as can be told without one."""
        ...

    def __str__(self) -> str: ...


class DeliveryError(NifflerError):
    """A notice was not taken over; the text tells why, and holds no password.

    `is_doubtful`: a problem that need not be one, or that passes by itself.
    """

    exit_status = 69
    retriable = True

    def __init__(self, text: str, *, is_doubtful: bool = False) -> None:
        super().__init__(text)
        self.is_doubtful = is_doubtful
