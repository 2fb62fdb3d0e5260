"""One C-MOVE: its sub-operations, the pending responses, and the final one."""

import functools
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from niffler_ops.embedded import dataset
from niffler_ops.embedded.answering import RefusedError
from niffler_ops.embedded.index import Instance
from niffler_ops.embedded.sending import Originator, Outgoing, Sender, SendError, UnreachableError
from niffler_ops.model import Peer

SUCCESS = 0x0000
PENDING = 0xFF00
CANCELLED = 0xFE00
CANNOT_PERFORM_SUB_OPERATIONS = 0xA702
SUB_OPERATIONS_FAILED = 0xB000
FAILED_SOP_INSTANCE_UID_LIST = 0x00080058
WARNINGS = 0xB000


@dataclass(kw_only=True)
class Progress:
    """The counters of a retrieve, and which instances failed."""

    remaining: int
    completed: int = 0
    failed: int = 0
    warning: int = 0
    failures: list[str]

    @property
    def status(self) -> int:
        """The final status that the counters call for."""
        return SUB_OPERATIONS_FAILED if self.failed else SUCCESS

    def count(self, instance: Instance, status: int | None) -> None:
        """One more sub-operation, with the status of its response, None where there was none."""
        self.remaining -= 1
        if status == SUCCESS:
            self.completed += 1
        elif status is not None and status & 0xF000 == WARNINGS:
            self.warning += 1
        else:
            self.failed += 1
            self.failures.append(instance.sop_instance)


@dataclass(kw_only=True)
class Retrieve:
    """A retrieve under way; tests misbehave by overriding its steps.

    `respond` sends a response with a status and the counters; `is_cancelled` tells whether the peer
    has cancelled. Raises RefusedError, and EndedError where the peer is gone.
    """

    destination: Peer
    local_aet: str
    originator: Originator
    instances: list[Instance]
    respond: Callable[[int, Progress], None]
    is_cancelled: Callable[[], bool]

    @functools.cached_property
    def sender(self) -> Sender:
        """The associations with the destination."""
        return Sender(self.destination, self.local_aet, self.instances)

    @functools.cached_property
    def progress(self) -> Progress:
        """The counters."""
        return Progress(remaining=len(self.instances), failures=[])

    def run(self) -> None:
        """Send every instance, with a pending response after each, and the final response."""
        if self.instances:
            self.open()
        with closing(self.sender):
            for instance in self.instances:
                if self.is_cancelled():
                    self.respond(CANCELLED, self.progress)
                    return
                self.progress.count(instance, self.transmit(instance))
                self.respond(PENDING, self.progress)
        self.finish()

    def open(self) -> None:
        """Reach the destination, before anything is sent."""
        try:
            accepts = self.sender.open()
        except UnreachableError as error:
            raise RefusedError(CANNOT_PERFORM_SUB_OPERATIONS, str(error)) from error
        if not accepts:
            self.progress.failed, self.progress.remaining = self.progress.remaining, 0
            self.progress.failures += [instance.sop_instance for instance in self.instances]
            raise RefusedError(CANNOT_PERFORM_SUB_OPERATIONS, "no presentation context was accepted")

    def transmit(self, instance: Instance) -> int | None:
        """Send one instance; the status of its response, None where there was none."""
        try:
            outgoing = self.outgoing(instance)
            with closing(outgoing.data):
                return self.sender.send(outgoing, self.originator)
        except (OSError, SendError):
            return None

    def outgoing(self, instance: Instance) -> Outgoing:
        """The instance as it is sent: the bytes of its file. Raises OSError."""
        data = instance.path.open("rb")
        data.seek(instance.offset)
        return Outgoing(
            sop_class=instance.sop_class,
            sop_instance=instance.sop_instance,
            transfer_syntax=instance.transfer_syntax,
            data=data,
        )

    def finish(self) -> None:
        """Send the final response."""
        self.respond(self.progress.status, self.progress)


def failed_list(progress: Progress) -> bytes:
    """The identifier of a final response: the instances that failed, as far as it can hold them."""
    value = "\\".join(progress.failures)
    if not value:
        return b""
    return dataset.encode([(FAILED_SOP_INSTANCE_UID_LIST, dataset.padded(value, uid=True))])
