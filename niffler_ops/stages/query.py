"""Which studies does a row match? Decides what a STUDY level answer makes of the row."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydicom import Dataset

from niffler_ops.dicomtools.failures import status_text
from niffler_ops.dicomtools.findscu import FindAnswer
from niffler_ops.ledger.rows import ClaimedRow, FoundStudy
from niffler_ops.querying import matches
from niffler_ops.stages.asking import Answers, Asking
from niffler_ops.stages.place import Place
from niffler_ops.stages.retry import retry_delay

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
BACKLOG_BATCHES = 8

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
UID_LENGTH = 64

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Matches:
    """What a complete answer holds; `mismatches` have another value than was asked, `unusable` no UID."""

    studies: tuple[FoundStudy, ...]
    mismatches: int
    unusable: int


def sort_matches(keys: Mapping[str, str], matches: Sequence[Dataset], *, described: bool = False) -> Matches:
    """Believe only answers that return every key as it was asked, empty, or not at all.

    An archive that ignores a key answers with strangers' studies. `described`: keep what else it says.
    """
    studies: dict[str, FoundStudy] = {}
    mismatches = unusable = 0
    for match in matches:
        uid = text_of(match, "StudyInstanceUID")
        if any(not agrees(match, keyword, value) for keyword, value in keys.items()):
            mismatches += 1
        elif not is_uid(uid):
            unusable += 1
        else:
            studies[uid] = FoundStudy(
                study_instance_uid=uid,
                promised_count=_count_of(match),
                attributes={key: text_of(match, key) for key in STUDY_KEYS} if described else None,
            )
    return Matches(studies=tuple(studies.values()), mismatches=mismatches, unusable=unusable)


def agrees(match: Dataset, keyword: str, asked: str) -> bool:
    """Whether a returned key is what was asked, or was not returned."""
    returned = text_of(match, keyword)
    return not returned or matches(keyword, asked, returned)


def text_of(match: Dataset, keyword: str) -> str:
    """The text of a returned key without padding, several values joined by backslash; "" where absent."""
    value = match.get(keyword)
    if value is None:
        return ""
    if not isinstance(value, str) and isinstance(value, Sequence):
        return "\\".join(str(part).strip(" \0") for part in value)
    return str(value).strip(" \0")


def is_uid(text: str) -> bool:
    """Whether this can be asked for as a UID."""
    return len(text) <= UID_LENGTH and _UID.fullmatch(text) is not None


def _count_of(match: Dataset) -> int | None:
    try:
        return max(int(text_of(match, "NumberOfStudyRelatedInstances")), 0)
    except ValueError:
        return None


class QueryStage:
    """Asks the archive for rows, a batch at a time, not further ahead than retrieval can follow."""

    def __init__(self, place: Place, *, last_line: int | None = None) -> None:
        self._place = place
        self._last_line = last_line
        self._asking = Asking(place)
        self._described = place.config.listing is not None

    @property
    def busy(self) -> bool:
        """Whether a findscu is asking for rows."""
        return self._asking.busy

    def advance(self) -> None:
        """Start the next batch when the last one has ended."""
        self._asking.advance()
        if not self._asking.ready or self._far_ahead():
            return
        ledger = self._place.ledger
        with ledger.transaction():
            rows = ledger.rows.claim(self._place.config.query_batch_size, last_line=self._last_line)
        if rows:
            self._asking.ask(
                "STUDY",
                [row.keys for row in rows],
                STUDY_KEYS if self._described else RETURNED,
                lambda answers: self._answered(rows, answers),
            )

    def _far_ahead(self) -> bool:
        config = self._place.config
        tallies = self._place.ledger.tallies()
        waiting = sum(tallies["study", state] for state in ("found", "listing", "listed"))
        return waiting >= BACKLOG_BATCHES * config.move_lanes * config.batch_size

    def _answered(self, rows: Sequence[ClaimedRow], answers: Answers) -> None:
        with self._place.ledger.transaction():
            for index, (row, answer) in enumerate(zip(rows, answers.answers, strict=True)):
                if answer.complete:
                    self._complete(row, answer)
                elif answers.first_lost is not None and index > answers.first_lost:
                    self._again(row, charged=False, reason=answers.reason)
                elif answer.status is None:
                    self._again(row, charged=answers.charged, reason=answers.reason)
                else:
                    self._again(row, charged=True, reason=_refusal(answer, answers.reason))

    def _complete(self, row: ClaimedRow, answer: FindAnswer) -> None:
        rows = self._place.ledger.rows
        believed = self._place.config.accept_other_patient_ids
        compared = {key: value for key, value in row.keys.items() if not (believed and key == "PatientID")}
        found = sort_matches(compared, answer.matches, described=self._described)
        limit = self._place.config.max_studies_per_row
        if found.mismatches:
            log.warning(
                "Line %d: the archive answered with %d studies of other values than were asked; dropped",
                row.line,
                found.mismatches,
            )
        if len(found.studies) > limit:
            reason = f"{len(found.studies)} studies match, more than MaxStudiesPerRow ({limit})"
            rows.failed(row.id, reason, mismatches=found.mismatches)
        elif found.studies:
            archive = str(self._place.contact.archive)
            rows.matched(row.id, found.studies, archive=archive, mismatches=found.mismatches)
        elif found.mismatches:
            reason = f"only mismatches: {found.mismatches} answers with other values than were asked"
            rows.failed(row.id, reason, mismatches=found.mismatches)
        elif found.unusable:
            rows.failed(row.id, "the archive answered without a usable Study Instance UID")
        else:
            rows.not_found(row.id, "the archive has no match")

    def _again(self, row: ClaimedRow, *, charged: bool, reason: str) -> None:
        config = self._place.config
        if charged and row.attempts >= config.max_attempts:
            self._place.ledger.rows.failed(row.id, f"the query failed: {reason}")
        else:
            delay = retry_delay(config.retry_delay, row.attempts) if charged else 0.0
            self._place.ledger.rows.ask_again(row.id, delay=delay, charged=charged, reason=reason)


def _refusal(answer: FindAnswer, reason: str) -> str:
    if answer.status:
        return f"the archive answered {status_text(answer.status)}"
    return reason or "not every answer could be read"
