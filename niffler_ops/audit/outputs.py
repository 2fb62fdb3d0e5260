"""The output folder: every name in it, and every file searched as what its content says it is."""

import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from niffler_ops.audit.databases import search_parquet, search_sqlite
from niffler_ops.audit.dicomfiles import search_dicom
from niffler_ops.audit.model import Channel
from niffler_ops.audit.originals import is_dicom
from niffler_ops.audit.pngfiles import SIGNATURE, search_png
from niffler_ops.audit.searching import WITHHELD, Place, Search
from niffler_ops.audit.shown import is_whole
from niffler_ops.audit.tables import search_csv, search_json
from niffler_ops.audit.texts import search_bytes, search_text

_HEAD = 16
_SQLITE, _PARQUET = b"SQLite format 3\0", b"PAR1"
_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf")
_BY_SUFFIX = {".csv": "table", ".tsv": "table", ".json": "json", ".jsonl": "json", ".ndjson": "json"}
_WAYS: dict[str, Callable[[Path, str, Search], object]] = {
    "PNG": search_png,
    "SQLite": search_sqlite,
    "Parquet": search_parquet,
    "table": search_csv,
    "json": search_json,
    "text": search_text,
}


class Outputs:
    """Searches an output folder; `shows` are the originals with text in their pixels, by pseudonym."""

    def __init__(self, folder: Path, search: Search, shows: dict[int, Path]) -> None:
        self._folder = folder
        self._search = search
        self._shows = shows
        self._shown = lru_cache(maxsize=1 << 16)(self._look_at_name)
        self.files: Counter[str] = Counter()
        self.instances = array("q")  # hashes of the pseudonyms of DICOM files and pictures

    def search(self, progress: Callable[[str, int], None]) -> None:
        """Every folder and file; symbolic links are named, not followed."""
        for path in self._entries():
            where = self._shown(path)
            if path.is_symlink():
                place = Place(channel=Channel.NAME, where=where, place="target of the link")
                self._search.text(str(path.readlink()), place)
                self._search.flush()
                self._search.skip(where, "a symbolic link, which was not followed")
            elif path.is_file():
                self._search_file(path, where)
                progress("output", sum(self.files.values()))
            elif not path.is_dir():
                self._search.skip(where, "neither a file nor a folder")

    def compare_picture(self, path: Path, pseudonym: int, frame: int) -> None:
        """Look whether a picture of an original that shows text is still the whole of it."""
        self.instances.append(pseudonym)
        original = self._shows.get(pseudonym)
        if original is None:
            return
        where = self._shown(path)
        try:
            whole = is_whole(original, frame, path)
        except Exception as error:  # noqa: BLE001 - decoders raise anything
            self._search.skip(where, f"could not be compared with its original: {type(error).__name__}")
            return
        if whole:
            place = Place(channel=Channel.PIXELS, where=where, place=f"frame {frame}")
            self._search.report(place, "an original that shows text")

    def _entries(self) -> Iterator[Path]:
        def complain(error: OSError) -> None:
            self._search.skip("a folder", f"cannot be listed: {error.strerror}")

        for parent, folders, names in os.walk(self._folder, onerror=complain):
            folders.sort()
            for name in sorted([*folders, *names]):
                yield Path(parent) / name

    def _look_at_name(self, path: Path) -> str:
        """The path below the output folder; a name that holds a value gives way to its rank in its folder."""
        above = "" if path.parent == self._folder else f"{self._shown(path.parent)}/"
        attributes = self._search.attributes_in(path.name, path.stem)
        if not attributes:
            return f"{above}{path.name}"
        rank = sum(1 for other in os.scandir(path.parent) if other.name <= path.name)
        place = Place(channel=Channel.NAME, where=f"{above}{WITHHELD} {rank}", place="itself")
        for attribute in sorted(attributes):
            self._search.report(place, attribute)
        return place.where

    def _search_file(self, path: Path, where: str) -> None:
        try:
            kind = _kind(path)
            self.files[kind] += 1
            self._search_as(kind, path, where)
        except OSError as error:
            self._search.skip(where, f"cannot be read: {error.strerror}")

    def _search_as(self, kind: str, path: Path, where: str) -> None:
        try:
            if kind == "DICOM":
                self.compare_picture(path, hash(search_dicom(path, where, self._search)), 1)
                return
            if kind == "packed":
                self._search.skip(where, "packed: unpack it and search again")
            elif way := _WAYS.get(kind):
                way(path, where, self._search)
        except ImportError:
            self._search.skip(where, f"{kind} needs the package pyarrow to be searched")
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - what a damaged file raises is anybody's guess
            self._search.skip(where, f"is no readable {kind}: {type(error).__name__}")
        known = self._search.flush()
        search_bytes(path, where, self._search, known)


def _kind(path: Path) -> str:
    """What a file is, by its first bytes, and where these are text by its suffix."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if head.startswith(SIGNATURE):
        return "PNG"
    if head.startswith(_SQLITE):
        return "SQLite"
    if head.startswith(_PARQUET):
        return "Parquet"
    if head.startswith(_PACKED):
        return "packed"
    return "DICOM" if is_dicom(path) else _BY_SUFFIX.get(path.suffix.lower(), "text")
