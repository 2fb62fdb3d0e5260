"""What of a receiver needs somebody, in sentences; pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from niffler_ops.realtime.status import ReceiverStatus
from niffler_ops.reporting.words import counted, local_time, number, printable

QUIET = timedelta(minutes=1)  # longer than it ever lets pass between two entries


def worries(status: ReceiverStatus) -> list[str]:
    """What needs somebody."""
    return [*_of_itself(status), *_of_the_store(status), *_of_files(status), *_of_senders(status)]


def _of_itself(status: ReceiverStatus) -> Iterator[str]:
    if status.state == "crashed":
        yield "Its supervisor is gone: start niffler-meta again, which goes on where it was."
        return
    updated = status.receiver["updated_at"]
    quiet = updated and status.gathered_at - datetime.fromisoformat(updated) > QUIET
    if status.state == "running" and quiet:
        yield "Nothing was written to its record for a while: look into niffler.log."


def _of_the_store(status: ReceiverStatus) -> Iterator[str]:
    receiver = status.receiver
    if receiver["store_reason"]:
        yield f"The store cannot be used: {printable(receiver['store_reason'])}. Images stay until it can."
    if status.refused:
        reason = printable(status.refused[0].reason)
        yield f"The store refuses the records of {number(len(status.refused))} series: {reason}."


def _of_files(status: ReceiverStatus) -> Iterator[str]:
    if status.receiver["pressure"]:
        yield f"The disk is filling: {printable(status.receiver['pressure'])}."
    if status.unreadable_files:
        yield f"{counted(status.unreadable_files, 'file')} cannot be read, and will never be deleted."


def _of_senders(status: ReceiverStatus) -> Iterator[str]:
    for source in status.sources:
        if source["silent"]:
            yield f"Nothing has come from {printable(source['aet'])} since {local_time(source['last_at'])}."
