"""Several archives: what one does not give is asked of the next in the order of SrcAet.

With a single one there is nobody to pass anything on to: it is waited for, and its word is final.
"""

import logging

from niffler_ops.errors import ConfigurationError, UnavailableError
from niffler_ops.ledger.passing import Next, Passed, Subject, Why, choose
from niffler_ops.ledger.studies import Study
from niffler_ops.stages.contact import Contact
from niffler_ops.stages.place import Place
from niffler_ops.states import RowState, StudyState

PATIENCE_SECONDS = 60.0  # of an archive's absence before others are asked for what it may have
LOOK_SECONDS = 0.25  # between looks at what waits, where the last one found nothing to pass on

_IN_FLIGHT = (
    ("row", RowState.QUERYING),
    *(
        ("study", state)
        for state in (
            StudyState.LISTING,
            StudyState.MOVING,
            StudyState.MOVED,
            StudyState.RELISTING,
            StudyState.VERIFIED,
        )
    ),
)

log = logging.getLogger(__name__)


class Succession:
    """Decides who is asked next. With `rows_only` studies stay where they were found.

    `last_line`: only rows up to this line of the CSV.
    """

    def __init__(self, place: Place, *, rows_only: bool = False, last_line: int | None = None) -> None:
        self._place = place
        self._rows_only = rows_only
        self._last_line = last_line
        self._names = [contact.name for contact in place.contacts]
        self._several = len(self._names) > 1
        self._passed_over: set[str] = set()
        self._look_at = 0.0

    def row_not_given(self, row_id: int, contact: Contact, passed: Passed) -> Passed | None:
        """Pass on a row that was just asked for; where nobody is left, what it comes to."""
        ledger = self._place.ledger
        if not self._several:
            return passed
        following = self._next("row", row_id, contact.name, passed)
        if following is None:
            known = ledger.passing.of("row", row_id)
            failed = (known[name] for name in self._names if known[name].why is Why.FAILED)
            return next(failed, passed)
        ledger.rows.ask_again(row_id, delay=0.0, charged=True, reason=f"{contact.name}: {passed.reason}")
        self._hand_row(row_id, following, f"{contact.name}: {passed.reason}")
        return None

    def study_not_given(self, study: Study, passed: Passed) -> bool:
        """Pass on a study that an archive did not give in full; False where nobody is left."""
        if not self._several:
            return False
        following = self._next("study", study.id, study.archive, passed)
        if following is not None:
            self._hand_study(study, following, f"{study.archive}: {passed.reason}")
        return following is not None

    def failures(self, study: Study) -> str:
        """Why those who have the study did not give all of it."""
        passed = self._place.ledger.passing.of("study", study.id)
        return "; ".join(f"{name}: {one.reason}" for name, one in passed.items() if one.why is Why.FAILED)

    def was_passed_on(self, study: Study) -> bool:
        """Whether another archive than the one to be asked named the study, or was asked for it before."""
        further = study.archive != study.found_at
        return further or (self._several and bool(self._place.ledger.passing.of("study", study.id)))

    def is_out_of_reach(self, archive: str) -> bool:
        """Whether others are asked because this one does not answer."""
        return self._several and any(
            self._out_of_reach(contact) for contact in self._place.contacts if contact.name == archive
        )

    def advance(self) -> None:
        """Pass on what waits for an archive that is passed over: out of reach, or it does not know us.

        Raises ConfigurationError or UnavailableError where nothing can be done any more but to mend that.
        """
        contacts, now = self._place.contacts, self._place.clock.monotonic()
        if all(contact.misconfigured for contact in contacts):
            raise ConfigurationError(*(contact.misconfigured for contact in contacts))
        if not self._several or now < self._look_at:
            return
        self._welcome_back()
        numbers = [
            self._pass_rows_on(contact) + self._pass_studies_on(contact)
            for contact in contacts
            if contact.name in self._passed_over
        ]
        if not any(numbers):
            self._look_at = now + LOOK_SECONDS
        self._raise_if_stuck()

    def _out_of_reach(self, contact: Contact) -> bool:
        if contact.usable:
            return False
        return not contact.answered or contact.lost_for > PATIENCE_SECONDS

    def _reachable(self) -> list[Contact]:
        return [contact for contact in self._place.contacts if contact.usable and not contact.misconfigured]

    def _welcome_back(self) -> None:
        """Note who is passed over; what waits for another one may be asked of one that is back."""
        passed_over = {
            contact.name
            for contact in self._place.contacts
            if contact.misconfigured or self._out_of_reach(contact)
        }
        back = self._passed_over - passed_over
        self._passed_over = passed_over
        if back:
            with self._place.ledger.transaction():
                for name in back:
                    self._place.ledger.passing.came_back(name)

    def _pass_rows_on(self, contact: Contact) -> int:
        """A batch, when those who answer have nothing else to be asked: it may come back meanwhile."""
        ledger, others = self._place.ledger, self._reachable()
        idle = not any(ledger.passing.rows_at(other.queue, last_line=self._last_line) for other in others)
        if not others or not idle:
            return 0
        passed = _unavailable(contact)
        with ledger.transaction():
            limit = self._place.config.query_batch_size
            rows = ledger.rows.to_pass_on(limit, archive=contact.queue, last_line=self._last_line)
            for row in rows:
                following = self._next("row", row, contact.name, passed)
                if following is not None:
                    self._hand_row(row, following, passed.reason)
        return len(rows)

    def _pass_studies_on(self, contact: Contact) -> int:
        if self._rows_only or not self._reachable():
            return 0
        ledger, passed = self._place.ledger, _unavailable(contact)
        with ledger.transaction():
            studies = ledger.studies.to_pass_on(contact.load.batch, archive=contact.name)
            for study in studies:
                following = self._next("study", study.id, contact.name, passed)
                if following is not None:
                    self._hand_study(study, following, passed.reason)
        return len(studies)

    def _next(self, subject: Subject, subject_id: int, archive: str, passed: Passed) -> Next | None:
        passing = self._place.ledger.passing
        passing.note(subject, subject_id, archive, passed)
        reachable = {contact.name for contact in self._reachable()}
        following = choose(self._names, passing.of(subject, subject_id), reachable=reachable)
        if following is not None and following.waits:
            passing.retract(subject, subject_id, following.archive)
        return following

    def _hand_row(self, row_id: int, following: Next, reason: str) -> None:
        queue = "" if following.archive == self._names[0] else following.archive
        self._place.ledger.rows.pass_on(row_id, archive=queue, waits=following.waits, reason=reason)

    def _hand_study(self, study: Study, following: Next, reason: str) -> None:
        self._place.ledger.studies.pass_on(
            study, archive=following.archive, waits=following.waits, reason=reason
        )

    def _raise_if_stuck(self) -> None:
        """Nothing is under way, and what is left waits for archives that never answered or do not know us."""
        ledger, contacts = self._place.ledger, self._place.contacts
        tallies = ledger.tallies()
        if any(tallies[key] for key in _IN_FLIGHT):
            return
        holding = [contact for contact in contacts if self._holds_work(contact)]
        if not holding or any(
            not contact.misconfigured and (contact.usable or contact.answered) for contact in holding
        ):
            return
        reasons = [contact.misconfigured for contact in contacts if contact.misconfigured]
        if reasons:
            raise ConfigurationError(*reasons)
        silent_names = ", ".join(contact.name for contact in contacts if not contact.answered)
        raise UnavailableError(
            f"SrcAet {silent_names}: it has not answered, and what the other archives have is done."
            " Check host, port and AE titles; then run the same command again."
        )

    def _holds_work(self, contact: Contact) -> bool:
        passing = self._place.ledger.passing
        if passing.rows_at(contact.queue, last_line=self._last_line):
            return True
        return not self._rows_only and passing.studies_at(contact.name)


def _unavailable(contact: Contact) -> Passed:
    what = "cannot send to us" if contact.misconfigured else "does not answer"
    return Passed(why=Why.UNAVAILABLE, reason=f"{contact.name} {what}")
