"""One batch of C-FINDs in one findscu, with a watchdog: findscu's own time-out ends at the first answer."""

import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from niffler_ops.dicomtools.failures import FailureClass, classify_status, failure_reason, status_text
from niffler_ops.dicomtools.findscu import FindAnswer, FindLog, findscu_arguments, read_answers
from niffler_ops.dicomtools.querykeys import query_file
from niffler_ops.dicomtools.storescp import short_name
from niffler_ops.dicomtools.timeouts import Timeouts
from niffler_ops.embedded.echo import Echo
from niffler_ops.processes.launcher import Child
from niffler_ops.stages.contact import Contact
from niffler_ops.stages.place import Place
from niffler_ops.stages.retry import retry_delay
from niffler_ops.stages.toolfiles import AnswerFiles, QueryFiles

REFUSED_FOR_GOOD = frozenset({0x0122, 0x0112, 0x0110, 0x0211})
KILL_SECONDS = 5.0
RELEASE_SECONDS = 10.0
MOST_MATCHES = 100_000  # of one query: a series has fewer instances, and an archive may go on for ever

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shortfall:
    """Why a query was not answered in full, and whether that counts as an attempt.

    `refusal`: the archive answered so; `final`: and will not answer otherwise.
    """

    reason: str
    charged: bool
    refusal: bool = False
    final: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """What came of a batch, by query.

    `first_lost` is the index of the first query without a final response, None where all have one;
    `charged` whether it counts as an attempt; `reason` why the batch ended early.
    """

    answers: Sequence[FindAnswer]
    first_lost: int | None
    charged: bool
    reason: str

    def shortfall(self, index: int) -> Shortfall | None:
        """Why a query has no complete answer; None where it has."""
        answer = self.answers[index]
        if answer.complete:
            return None
        if self.first_lost is not None and index > self.first_lost:
            return Shortfall(reason=self.reason, charged=False)
        if answer.status is None:
            return Shortfall(reason=self.reason, charged=self.charged)
        if answer.status:
            reason = f"the archive answered {status_text(answer.status)}"
            final = _will_never_tell(answer.status)
            return Shortfall(reason=reason, charged=True, refusal=True, final=final)
        return Shortfall(reason=self.reason or "not every answer could be read", charged=True)


@dataclass(kw_only=True, slots=True)
class Inquiry:
    """What several queries about one study have come to.

    `untold`: the archive will not tell; `lost` says why it did not tell this time, `charged` whether that
    counts as an attempt.
    """

    untold: bool = False
    lost: str = ""
    charged: bool = False

    def hears(self, answers: Answers, index: int) -> bool:
        """Whether an answer is complete; if not, note whether the archive may tell another time."""
        shortfall = answers.shortfall(index)
        if shortfall is None:
            return True
        if shortfall.final:
            self.untold = True
        elif not self.lost:
            self.lost, self.charged = shortfall.reason, shortfall.charged
        return False


def _will_never_tell(status: int) -> bool:
    return status in REFUSED_FOR_GOOD or classify_status(status) is FailureClass.REFUSED_STUDY


