"""Which attributes are wanted: text files with a keyword or tag on each line, as upstream's.

    PatientID                   a keyword of PS3.6
    0018,0050                   a tag, also as (0018,0050), 00180050, 0x0018,0x0050
    0019,"GEMS_ACQU_01",9C      a private attribute by its creator, and the last two digits of its element
    *                           every public attribute

What follows a # is a comment.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydicom.datadict import dictionary_keyword, dictionary_VR, tag_for_keyword

from niffler_ops.errors import ConfigurationError
from niffler_ops.metadata.nearest import nearest_keyword
from niffler_ops.metadata.values import BINARY_VRS, Facts

IDENTITY = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")

_EVERYTHING = "*"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,59}")
_TAG = re.compile(r"\(?(?:0x)?([0-9A-Fa-f]{4}),?\s*(?:0x)?([0-9A-Fa-f]{4})\)?")
_PRIVATE = re.compile(
    r"\(?(?:0x)?([0-9A-Fa-f]{4})\s*,\s*\"([^\"\\]{1,64})\"\s*,\s*(?:0x)?(?:[Xx]{2})?([0-9A-Fa-f]{2})\)?"
)
_FILE_META, _COMMANDS = 0x0002, 0x0000


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One attribute by its `name` in records; a private one has a creator, and its tag the block 00."""

    name: str
    tag: int
    creator: str = ""


@dataclass(frozen=True, kw_only=True)
class Featureset:
    """The attributes of one collection, in the order of their file; `everything` adds all public ones."""

    name: str
    entries: tuple[Entry, ...] = ()
    everything: bool = False

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What its attributes are called in records and columns."""
        return tuple(entry.name for entry in self.entries)

    @cached_property
    def by_tag(self) -> dict[int, str]:
        """The names of the public attributes of a data set."""
        return {entry.tag: entry.name for entry in self.entries if not entry.creator and not _is_meta(entry)}

    @cached_property
    def file_meta(self) -> dict[int, str]:
        """The names of those that stand before the data set, in the file meta information."""
        return {entry.tag: entry.name for entry in self.entries if _is_meta(entry)}

    @cached_property
    def private(self) -> tuple[Entry, ...]:
        """The private ones."""
        return tuple(entry for entry in self.entries if entry.creator)

    @cached_property
    def _selected(self) -> frozenset[str]:
        return frozenset((*IDENTITY, *self.names))

    def select(self, facts: Facts) -> Facts:
        """Of an instance's facts those that it asks for, and the three UIDs that tell the instance."""
        if self.everything:
            return facts
        return {name: value for name, value in facts.items() if name in self._selected}


EVERYTHING = Featureset(name="all", everything=True)


def union(featuresets: Iterable[Featureset]) -> Featureset:
    """What has to be read of an instance to serve them all."""
    chosen = tuple(featuresets)
    entries = {entry.name: entry for featureset in chosen for entry in featureset.entries}
    return Featureset(
        name="union",
        entries=tuple(entries.values()),
        everything=any(featureset.everything for featureset in chosen),
    )


