"""The originals: every identifying value of every instance, and of the names of files and folders."""

import os
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from niffler_ops.audit.attributes import Meaning, Options, meaning
from niffler_ops.audit.dates import dates
from niffler_ops.audit.elements import TEMPORAL, Element, walk
from niffler_ops.audit.index import Index
from niffler_ops.audit.links import Links
from niffler_ops.audit.runs import runs
from niffler_ops.audit.shown import may_show_text
from niffler_ops.audit.spelling import words
from niffler_ops.audit.values import Values, fingerprint_key, home_date_key

_PRIVATE_FOLDER = ".niffler"
_SEEN = 1 << 19
_LONGEST_BYTES = 1024
_DEFERRED = 1 << 16  # pixels stay on the disk, what stands behind them is read
_NAME_DIGITS, _NAME_LENGTH = 4, 6
# Equal in all instances of a series, so that a record of the whole series can be compared.
_OF_SERIES = frozenset({"StudyDate", "SeriesDate"})
_PREFIX_AT = 128
_MAGIC = b"DICM"


Known = tuple[int | None, int | None]  # hashes of the pseudonyms of the instance and of its series


class Originals:
    """Reads the originals into an index."""

    def __init__(self, index: Index, options: Options, links: Links) -> None:
        self._index = index
        self._values = Values(index)
        self._options = options
        self._links = links
        self.shows: dict[int, Path] = {}  # originals with text in their pixels, by their pseudonym's hash
        self.pseudonyms = array("q")  # hashes of those that are linked
        self._seen: set[int] = set()  # a series repeats most of its values in every instance
        self.read = 0
        self.unread = 0
        self.unlinked = 0

    @property
    def confined(self) -> int:
        """How many values are searched for only where they come from."""
        return self._values.confined

    def add_folder(self, folder: Path, output: Path, progress: Callable[[str, int], None]) -> None:
        """Every DICOM file below `folder`, found by its content; `output` may lie within."""
        for path in files_below(folder, {_PRIVATE_FOLDER}, output):
            self._add_names(path.relative_to(folder))
            if is_dicom(path):
                self._add_file(path)
                progress("originals", self.read)

    def _add_names(self, relative: Path) -> None:
        """Names that hold a number are ids more often than not."""
        for name in (*relative.parent.parts, relative.stem):
            found = words(name)
            together = "".join(found)
            if len(together) >= _NAME_LENGTH and sum(map(str.isdigit, together)) >= _NAME_DIGITS:
                self._values.uid(name, "the file's name")

    def _add_file(self, path: Path) -> None:
        try:
            dataset = dcmread(path, force=True, defer_size=_DEFERRED)
            elements = [*walk(dataset), *walk(dataset.file_meta)]
        except Exception:  # noqa: BLE001 - whatever is in it; the caller says how many
            self.unread += 1
            return
        self.read += 1
        for text in runs(getattr(dataset, "preamble", None) or b""):
            self._values.text(text.strip(), "the preamble")
        made_by = f"{dataset.get('Manufacturer', '')} {dataset.get('ManufacturerModelName', '')}"
        self._values.makers = frozenset(words(made_by))
        known = self._known_as(dataset)
        if known[0] is not None and may_show_text(dataset):
            self.shows[known[0]] = path
        for element in elements:
            self._add(element, known)

    def _known_as(self, dataset: Dataset) -> Known:
        """The pseudonyms by which the output of this instance is known."""
        instance = self._links.pseudonym(str(dataset.get("SOPInstanceUID", "")))
        if instance is None:
            self.unlinked += 1
        else:
            self.pseudonyms.append(instance)
        return instance, self._links.pseudonym(str(dataset.get("SeriesInstanceUID", "")))

    def _add(self, element: Element, known: Known) -> None:
        if element.vr not in TEMPORAL and self._is_repeated(element):
            return
        kind = meaning(element, self._options)
        if kind is Meaning.NOTHING or len(element.whole) > _LONGEST_BYTES:
            return
        attribute = element.place if element.keyword else f"private or unknown {element.place}"
        for text in element.texts:
            if kind in {Meaning.DATE, Meaning.BIRTH_DATE}:
                self._add_date(element, text, kind, attribute, known)
                continue
            self._values.home(element.place, text, attribute)
            if kind is Meaning.NAME:
                self._values.name(text, attribute)
            elif kind is Meaning.UID:
                self._values.uid(text, attribute)
            elif kind is Meaning.IDENTIFIER:
                self._values.identifier(text, attribute)
            elif kind is Meaning.TEXT and not (not element.keyword and _is_date(text)):
                self._values.text(text, attribute)

    def _is_repeated(self, element: Element) -> bool:
        key = hash((element.path, element.texts))
        if key in self._seen:
            return True
        if len(self._seen) >= _SEEN:
            self._seen.clear()
        self._seen.add(key)
        return False

    def _add_date(self, element: Element, text: str, kind: Meaning, attribute: str, known: Known) -> None:
        """Birth dates are searched for everywhere, others in texts and in their own place.

        A moved date meets somebody's true date in every larger folder: only who owns it tells them apart.
        """
        days = {text.replace(".", "")[:8]} if element.vr in TEMPORAL else dates(text)
        for day in days:
            if len(day) != len("YYYYMMDD") or not day.isdigit():
                continue
            self._index.add(f"{'b' if kind is Meaning.BIRTH_DATE else 'd'}:{day}", attribute)
            if kind is Meaning.BIRTH_DATE:
                self._index.add(home_date_key(element.place, day), attribute)
            instance, series = known
            if instance is not None:
                self._index.add(fingerprint_key(instance, element.place, day), attribute)
            if series is not None and element.place in _OF_SERIES:
                self._index.add(fingerprint_key(series, element.place, day), attribute)


def _is_date(text: str) -> bool:
    return len(text.strip()) <= len("YYYYMMDDHHMMSS.FFFFFF&ZZXX") and bool(dates(text))


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM, by its prefix, or, as old files have none, by its first element."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_PREFIX_AT + len(_MAGIC))
    except OSError:
        return False
    return head[_PREFIX_AT:] == _MAGIC or (head[:2] == b"\x08\x00" and head[4:6].isalpha())


def files_below(folder: Path, without: set[str], output: Path | None = None) -> Iterator[Path]:
    """The regular files below a folder, in order; symbolic links are not followed."""
    barred = output.resolve() if output is not None else None
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        folders[:] = sorted(
            name for name in folders if name not in without and (here / name).resolve() != barred
        )
        for name in sorted(names):
            path = here / name
            if path.is_file() and not path.is_symlink():
                yield path
