"""Application entities in the configuration: AE titles, ports and the archive."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import ValidationInfo

from niffler_ops.config.kinds import Kind, Tuned, parsed
from niffler_ops.model import Archive, LocalEntity, Peer

MOST_LANES = 64
_MAX_PORT = 65535
# DICOM's VR AE: 16 characters of ASCII, no control characters, no backslash, not only blanks. `@` and `:`
# would be taken for the separators of AET@HOST:PORT, here and by dcm4che.
_AE_TITLE = re.compile(r"(?=.*[^ ])[ -~]{1,16}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_AE_TITLE_RULE = "AET: 1 to 16 ASCII characters without `\\`, `@`, `:`; PORT: 1 to 65535"


class AeTitle(Kind):
    """The AE title that images are sent to; without one, QueryAet's."""

    allowed = "an AE title of 1 to 16 ASCII characters without `\\`, `@`, `:`"

    def read_in(self, value: Any, info: ValidationInfo) -> str:
        """The AE title without the blanks around it, which have no meaning."""
        local: LocalEntity | None = info.data.get("query_aet")
        if not value:
            return local.aet if local else ""
        return self.read(value)

    def read(self, value: Any) -> str:
        """The same, where there is no other to take."""
        title = _ae_title(value)
        if title is None:
            raise ValueError(self.allowed)
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
    """The archives, as one entry or a list of several."""

    allowed = (
        f"AET@HOST:PORT ({_AE_TITLE_RULE}), or a list of such texts and of objects with Archive "
        "(AET@HOST:PORT), CallingAet, DestAet, MoveLanes; each archive once"
    )
    _SETTINGS: ClassVar[Mapping[str, tuple[str, Kind]]] = {
        "CallingAet": ("calling_aet", AeTitle()),
        "DestAet": ("destination", AeTitle()),
        "MoveLanes": ("lanes", Tuned(1, MOST_LANES)),
    }

    def read(self, value: Any) -> tuple[Archive, ...]:
        """The archives in the order in which they are asked; what an entry does not set is left empty."""
        several = parsed(value)
        entries = several if isinstance(several, list) else [several]
        archives = tuple(
            self._with_settings(entry) if isinstance(entry, Mapping) else Archive(peer=self._peer(entry))
            for entry in entries
        )
        hosts = {(archive.peer.aet, archive.peer.host.casefold(), archive.peer.port) for archive in archives}
        if not archives or len(hosts) < len(archives):
            raise ValueError(self.allowed)
        return archives

    def _with_settings(self, entry: Mapping[str, Any]) -> Archive:
        settings: dict[str, Any] = {}
        for name, value in entry.items():
            if name == "Archive":
                continue
            if name not in self._SETTINGS:
                raise ValueError(f"{self.allowed}; {name} is none of these")
            attribute, kind = self._SETTINGS[name]
            try:
                settings[attribute] = kind.read(value)
            except ValueError as error:
                raise ValueError(f"{self.allowed}; {name}: {error}") from error
        return Archive(peer=self._peer(entry.get("Archive")), **settings)

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
