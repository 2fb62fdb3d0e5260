"""The instances of a series repeat most of their headers: what they repeat is de-identified once.

What differs from the instance before is treated anew if its treatment depends on nothing around it, as that
of numbers, times and UIDs. Where anything else differs, or more has become known of any patient, the whole
header is de-identified as ever.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from niffler_ops.deidentify.deidentifier import SOP_INSTANCE, Deidentified, Deidentifier, Link
from niffler_ops.deidentify.elements import UNDEFINED_LENGTH, Element
from niffler_ops.deidentify.treating import Patient

_SERIES = 0x0020000E
_MOST_SERIES = 64  # that arrive at the same time


class _Before(NamedTuple):
    """A header as it was and as it became; `learned` is how often anything was learned until then."""

    source: Mapping[BaseTag, Element]
    kept: Mapping[BaseTag, Element]
    encoding: tuple[bool | None, bool | None]
    links: tuple[Link, ...]
    patient: Patient
    learned: int


class Repeating:
    """De-identifies headers one after another; those who get them must not change them."""

    def __init__(self, deidentifier: Deidentifier) -> None:
        self._deidentifier = deidentifier
        self._before: OrderedDict[bytes, _Before] = OrderedDict()

    def dataset(self, source: Dataset) -> Deidentified:
        """As Deidentifier.dataset has it."""
        series: Element | None = source.get_item(_SERIES)
        if not isinstance(series, RawDataElement) or not series.value:
            return self._deidentifier.dataset(source)
        before = self._before.get(series.value)
        if before is not None and before.learned == self._deidentifier.learned:
            again = self._again(source, before)
            if again is not None:
                return again
        result = self._deidentifier.dataset(source)
        self._remember(series.value, source, result)
        return result

    def _remember(self, series: bytes, source: Dataset, result: Deidentified) -> None:
        self._before[series] = _Before(
            source=dict(source.items()),
            kept=dict(result.dataset.items()),
            encoding=source.original_encoding,
            links=result.links,
            patient=result.patient,
            learned=self._deidentifier.learned,
        )
        self._before.move_to_end(series)
        if len(self._before) > _MOST_SERIES:
            self._before.popitem(last=False)

    def _again(self, source: Dataset, before: _Before) -> Deidentified | None:
        """What becomes of a header that differs in little; None where it differs in more."""
        if len(source) != len(before.source) or source.original_encoding != before.encoding:
            return None
        kept = dict(before.kept)
        links = before.links
        for tag, element in source.items():
            if element == before.source.get(tag):
                continue
            try:
                treated = self._treated(element, before.patient)
            except Exception:  # noqa: BLE001 - whatever it is, the whole way deals with it
                treated = None
            if treated is None or tag not in kept:
                return None
            kept[tag] = treated
            if tag == SOP_INSTANCE:
                own = self._deidentifier.instance_link(source, before.patient)
                if own is None:
                    return None
                links = tuple(own if link.attribute == own.attribute else link for link in links)
        dataset = Dataset(kept)
        dataset.set_original_encoding(*source.original_encoding, source.original_character_set)  # type: ignore[call-arg]  # it is a pair
        return Deidentified(dataset=dataset, links=links, patient=before.patient)

    def _treated(self, element: Element, patient: Patient) -> Element | None:
        """An element that is treated by itself; None for any other."""
        step = self._deidentifier.alone.get(int(element.tag))
        if step is None or step.treat is None or not isinstance(element, RawDataElement):
            return None
        if not element.value or element.length == UNDEFINED_LENGTH:
            return None
        if element.VR is not None and element.VR not in step.vrs:
            return None
        return step.treat(patient, element, step.rule)
