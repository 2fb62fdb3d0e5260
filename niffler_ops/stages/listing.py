"""Which instances does a study have? Decides what the archive promises: UIDs, a count, or nothing.

SERIES, then IMAGE level; every query carries the UIDs of the levels above, because relational
queries are not to be counted on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from niffler_ops.dicomtools.findscu import FindAnswer
from niffler_ops.ledger.passing import Passed, Why
from niffler_ops.ledger.studies import Study
from niffler_ops.stages.asking import Answers, Asking, Inquiry
from niffler_ops.stages.believing import agrees, is_uid
from niffler_ops.stages.contact import Contact
from niffler_ops.stages.place import Place
from niffler_ops.stages.retry import retry_delay
from niffler_ops.stages.succession import Succession
from niffler_ops.states import StudyState


@dataclass(kw_only=True, slots=True)
class Listing(Inquiry):
    """What is being learnt about one study.

    `further`: another archive named it, or was asked before; `absent` where this one has nothing of it.
    """

    study: Study
    further: bool = False
    series: list[str] = field(default_factory=list)
    instances: list[tuple[str, str]] = field(default_factory=list)
    absent: bool = False


def uids_of(answer: FindAnswer, keyword: str, above: dict[str, str]) -> tuple[list[str], bool]:
    """The distinct UIDs of the matches that lie below the asked UIDs; and whether one of them has none."""
    uids: dict[str, None] = {}
    nameless = False
    for match in answer.matches:
        if all(agrees(match, key, uid) for key, uid in above.items()):
            uid = match.get(keyword, "")
            if is_uid(uid):
                uids[uid] = None
            else:
                nameless = True
    return list(uids), nameless


class ListingStage:
    """Asks an archive for the instances of found studies, and again where arrival and promise differ."""

    def __init__(
        self,
        place: Place,
        contact: Contact,
        succession: Succession,
        *,
        first_batch: int | None = None,
        last_line: int | None = None,
    ) -> None:
        """`first_batch`: how many studies at first; `last_line`: only those of rows up to it."""
        self._last_line = last_line
        self._place = place
        self._contact = contact
        self._succession = succession
        self._asking = Asking(place, contact, first_batch=first_batch)

    @property
    def busy(self) -> bool:
        """Whether a findscu is asking for instances."""
        return self._asking.busy

    def advance(self, to_relist: list[Study]) -> None:
        """Start the next batch when the last one has ended; it takes from `to_relist` first."""
        self._asking.advance()
        if not self._asking.ready:
            return
        if not self._place.config.asks_for_instances:
            self._take_as_found(to_relist)
            return
        listings = [
            Listing(study=study, further=self._succession.was_passed_on(study))
            for study in self._claim(to_relist)
        ]
        if listings:
            self._ask_series(listings)

    def _take_as_found(self, to_relist: list[Study]) -> None:
        """Nobody is asked: what the archive promised when it was asked for the row is all there is."""
        studies, config, contact = self._place.ledger.studies, self._place.config, self._contact
        again = [study for study in to_relist if study.archive == contact.name]
        found = studies.due_for_listing(
            config.query_batch_size, archive=contact.name, last_line=self._last_line
        )
        if not (again or found):
            return
        with self._place.ledger.transaction():
            for study in again:
                to_relist.remove(study)
                studies.relist(study.id)
                studies.listed(study.id, StudyState.RELISTING, _without_uids(study, further=False))
            for study in found:
                further = self._succession.was_passed_on(study)
                studies.listed(study.id, StudyState.FOUND, _without_uids(study, further=further))

    def _claim(self, to_relist: list[Study]) -> list[Study]:
        ledger, most = self._place.ledger, self._asking.batch
        with ledger.transaction():
            studies = [study for study in to_relist if study.archive == self._contact.name][:most]
            for study in studies:
                to_relist.remove(study)
                ledger.studies.relist(study.id)
            free = most - len(studies)
            if free:
                studies += ledger.studies.claim_for_listing(
                    free, archive=self._contact.name, last_line=self._last_line
                )
        return studies

    def _ask_series(self, listings: list[Listing]) -> None:
        keys = [{"StudyInstanceUID": listing.study.study_instance_uid} for listing in listings]

        def answered(answers: Answers) -> None:
            for index, listing in enumerate(listings):
                if listing.hears(answers, index):
                    told, nameless = uids_of(answers.answers[index], "SeriesInstanceUID", keys[index])
                    listing.series = self._wanted(listing.study, told)
                    stranger = listing.study.archive != listing.study.found_at
                    listing.absent = stranger and not listing.series
                    listing.untold = not listing.series or (listing.study.whole and nameless)
            self._ask_instances(listings)

        self._asking.ask("SERIES", keys, ("SeriesInstanceUID",), answered)

    def _wanted(self, study: Study, told: list[str]) -> list[str]:
        """Of the series that the archive tells those that are wanted."""
        if study.whole:
            return told
        wanted = self._place.ledger.studies.wanted_series(study.id)
        return [series for series in told if series in wanted]

    def _ask_instances(self, listings: list[Listing]) -> None:
        asked = [
            (listing, series)
            for listing in listings
            if not listing.untold and not listing.lost
            for series in listing.series
        ]
        self._ask_in_parts(listings, asked)

    def _ask_in_parts(self, listings: list[Listing], asked: list[tuple[Listing, str]]) -> None:
        """No more queries at once than a command line holds, however many series there are."""
        most = self._place.config.query_batch_size
        asked = [(listing, series) for listing, series in asked if not listing.untold and not listing.lost]
        asked, later = asked[:most], asked[most:]
        hindrance = self._asking.hindrance
        if not asked or hindrance:
            for listing, _ in (*asked, *later):
                listing.lost = listing.lost or hindrance
            self._conclude(listings)
            return
        keys = [
            {"StudyInstanceUID": listing.study.study_instance_uid, "SeriesInstanceUID": series}
            for listing, series in asked
        ]

        def answered(answers: Answers) -> None:
            for index, (listing, series) in enumerate(asked):
                if listing.hears(answers, index):
                    uids, nameless = uids_of(answers.answers[index], "SOPInstanceUID", keys[index])
                    listing.instances += [(series, uid) for uid in uids]
                    # What has no name, or a series without instances, is not promised by UIDs.
                    listing.untold |= nameless or not uids
            if later:
                self._ask_in_parts(listings, later)
            else:
                self._conclude(listings)

        self._asking.ask("IMAGE", keys, ("SOPInstanceUID",), answered)

    def _conclude(self, listings: Sequence[Listing]) -> None:
        with self._place.ledger.transaction():
            for listing in listings:
                self._conclude_one(listing)

    def _conclude_one(self, listing: Listing) -> None:
        ledger, config, study = self._place.ledger, self._place.config, listing.study
        first = study.state is StudyState.FOUND
        before = StudyState.LISTING if first else StudyState.RELISTING
        exhausted = listing.charged and study.listings + 1 >= config.max_attempts
        if listing.absent and first and not listing.lost:
            reason = "it does not have the study"
            if not self._succession.study_not_given(study, Passed(why=Why.ABSENT, reason=reason)):
                ledger.studies.exhausted(study.id, study.reason or self._succession.failures(study))
        elif listing.instances and not listing.untold and not listing.lost:
            ledger.instances.promise(study.id, listing.instances, further=listing.further)
            ledger.studies.listed(study.id, before, self._promised_by(listing))
        elif listing.lost and first and not listing.untold and not exhausted:
            delay = retry_delay(config.retry_delay, study.listings + 1) if listing.charged else 0.0
            ledger.studies.listing_failed(
                study.id, before, delay=delay, charged=listing.charged, reason=listing.lost
            )
        else:
            if first:  # what it told of some series is awaited as well, beside the number of all
                ledger.instances.promise(study.id, listing.instances, further=True)
            ledger.studies.listed(study.id, before, _without_uids(study, further=listing.further))

    def _promised_by(self, listing: Listing) -> str:
        """The UIDs; where an archive that was asked before has counted more than are known now, its count."""
        study = listing.study
        if not listing.further or study.promised_by != "count":
            return "uid"
        known = sum(instance.promised for instance in self._place.ledger.instances.of_study(study.id))
        return "uid" if known >= (study.promised_count or 0) else "count"


def _without_uids(study: Study, *, further: bool) -> str:
    """What is promised where no UIDs are told: what was known, if anybody was asked for it before."""
    known = study.promised_by if further or study.state is not StudyState.FOUND else None
    return known or ("none" if study.promised_count is None else "count")