class Asking:
    """Asks one archive, one batch at a time."""

    _numbers = itertools.count(1)

    def __init__(self, place: Place, contact: Contact, *, first_batch: int | None = None) -> None:
        """`first_batch`: how much is asked for at first, then as many as QueryBatchSize says."""
        self.batch = min(first_batch or place.config.query_batch_size, place.config.query_batch_size)
        self._place = place
        self._contact = contact
        self._folder = place.layout.requests / f"find-{next(self._numbers)}"
        self._files = QueryFiles(self._folder)
        self._output = AnswerFiles(self._folder / "answers")
        self._child: Child | None = None
        self._log = FindLog()
        self._queries: Sequence[Mapping[str, str]] = ()
        self._lines: Sequence[int] = ()
        self._progress_at = 0.0
        self._hung = False
        self._flooded = False
        self._paused = self._stopped = False
        self._fruitless = 0
        self._not_before = 0.0
        self.busy = False

    @property
    def ready(self) -> bool:
        """Whether a batch may be asked now."""
        rested = self._place.clock.monotonic() >= self._not_before
        return rested and not self.busy and not self.hindrance

    @property
    def hindrance(self) -> str:
        """Why nothing is asked now, "" where something may be."""
        if self._stopped:
            return "stopped"
        if not self._place.gate.is_open:
            return "paused"
        return "" if self._contact.usable else "the archive does not answer"

    def ask(
        self,
        level: str,
        queries: Sequence[Mapping[str, str]],
        returned: Sequence[str],
        then: Callable[[Answers], None],
        *,
        lines: Sequence[int] = (),
    ) -> None:
        """Start a findscu; `then` gets the answers when it has ended.

        `lines` has the line of the CSV for each query that is about a row; the others are about a study.
        """
        names = self._files.write([query_file(keys, returned=returned) for keys in queries])
        self._output.make()
        self.busy = True
        self.batch = self._place.config.query_batch_size
        self._log = FindLog()
        self._queries, self._lines = queries, lines
        self._hung = self._flooded = self._paused = False
        self._progress_at = self._place.clock.monotonic()

        def ended(child: Child, code: int) -> None:
            self._child = None
            self._place.tools.require_running(child, code)
            answers = read_answers(self._log, self._output.folder, len(queries))
            self._output.clear()
            self._ended(child, answers, then)

        self._child = self._place.tools.run(
            "findscu",
            findscu_arguments(
                archive=self._contact.archive.peer,
                calling_aet=self._contact.archive.calling_aet,
                level=level,
                output=self._output.folder,
                query_files=names,
                timeouts=Timeouts(),
            ),
            on_line=self._line,
            on_exit=ended,
        )

    def advance(self) -> None:
        """End a findscu that has been silent for QueryTimeout."""
        if self._child is None:
            return
        silent = self._place.clock.monotonic() - self._progress_at
        if not self._place.gate.is_open and not self._paused:
            self._paused = True
            self._child.terminate()
        if len(self._log.final) == len(self._queries):
            if silent > RELEASE_SECONDS:
                self._child.kill()  # all is answered, and the release is not
        elif silent > self._place.config.query_timeout + KILL_SECONDS:
            self._child.kill()
        elif silent > self._place.config.query_timeout and not self._hung:
            self._hung = True
            self._child.terminate()

    def _line(self, line: str) -> None:
        self._log.feed(line)
        self._progress_at = self._place.clock.monotonic()
        # Queries are answered one after the other: those before are of the same one, or there are few.
        responses = self._log.responses
        many = len(responses) > MOST_MATCHES and responses[-MOST_MATCHES - 1] == responses[-1]
        if many and not self._flooded and self._child is not None:
            self._flooded = True
            self._child.kill()

    def _ended(self, child: Child, answers: list[FindAnswer], then: Callable[[Answers], None]) -> None:
        lost = next((index for index, answer in enumerate(answers) if answer.status is None), None)
        self._stopped = child.told_to_end and not (self._hung or self._paused)
        by_us = "stopped" if self._stopped else "paused" if self._paused else ""
        reason = "" if lost is None else by_us or self._reason(child)
        self._pause_after(fruitless=lost == 0 and not by_us)
        if reason and not by_us:
            self._place.tools.keep_output(child)

        def conclude(echo: Echo) -> None:
            self.busy = False
            if echo is not Echo.ANSWERED:
                self._contact.lost(echo)
            then(Answers(answers=answers, first_lost=lost, charged=echo is Echo.ANSWERED, reason=reason))

        if lost is None:
            conclude(Echo.ANSWERED)
        elif by_us:
            self.busy = False
            then(Answers(answers=answers, first_lost=lost, charged=False, reason=reason))
        else:
            log.warning("A batch of queries ended early: %s (%s)", reason, self._subject(lost))
            self._contact.ask(conclude)

    def _pause_after(self, *, fruitless: bool) -> None:
        """Batches without a single answer follow each other ever more slowly."""
        self._fruitless = self._fruitless + 1 if fruitless else 0
        if fruitless:
            delay = retry_delay(self._place.config.retry_delay, self._fruitless)
            self._not_before = self._place.clock.monotonic() + delay

    def _subject(self, index: int) -> str:
        """What a query is about, as the log names it."""
        if self._lines:
            return f"line {self._lines[index]}"
        return f"study {short_name(self._queries[index]['StudyInstanceUID'])}"

    def _reason(self, child: Child) -> str:
        if self._flooded:
            return f"the archive answered a query with more than {MOST_MATCHES} matches"
        if self._hung:
            return f"the archive did not answer a query for {self._place.config.query_timeout:g} s"
        return failure_reason(child.output)
