"""findscu: its arguments, what its log says about each C-FIND, and the data sets it wrote."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import config

from niffler_ops.dicomtools.answerfiles import EMPTIED, Match, read_answer_file
from niffler_ops.dicomtools.responses import SUCCESS, Status, parse_response
from niffler_ops.dicomtools.timeouts import Timeouts
from niffler_ops.model import Peer

_RESULT_PATTERN = "000'.dcm'"  # java.text.DecimalFormat: 001.dcm, 002.dcm … 1000.dcm


@dataclass(slots=True)
class FindLog:
    """What a findscu has logged so far; the n-th query file has message id n, counted from 1.

    `responses` names the query that each pending response answers: the k-th is the k-th result file.
    `final` is each query's last status; a query without one was not answered.
    """

    responses: list[int] = field(default_factory=list)
    final: dict[int, Status] = field(default_factory=dict)

    def feed(self, line: str | bytes) -> None:
        """Take one line of the output."""
        parsed = parse_response(line)
        if parsed is None or parsed.command != "C-FIND":
            return
        if parsed.pending:
            self.responses.append(parsed.message_id)
        else:
            self.final[parsed.message_id] = parsed.status


@dataclass(frozen=True, kw_only=True, slots=True)
class FindAnswer:
    """What the archive answered to one query; only where `complete` may no match be read as "not found".

    `status` is None where no final response came: never sent, or the association was lost. `comment` is the
    archive's and may hold identifiers. `matches` are those that could be read, also of an incomplete answer.
    """

    status: int | None
    comment: str
    matches: tuple[Match, ...]
    complete: bool


def findscu_arguments(
    *,
    archive: Peer,
    calling_aet: str,
    level: str,
    output: Path,
    query_files: Sequence[Path],
    timeouts: Timeouts,
) -> list[str]:
    """Arguments for one C-FIND for each query file, one after another over one association.

    `level` is STUDY, SERIES or IMAGE. `output` must be missing, empty, or of empty files: results of
    another run would be read as this one's.
    """
    if not query_files:
        raise ValueError("findscu without a query file would ask for everything")
    return [
        *("-c", str(archive), "-b", calling_aet, "-L", level),
        "--not-async",  # else answers to several queries mix
        # Data sets, not XML: there a control character makes a file that no parser accepts.
        *("--out-dir", str(output), "--out-file", _RESULT_PATTERN),
        *timeouts.arguments(),
        # No -i and no -r: the one drops every key of the files, the other blanks those it names.
        "--",
        *(str(file) for file in query_files),
    ]


def read_answers(log: FindLog, output: Path, queries: int) -> list[FindAnswer]:
    """The answers to the first `queries` queries, in order, once findscu has ended. Raises nothing."""
    files: dict[int, list[Path]] = {number: [] for number in range(1, queries + 1)}
    for position, number in enumerate(log.responses, start=1):
        files.setdefault(number, []).append(output / _result_name(position))
    # A file beyond the last logged response: lines are missing, and files may stand for other queries.
    whole_log = not _has_content(output / _result_name(len(log.responses) + 1))
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")  # an archive's bad values are no news to an operator
        return [
            _answer(log.final.get(number), files[number], whole_log=whole_log)
            for number in range(1, queries + 1)
        ]


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > EMPTIED
    except OSError:
        return False


def _result_name(position: int) -> str:
    return f"{position:03}.dcm"


def _answer(final: Status | None, files: Sequence[Path], *, whole_log: bool) -> FindAnswer:
    matches = [read_answer_file(file) for file in files]
    succeeded = final is not None and final.code == SUCCESS
    return FindAnswer(
        status=None if final is None else final.code,
        comment="" if final is None else final.comment,
        matches=tuple(match for match in matches if match is not None),
        complete=succeeded and whole_log and None not in matches,
    )
