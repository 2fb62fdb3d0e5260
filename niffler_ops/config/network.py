"""Application entities in the configuration: AE titles, ports and the archive."""

import re
from typing import Any

from pydantic import ValidationInfo

from niffler_ops.config.kinds import LATER, Kind
from niffler_ops.model import LocalEntity, Peer

_MAX_PORT = 65535
# DICOM's VR AE: 16 characters of ASCII, no control characters, no backslash, not only blanks. `@` and `:`
# would be taken for the separators of AET@HOST:PORT, here and by dcm4che.
_AE_TITLE = re.compile(r"(?=.*[^ ])[ -~]{1,16}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_AE_TITLE_RULE = "AET: 1 to 16 ASCII characters without `\\`, `@`, `:`; PORT: 1 to 65535"


class AeTitle(Kind):
    """An AE title; without one, QueryAet's. Another than that is an external destination."""

    allowed = f"the AE title of QueryAet (another system as destination {LATER})"

    def read_in(self, value: Any, info: ValidationInfo) -> str:
        """The AE title without the blanks around it, which have no meaning."""
        local: LocalEntity | None = info.data.get("query_aet")
        if not value:
            return local.aet if local else ""
        title = _ae_title(value)
        if title is None or (local is not None and title != local.aet):
            raise ValueError(f"{self.allowed}, here {local.aet!r}" if local else self.allowed)
        return title


class Local(Kind):
    """Our own application entity."""

    allowed = f"AET:PORT ({_AE_TITLE_RULE})"

    def read(self, value: Any) -> LocalEntity:
        """AE title and port."""
        text = value if isinstance(value, str) else ""
        title, separator, port = text.rpartition(":")
        aet, number = _ae_title(title), _port(port)
        if not separator or aet is None or number is None:
            raise ValueError(self.allowed)
        return LocalEntity(aet=aet, port=number)


class Archives(Kind):
    """The archives, as one string or a list; for now exactly one."""

    allowed = (
        f"AET@HOST:PORT ({_AE_TITLE_RULE}), alone or as a list of one (several come with a later version)"
    )

    def read(self, value: Any) -> tuple[Peer, ...]:
        """The archives in the order in which they are asked."""
        entries = value if isinstance(value, list) else [value]
        peers = tuple(self._peer(entry) for entry in entries)
        if len(peers) != 1:
            raise ValueError(self.allowed)
        return peers

    def _peer(self, entry: Any) -> Peer:
        title, _, address = (entry if isinstance(entry, str) else "").rpartition("@")
        host, _, port = address.rpartition(":")
        aet, number = _ae_title(title), _port(port)
        if aet is None or number is None or not _HOST.fullmatch(host.strip()):
            raise ValueError(self.allowed)
        return Peer(aet=aet, host=host.strip(), port=number)


def _ae_title(value: Any) -> str | None:
    title = value.strip(" ") if isinstance(value, str) else ""
    return title if _AE_TITLE.fullmatch(title) and not set(title) & set("\\@:") else None


def _port(text: str) -> int | None:
    digits = text.strip()
    port = int(digits) if re.fullmatch(r"[0-9]{1,5}", digits) else 0
    return port if 1 <= port <= _MAX_PORT else None
