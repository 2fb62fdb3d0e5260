"""C-ECHO: whether an application entity answers (PS3.7 section 9.1.5)."""

from enum import StrEnum

from niffler_ops.embedded import handshake
from niffler_ops.embedded.association import Association, EndedError
from niffler_ops.embedded.command import Command, Field
from niffler_ops.embedded.handshake import RejectedError, Timeouts
from niffler_ops.embedded.log import Log
from niffler_ops.embedded.uids import IMPLICIT_VR_LITTLE_ENDIAN, VERIFICATION
from niffler_ops.model import Peer

CONTEXT = 1
SUCCESS = 0x0000


class Echo(StrEnum):
    """What came of a C-ECHO; the value is what an operator reads."""

    ANSWERED = "answers"
    UNREACHABLE = "does not accept a connection or an association within the time-out"
    REJECTED = "rejects the association: it does not know one of the AE titles"
    SILENT = "accepts an association and does not answer C-ECHO"


def echo(peer: Peer, *, calling_aet: str, timeout: float) -> Echo:
    """Ask once; takes at most about four times `timeout` seconds."""
    timeouts = Timeouts(connect=timeout, accept=timeout, send=timeout, release=timeout)
    proposals = [(VERIFICATION, (IMPLICIT_VR_LITTLE_ENDIAN,))]
    try:
        association = handshake.request(peer, calling_aet, proposals, log=Log.silent(), timeouts=timeouts)
    except RejectedError:
        return Echo.REJECTED
    except EndedError:
        return Echo.UNREACHABLE
    if CONTEXT not in association.contexts:
        association.abort()
        return Echo.UNREACHABLE
    return _asked(association, timeout)


def _asked(association: Association, timeout: float) -> Echo:
    request = Command(field=Field.C_ECHO_RQ, sop_class=VERIFICATION, message_id=1)
    try:
        association.send(CONTEXT, request)
        response = association.receive(deadline=handshake.deadline(timeout)).command
    except EndedError:
        association.abort()
        return Echo.SILENT
    association.release(timeout)
    return Echo.ANSWERED if response.status == SUCCESS else Echo.SILENT
