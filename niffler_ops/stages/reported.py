"""Studies that go to another system: the archive's status and counters are all that can be known."""

from niffler_ops.dicomtools.failures import status_text
from niffler_ops.dicomtools.responses import SOME_FAILED, SUCCESS
from niffler_ops.ledger.passing import Passed, Why
from niffler_ops.ledger.studies import Study
from niffler_ops.stages.place import Place
from niffler_ops.stages.retry import retry_delay
from niffler_ops.stages.succession import Succession
from niffler_ops.stages.verify import REFUSED_STUDY, Step, Verdict
from niffler_ops.states import StudyState


def judge_report(study: Study, *, failed: int | None, max_attempts: int) -> Verdict:
    """Decide by the latest final response: done only with success and as many instances as promised.

    `failed` is its count of those that could not be sent. None of them, and warnings: a success as well.
    """
    completed = study.last_completed or 0
    success = study.last_status == SUCCESS or (study.last_status == SOME_FAILED and failed == 0)
    if success and completed and completed >= (study.promised_count or 0):
        return Verdict(step=Step.DONE, verified="reported")
    reason = _why_not_done(study, completed)
    if study.attempts < max_attempts and study.last_status != REFUSED_STUDY:
        return Verdict(step=Step.RETRY, reason=reason)
    return Verdict(step=Step.PARTIAL if completed else Step.FAILED, reason=reason)


def _why_not_done(study: Study, completed: int) -> str:
    of = f" of {study.promised_count}" if study.promised_count else ""
    text = f"{completed}{of} instances sent, as the archive reports"
    if study.last_status is None:
        return f"{text}; it gave no final answer"
    return f"{text}; it answered {status_text(study.last_status)}"


class ReportedStage:
    """Ends or retries the studies whose retrieve is over."""

    def __init__(self, place: Place, succession: Succession) -> None:
        self._place = place
        self._succession = succession

    def advance(self) -> None:
        """Judge every study that was moved."""
        moved = self._place.ledger.studies.moved()
        if not moved:
            return
        with self._place.ledger.transaction():
            for study in moved:
                # Mostly nobody needs to look: this counts with that status only.
                warned = study.last_status == SOME_FAILED
                failed = self._place.ledger.studies.last_failed(study.id) if warned else None
                verdict = judge_report(study, failed=failed, max_attempts=self._place.config.max_attempts)
                self._carry_out(study, verdict)

    def _carry_out(self, study: Study, verdict: Verdict) -> None:
        studies, config = self._place.ledger.studies, self._place.config
        if verdict.step is Step.RETRY:
            delay = retry_delay(config.retry_delay, study.attempts) if study.attempts else 0.0
            studies.retry(study.id, delay=delay, reason=verdict.reason)
            return
        if verdict.step is Step.DONE:
            studies.reported(study.id, StudyState.DONE, verdict.reason, sent=study.last_completed or 0)
            return
        passed = Passed(why=Why.FAILED, reason=verdict.reason)
        if self._succession.study_not_given(study, passed):
            return
        sent, reason = studies.most_sent(study.id), verdict.reason
        if sent > (study.last_completed or 0):
            reason = f"{sent} instances sent by another retrieve, and by the latest: {reason}"
        if sent:
            studies.reported(study.id, StudyState.PARTIAL, reason, sent=sent)
        else:
            studies.fail(study.id, reason)
