"""Whether a device is known to write into its images, and what has to be blanked of them."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from niffler_ops.deidentify.elements import charset_of, text_of
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
        """What is to be blanked of an image, () if nothing; None where no recipe knows the device."""
        texts = self._texts(source)
        columns, rows = _number(texts[_COLUMNS]), _number(texts[_ROWS])
        matching = self._matching(tuple(texts.values()))
        if not (matching and columns and rows):
            return None
        return blanked((step for device in matching for step in _steps(device, source)), columns, rows)

    def _find_matching(self, texts: tuple[str | None, ...]) -> tuple[Device, ...]:
        by_keyword = dict(zip(self._tags, texts, strict=True))
        return tuple(device for device in self._devices if _matches(device, by_keyword))

    def _texts(self, source: Dataset) -> dict[str, str | None]:
        """The text of all attributes that recipes ask for; some ask for file meta information."""
        charset, meta = charset_of(source), getattr(source, "file_meta", None)
        texts = dict[str, str | None]()
        for keyword, tag in self._tags.items():
            owner = meta if meta is not None and tag is not None and tag in meta else source
            texts[keyword] = text_of(owner, tag, charset) if tag is not None else None
        return texts


def _matches(device: Device, texts: Mapping[str, str | None]) -> bool:
    """Whether a filter is meant: its lines in turn, each joined with those before it."""
    result = True
    for conditions in device.lines:
        line = _line_holds(conditions, texts)
        result = (result or line) if conditions[0].is_or else (result and line)
    return result


def _line_holds(conditions: Iterable[Condition], texts: Mapping[str, str | None]) -> bool:
    result = None
    for condition in conditions:
        truth = condition.holds(texts[condition.keyword])
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
    return int(text) if text and text.isdecimal() else 0
