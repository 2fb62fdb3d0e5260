"""The form for a PACS administrator: who we are, and what to allow."""

import socket
from collections.abc import Iterator

from niffler_ops.config import Config
from niffler_ops.model import Archive, Peer
from niffler_ops.stages.load import most_lanes

FIND = "Study Root Query/Retrieve Information Model - FIND (1.2.840.10008.5.1.4.1.2.2.1)"
MOVE = "Study Root Query/Retrieve Information Model - MOVE (1.2.840.10008.5.1.4.1.2.2.2)"
VERIFICATION = "Verification (1.2.840.10008.1.1)"
LABEL = 17
UNKNOWN_ADDRESS = "(please fill in: this machine's address, as the archive sees it)"


def form(config: Config) -> str:
    """One page for each archive, ending with a newline."""
    return "\n".join("\n".join(_page(config, archive)) + "\n" for archive in config.archives)


def _page(config: Config, archive: Archive) -> Iterator[str]:
    host, here = _address(archive.peer), config.query_aet
    local = archive.destination == here.aet
    yield f"For the administrator of {archive.peer}"
    yield ""
    yield "Please add this application entity:"
    yield _line("AE title", here.aet if local else archive.calling_aet)
    yield _line("host", host)
    if local:
        yield _line("port", str(here.port))
    yield ""
    yield "Please allow it, from this host:"
    caller = archive.calling_aet
    yield _line("C-ECHO", f"{VERIFICATION}, called by {caller}")
    yield _line("C-FIND", f"{FIND}, called by {caller}; at STUDY, SERIES and IMAGE level")
    yield _line("C-MOVE", f"{MOVE}, called by {caller}, with {archive.destination} as move destination")
    if local:
        yield _line(
            "C-STORE", f"from the archive to {here.aet} at {host}, port {here.port}: every storage SOP class"
        )
    else:
        yield _line("C-STORE", f"from the archive to {archive.destination}, which is another system")
    yield ""
    lanes = most_lanes(config, archive)
    yield f"It opens up to {lanes} associations for C-MOVE at once, and a few for C-FIND and C-ECHO."
    if config.nightly_only and config.start_hour != config.end_hour:
        yield f"It queries and retrieves from {config.start_hour} to {config.end_hour} o'clock only."


def _line(name: str, value: str) -> str:
    return f"  {name:<{LABEL}}{value}"


def _address(peer: Peer) -> str:
    """The address of this machine from which the archive is reached; nothing is sent to find it out."""
    try:
        kind, _, _, _, address = socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(kind, socket.SOCK_DGRAM) as probe:
            probe.connect(address)
            return f"{probe.getsockname()[0]} ({socket.gethostname()})"
    except OSError:
        return UNKNOWN_ADDRESS
