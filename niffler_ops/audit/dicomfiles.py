"""A DICOM file of the output: every element at every level, file meta information, preamble, bytes."""

from pathlib import Path

from pydicom import dcmread

from niffler_ops.audit.elements import TEMPORAL, Element, walk
from niffler_ops.audit.model import Channel
from niffler_ops.audit.runs import runs
from niffler_ops.audit.searching import Place, Search
from niffler_ops.audit.texts import search_bytes

_DEFERRED = 1 << 16
_DOCUMENTS = (  # reports, presentation states, encapsulated documents: all of them are about the person
    "1.2.840.10008.5.1.4.1.1.88.",
    "1.2.840.10008.5.1.4.1.1.11.",
    "1.2.840.10008.5.1.4.1.1.104.",
)


def search_dicom(path: Path, where: str, search: Search) -> str:
    """Search the file; gives its SOP Instance UID. Raises whatever pydicom does with a damaged file."""
    dataset = dcmread(path, force=True, defer_size=_DEFERRED)
    uid = str(dataset.get("SOPInstanceUID", ""))
    for text in runs(getattr(dataset, "preamble", None) or b""):
        search.text(text, Place(channel=Channel.PREAMBLE, where=where, place="before DICM"))
    for element in (*walk(dataset.file_meta), *walk(dataset)):
        _search_element(element, where, hash(uid), search)
    if str(dataset.get("SOPClassUID", "")).startswith(_DOCUMENTS):
        place = Place(channel=Channel.PIXELS, where=where, place="SOPClassUID")
        search.report(place, "a report, document or presentation state")
    if not uid:
        search.skip(where, "is DICOM without an instance, or cut off")
    found = search.flush()
    search_bytes(path, where, search, found)
    return uid


def _search_element(element: Element, where: str, pseudonym: int, search: Search) -> None:
    place = Place(
        channel=Channel.ATTRIBUTE, where=where, place=element.place, name=element.place, vr=element.vr
    )
    for text in element.texts:
        search.text(text, place)
        search.at_home(text, place)
        if element.vr in TEMPORAL:
            search.same_date(pseudonym, text, place)
