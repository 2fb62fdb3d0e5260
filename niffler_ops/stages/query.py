"""Which studies does a row match? Decides what the archive's answers make of the row."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from niffler_ops.dicomtools.findscu import FindAnswer
from niffler_ops.ledger.passing import Passed, Why
from niffler_ops.ledger.rows import ClaimedRow
from niffler_ops.ledger.wanting import FoundStudy
from niffler_ops.querying import level_of
from niffler_ops.stages.asking import Answers, Asking, Shortfall
from niffler_ops.stages.believing import RETURNED, STUDY_KEYS, Matches, confirms, sort_matches
from niffler_ops.stages.contact import Contact
from niffler_ops.stages.place import Place
from niffler_ops.stages.retry import retry_delay
from niffler_ops.stages.succession import Succession
from niffler_ops.stages.walking import Candidate, Walk

BACKLOG_BATCHES = 8
FIRST_ASKED = 100  # rows, so that what the first of them match need not wait for many

log = logging.getLogger(__name__)


@dataclass(kw_only=True, slots=True)
class Asked:
    """A row, its keys of study level and those `below`, and what the archive has said so far.

    `query` is the index of its query in the batch, `tried` that of the one by all keys at STUDY level.
    `believed` are the studies for which it confirmed the keys below at STUDY level; the others that the
    keys of study level find are `candidates` where there are keys below.
    """

    row: ClaimedRow
    upper: Mapping[str, str]
    below: Mapping[str, str]
    query: int = 0
    tried: int | None = None
    shortfall: Shortfall | None = None
    found: Matches | None = None
    believed: frozenset[str] = frozenset()
    candidates: list[Candidate] = field(default_factory=list)


def split_keys(row: ClaimedRow) -> Asked:
    """Tell the keys of patient and study level from those below."""
    upper = {keyword: value for keyword, value in row.keys.items() if level_of(keyword) == "STUDY"}
    below = {keyword: value for keyword, value in row.keys.items() if keyword not in upper}
    return Asked(row=row, upper=upper, below=below)


def confirmed(keys: Mapping[str, str], below: Mapping[str, str], answer: FindAnswer) -> frozenset[str]:
    """The studies for which the archive returned the keys below study level as they were asked."""
    if not answer.complete:
        return frozenset()
    sure = [match for match in answer.matches if all(confirms(match, *key) for key in below.items())]
    return frozenset(study.study_instance_uid for study in sort_matches(keys, sure).studies)


class QueryStage:
    """Asks an archive for rows, a batch at a time, not further ahead than retrieval can follow.

    `retrieves`: what is found is retrieved as well, also without a query, if the configuration wants that.
    """

    def __init__(
        self,
        place: Place,
        contact: Contact,
        succession: Succession,
        *,
        last_line: int | None = None,
        retrieves: bool = False,
    ) -> None:
        self._retrieves = retrieves
        self._place = place
        self._contact = contact
        self._succession = succession
        self._last_line = last_line
        self._asking = Asking(place, contact, first_batch=FIRST_ASKED)
        self._walk: Walk | None = None
        self._tries_study_level = place.config.retrieve_level == "STUDY"

    @property
    def busy(self) -> bool:
        """Whether a findscu is asking for rows."""
        return self._asking.busy

    def advance(self) -> None:
        """Start the next batch when the last one has ended."""
        self._asking.advance()
        if self._walk is not None and not self._asking.busy and not self._contact.usable:
            self._walk.give_up(self._asking.hindrance)
        if not self._asking.ready:
            return
        if self._walk is not None:
            self._walk.advance()
        elif not self._contact.misconfigured and not self._far_ahead():
            self._claim()

    def _claim(self) -> None:
        ledger, most = self._place.ledger, self._asking.batch
        with ledger.transaction():
            rows = ledger.rows.claim(most, archive=self._contact.queue, last_line=self._last_line)
        if rows:
            self._ask([split_keys(row) for row in rows])

    def _far_ahead(self) -> bool:
        if not self._retrieves or self._last_line is not None:  # what waits may be of rows beyond
            return False
        studies, load = self._place.ledger.studies, self._contact.load
        most = BACKLOG_BATCHES * load.lanes * load.batch
        return studies.waiting_at(self._contact.name, limit=most) >= most

    def _ask(self, batch: Sequence[Asked]) -> None:
        """By the keys of study level, and by all of them: whoever ignores or confirms the others shows so."""
        queries: list[Mapping[str, str]] = []
        lines: list[int] = []
        for asked in batch:
            asked.query = len(queries)
            queries.append(asked.upper)
            if asked.below and self._tries_study_level:
                asked.tried = len(queries)
                queries.append(asked.row.keys)
            lines += [asked.row.line] * (len(queries) - len(lines))
        returned = STUDY_KEYS if self._place.config.listing is not None else RETURNED
        self._asking.ask(
            "STUDY", queries, returned, lambda answers: self._answered(batch, answers), lines=lines
        )

    def _answered(self, batch: Sequence[Asked], answers: Answers) -> None:
        for asked in batch:
            asked.shortfall = answers.shortfall(asked.query)
            if asked.shortfall is None:
                self._take(asked, answers.answers[asked.query])
                if asked.tried is not None:
                    self._take_tried(asked, answers, asked.tried)
        self._go_on(batch)

    def _take(self, asked: Asked, answer: FindAnswer) -> None:
        config = self._place.config
        linked = {"PatientID"} if config.accept_other_patient_ids else set()
        compared = {keyword: value for keyword, value in asked.upper.items() if keyword not in linked}
        asked.found = sort_matches(compared, answer.matches, described=config.listing is not None)
        if asked.found.mismatches:
            log.warning(
                "Line %d: the archive answered with %d studies of other values than were asked; dropped",
                asked.row.line,
                asked.found.mismatches,
            )

    def _take_tried(self, asked: Asked, answers: Answers, index: int) -> None:
        """An archive that refuses, or hangs over, such keys at STUDY level is not asked so again."""
        shortfall = answers.shortfall(index)
        if shortfall is None:
            asked.believed = confirmed(asked.upper, asked.below, answers.answers[index])
        elif shortfall.charged and self._tries_study_level:
            log.info("%s: keys below study level are looked for by series and image", self._contact.name)
            self._tries_study_level = False

    def _go_on(self, batch: Sequence[Asked]) -> None:
        for asked in batch:
            if asked.found is not None and asked.below:
                asked.candidates = [
                    Candidate(study=study, keys=asked.below)
                    for study in asked.found.studies
                    if study.study_instance_uid not in asked.believed
                ]
        walked = [asked for asked in batch if asked.candidates]
        self._conclude([asked for asked in batch if not asked.candidates])
        if walked:
            self._walk = Walk(
                self._asking,
                [candidate for asked in walked for candidate in asked.candidates],
                batch_size=self._place.config.query_batch_size,
                then=lambda: self._walked(walked),
            )

    def _walked(self, batch: Sequence[Asked]) -> None:
        self._walk = None
        self._conclude(batch)

    def _conclude(self, batch: Sequence[Asked]) -> None:
        with self._place.ledger.transaction():
            for asked in batch:
                self._conclude_one(asked)

    def _conclude_one(self, asked: Asked) -> None:
        found = asked.found
        lost = [candidate for candidate in asked.candidates if candidate.lost]
        if found is None or asked.shortfall is not None:
            assert asked.shortfall is not None  # noqa: S101 - an answer without one is taken
            self._shortfall(asked, asked.shortfall)
        elif lost:
            charged = any(candidate.charged for candidate in lost)
            self._again(asked.row, charged=charged, reason=lost[0].lost)
        else:
            self._complete(asked, found)

    def _shortfall(self, asked: Asked, shortfall: Shortfall) -> None:
        """The query had no complete answer; one that is refused for good may do without."""
        config, row = self._place.config, asked.row
        refused = shortfall.final or (shortfall.refusal and row.attempts >= config.max_attempts)
        if not refused or asked.below or config.sends_elsewhere or config.listing is not None:
            self._again(row, charged=shortfall.charged, reason=shortfall.reason)
        elif config.retrieve_without_query and self._retrieves:
            self._place.ledger.rows.retrieve_unqueried(row.id, shortfall.reason)
        else:
            remedy = "RetrieveWithoutQuery retrieves by the line's keys all the same"
            self._again(row, charged=shortfall.charged, reason=f"{shortfall.reason}; {remedy}")

    def _complete(self, asked: Asked, found: Matches) -> None:
        rows, row = self._place.ledger.rows, asked.row
        limit = self._place.config.max_studies_per_row
        studies = self._wanted(asked, found)
        if len(studies) > limit:
            reason = f"{len(studies)} studies match, more than MaxStudiesPerRow ({limit})"
            rows.failed(row.id, reason, mismatches=found.mismatches)
        elif studies:
            rows.matched(
                row.id,
                studies,
                archive=self._contact.name,
                mismatches=found.mismatches,
                untold=found.unusable + self._untold(asked),
            )
        elif found.mismatches and not asked.candidates:
            reason = f"only mismatches: {found.mismatches} answers with other values than were asked"
            self._not_given(row, Passed(why=Why.FAILED, reason=reason), mismatches=found.mismatches)
        elif found.unusable and not asked.candidates:
            reason = "the archive answered without a usable Study Instance UID"
            self._not_given(row, Passed(why=Why.FAILED, reason=reason))
        elif not asked.candidates:
            self._not_given(row, Passed(why=Why.ABSENT, reason="the archive has no match"))
        else:
            self._not_given(row, _none_below(asked))

    def _untold(self, asked: Asked) -> int:
        """Of how many studies it is not known whether they, or all of their series, are meant."""
        if asked.believed:  # who confirms the keys of some studies at STUDY level means them for all
            return 0
        by_series = self._place.config.retrieve_level == "SERIES"
        return sum(one.untold and (by_series or not one.matching) for one in asked.candidates)

    def _wanted(self, asked: Asked, found: Matches) -> list[FoundStudy]:
        """The studies that match, and of those the series, where only these are retrieved."""
        if not asked.below:
            return list(found.studies)
        wanted = [study for study in found.studies if study.study_instance_uid in asked.believed]
        by_series = self._place.config.retrieve_level == "SERIES"
        for candidate in asked.candidates:
            if candidate.matching:
                series = tuple(candidate.matching) if by_series else None
                wanted.append(replace(candidate.study, series=series))
        return wanted

    def _not_given(self, row: ClaimedRow, passed: Passed, *, mismatches: int = 0) -> None:
        """Ask the next archive; after the last one the row is at its end."""
        final = self._succession.row_not_given(row.id, self._contact, passed)
        if final is None:
            return
        if final.why is Why.ABSENT:
            self._place.ledger.rows.not_found(row.id, final.reason)
        else:
            self._place.ledger.rows.failed(row.id, final.reason, mismatches=mismatches)

    def _again(self, row: ClaimedRow, *, charged: bool, reason: str) -> None:
        config = self._place.config
        if charged and row.attempts >= config.max_attempts:
            self._not_given(row, Passed(why=Why.FAILED, reason=f"the query failed: {reason}"))
        else:
            delay = retry_delay(config.retry_delay, row.attempts) if charged else 0.0
            self._place.ledger.rows.ask_again(row.id, delay=delay, charged=charged, reason=reason)


def _none_below(asked: Asked) -> Passed:
    """No study has the keys below study level, or the archive cannot tell."""
    told = {keyword for candidate in asked.candidates for keyword in candidate.told}
    untold = [keyword for keyword in asked.below if keyword not in told]
    number, refused = len(asked.candidates), sum(candidate.untold for candidate in asked.candidates)
    if untold:
        reason = (
            f"the archive cannot tell {', '.join(untold)} of the studies that the other keys find ({number})"
        )
        return Passed(why=Why.FAILED, reason=reason)
    if refused:
        reason = (
            f"the archive refuses to tell of {refused} of the studies that the other keys find ({number})"
        )
        return Passed(why=Why.FAILED, reason=reason)
    reason = f"no study that the other keys find ({number}) has the {', '.join(asked.below)} asked for"
    return Passed(why=Why.ABSENT, reason=reason)
