"""What is shown of one folder, whatever works there: its page, and its card among others."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from niffler_ops.reporting.page.headline import Figure
from niffler_ops.reporting.page.selection import Selection


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """A page: its template with its values, and its parts as HTML by the id of their element.

    Not `whole` where something cannot be read now, for the `trouble`; `source` is what cannot be.
    """

    template: str
    title: str
    source: str
    values: Mapping[str, object]
    parts: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""
    whole: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """One of several; without `words` it cannot be read, for the reason in `note`."""

    key: str
    kind: str
    storage_folder: str
    state: str
    words: str = ""
    worries: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What was read of several at once: their cards, and what makes metrics of it when they are wanted."""

    cards: Sequence[Card] = ()
    metrics: Callable[[], str] = str


class Watched(Protocol):
    """One folder that somebody may look at; `key` names it in addresses."""

    @property
    def folder(self) -> Path:
        """Its StorageFolder."""
        ...

    @property
    def key(self) -> str:
        """What names it in addresses."""
        ...

    async def look(self, selection: Selection) -> View:
        """What was read last."""
        ...


class Receivers(Protocol):
    """Receivers, which a room above this one knows how to read."""

    def has(self, folder: Path) -> bool:
        """Whether one works, or has worked, there."""
        ...

    def watch(self, folder: Path) -> Watched:
        """To look at one."""
        ...

    def look(self, folders: Sequence[Path] | None) -> Seen:
        """Those in these folders, or of this machine; at work first."""
        ...


class NoReceivers:
    """Where only extractions are shown."""

    def has(self, _folder: Path) -> bool:
        """Never."""
        return False

    def watch(self, folder: Path) -> Watched:
        """Never asked for."""
        raise LookupError(folder)

    def look(self, _folders: Sequence[Path] | None) -> Seen:
        """None."""
        return Seen()


def key_of(folder: Path) -> str:
    """How a StorageFolder is named in addresses."""
    return hashlib.sha256(str(folder.absolute()).encode("utf-8", "surrogateescape")).hexdigest()[:12]
