"""The CFIND modes: what the archive says of studies and series is kept, and nothing is retrieved."""

from niffler_ops.dicomtools.findscu import FindAnswer
from niffler_ops.ledger.passing import Passed, Why
from niffler_ops.ledger.studies import Study
from niffler_ops.model import Listing
from niffler_ops.stages.asking import Answers, Asking, Shortfall
from niffler_ops.stages.believing import agrees, is_uid
from niffler_ops.stages.contact import Contact
from niffler_ops.stages.place import Place
from niffler_ops.stages.retry import retry_delay
from niffler_ops.stages.succession import Succession
from niffler_ops.states import StudyState

SERIES_KEYS = (
    "SeriesInstanceUID",
    "SeriesNumber",
    "Modality",
    "SeriesDescription",
    "SeriesDate",
    "SeriesTime",
    "BodyPartExamined",
    "NumberOfSeriesRelatedInstances",
)


class CatalogueStage:
    """Ends found studies: at once, or when their series are described."""

    def __init__(self, place: Place, contact: Contact, succession: Succession) -> None:
        self._place = place
        self._contact = contact
        self._succession = succession
        self._asking = Asking(place, contact)

    def advance(self) -> None:
        """Start the next batch when the last one has ended."""
        self._asking.advance()
        if not self._asking.ready:
            return
        ledger = self._place.ledger
        with ledger.transaction():
            studies = ledger.studies.claim_for_listing(
                self._place.config.query_batch_size, archive=self._contact.name
            )
            if self._place.config.listing is Listing.STUDIES:
                for study in studies:
                    ledger.studies.described(study.id)
                return
        if studies:
            self._ask_series(studies)

    def _ask_series(self, studies: list[Study]) -> None:
        keys = [{"StudyInstanceUID": study.study_instance_uid} for study in studies]

        def answered(answers: Answers) -> None:
            with self._place.ledger.transaction():
                for index, study in enumerate(studies):
                    shortfall = answers.shortfall(index)
                    if shortfall is None:
                        self._describe(study, answers.answers[index])
                    else:
                        self._again(study, shortfall)

        self._asking.ask("SERIES", keys, SERIES_KEYS, answered)

    def _describe(self, study: Study, answer: FindAnswer) -> None:
        wanted = None if study.whole else self._place.ledger.studies.wanted_series(study.id)
        described = False
        for match in answer.matches:
            uid = match.get("SeriesInstanceUID", "")
            if wanted is not None and uid not in wanted:
                continue
            if is_uid(uid) and agrees(match, "StudyInstanceUID", study.study_instance_uid):
                attributes = {keyword: match.get(keyword, "") for keyword in SERIES_KEYS}
                self._place.ledger.studies.keep_answer(study.id, uid, attributes)
                described = True
        if described or study.archive == study.found_at:
            self._place.ledger.studies.described(study.id)
        else:
            self._not_given(study, Passed(why=Why.ABSENT, reason="it does not have the study"))

    def _not_given(self, study: Study, passed: Passed) -> None:
        """Ask the next archive; after the last one the study stays without its series."""
        if not self._succession.study_not_given(study, passed):
            problem = f"its series could not be had: {passed.reason}"
            self._place.ledger.studies.described(study.id, problem)

    def _again(self, study: Study, shortfall: Shortfall) -> None:
        config, studies = self._place.config, self._place.ledger.studies
        charged = shortfall.charged
        if charged and study.listings + 1 >= config.max_attempts:
            self._not_given(study, Passed(why=Why.FAILED, reason=shortfall.reason))
            return
        delay = retry_delay(config.retry_delay, study.listings + 1) if charged else 0.0
        studies.listing_failed(
            study.id, StudyState.LISTING, delay=delay, charged=charged, reason=shortfall.reason
        )
