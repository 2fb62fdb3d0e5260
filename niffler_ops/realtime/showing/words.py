"""How a receiver stands, in a few words and numbers; pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from niffler_ops.realtime.status import ReceiverStatus
from niffler_ops.reporting.page.headline import Figure
from niffler_ops.reporting.page.words import pace
from niffler_ops.reporting.words import counted, duration, local_time, number, since, size


def state_words(status: ReceiverStatus) -> str:
    """What the state is, and since when."""
    started = status.receiver["started_at"]
    if started is None:
        return "not started yet"
    if status.state == "running":
        age = status.gathered_at - datetime.fromisoformat(started)
        return f"receives for {duration(age)}, started {local_time(started)}"
    if status.state == "crashed":
        return f"its supervisor is gone and did not say so; started {local_time(started)}"
    return f"ended in order; started {local_time(started)}"


def last_entry(status: ReceiverStatus) -> str:
    """When its record was written last."""
    return since(status.receiver["updated_at"], status.gathered_at)


def figures(status: ReceiverStatus) -> Iterator[Figure]:
    """The numbers on top of the page."""
    receiver, counts, waiting = status.receiver, status.counts, status.waiting
    if status.state == "running":
        yield Figure("instances a second", pace(receiver["rate"]), "in the last minute")
    yield Figure("behind", duration(timedelta(seconds=receiver["lag"])), _backlog(status))
    again = f", {number(counts['repeated'])} of them again" * bool(counts["repeated"])
    yield Figure("instances received", number(counts["received"]), f"{size(counts['bytes'])}{again}")
    yield Figure(
        "files on the disk", number(waiting["files"]), f"{size(waiting['bytes'])} wait to be deleted"
    )
    if receiver["deletes_at"] and status.state == "running":
        at = datetime.fromisoformat(receiver["deletes_at"]).astimezone()
        left = duration(at - status.gathered_at)
        yield Figure("next deletion", f"{at:%H:%M}", f"{at.day} {at:%b}, in {left}")
    yield Figure("files deleted", number(counts["deleted"]), size(counts["deleted_bytes"]))
    if status.unreadable_files:
        yield Figure("files unreadable", number(status.unreadable_files), "in .niffler/unreadable")
    if status.refused:
        yield Figure("series refused", number(len(status.refused)), "by the store")


def _backlog(status: ReceiverStatus) -> str:
    receiver = status.receiver
    return f"{counted(receiver['unread'], 'file')} not read, {number(receiver['unstored'])} series not stored"
