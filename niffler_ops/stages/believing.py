"""What of an archive's answer is believed: an archive that ignores a key answers with strangers' studies."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from niffler_ops.dicomtools.answerfiles import Match
from niffler_ops.ledger.wanting import FoundStudy
from niffler_ops.querying import matches

RETURNED = ("StudyInstanceUID", "NumberOfStudyRelatedInstances")
STUDY_KEYS = (
    "StudyInstanceUID",
    "PatientID",
    "AccessionNumber",
    "StudyDate",
    "StudyTime",
    "ModalitiesInStudy",
    "StudyDescription",
    "NumberOfStudyRelatedSeries",
    "NumberOfStudyRelatedInstances",
)
UID_LENGTH = 64
MOST_INSTANCES = 2**31 - 1  # of an IS (PS3.5 6.2); beyond 64 bits the ledger could not hold it

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Matches:
    """What a complete answer holds; `mismatches` have another value than was asked, `unusable` no UID."""

    studies: tuple[FoundStudy, ...]
    mismatches: int
    unusable: int


def sort_matches(keys: Mapping[str, str], matches: Sequence[Match], *, described: bool = False) -> Matches:
    """Believe only answers that return every key as it was asked, empty, or not at all.

    `described`: keep what else they say.
    """
    studies: dict[str, FoundStudy] = {}
    mismatches = unusable = 0
    for match in matches:
        uid = match.get("StudyInstanceUID", "")
        if any(not agrees(match, keyword, value) for keyword, value in keys.items()):
            mismatches += 1
        elif not is_uid(uid):
            unusable += 1
        else:
            studies[uid] = FoundStudy(
                study_instance_uid=uid,
                promised_count=count_of(match, "NumberOfStudyRelatedInstances"),
                attributes={key: match.get(key, "") for key in STUDY_KEYS} if described else None,
            )
    return Matches(studies=tuple(studies.values()), mismatches=mismatches, unusable=unusable)


def agrees(match: Match, keyword: str, asked: str) -> bool:
    """Whether a returned key is what was asked, or was not returned."""
    returned = match.get(keyword, "")
    return not returned or matches(keyword, asked, returned)


def confirms(match: Match, keyword: str, asked: str) -> bool:
    """Whether a key was returned, and is what was asked."""
    returned = match.get(keyword, "")
    return bool(returned) and matches(keyword, asked, returned)


def count_of(match: Match, keyword: str) -> int | None:
    """A returned number of instances; None where the archive did not tell one, or one that none can be."""
    try:
        number = max(int(match.get(keyword, "")), 0)
    except ValueError:
        return None
    return number if number <= MOST_INSTANCES else None


def is_uid(text: str) -> bool:
    """Whether this can be asked for as a UID."""
    return len(text) <= UID_LENGTH and _UID.fullmatch(text) is not None
