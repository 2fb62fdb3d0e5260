"""Elements as pydicom has them before it decodes them, without its second reading of the file."""

from functools import lru_cache, partial

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from niffler_ops.headers.charsets import encodings
from niffler_ops.headers.elements import SEQUENCE_VRS, UNDEFINED, Element, Encoding, FlawError, skip_value
from niffler_ops.headers.forward import Forward
from niffler_ops.headers.text import CHARSET
from niffler_ops.model import Flaw

_META_GROUP = 0x0002
LONGEST = 64 << 20  # bytes of a value that are held; the headers of enhanced images have megabytes
_DELIMITER = 8  # bytes at the end of a sequence whose length is not given


class Raw:
    """The elements of a data set that are kept as they stand, those of `tags` or all."""

    __slots__ = ("_elements", "_encoding", "_tags")

    def __init__(self, tags: frozenset[int] | None) -> None:
        self._tags = tags
        self._elements: dict[BaseTag, DataElement | RawDataElement] = {}
        self._encoding = Encoding(explicit=True, order="<")

    def wants(self, element: Element) -> bool:
        """Whether it is to be kept: nothing of the file meta information, and no fragments."""
        if self._tags is None:
            if element.tag >> 16 == _META_GROUP:
                return False
        elif element.tag not in self._tags:
            return False
        return element.length != UNDEFINED or element.vr in SEQUENCE_VRS

    def take(self, source: Forward, element: Element, encoding: Encoding) -> bytes:
        """Keep an element and give its value: of a sequence its items, however its end was marked."""
        vr = element.vr or None
        if element.length == UNDEFINED:
            vr, passed = "SQ", source.spanned(partial(skip_value, source, element, encoding), at_most=LONGEST)
            value = passed[:-_DELIMITER]
        elif element.length <= LONGEST:
            value = source.take(element.length)
        else:
            raise FlawError(Flaw.UNREADABLE)
        tag = _base_tag(element.tag)
        self._elements[tag] = RawDataElement(
            tag, vr, len(value), value, 0, not encoding.explicit, encoding.order == "<"
        )
        self._encoding = encoding
        return value

    def dataset(self) -> Dataset:
        """What was kept."""
        dataset, charset = Dataset(self._elements), self._elements.get(_base_tag(CHARSET))
        explicit, order = self._encoding
        names = encodings((charset.value if charset else None) or b"")
        dataset.set_original_encoding(not explicit, order == "<", list(names))
        return dataset


_base_tag = lru_cache(maxsize=8192)(BaseTag)
