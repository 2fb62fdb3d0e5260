"""Is a study complete? Compares what came with what the archive promised; statuses only steer the retry."""

import logging
import time
from dataclasses import dataclass, replace
from enum import Enum, auto

from niffler_ops.dicomtools.failures import status_text
from niffler_ops.dicomtools.responses import SUCCESS
from niffler_ops.dicomtools.storescp import short_name, staging_name
from niffler_ops.files import move
from niffler_ops.ledger.instances import Instance
from niffler_ops.ledger.passing import Passed, Why
from niffler_ops.ledger.studies import Study
from niffler_ops.stages.place import Place
from niffler_ops.stages.progress import Progress
from niffler_ops.stages.retry import retry_delay
from niffler_ops.stages.succession import Succession
from niffler_ops.states import StudyState

REFUSED_STUDY = 0xA900
UIDS_NAMED = 20
TURN_SECONDS = 0.1

log = logging.getLogger(__name__)


class Step(Enum):
    """What is to happen with a study that nobody asks for."""

    WAIT = auto()  # its instances may still arrive
    RELIST = auto()  # ask the archive again what it has
    RETRY = auto()  # retrieve again
    DONE = auto()
    PARTIAL = auto()
    FAILED = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """A step; for DONE how it was verified, for the others why."""

    step: Step
    verified: str | None = None
    reason: str = ""


def judge(study: Study, *, quiet: bool, max_attempts: int) -> Verdict:
    """Decide on a study in state `moved`; `quiet`: nothing arrived for as long as its grace says."""
    complete = _complete(study)
    if complete is not None and (quiet or study.promised_by == "uid" or _all_delivered(study)):
        needs_look = study.surplus and not study.relisted
        return Verdict(step=Step.RELIST) if needs_look else complete
    if not quiet:
        return Verdict(step=Step.WAIT)
    if study.exhausted:
        return _ended(study, study.reason)
    if study.promised_by == "uid" and not study.relisted and _relisting_may_explain(study):
        return Verdict(step=Step.RELIST)
    reason = _why_incomplete(study)
    if study.attempts < max_attempts and not _refused_for_good(study):
        return Verdict(step=Step.RETRY, reason=reason)
    return _ended(study, reason)


def _ended(study: Study, reason: str) -> Verdict:
    return Verdict(step=Step.PARTIAL if study.received else Step.FAILED, reason=reason)


def _complete(study: Study) -> Verdict | None:
    """DONE where what came is what was promised; None where it is not, or nobody can say yet."""
    if not study.received or study.received < study.expected:
        return None
    if study.promised_by == "uid":
        return Verdict(step=Step.DONE, verified="by_uid")
    if study.promised_by == "count" and study.promised_count:
        return Verdict(step=Step.DONE, verified="by_count")
    return Verdict(step=Step.DONE, verified="unverified") if study.last_status == SUCCESS else None


def _all_delivered(study: Study) -> bool:
    """Whether as much came as the archive says that it delivered."""
    return study.last_status == SUCCESS and study.received == study.last_completed


def _relisting_may_explain(study: Study) -> bool:
    """Whether the archive delivered what it thinks is all of it."""
    return bool(study.received or study.surplus) or study.last_status == SUCCESS


def _refused_for_good(study: Study) -> bool:
    return study.last_status == REFUSED_STUDY and not study.received


def _why_incomplete(study: Study) -> str:
    missing = max(study.expected - study.received, 0)
    if study.expected:
        text = f"{missing} of {study.expected} instances missing"
    else:
        text = "no instance arrived" if not study.received else "the retrieve did not succeed"
    if study.last_status is None:
        return f"{text}; the archive gave no final answer"
    if study.last_status != SUCCESS:
        return f"{text}; the archive answered {status_text(study.last_status)}"
    return text if study.received else f"{text} although the archive answered success"


