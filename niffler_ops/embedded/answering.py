"""What the archive finds: which entities of a level match a query, and what is told of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from niffler_ops.embedded import dataset
from niffler_ops.embedded.dataset import (
    PATIENT_ID,
    QUERY_RETRIEVE_LEVEL,
    SERIES_INSTANCE_UID,
    SOP_INSTANCE_UID,
    SPECIFIC_CHARACTER_SET,
    STUDY_INSTANCE_UID,
    padded,
    text,
)
from niffler_ops.embedded.index import ACCESSION_NUMBER, MODALITY, Index, Instance
from niffler_ops.embedded.matching import Value, matches
from niffler_ops.embedded.query import LEVELS, vr_of

DOES_NOT_MATCH_SOP_CLASS = 0xA900

RETRIEVE_AE_TITLE = 0x00080054
INSTANCE_AVAILABILITY = 0x00080056
MODALITIES_IN_STUDY = 0x00080061
SOP_CLASSES_IN_STUDY = 0x00080062
PATIENT_STUDIES, PATIENT_SERIES, PATIENT_INSTANCES = 0x00201200, 0x00201202, 0x00201204
STUDY_SERIES, STUDY_INSTANCES, SERIES_INSTANCES = 0x00201206, 0x00201208, 0x00201209

PATIENT_KEYS = frozenset(
    {0x00100010, PATIENT_ID, 0x00100021, 0x00100030, 0x00100032, 0x00100040, 0x00101000, 0x00102160}
)
STUDY_KEYS = PATIENT_KEYS | {
    *(0x00080020, 0x00080030, ACCESSION_NUMBER, 0x00080090, 0x00081030, 0x00081060, 0x00081080),
    *(0x00080080, 0x00101010, 0x00101020, 0x00101030, STUDY_INSTANCE_UID, 0x00200010, MODALITIES_IN_STUDY),
}
SERIES_KEYS = STUDY_KEYS | {
    *(0x00080021, 0x00080031, MODALITY, 0x00080070, 0x00081010, 0x0008103E, 0x00081040, 0x00081050),
    *(0x00081070, 0x00081090, 0x00180015, 0x00181030, SERIES_INSTANCE_UID, 0x00200011, 0x00200060),
    *(0x00400244, 0x00400245, 0x00400253, 0x00400254),
}
KEYS_OF_LEVEL = {"PATIENT": PATIENT_KEYS, "STUDY": STUDY_KEYS, "SERIES": SERIES_KEYS}
UNIQUE_KEYS = {
    "PATIENT": (PATIENT_ID,),
    "STUDY": (STUDY_INSTANCE_UID,),
    "SERIES": (STUDY_INSTANCE_UID, SERIES_INSTANCE_UID),
    "IMAGE": (STUDY_INSTANCE_UID, SERIES_INSTANCE_UID, SOP_INSTANCE_UID),
}
NAMES = {
    STUDY_INSTANCE_UID: "StudyInstanceUID (0020,000D)",
    SERIES_INSTANCE_UID: "SeriesInstanceUID (0020,000E)",
    SOP_INSTANCE_UID: "SOPInstanceUID (0008,0018)",
}


class RefusedError(Exception):
    """A request ends with this status, and with a comment that names no patient."""

    def __init__(self, status: int, comment: str) -> None:
        super().__init__(comment)
        self.status = status


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """A level and the keys of a request, as they came."""

    level: str
    keys: Mapping[int, bytes]

    def uids(self, tag: int) -> list[str]:
        """The UIDs that a key asks for."""
        return [uid for uid in text(self.keys.get(tag)).split("\\") if uid]


def read_query(keys: Mapping[int, bytes], *, patient_root: bool) -> Query:
    """The query in an identifier; raises RefusedError."""
    level = text(keys.get(QUERY_RETRIEVE_LEVEL))
    if level not in LEVELS or (level == "PATIENT" and not patient_root):
        raise RefusedError(DOES_NOT_MATCH_SOP_CLASS, "Missing or unknown QueryRetrieveLevel (0008,0052)")
    return Query(level=level, keys=keys)


def require_levels_above(query: Query) -> None:
    """The hierarchical method of PS3.4 section C.4.1.3.1.1; raises RefusedError."""
    _require(query, UNIQUE_KEYS[query.level][:-1])


def require_unique_keys(query: Query) -> None:
    """What a retrieve needs; at the levels of patient and study any key with a value will do.

    Raises RefusedError.
    """
    if query.level in ("SERIES", "IMAGE"):
        _require(query, UNIQUE_KEYS[query.level])
    elif not any(text(query.keys.get(tag)) for tag in KEYS_OF_LEVEL[query.level]):
        raise RefusedError(DOES_NOT_MATCH_SOP_CLASS, f"Missing {NAMES[STUDY_INSTANCE_UID]}")


def _require(query: Query, tags: tuple[int, ...]) -> None:
    for tag in tags:
        if not query.uids(tag):
            raise RefusedError(DOES_NOT_MATCH_SOP_CLASS, f"Missing {NAMES[tag]}")


def entities(index: Index, query: Query) -> Iterator[Instance]:
    """One instance for each patient, study, series or instance that matches."""
    seen: set[tuple[str, ...]] = set()
    for instance in _candidates(index, query):
        identity = entity(query.level, instance)
        if identity in seen:
            continue  # the first speaks for all of them
        seen.add(identity)
        if _matches(index, query, instance):
            yield instance


def entity(level: str, instance: Instance) -> tuple[str, ...]:
    """Which patient, study, series or instance this is of."""
    if level == "PATIENT":
        return (text(instance.keys.get(PATIENT_ID)),)
    parts = (instance.study, instance.series, instance.sop_instance)
    return parts[: LEVELS.index(level)]


def instances(index: Index, query: Query) -> list[Instance]:
    """Every instance of the entities that match, for a retrieve."""
    wanted = {entity(query.level, instance) for instance in entities(index, query)}
    candidates = _candidates(index, query, whole=True)
    return [instance for instance in candidates if entity(query.level, instance) in wanted]


def _candidates(index: Index, query: Query, *, whole: bool = False) -> list[Instance]:
    """Instances that may match, by the most selective key; `whole` gives all of their studies."""
    studies, series = query.uids(STUDY_INSTANCE_UID), query.uids(SERIES_INSTANCE_UID)
    accession, patient = _plain(query, ACCESSION_NUMBER), _plain(query, PATIENT_ID)
    if studies and series and query.level in ("SERIES", "IMAGE") and not whole:
        return index.by_series(studies, series)
    if studies and query.level != "PATIENT":
        return index.by_study(studies)
    if accession and query.level != "PATIENT":
        found = index.by_accession(accession)
    elif patient:
        found = index.by_patient(patient)
    else:
        found = index.one_of_each_study()
    return index.by_study(sorted({instance.study for instance in found})) if whole else found


def _plain(query: Query, tag: int) -> bytes:
    """A key that can be looked up as it stands: one ASCII value without wildcards."""
    value = query.keys.get(tag, b"").strip(b" \0")
    return b"" if any(byte in b"*?\\" or byte > 126 for byte in value) else value  # noqa: PLR2004


def _matches(index: Index, query: Query, instance: Instance) -> bool:
    supported = KEYS_OF_LEVEL.get(query.level)
    wanted_set = query.keys.get(SPECIFIC_CHARACTER_SET, b"")
    have_set = instance.keys.get(SPECIFIC_CHARACTER_SET, b"")
    for tag, wanted in query.keys.items():
        if not wanted or tag in (SPECIFIC_CHARACTER_SET, QUERY_RETRIEVE_LEVEL):
            continue
        if supported is not None and tag not in supported:
            continue  # an optional key that is not supported matches everything
        if tag == MODALITIES_IN_STUDY:
            have = _joined(index.counts("counts_of_study", instance.study)["modalities"])
        elif supported is None and tag not in instance.keys:
            continue
        else:
            have = instance.keys.get(tag, b"")
        if not matches(
            vr_of(tag), Value(data=wanted, character_set=wanted_set), Value(data=have, character_set=have_set)
        ):
            return False
    return True


def answer(index: Index, query: Query, instance: Instance, aet: str) -> dict[int, bytes]:
    """What is told of a match: every key asked for, empty where it is unknown here."""
    supported = KEYS_OF_LEVEL.get(query.level)
    told = {
        tag: instance.keys.get(tag, b"") if supported is None or tag in supported else b""
        for tag in query.keys
        if tag != SPECIFIC_CHARACTER_SET
    }
    told |= {tag: instance.keys.get(tag, b"") for tag in UNIQUE_KEYS[query.level]}
    told |= {tag: value for tag, value in _computed(index, query, instance).items() if tag in query.keys}
    told[QUERY_RETRIEVE_LEVEL] = padded(query.level)
    told[RETRIEVE_AE_TITLE] = padded(aet)
    if SPECIFIC_CHARACTER_SET in instance.keys:
        told[SPECIFIC_CHARACTER_SET] = instance.keys[SPECIFIC_CHARACTER_SET]
    return told


def _computed(index: Index, query: Query, instance: Instance) -> dict[int, bytes]:
    computed = {INSTANCE_AVAILABILITY: padded("ONLINE")}
    if query.level == "PATIENT":
        counts = index.counts("counts_of_patient", instance.keys.get(PATIENT_ID, b"").strip(b" \0"))
        tags = {"studies": PATIENT_STUDIES, "series": PATIENT_SERIES, "instances": PATIENT_INSTANCES}
        return computed | {tag: padded(str(counts[name])) for name, tag in tags.items()}
    wanted = query.keys.keys()
    if wanted & {STUDY_SERIES, STUDY_INSTANCES, MODALITIES_IN_STUDY, SOP_CLASSES_IN_STUDY}:
        counts = index.counts("counts_of_study", instance.study)
        computed |= {
            STUDY_SERIES: padded(str(counts["series"])),
            STUDY_INSTANCES: padded(str(counts["instances"])),
            MODALITIES_IN_STUDY: _joined(counts["modalities"]),
            SOP_CLASSES_IN_STUDY: padded((counts["sop_classes"] or "").replace(",", "\\"), uid=True),
        }
    if query.level != "STUDY" and SERIES_INSTANCES in wanted:
        counts = index.counts("counts_of_series", instance.study, instance.series)
        computed[SERIES_INSTANCES] = padded(str(counts["instances"]))
    return computed


def _joined(listed: str | None) -> bytes:
    return padded("\\".join(sorted(filter(None, (listed or "").split(",")))))


def identifier(keys: Mapping[int, bytes]) -> bytes:
    """The data set of an answer."""
    return dataset.encode(keys.items())
