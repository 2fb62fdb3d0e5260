"""C-ECHO: whether an application entity answers (PS3.7 section 9.1.5)."""

import logging
from enum import StrEnum

from pynetdicom import AE, _config

from niffler_ops.model import Peer

VERIFICATION = "1.2.840.10008.1.1"  # the SOP Class of C-ECHO, PS3.4 annex A

_config.LOG_HANDLER_LEVEL = "none"
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)


class Echo(StrEnum):
    """What came of a C-ECHO; the value is what an operator reads."""

    ANSWERED = "answers"
    UNREACHABLE = "does not accept a connection or an association within the time-out"
    REJECTED = "rejects the association: it does not know one of the AE titles"
    SILENT = "accepts an association and does not answer C-ECHO"


def echo(peer: Peer, *, calling_aet: str, timeout: float) -> Echo:
    """Ask once; takes at most about three times `timeout` seconds."""
    entity = AE(ae_title=calling_aet)
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = timeout
    entity.add_requested_context(VERIFICATION)
    try:
        association = entity.associate(peer.host, peer.port, ae_title=peer.aet)
    except OSError:  # a host name that cannot be resolved
        return Echo.UNREACHABLE
    if association.is_rejected:
        return Echo.REJECTED
    if not association.is_established:
        return Echo.UNREACHABLE
    try:
        status = association.send_c_echo()
    except (RuntimeError, ValueError):  # it was ended right after it was accepted
        return Echo.SILENT
    finally:
        association.release()
    return Echo.ANSWERED if status and status.Status == 0 else Echo.SILENT
