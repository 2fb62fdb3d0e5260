"""What an audit gives: findings that say where and of which attribute, never the value itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Channel(StrEnum):
    """The way by which a value left."""

    ATTRIBUTE = "DICOM attribute"
    DATE = "date that was not moved"
    PREAMBLE = "preamble"
    BYTES = "bytes of the file"
    NAME = "name of a file or folder"
    PNG = "PNG chunk"
    CELL = "table cell"
    RECORD = "database record"
    TEXT = "text"
    PIXELS = "pixels or document"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A value of the originals in the output.

    `where` is the file below the output folder; a name that itself holds a value is written as [withheld]
    and its rank among the names of its folder. `place` says where in it. `attribute` is the one of the
    originals whose value it is.
    """

    channel: Channel
    where: str
    place: str
    attribute: str

    def __str__(self) -> str:
        return f"{self.where}: {self.channel} {self.place} holds a value of {self.attribute}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unread:
    """A file that could not be searched, or not all of it, and why."""

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """What was found, and how much was searched for and searched.

    `findings` and `unread` are the first so many, `found` and `unread_count` count all; `tally` counts
    findings by channel and attribute. `values` is the number of distinct spellings that were searched for
    everywhere, `confined` that of values too short or too common for it, which are searched for only in the
    attribute they come from. `unlinked` originals have dates that could not be compared. `orphans` are DICOM
    files and pictures of the output that no original is linked with; 0 where no original is.
    """

    findings: tuple[Finding, ...]
    found: int
    tally: Mapping[tuple[Channel, str], int]
    unread: tuple[Unread, ...]
    unread_count: int
    originals: int
    originals_unread: int
    values: int
    confined: int
    unlinked: int
    orphans: int
    files: Mapping[str, int]

    @property
    def clean(self) -> bool:
        """Nothing was found, and nothing was left out."""
        return not self.found and not self.unread_count and not self.originals_unread
