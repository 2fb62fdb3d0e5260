"""Keys of a query: from options, from query files, and merged as dcm4che's tools merge them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from niffler_ops.embedded import dataset
from niffler_ops.embedded.dataset import DataSetError

LEVELS = ("PATIENT", "STUDY", "SERIES", "IMAGE")
HEXADECIMAL = 16


class QueryError(Exception):
    """A key or a query file cannot be used; the text is the first line on stderr."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Overrides:
    """What the options lay over the keys of every file: level, match keys, empty return keys."""

    level: str
    match: Sequence[tuple[str, str]] = ()
    returned: Sequence[str] = ()

    def keys(self) -> dict[int, bytes]:
        """Tag to value; a key given with a value and as a return key keeps its value."""
        keys = {tag_of(name): b"" for name in self.returned}
        for name, value in self.match:
            tag = tag_of(name)
            keys[tag] = dataset.padded(value.encode("ascii", "replace"), uid=vr_of(tag) == "UI")
        keys[dataset.QUERY_RETRIEVE_LEVEL] = dataset.padded(self.level)
        return keys


def tag_of(name: str) -> int:
    """The tag of a keyword or of eight hexadecimal digits; raises QueryError."""
    tags = [_tag(component) for component in name.split(".")]
    if len(tags) > 1:
        raise QueryError(f"{name}: keys within sequences are not known to the embedded toolkit")
    return tags[0]


def _tag(name: str) -> int:
    tag = _dictionary().tag_for_keyword(name)
    if tag is not None:
        return int(tag)
    try:
        return int(name, HEXADECIMAL)
    except ValueError:
        raise QueryError(name) from None


@cache
def vr_of(tag: int) -> str:
    """The VR of a tag in the dictionary, UN for an unknown one."""
    try:
        return str(_dictionary().dictionary_VR(tag))
    except KeyError:
        return "UN"


@cache
def _dictionary() -> Any:
    """pydicom's, imported where a key is named or shown: what query files hold is sent as it stands."""
    return import_module("pydicom.datadict")


def read(path: str) -> dict[int, bytes]:
    """The keys of a query file; raises QueryError."""
    try:
        with Path(path).open("rb") as stream:
            return dataset.read_query_file(stream)
    except OSError as error:
        raise QueryError(f"{path} ({error.strerror})") from error
    except DataSetError as error:
        raise QueryError(f"{path} ({error})") from error


def selected(keys: Mapping[int, bytes], selection: Sequence[int]) -> dict[int, bytes]:
    """The keys whose tags a binary search in `selection` finds.

    As in dcm4che, a selection that does not ascend loses tags without a word.
    """
    return {tag: value for tag, value in keys.items() if _found(tag, selection)}


def _found(tag: int, selection: Sequence[int]) -> bool:
    low, high = 0, len(selection) - 1
    while low <= high:
        middle = (low + high) // 2
        if selection[middle] == tag:
            return True
        low, high = (middle + 1, high) if selection[middle] < tag else (low, middle - 1)
    return False


def describe(keys: Iterable[tuple[int, bytes]]) -> list[str]:
    """One line for each key, for dumps."""
    return [
        f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {vr_of(tag)} "
        f"[{value.decode('utf-8', 'replace').strip(' ' + chr(0))}] {_dictionary().keyword_for_tag(tag)}"
        for tag, value in sorted(keys)
    ]
