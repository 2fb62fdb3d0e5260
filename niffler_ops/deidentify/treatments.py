"""The ways in which an element is treated."""

from dataclasses import dataclass
from enum import Enum, auto

TEXT_VRS = frozenset({"LO", "LT", "SH", "ST", "UC", "UT", "CS"})
TEMPORAL_VRS = frozenset({"DA", "DT", "TM"})
NUMBER_VRS = frozenset({"FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"})
BYTE_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW"})
NUMBER_STRING_VRS = frozenset({"DS", "IS"})
STRING_VRS = TEXT_VRS | TEMPORAL_VRS | NUMBER_STRING_VRS | {"AE", "AS", "PN", "UI", "UR"}


class Treatment(Enum):
    """What is done with an element."""

    KEEP = auto()
    CHARSET = auto()  # kept if it names character sets
    CLASS_UID = auto()  # kept if the standard knows it, replaced if not
    DEVICE_UID = auto()  # kept if it is a UID
    TERM = auto()  # kept if the standard knows it, cleaned as text if not
    NUMBER = auto()  # kept if it is a number
    AGE = auto()  # kept, 90 years at most
    TIME = auto()  # kept if it is a time of day
    ZONE = auto()  # kept if it is an offset from UTC
    DATE = auto()  # kept if it is a date, moved back by the patient's days
    DEVICE_DATE = auto()  # kept if it is a date or time
    TEXT = auto()  # kept, cleaned of the patient's own values
    DESCRIPTOR = auto()  # the same, and of all that looks like an identifier
    WALK = auto()  # the items of a sequence are treated one by one
    UID = auto()  # replaced by the pseudonymous UID, unless it is the standard's own
    INSTANCE_UID = auto()  # replaced by the pseudonymous UID in any case
    PSEUDONYM = auto()
    PATIENT_NAME = auto()  # the pseudonym of the patient
    EMPTY = auto()
    DUMMY = auto()
    REMOVE = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """How the elements of one tag are treated; `otherwise` is for a value that cannot be treated so.

    `vrs` are those of the dictionary; `meaning` is what a pseudonym is keyed by, or whose terms are known.
    """

    treatment: Treatment
    vrs: frozenset[str]
    otherwise: Treatment = Treatment.REMOVE
    meaning: str = ""
