"""The words of a notice: why people are told, where an extraction stands, and what to do; no identifiers."""

import secrets
import socket
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from niffler_ops.clock import timestamp
from niffler_ops.notices.notice import Cause, Notice, Occasion
from niffler_ops.reporting.few_problems import few_problems
from niffler_ops.reporting.narration import without_uids
from niffler_ops.reporting.status import Problem, Status
from niffler_ops.terminal import printable

WIDTH = 76
LABEL = 12
PROBLEMS_TOLD = 10
PROBLEMS_LEFT = 3
RETRY = (
    "Run the same command again with --retry-failed to take up what is partial, failed or not found;"
    " .niffler/report.csv has every line and its reason. Rejected lines want a corrected CSV."
)
AGAIN = "Run the same command again: it continues where it was, and fetches nothing twice."
LOOK = "niffler-status tells where it stands; .niffler/niffler.log and .niffler/logs/ what came before."


def compose(occasion: Occasion, *, storage_folder: Path, status: Status | None, now: datetime) -> Notice:
    """The notice of an extraction's occasion; without `status`, as the ledger cannot be read, no numbers."""
    return notice_of(
        occasion,
        work="Extraction",
        storage_folder=storage_folder,
        headline=_headline(occasion, status),
        numbers=() if status is None else _stand(occasion, status),
        next_step=_next_step(occasion),
        further={} if status is None else _details(status),
        now=now,
    )


def notice_of(
    occasion: Occasion,
    *,
    work: str,
    storage_folder: Path,
    headline: str,
    numbers: Iterable[str],
    next_step: str,
    further: Mapping[str, Any],
    now: datetime,
) -> Notice:
    """The notice of an occasion of whatever `work`, in paragraphs; `further` are details of its own."""
    reason, folder = printable(without_uids(occasion.reason)), printable(str(storage_folder))
    host = printable(socket.gethostname())
    subject = printable(f"Niffler: {storage_folder.name}: {headline}")
    paragraphs = [
        f"{work} into {folder}\non {host}: {headline}.",
        _wrapped(reason),
        *numbers,
        _wrapped(next_step),
    ]
    details: dict[str, Any] = {  # keys may follow, these stay
        "cause": str(occasion.cause),
        "exit_status": occasion.exit_status,
        "reason": reason,
        "next_step": next_step,
        "time": timestamp(now),
        "host": host,
        "storage_folder": folder,
        "subject": subject,
    }
    return Notice(
        id=f"{now:%Y%m%dT%H%M%S}-{occasion.key}-{secrets.token_hex(4)}",
        time=timestamp(now),
        subject=subject,
        body="\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n",
        details={**details, **further},
    )


def _headline(occasion: Occasion, status: Status | None) -> str:
    if occasion.cause is Cause.FAILURE:
        return f"ended early with exit status {occasion.exit_status}"
    if occasion.cause is Cause.STALL:
        return "nothing moves"
    if occasion.cause is Cause.PAUSE:
        return "paused until somebody makes room"
    if occasion.cause is Cause.ARCHIVE:
        return "an archive sends nothing"
    if occasion.exit_status != PROBLEMS_LEFT:
        return "complete"
    return "complete, some rows are not done" if status is None else f"complete, {_not_done(status)}"


def _not_done(status: Status) -> str:
    return f"{status.rows.problems:,} of {status.rows.total - status.rows.withdrawn:,} rows are not done"


def _stand(occasion: Occasion, status: Status) -> Iterator[str]:
    yield "\n".join(_numbers(status))
    if occasion.cause is Cause.COMPLETION:
        yield "\n".join(_problems(status))


def _next_step(occasion: Occasion) -> str:
    if occasion.cause is Cause.COMPLETION:
        return RETRY if occasion.exit_status == PROBLEMS_LEFT else "Nothing is left to do."
    if occasion.cause is Cause.FAILURE:
        return f"Mend the cause. {AGAIN} {LOOK}"
    if occasion.cause is Cause.PAUSE:
        return f"Make room; it goes on by itself. {LOOK}"
    if occasion.cause is Cause.ARCHIVE:
        return (
            "Ask the archive's administrator; niffler-doctor --form prints what that one has to know. It"
            f" keeps trying meanwhile. {LOOK}"
        )
    return f"It is still at work and keeps trying. See whether the archive answers (niffler-doctor). {LOOK}"


def _numbers(status: Status) -> Iterator[str]:
    rows, studies = status.rows, status.studies
    yield _fact("Rows", f"{rows.done:,} of {rows.total - rows.withdrawn:,} done, {rows.open:,} to do")
    others = {
        "partial": rows.partial,
        "failed": rows.failed,
        "not found": rows.not_found,
        "rejected": rows.rejected,
    }
    if rows.problems:
        yield _fact("", ", ".join(f"{number:,} {name}" for name, number in others.items() if number))
    yield _fact("Studies", f"{studies.done:,} of {studies.total:,} done")
    yield _fact("Instances", f"{status.received:,} of {status.expected:,} expected")
    for processor, post in status.post.items():
        yield _fact(processor.capitalize(), f"{post.done:,} of {post.total:,} done, {post.failed:,} failed")


def _fact(label: str, text: str) -> str:
    return f"{label:{LABEL}}{text}"


def _problems(status: Status) -> Iterator[str]:
    shown, which = few_problems(status)
    if not shown:
        return
    yield "Rows with problems" + (f" ({which})" if which else "")
    for problem in shown:
        text = f"line {problem.line}: {problem.outcome.replace('_', ' ')}: {_reason(problem)}"
        yield textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="    ")


def _reason(problem: Problem) -> str:
    return printable(without_uids(problem.reason))


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _details(status: Status) -> dict[str, Any]:
    """The numbers for programs."""
    return {
        "state": str(status.state),
        "rows": asdict(status.rows) | {"total": status.rows.total},
        "studies": {"total": status.studies.total, "done": status.studies.done}
        | {"partial": status.studies.partial, "failed": status.studies.failed},
        "instances": {"expected": status.expected, "received": status.received},
        "problems": [
            {"line": problem.line, "outcome": str(problem.outcome), "reason": _reason(problem)}
            for problem in status.problems[:PROBLEMS_TOLD]
        ],
    }
