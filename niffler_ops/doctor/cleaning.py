"""Ends what is safely ours: orphans of our user with our AE title and port. No folder is touched."""

from collections.abc import Iterator, Sequence

from niffler_ops.doctor.findings import Finding, failure, ok
from niffler_ops.model import LocalEntity
from niffler_ops.processes.inspection import StoreScp
from niffler_ops.processes.leftovers import end_leftovers
from niffler_ops.processes.standing import Standing, find_leftovers

CHECK = "clean"


def safely_ours(local: LocalEntity) -> list[StoreScp]:
    """What may be ended."""
    return [found.receiver for found in find_leftovers(local) if found.standing is Standing.ORPHAN]


def clean(receivers: Sequence[StoreScp]) -> Iterator[Finding]:
    """End these; each is ended only while it is the same process still."""
    left = end_leftovers([receiver.identity for receiver in receivers])
    for receiver in receivers:
        if receiver.identity in left:
            yield failure(
                CHECK, f"{receiver}: cannot be ended; it may hang in the kernel: look at it with ps"
            )
        else:
            yield ok(CHECK, f"{receiver}: ended")
