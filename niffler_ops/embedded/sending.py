"""Sends instances to a move destination as they stand in their files, over exactly what they need."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from niffler_ops.embedded import handshake
from niffler_ops.embedded.association import Association, EndedError
from niffler_ops.embedded.command import Command, Field
from niffler_ops.embedded.handshake import Timeouts
from niffler_ops.embedded.index import Instance
from niffler_ops.embedded.log import Log
from niffler_ops.model import Peer

MOST_CONTEXTS = 128  # their identifiers are the odd numbers of one byte (PS3.8 section 9.3.2.2)
MEDIUM_PRIORITY = 0
TIMEOUTS = Timeouts(connect=10, accept=30, send=120, release=5)
RESPONSE_SECONDS = 120.0


class UnreachableError(Exception):
    """There is no association with the destination."""


class SendError(Exception):
    """An instance could not be sent; there is no status."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """An instance on its way: what it is announced as, and its data set."""

    sop_class: str
    sop_instance: str
    transfer_syntax: str
    data: BinaryIO


@dataclass(frozen=True, kw_only=True, slots=True)
class Originator:
    """Who asked for the retrieve, and in which message."""

    aet: str
    message_id: int


class Sender:
    """Associations with a destination for a set of instances, opened when they are needed."""

    def __init__(self, destination: Peer, local_aet: str, instances: Iterable[Instance]) -> None:
        self.destination = destination
        self.local_aet = local_aet
        needed = {(instance.sop_class, instance.transfer_syntax) for instance in instances}
        self.groups = _in_groups(sorted(needed), MOST_CONTEXTS)
        self.associations: dict[int, Association | None] = {}
        self.message_id = 0

    def open(self) -> bool:
        """Open the first association; raises UnreachableError. Tells whether it takes anything."""
        association = self._association(0)
        return association is not None and bool(association.contexts)

    def send(self, outgoing: Outgoing, originator: Originator) -> int:
        """Send an instance; gives the status of the response. Raises SendError."""
        group = self._group(outgoing)
        try:
            association = self._association(group)
        except UnreachableError as error:
            raise SendError(str(error)) from error
        context = _context(association, outgoing)
        self.message_id = self.message_id % 0xFFFF + 1
        try:
            association.send(context, self._command(outgoing, originator), outgoing.data)
            response = association.receive(deadline=handshake.deadline(RESPONSE_SECONDS))
        except EndedError as error:
            association.close()
            self.associations[group] = None  # not opened again: what remains fails, and is counted
            raise SendError(str(error)) from error
        status = response.command.status
        return 0 if status is None else status

    def close(self) -> None:
        """Release what is open."""
        for association in self.associations.values():
            if association is not None:
                association.release(TIMEOUTS.release)
        self.associations.clear()

    def _group(self, outgoing: Outgoing) -> int:
        pair = (outgoing.sop_class, outgoing.transfer_syntax)
        return next((number for number, group in enumerate(self.groups) if pair in group), 0)

    def _association(self, group: int) -> Association:
        if group not in self.associations:
            proposals = [(sop_class, (syntax,)) for sop_class, syntax in self.groups[group]]
            try:
                self.associations[group] = handshake.request(
                    self.destination, self.local_aet, proposals, log=Log.silent(), timeouts=TIMEOUTS
                )
            except EndedError as error:
                self.associations[group] = None
                raise UnreachableError(str(error)) from error
        association = self.associations[group]
        if association is None:
            raise UnreachableError("the association has ended")
        return association

    def _command(self, outgoing: Outgoing, originator: Originator) -> Command:
        return Command(
            field=Field.C_STORE_RQ,
            sop_class=outgoing.sop_class,
            message_id=self.message_id,
            priority=MEDIUM_PRIORITY,
            has_data=True,
            sop_instance=outgoing.sop_instance,
            originator=originator.aet,
            originator_id=originator.message_id,
        )


def _context(association: Association, outgoing: Outgoing) -> int:
    for identifier, syntaxes in association.contexts.items():
        if (syntaxes.abstract, syntaxes.transfer) == (outgoing.sop_class, outgoing.transfer_syntax):
            return identifier
    raise SendError("the destination does not accept this SOP class in this transfer syntax")


def _in_groups(pairs: list[tuple[str, str]], size: int) -> list[list[tuple[str, str]]]:
    return [pairs[start : start + size] for start in range(0, len(pairs), size)]
