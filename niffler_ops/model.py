"""Frozen types that pass between rooms."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final, Self

AUTO: Final = "auto"  # where the program finds a value itself
HOURS = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """An application entity on the network: AET@HOST:PORT."""

    aet: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.aet}@{self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalEntity:
    """Our own application entity: AET:PORT."""

    aet: str
    port: int

    def __str__(self) -> str:
        return f"{self.aet}:{self.port}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """An archive that is asked: who it is, and how we speak with it.

    `calling_aet` is the AE title that we call ourselves, `destination` the one that it sends to, `lanes` the
    associations that retrieve from it at once ("auto": as many as are found to be best; None: what MoveLanes
    says).
    """

    peer: Peer
    calling_aet: str = ""
    destination: str = ""
    lanes: int | str | None = None

    def __str__(self) -> str:
        own = {"CallingAet": self.calling_aet, "DestAet": self.destination, "MoveLanes": self.lanes}
        return " ".join([str(self.peer), *(f"{name}={value}" for name, value in own.items() if value)])


@dataclass(frozen=True, kw_only=True, slots=True)
class HourlyLimit:
    """A limit for each hour of the day, in local time; None where there is none."""

    by_hour: tuple[float | None, ...]

    def at(self, hour: int) -> float | None:
        """The limit of this hour."""
        return self.by_hour[hour]

    def __str__(self) -> str:
        if len(set(self.by_hour)) == 1:
            return f"{self.by_hour[0]:g}"
        changes = [hour for hour in range(HOURS) if self.by_hour[hour] != self.by_hour[hour - 1]]
        spans = zip(changes, [*changes[1:], changes[0]], strict=True)
        return ", ".join(
            f"{begin}-{end}: {limit:g}" for begin, end in spans if (limit := self.by_hour[begin]) is not None
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """One of `of` parts of a list, `number` from 1 on; a query is in the same one on every machine."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `K/N`; ValueError where it is something else."""
        number, of = (int(part) for part in text.split("/"))
        return cls(number=number, of=of)

    def holds(self, query: Iterable[str]) -> bool:
        """Whether what is asked for belongs to this part."""
        digest = sha256("\0".join(query).encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest[:8]) % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


@dataclass(frozen=True, kw_only=True, slots=True)
class FreeSpace:
    """Room that is to stay free on a disk: bytes, or a share of its size from 0 to 1."""

    bytes: float = 0.0
    share: float = 0.0

    def of(self, size: float) -> float:
        """The same in bytes, on a disk of `size` bytes."""
        return self.bytes + self.share * size

    def __str__(self) -> str:
        return f"{self.share * 100:g}%" if self.share else f"{self.bytes / 1e9:g} GB"


class Listing(StrEnum):
    """What is listed instead of retrieved; the value is its FilePath."""

    STUDIES = "CFIND-ONLY"
    SERIES = "CFIND-DETAILED"


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyColumn:
    """One CSV column that holds a key of the query.

    `keyword` is asked for; `name` is what the configuration or the header calls it (StudyMonth asks for
    StudyDate); `index` is the column, the first being 0, `named_by` the configuration's key for it ("" for
    the header). A cell of an `optional` one may be empty.
    """

    keyword: str
    name: str
    index: int
    named_by: str = ""
    optional: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvRow:
    """One line of the CSV: either `keys` to ask for (keyword to value), or why it was `refused`.

    `line` counts lines of the file, the header being 1; `values` are the cells as they stand.
    """

    line: int
    values: tuple[str, ...]
    keys: Mapping[str, str]
    refused: str | None = None


class Flaw(StrEnum):
    """Why a file is not an instance; the value is the reason an operator reads."""

    UNREADABLE = "not a readable DICOM file"
    NO_IDENTITY = "without Study, Series or SOP Instance UID"
    META_DIFFERS = "file meta information and data set name different instances"
    TRUNCATED = "pixel data shorter than its header says"


@dataclass(frozen=True, kw_only=True, slots=True)
class InstanceFile:
    """What reading one received file told: its identity, or its `flaw`.

    `attributes` are those that were asked for by keyword, as text ("" where absent or empty).
    `size` in bytes; `sha256` of the whole file; `inode` and `modified_ns` tell a replaced file.
    """

    path: str
    size: int
    inode: int
    modified_ns: int
    sha256: bytes
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    sop_instance_uid: str = ""
    attributes: Mapping[str, str]
    flaw: Flaw | None = None
