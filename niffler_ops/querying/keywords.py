"""DICOM keywords: which exist, which can be a key of a query, and which one was probably meant."""

import difflib
import re
from collections.abc import Mapping
from functools import cache, lru_cache

from niffler_ops.querying.levels import SERIES_KEYWORDS, STUDY_KEYWORDS

# What queries are usually made of: pydicom's dictionary takes 0.2 s to import and knows the rest.
_COMMON_VRS: Mapping[str, str] = {
    "PatientID": "LO",
    "PatientName": "PN",
    "PatientBirthDate": "DA",
    "AccessionNumber": "SH",
    "StudyDate": "DA",
    "StudyTime": "TM",
    "StudyDescription": "LO",
    "StudyInstanceUID": "UI",
    "ModalitiesInStudy": "CS",
}
_TEXT_VRS = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
)
_FIRST_TAG = 0x00080000  # below stand commands, file meta information and directories
# They describe the request or the answer, not what is looked for (PS3.4 C.4.1.1.3).
_NO_KEYS = frozenset(
    {"SpecificCharacterSet", "QueryRetrieveLevel", "RetrieveAETitle", "InstanceAvailability"}
)
_COLLOQUIAL: Mapping[str, str] = {
    "empi": "PatientID",
    "mrn": "PatientID",
    "patient": "PatientID",
    "patientnumber": "PatientID",
    "accession": "AccessionNumber",
    "accessions": "AccessionNumber",
    "accessionid": "AccessionNumber",
    "date": "StudyDate",
    "study": "StudyInstanceUID",
    "studyuid": "StudyInstanceUID",
    "description": "StudyDescription",
}
_LIKELY = 0.8  # of difflib's ratio


@lru_cache(maxsize=1024)
def vr_of(keyword: str) -> str:
    """The value representation, such as `DA`; "" where this is no keyword of the dictionary."""
    if keyword in _COMMON_VRS:
        return _COMMON_VRS[keyword]
    from pydicom import datadict  # noqa: PLC0415  its import takes longer than niffler-status may

    tag = datadict.tag_for_keyword(keyword) if keyword else None
    return "" if tag is None else datadict.dictionary_VR(tag)


def is_keyword(name: str) -> bool:
    """Whether this is, letter by letter, a keyword of the DICOM dictionary (PS3.6 6)."""
    return bool(vr_of(name))


@lru_cache(maxsize=1024)
def can_be_asked(keyword: str) -> bool:
    """Whether text can be a matching key: sequences, numbers in binary and the request's own are none."""
    if keyword in _COMMON_VRS:
        return True
    from pydicom import datadict  # noqa: PLC0415  as above

    if vr_of(keyword) not in _TEXT_VRS or keyword in _NO_KEYS:
        return False
    tag = datadict.tag_for_keyword(keyword)
    return tag is not None and tag >= _FIRST_TAG


def likely_keyword(name: str) -> str | None:
    """The keyword that a misspelt or colloquial name probably means, if any."""
    plain = _plain(name)
    if plain in _COLLOQUIAL:
        return _COLLOQUIAL[plain]
    if found := _by_plain_name().get(plain):
        return found
    close = difflib.get_close_matches(plain, _usual_names(), n=1, cutoff=_LIKELY)
    return _usual_names()[close[0]] if close else None


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())


@cache
def _by_plain_name() -> Mapping[str, str]:
    """Every keyword by its letters; it takes no search to find one that is merely spelt with blanks."""
    from pydicom import datadict  # noqa: PLC0415  as above

    return {keyword.casefold(): keyword for keyword in datadict.keyword_dict if can_be_asked(keyword)}


@cache
def _usual_names() -> Mapping[str, str]:
    """The keys that are usual in queries: searching all 5 000 keywords takes 30 times as long."""
    return {keyword.casefold(): keyword for keyword in sorted(STUDY_KEYWORDS | SERIES_KEYWORDS)}
