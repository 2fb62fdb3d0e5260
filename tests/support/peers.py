"""Application entities that answer C-ECHO, or nobody at all."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from pynetdicom import AE

from niffler_ops.embedded.uids import VERIFICATION
from niffler_ops.model import Peer


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


def absent() -> Peer:
    """A peer that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return Peer(aet="PACS", host="127.0.0.1", port=server.getsockname()[1])
