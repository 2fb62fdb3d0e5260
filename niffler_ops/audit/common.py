"""Words that say nothing about a person: the standard's own, and what stands where a name was taken out."""

import re
from functools import cache

from pydicom._dicom_dict import DicomDictionary
from pydicom._uid_dict import UID_dictionary
from pydicom.sr._cid_dict import cid_concepts

# Modifiers, contrast agents, modalities, sides, views and parts of the body (PS3.16). CID 4012, projections
# named after people, is left out on purpose.
_CONTEXT_GROUPS = (2, 12, 29, 244, 4009, 4010, 4011, 4028, 4030, 4031)
_PLACEHOLDERS = frozenset(
    {
        *(
            "anonymous",
            "anonymized",
            "anonymised",
            "deidentified",
            "pseudonym",
            "removed",
            "redacted",
            "dummy",
        ),
        *("unknown", "undefined", "empty", "none", "null", "nan", "na", "default", "routine"),
        *("true", "false", "yes", "no"),
    }
)
_PARTICLES = frozenset(
    {
        *("prof", "phd", "mrs", "miss", "jun", "sen", "von", "van", "der", "den", "del", "dos", "las", "los"),
        *("des", "the", "and", "for", "not"),
    }
)
_PLACES = frozenset(
    {
        *(
            "hospital",
            "clinic",
            "clinics",
            "university",
            "medical",
            "center",
            "centre",
            "institute",
            "school",
        ),
        *(
            "department",
            "radiology",
            "imaging",
            "health",
            "healthcare",
            "general",
            "county",
            "city",
            "street",
        ),
    }
)
_LETTERS = re.compile(r"[a-z]{2,}")
_CAMEL = re.compile(r"[A-Z]?[a-z]+")


@cache
def common_words() -> frozenset[str]:
    """The words of the data dictionary, of the UIDs' names, of the context groups, and those listed above."""
    names = [entry[2] for entry in DicomDictionary.values()] + [entry[0] for entry in UID_dictionary.values()]
    standard = {word for name in names for word in _LETTERS.findall(name.lower())}
    for group in _CONTEXT_GROUPS:
        for keywords in cid_concepts[group].values():
            standard |= {word.lower() for keyword in keywords for word in _CAMEL.findall(keyword)}
    return frozenset(standard | _PLACEHOLDERS | _PARTICLES | _PLACES)


def is_placeholder(word: str) -> bool:
    """Whether a value stands where none was, or one was taken out."""
    return word in _PLACEHOLDERS or not word.strip("0x")