def default_featureset_file() -> Path:
    """conf/featuresets/default.txt: in an installed package it stands inside, in a clone beside it."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "conf"
    return (installed if installed.is_dir() else package.parent / "conf") / "featuresets" / "default.txt"


def load_featuresets(*paths: Path) -> tuple[Featureset, ...]:
    """The featuresets of these files, and of the .txt files in these folders.

    Raises ConfigurationError with every mistake of every file, one text each.
    """
    problems: list[str] = []
    loaded: dict[str, Featureset] = {}
    for path in _files(paths, problems):
        featureset = _load(path, problems)
        if featureset.name.casefold() in loaded:
            problems.append(f"{path}: another featureset has this name too, up to capital letters")
        loaded[featureset.name.casefold()] = featureset
    if problems:
        raise ConfigurationError(*problems)
    return tuple(loaded.values())


def parse_featureset(name: str, text: str, source: str = "") -> Featureset:
    """The featureset in a text; `source` names it in errors. Raises ConfigurationError with all of them."""
    problems: list[str] = []
    featureset = _parse(name, text, source or name, problems)
    if problems:
        raise ConfigurationError(*problems)
    return featureset


def _files(paths: Iterable[Path], problems: list[str]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.txt")) if path.is_dir() else [path]
        if not inside:
            problems.append(f"{path}: a folder without featuresets; they are text files named NAME.txt")
        found += inside
    return found


def _load(path: Path, problems: list[str]) -> Featureset:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        problems.append(f"{path}: the featureset cannot be read: {why}")
        return Featureset(name=path.stem)
    return _parse(path.stem, text, str(path), problems)


def _parse(name: str, text: str, source: str, problems: list[str]) -> Featureset:
    if not _NAME.fullmatch(name) or name.casefold().startswith(("sqlite_", "system")):
        problems.append(
            f"{source}: a featureset's file name becomes the name of a collection: up to 60 letters, digits,"
            " hyphens and underscores, the first one a letter, and not `system` or `sqlite_` to begin with"
        )
    entries: dict[str, Entry] = {}
    everything, before = False, len(problems)
    for number, line in enumerate(text.splitlines(), start=1):
        wanted = line.partition("#")[0].strip()
        if wanted == _EVERYTHING:
            everything = True
        elif wanted:
            entry = _entry(wanted)
            if isinstance(entry, Entry) and entries.setdefault(entry.name, entry) != entry:
                entry = f"this and another private attribute would both be called {entry.name}"
            if isinstance(entry, str):
                problems.append(f"{source}, line {number}: {entry}")
    if not entries and not everything and len(problems) == before:
        problems.append(f"{source}: no attribute is named; write one keyword or tag on a line, or *")
    return Featureset(name=name, entries=tuple(entries.values()), everything=everything)


def _entry(text: str) -> Entry | str:
    """The attribute that a line asks for, or what is wrong with the line."""
    if match := _PRIVATE.fullmatch(text):
        return _private(int(match[1], 16), match[2].strip(), int(match[3], 16))
    if match := _TAG.fullmatch(text):
        tag = int(match[1] + match[2], 16)
        if (tag >> 16) % 2:
            return f'the tag is private: name its creator, as in {match[1].upper()},"CREATOR",{match[2][2:]}'
    else:
        found = tag_for_keyword(text)
        if found is None:
            likely = nearest_keyword(text)
            return f"{text} is no keyword of DICOM" + (f"; {likely} is one" if likely else "")
        tag = found
    return _public(text, tag)


def _private(group: int, creator: str, element: int) -> Entry | str:
    if not group % 2 or not creator:
        return "a private attribute has an odd group and a creator"
    # Neither dots nor dollars, which MongoDB does not take in a name.
    name = f"{group:04X}_{re.sub('[^A-Za-z0-9]+', '_', creator)}_{element:02X}"
    return Entry(name=name, tag=group << 16 | element, creator=creator)


def _public(text: str, tag: int) -> Entry | str:
    try:
        keyword, vr = dictionary_keyword(tag), dictionary_VR(tag)
    except KeyError:
        keyword = vr = ""
    if not keyword or tag >> 16 == _COMMANDS:
        return f"DICOM knows no attribute {text}"
    if vr in BINARY_VRS:
        return f"{keyword} holds binary data, which no record takes"
    return Entry(name=keyword, tag=tag)


def _is_meta(entry: Entry) -> bool:
    return entry.tag >> 16 == _FILE_META


def tags_of(featureset: Featureset, further: Mapping[str, int]) -> list[int] | None:
    """What dcmread's `specific_tags` must name so that all of it is read; None where it is everything."""
    if featureset.everything or featureset.private:
        return None
    return sorted({*further.values(), *(entry.tag for entry in featureset.entries)})