class VerifyStage:
    """Judges the studies whose instances may still be arriving."""

    def __init__(self, place: Place, progress: Progress, succession: Succession) -> None:
        self._place = place
        self._progress = progress
        self._succession = succession
        self._turn_at = 0.0
        self._moved_at: dict[tuple[int, int], float] = {}  # by study and how often it was asked for
        self.to_relist: list[Study] = []

    def advance(self) -> None:
        """Judge every study that was moved, and carry the verdicts out in one transaction."""
        now = self._place.clock.monotonic()
        if now < self._turn_at:
            return
        begun = time.perf_counter()
        moved = self._place.ledger.studies.moved()
        self._moved_at = {
            (study.id, study.asked): self._moved_at.get((study.id, study.asked), now) for study in moved
        }
        verdicts = [(study, self._judge(study, now)) for study in moved]
        self.to_relist = [study for study, verdict in verdicts if verdict.step is Step.RELIST]
        decided = [
            (study, verdict) for study, verdict in verdicts if verdict.step not in {Step.WAIT, Step.RELIST}
        ]
        if decided:
            with self._place.ledger.transaction():
                asides = [(study, self._carry_out(study, verdict)) for study, verdict in decided]
            for study, surplus in asides:
                self._set_aside(study, surplus)
        # Never more than about a tenth of the time, however many studies are waiting.
        self._turn_at = now + max(TURN_SECONDS, 10 * (time.perf_counter() - begun))

    def _judge(self, study: Study, now: float) -> Verdict:
        if self._progress.unread(study.study_instance_uid):
            return Verdict(step=Step.WAIT)
        arrival = self._progress.last_arrival(study.study_instance_uid)
        since = max(arrival or 0.0, self._moved_at[study.id, study.asked])
        quiet, most = now - since >= study.grace, self._place.config.max_attempts
        verdict = judge(study, quiet=quiet, max_attempts=most)
        if verdict.step is Step.RELIST and self._succession.is_out_of_reach(study.archive):
            return judge(replace(study, relisted=True), quiet=quiet, max_attempts=most)
        return verdict

    def _carry_out(self, study: Study, verdict: Verdict) -> list[Instance]:
        """Record a verdict; gives the instances that are to be set aside."""
        ledger, config = self._place.ledger, self._place.config
        if verdict.step is Step.RETRY:
            delay = retry_delay(config.retry_delay, study.attempts) if study.attempts else 0.0
            ledger.studies.retry(study.id, delay=delay, reason=verdict.reason)
            return []
        if verdict.step is Step.DONE:
            # Of what the archive names by UID the rest is not of the study: it was asked once more.
            surplus = self._drop_surplus(study) if study.promised_by == "uid" else []
            ledger.instances.accept_surplus(study.id)
            ledger.studies.recount([study.id])
            ledger.studies.decide(
                study.id, outcome=StudyState.DONE, verified=verdict.verified, reason=verdict.reason
            )
            return surplus
        if not study.exhausted:
            passed = Passed(why=Why.FAILED, reason=verdict.reason)
            if self._succession.study_not_given(study, passed):
                return []
        surplus = self._drop_surplus(study)
        ledger.instances.name_missing(study.id)
        ledger.studies.recount([study.id])
        if verdict.step is Step.FAILED:
            ledger.studies.fail(study.id, verdict.reason)
            self._progress.forget(study.study_instance_uid)
        else:
            reason = self._name_missing(study, verdict.reason)
            ledger.studies.decide(study.id, outcome=StudyState.PARTIAL, verified=None, reason=reason)
        return surplus

    def _drop_surplus(self, study: Study) -> list[Instance]:
        """What came and was not promised counts no more; mostly there is none, and nothing is read."""
        if not study.surplus:
            return []
        surplus = self._place.ledger.instances.drop_surplus(study.id)
        self._place.ledger.count_unexpected(len(surplus))
        return surplus

    def _name_missing(self, study: Study, reason: str) -> str:
        missing = self._place.ledger.instances.missing(study.id)
        if not missing:
            return reason
        more = len(missing) - UIDS_NAMED
        return f"{reason}: {' '.join(missing[:UIDS_NAMED])}" + (f" and {more} more" if more > 0 else "")

    def _set_aside(self, study: Study, surplus: list[Instance]) -> None:
        layout = self._place.layout
        for instance in surplus:
            name = staging_name(instance.sop_instance_uid)
            source = layout.staged(staging_name(study.study_instance_uid), name)
            target = layout.unexpected / f"surplus-{name}-{instance.inode}.dcm"
            try:
                move(source, target)
            except FileNotFoundError:
                continue
            log.warning(
                "Set aside as unexpected/%s: the archive did not promise it (study %s)",
                target.name,
                short_name(study.study_instance_uid),
            )
