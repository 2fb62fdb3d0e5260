"""The UIDs that the toolkit speaks of by itself, and the names of all (PS3.6 annex A)."""

from functools import lru_cache
from importlib import import_module

VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"
PATIENT_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"
PATIENT_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.1.2"
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"

NAMES = {
    VERIFICATION: "Verification SOP Class",
    IMPLICIT_VR_LITTLE_ENDIAN: "Implicit VR Little Endian",
    EXPLICIT_VR_LITTLE_ENDIAN: "Explicit VR Little Endian",
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN: "Deflated Explicit VR Little Endian",
    EXPLICIT_VR_BIG_ENDIAN: "Explicit VR Big Endian",
    PATIENT_ROOT_FIND: "Patient Root Query/Retrieve Information Model - FIND",
    PATIENT_ROOT_MOVE: "Patient Root Query/Retrieve Information Model - MOVE",
    STUDY_ROOT_FIND: "Study Root Query/Retrieve Information Model - FIND",
    STUDY_ROOT_MOVE: "Study Root Query/Retrieve Information Model - MOVE",
}


@lru_cache(maxsize=256)
def uid_name(uid: str) -> str:
    """The name of a UID in the standard, empty where it has none, whatever a peer calls a UID.

    pydicom knows them all, and is imported for those of others only: without it movescu and findscu, of
    which an extraction starts many, start in half the time.
    """
    known = NAMES.get(uid)
    if known is not None:
        return known
    pydicom = import_module("pydicom")
    name = str(pydicom.uid.UID(uid, validation_mode=pydicom.config.IGNORE).name)
    return "" if name == uid else name
