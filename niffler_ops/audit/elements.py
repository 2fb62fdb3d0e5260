"""Every element of a data set at every level, as text; whatever cannot be read is given as its bytes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydicom.datadict import dictionary_has_tag, dictionary_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from niffler_ops.audit.runs import runs
from niffler_ops.audit.spelling import without_escapes

PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
NUMERIC = frozenset(["AT", "DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"])
TEMPORAL = frozenset({"DA", "DT", "TM"})
_MANY_NUMBERS = 64
_CHARSET = "SpecificCharacterSet"
# Latin-9, which pydicom takes for Latin-1.
_LATIN_9 = str.maketrans("\xa4\xa6\xa8\xb4\xb8\xbc\xbd\xbe", "€ŠšŽžŒœŸ")


@dataclass(frozen=True, kw_only=True, slots=True)
class Element:
    """An element; `path` are the keywords, or tags, of the sequences around it and its own.

    `keyword` is empty where the dictionary does not have the attribute, as for every private one.
    """

    path: tuple[str, ...]
    tag: int
    keyword: str
    vr: str
    texts: tuple[str, ...]
    whole: bytes = b""

    @property
    def place(self) -> str:
        """The path as one text."""
        return "/".join(self.path)


def walk(dataset: Dataset, path: tuple[str, ...] = (), charset: str = "") -> Iterator[Element]:
    """The elements of `dataset` and of all its items, without pixel data; `charset` is that around it."""
    charset = str(dataset.get(_CHARSET) or charset)
    for tag in list(dataset.keys()):
        if int(tag) in PIXELS:
            continue
        keyword = dictionary_keyword(tag) if dictionary_has_tag(tag) else ""
        here = (*path, keyword or f"({tag.group:04x},{tag.element:04x})")
        try:
            element = dataset[tag]
            value = element.value
        except Exception:  # noqa: BLE001 - whatever a value holds, its bytes are searched
            yield _unreadable(dataset, tag, keyword, here)
            continue
        if isinstance(value, Sequence):
            for item in value:
                yield from walk(item, here, charset)
        else:
            yield _element(element, keyword, here, charset)


def _element(element: DataElement, keyword: str, path: tuple[str, ...], charset: str) -> Element:
    value = element.value
    return Element(
        path=path,
        tag=int(element.tag),
        keyword=keyword,
        vr=str(element.VR),
        texts=tuple(_plain(text, charset) for text in _texts(value)),
        whole=value if isinstance(value, bytes) else b"",
    )


def _unreadable(dataset: Dataset, tag: Any, keyword: str, path: tuple[str, ...]) -> Element:
    raw = dataset.get_item(tag)
    content = raw.value if isinstance(raw, RawDataElement) and raw.value else b""
    vr = str(raw.VR) if raw is not None and raw.VR else "UN"
    return Element(path=path, tag=int(tag), keyword=keyword, vr=vr, texts=tuple(runs(content)), whole=content)


def _plain(text: str, charset: str) -> str:
    """A text as pydicom decodes it, with what it does not know of character sets."""
    text = without_escapes(text)
    return text.translate(_LATIN_9) if "203" in charset and not text.isascii() else text


def _texts(value: Any) -> Iterator[str]:
    if value is None:
        return
    if isinstance(value, bytes):
        yield from runs(value)
    elif isinstance(value, MultiValue | list | tuple):
        if len(value) <= _MANY_NUMBERS or isinstance(value[0], str):
            for part in value:
                yield from _texts(part)
    else:
        yield str(value)
