"""Application entities that answer C-ECHO, or nobody at all."""

import gc
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pynetdicom import AE
from pynetdicom.association import Association

from niffler_ops.model import Peer
from niffler_ops.processes.echo import VERIFICATION
from tests.support.processes import wait_until


@contextmanager
def answering(*, known: str | None = None) -> Iterator[Peer]:
    """A peer that answers C-ECHO, of everybody or only of the AE title it knows."""
    entity = AE(ae_title="PACS")
    entity.add_supported_context(VERIFICATION)
    if known is not None:
        entity.require_calling_aet = [known]
    server = entity.start_server(("127.0.0.1", 0), block=False)
    assert server is not None
    try:
        yield Peer(aet="PACS", host="127.0.0.1", port=server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def associations_ended() -> Iterator[None]:
    """Wait for the threads of pynetdicom's associations at the end, and let Python close what they left open.

    That is the socket of a refused or lost connection: whoever uses this ignores the ResourceWarning.
    """
    yield
    wait_until(
        lambda: not any(isinstance(thread, Association) for thread in threading.enumerate()), "associations"
    )
    gc.collect()


def absent() -> Peer:
    """A peer that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return Peer(aet="PACS", host="127.0.0.1", port=server.getsockname()[1])
