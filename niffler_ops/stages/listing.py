"""Which instances does a study have? Decides what the archive promises: UIDs, a count, or nothing.

SERIES, then IMAGE level; every query carries the UIDs of the levels above, because relational
queries are not to be counted on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from niffler_ops.dicomtools.failures import FailureClass, classify_status
from niffler_ops.dicomtools.findscu import FindAnswer
from niffler_ops.ledger.studies import Study
from niffler_ops.stages.asking import Answers, Asking
from niffler_ops.stages.place import Place
from niffler_ops.stages.query import agrees, is_uid, text_of
from niffler_ops.stages.retry import retry_delay
from niffler_ops.states import StudyState

REFUSED_FOR_GOOD = frozenset({0x0122, 0x0112, 0x0110, 0x0211})


@dataclass(kw_only=True, slots=True)
class Listing:
    """What is being learnt about one study.

    `unknown` once the archive cannot tell; `lost` says why it did not tell this time.
    """

    study: Study
    series: list[str] = field(default_factory=list)
    instances: list[tuple[str, str]] = field(default_factory=list)
    unknown: bool = False
    lost: str = ""
    charged: bool = False


def uids_of(answer: FindAnswer, keyword: str, above: dict[str, str]) -> list[str]:
    """The distinct UIDs an answer returns, of matches that lie below the asked UIDs."""
    believed = [
        match for match in answer.matches if all(agrees(match, key, uid) for key, uid in above.items())
    ]
    return list(dict.fromkeys(uid for match in believed if is_uid(uid := text_of(match, keyword))))


class ListingStage:
    """Asks for the instances of found studies, and again where arrival and promise differ."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._asking = Asking(place)

    @property
    def busy(self) -> bool:
        """Whether a findscu is asking for instances."""
        return self._asking.busy

    def advance(self, to_relist: list[Study]) -> None:
        """Start the next batch when the last one has ended; it takes from `to_relist` first."""
        self._asking.advance()
        if not self._asking.ready:
            return
        ledger = self._place.ledger
        with ledger.transaction():
            studies = to_relist[: self._place.config.query_batch_size]
            del to_relist[: len(studies)]
            for study in studies:
                ledger.studies.relist(study.id)
            free = self._place.config.query_batch_size - len(studies)
            studies = [*studies, *(ledger.studies.claim_for_listing(free) if free else ())]
        if not studies:
            return
        if self._place.config.verify_by == "count" or self._place.config.sends_elsewhere:
            self._conclude([Listing(study=study, unknown=True) for study in studies])
        else:
            self._ask_series([Listing(study=study) for study in studies])

    def _ask_series(self, listings: list[Listing]) -> None:
        keys = [{"StudyInstanceUID": listing.study.study_instance_uid} for listing in listings]

        def answered(answers: Answers) -> None:
            for index, (listing, answer) in enumerate(zip(listings, answers.answers, strict=True)):
                if self._usable(listing, answer, answers, index):
                    listing.series = uids_of(answer, "SeriesInstanceUID", keys[index])
                    listing.unknown = not listing.series
            self._ask_instances(listings)

        self._asking.ask("SERIES", keys, ("SeriesInstanceUID",), answered)

    def _ask_instances(self, listings: list[Listing]) -> None:
        asked = [
            (listing, series)
            for listing in listings
            if not listing.unknown and not listing.lost
            for series in listing.series
        ]
        if not asked or not self._place.contact.usable:
            for listing, _ in asked:
                listing.lost = listing.lost or "the archive does not answer"
            self._conclude(listings)
            return
        keys = [
            {"StudyInstanceUID": listing.study.study_instance_uid, "SeriesInstanceUID": series}
            for listing, series in asked
        ]

        def answered(answers: Answers) -> None:
            for index, ((listing, series), answer) in enumerate(zip(asked, answers.answers, strict=True)):
                if self._usable(listing, answer, answers, index):
                    uids = uids_of(answer, "SOPInstanceUID", keys[index])
                    listing.instances += [(series, uid) for uid in uids]
            self._conclude(listings)

        self._asking.ask("IMAGE", keys, ("SOPInstanceUID",), answered)

    def _usable(self, listing: Listing, answer: FindAnswer, answers: Answers, index: int) -> bool:
        """Whether an answer is complete; if not, note whether the archive may tell later."""
        if answer.complete:
            return True
        if answer.status is not None and _cannot_tell(answer.status):
            listing.unknown = True
        elif not listing.lost:
            listing.lost = answers.reason or "the archive refused to list the study's instances"
            listing.charged = answer.status is not None or (answers.charged and index == answers.first_lost)
        return False

    def _conclude(self, listings: Sequence[Listing]) -> None:
        with self._place.ledger.transaction():
            for listing in listings:
                self._conclude_one(listing)

    def _conclude_one(self, listing: Listing) -> None:
        ledger, config, study = self._place.ledger, self._place.config, listing.study
        first = study.state is StudyState.FOUND
        before = StudyState.LISTING if first else StudyState.RELISTING
        exhausted = listing.charged and study.listings + 1 >= config.max_attempts
        if listing.instances and not listing.unknown and not listing.lost:
            ledger.instances.promise(study.id, listing.instances)
            ledger.studies.listed(study.id, before, "uid")
        elif listing.lost and first and not listing.unknown and not exhausted:
            delay = retry_delay(config.retry_delay, study.listings + 1) if listing.charged else 0.0
            ledger.studies.listing_failed(
                study.id, before, delay=delay, charged=listing.charged, reason=listing.lost
            )
        elif first:
            ledger.studies.listed(study.id, before, "none" if study.promised_count is None else "count")
        else:
            ledger.studies.listed(study.id, before, study.promised_by or "none")


def _cannot_tell(status: int) -> bool:
    return status in REFUSED_FOR_GOOD or classify_status(status) is FailureClass.REFUSED_STUDY
