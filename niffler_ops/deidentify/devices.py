"""Whether a device is known to write into its images, and what has to be blanked of them."""

from collections.abc import Container, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from niffler_ops.deidentify.elements import charset_of, text_of
from niffler_ops.deidentify.pixeldata import CannotBlankError
from niffler_ops.deidentify.recipes import Condition, Device, own_devices, packaged_devices
from niffler_ops.deidentify.regions import Region, blanked

_COLUMNS, _ROWS = "Columns", "Rows"
_KNOWN_KINDS = 256
_CORNERS = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")


class Devices:
    """The devices that the packaged recipe knows, and those of a site's own recipe."""

    def __init__(self, own: Path | None = None) -> None:
        self._devices = (*packaged_devices(), *(own_devices(own) if own else ()))
        asked = {
            condition.keyword
            for device in self._devices
            for conditions in device.lines
            for condition in conditions
        }
        self._tags = {keyword: tag_for_keyword(keyword) for keyword in sorted({*asked, _COLUMNS, _ROWS})}
        # The instances of a series are alike in all that recipes ask for.
        self._matching = lru_cache(_KNOWN_KINDS)(self._find_matching)

    def regions(self, source: Dataset) -> tuple[Region, ...] | None:
        """What is to be blanked of an image, () if nothing; None where no recipe knows the device.

        Raises CannotBlankError where one knows it, or would with some size, and the image has no clear size.
        """
        texts = self._texts(source)
        sizes = {keyword: _number(texts[keyword]) for keyword in (_COLUMNS, _ROWS)}
        unclear = tuple(keyword for keyword, size in sizes.items() if not size)
        matching = self._matching(tuple(texts.values()), unclear)
        if not matching:
            return None
        if unclear:
            raise CannotBlankError("its Rows or Columns is not one whole number above 0")
        steps = (step for device in matching for step in _steps(device, source))
        return blanked(steps, sizes[_COLUMNS], sizes[_ROWS])

    def know(self, source: Dataset) -> bool:
        """Whether a recipe says what is to be blanked of an image, be it nothing."""
        try:
            return self.regions(source) is not None
        except CannotBlankError:
            return False

    def _find_matching(self, texts: tuple[str | None, ...], unclear: tuple[str, ...]) -> tuple[Device, ...]:
        """The devices whose filters hold, whatever they ask of `unclear` attributes."""
        by_keyword = dict(zip(self._tags, texts, strict=True))
        return tuple(device for device in self._devices if _matches(device, by_keyword, unclear))

    def _texts(self, source: Dataset) -> dict[str, str | None]:
        """The text of all attributes that recipes ask for; some ask for file meta information."""
        charset, meta = charset_of(source), getattr(source, "file_meta", None)
        texts = dict[str, str | None]()
        for keyword, tag in self._tags.items():
            owner = meta if meta is not None and tag is not None and tag in meta else source
            texts[keyword] = text_of(owner, tag, charset) if tag is not None else None
        return texts


def _matches(device: Device, texts: Mapping[str, str | None], unclear: Container[str]) -> bool:
    """Whether a filter is meant: its lines in turn, each joined with those before it."""
    result = True
    for conditions in device.lines:
        line = _line_holds(conditions, texts, unclear)
        result = (result or line) if conditions[0].is_or else (result and line)
    return result


def _line_holds(
    conditions: Iterable[Condition], texts: Mapping[str, str | None], unclear: Container[str]
) -> bool:
    result = None
    for condition in conditions:
        truth = condition.keyword in unclear or condition.holds(texts[condition.keyword])
        result = truth if result is None else (result or truth) if condition.is_or else (result and truth)
    return bool(result)


def _steps(device: Device, source: Dataset) -> Iterator[tuple[bool, Region]]:
    for is_blank, where in device.steps:
        if isinstance(where, Region):
            yield is_blank, where
        else:
            yield from ((is_blank, region) for region in _stated(source, where))


def _stated(source: Dataset, keyword: str) -> Iterator[Region]:
    """The regions that an ultrasound image says it has, their last pixels included (PS3.3 C.8.5.5.1.5)."""
    for item in source.get(keyword) or ():
        if all(corner in item for corner in _CORNERS):
            left, top, right, bottom = (int(item[corner].value) for corner in _CORNERS)
            yield Region(left, top, right + 1, bottom + 1)


def _number(text: str | None) -> int:
    """A size in decimal digits, 0 where it is anything else."""
    return int(text) if text and text.isascii() and text.isdecimal() else 0
