"""The CFIND modes: what the archive says of studies and series is kept, and nothing is retrieved."""

from niffler_ops.dicomtools.findscu import FindAnswer
from niffler_ops.ledger.studies import Study
from niffler_ops.model import Listing
from niffler_ops.stages.asking import Answers, Asking
from niffler_ops.stages.place import Place
from niffler_ops.stages.query import agrees, is_uid, text_of
from niffler_ops.stages.retry import retry_delay
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

    def __init__(self, place: Place) -> None:
        self._place = place
        self._asking = Asking(place)

    def advance(self) -> None:
        """Start the next batch when the last one has ended."""
        self._asking.advance()
        if not self._asking.ready:
            return
        ledger = self._place.ledger
        with ledger.transaction():
            studies = ledger.studies.claim_for_listing(self._place.config.query_batch_size)
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
                for index, (study, answer) in enumerate(zip(studies, answers.answers, strict=True)):
                    if answer.complete:
                        self._describe(study, answer)
                    else:
                        charged = answer.status is not None or (
                            answers.charged and index == answers.first_lost
                        )
                        self._again(study, charged=charged, reason=answers.reason)

        self._asking.ask("SERIES", keys, SERIES_KEYS, answered)

    def _describe(self, study: Study, answer: FindAnswer) -> None:
        for match in answer.matches:
            uid = text_of(match, "SeriesInstanceUID")
            if is_uid(uid) and agrees(match, "StudyInstanceUID", study.study_instance_uid):
                attributes = {keyword: text_of(match, keyword) for keyword in SERIES_KEYS}
                self._place.ledger.studies.keep_answer(study.id, uid, attributes)
        self._place.ledger.studies.described(study.id)

    def _again(self, study: Study, *, charged: bool, reason: str) -> None:
        config, studies = self._place.config, self._place.ledger.studies
        if charged and study.listings + 1 >= config.max_attempts:
            studies.described(study.id, f"its series could not be had: {reason or 'the archive refused'}")
            return
        delay = retry_delay(config.retry_delay, study.listings + 1) if charged else 0.0
        studies.listing_failed(study.id, StudyState.LISTING, delay=delay, charged=charged, reason=reason)
