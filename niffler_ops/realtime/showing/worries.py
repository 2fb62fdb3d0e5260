"""What of a receiver needs somebody, in sentences; pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from niffler_ops.realtime.status import ReceiverStatus
from niffler_ops.reporting.words import counted, local_time, number
from niffler_ops.terminal import printable

QUIET = timedelta(minutes=1)  # longer than it ever lets pass between two entries


class Worry(NamedTuple):
    """Something that needs somebody: a sentence, its cause, and which of several senders it is about."""

    text: str
    cause: str
    about: str = ""


def worries(status: ReceiverStatus) -> list[str]:
    """What needs somebody."""
    return [*_of_itself(status), *(worry.text for worry in of_its_work(status))]


def of_its_work(status: ReceiverStatus) -> Iterator[Worry]:
    """The same, as far as a receiver that is at work can tell people."""
    yield from _of_the_store(status)
    yield from _of_files(status)
    yield from _of_senders(status)


def _of_itself(status: ReceiverStatus) -> Iterator[str]:
    if status.state == "crashed":
        yield "Its supervisor is gone: start niffler-meta again, which goes on where it was."
        return
    updated = status.receiver["updated_at"]
    quiet = updated and status.gathered_at - datetime.fromisoformat(updated) > QUIET
    if status.state == "running" and quiet:
        yield "Nothing was written to its record for a while: look into niffler.log."


def _of_the_store(status: ReceiverStatus) -> Iterator[Worry]:
    away = printable(status.receiver["store_reason"])
    if away:
        yield Worry(f"The store cannot be used: {away}. Images stay until it can.", "store")
    if status.refused:
        text = f"The store refuses the records of {number(len(status.refused))} series:"
        yield Worry(f"{text} {printable(status.refused[0].reason)}.", "refused")


def _of_files(status: ReceiverStatus) -> Iterator[Worry]:
    pressure = printable(status.receiver["pressure"])
    if pressure:
        yield Worry(f"The disk is filling: {pressure}.", "disk")
    if status.unreadable_files:
        text = f"{counted(status.unreadable_files, 'file')} cannot be read, and will never be deleted."
        yield Worry(text, "unreadable")


def _of_senders(status: ReceiverStatus) -> Iterator[Worry]:
    for source in status.sources:
        if source["silent"]:
            aet = printable(source["aet"])
            text = f"Nothing has come from {aet} since {local_time(source['last_at'])}."
            yield Worry(text, "silence", aet)
