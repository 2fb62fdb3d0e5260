"""The status in words, for a terminal of 80 columns: where it stands, and what to do next."""

import textwrap
from collections.abc import Iterator
from datetime import datetime, timedelta

from niffler_ops.reporting.counts import PostCounts
from niffler_ops.reporting.few_problems import few_problems
from niffler_ops.reporting.remedy import remedy
from niffler_ops.reporting.standing import Standing
from niffler_ops.reporting.status import (
    AT_WORK,
    Amounts,
    ExtractionState,
    ProcessStatus,
    Status,
    overall_of,
)
from niffler_ops.reporting.time_left import until_when
from niffler_ops.reporting.words import counted, duration, local_time, number, since, size, times
from niffler_ops.terminal import printable

WIDTH = 80
LABEL = 12
NUMBER = 13
REASON_LINES = 3
MOVESCU = "movescu"

_GROUPS = ("pending", "active", "done", "partial", "failed", "not_found", "rejected", "withdrawn", "total")
_ROWS_ONLY = frozenset({"not_found", "rejected", "withdrawn"})


def status_text(status: Status, standing: Standing | None = None) -> str:
    """All of it, ending with a newline; `standing` is what the supervisor of this run told."""
    sections = (
        _head(status),
        counts_table(status),
        _amounts(status, standing or Standing()),
        _problems(status),
        _next_steps(status),
    )
    return "\n\n".join("\n".join(lines) for lines in map(list, sections) if lines) + "\n"


def _head(status: Status) -> Iterator[str]:
    yield _fact("Extraction", status.storage_folder)
    yield _fact("CSV", status.csv_file + (f", shard {status.shard}" if status.shard else ""))
    yield _fact("State", state_words(status))
    if status.pause_reason:
        yield from _wrapped(f"{'Paused':{LABEL}}", status.pause_reason)
    if status.updated_at:
        yield _fact("Last entry", since(status.updated_at, status.gathered_at))


def state_words(status: Status) -> str:
    """The state, and since when."""
    if status.started_at is None:
        return "not started yet"
    started = f"started {local_time(status.started_at)}"
    if status.state is ExtractionState.RUNNING:
        age = status.gathered_at - datetime.fromisoformat(status.started_at)
        return f"running for {duration(age)}, {started}"
    if status.state is ExtractionState.PAUSED:
        return f"paused, {started}"
    if status.state is ExtractionState.FINISHED and status.finished_at:
        return f"finished {local_time(status.finished_at)}"
    if status.state is ExtractionState.CRASHED:
        return f"crashed: its supervisor is gone; {started}"
    return f"stopped before the end; {started}"


def counts_table(status: Amounts) -> Iterator[str]:
    """How many rows and studies are in which state."""
    yield f"{'':{LABEL}}{'rows':>{NUMBER}}{'studies':>{NUMBER}}"
    for group in _GROUPS:
        studies = "" if group in _ROWS_ONLY else number(getattr(status.studies, group))
        rows = number(getattr(status.rows, group))
        yield f"{group.replace('_', ' '):{LABEL}}{rows:>{NUMBER}}{studies:>{NUMBER}}".rstrip()


def amounts_words(amounts: Amounts, *, at_work: bool, when: str = "") -> Iterator[str]:
    """What has come, how fast, and the time that is left; `when` is its end."""
    yield _fact("Instances", _instances(amounts))
    if at_work:
        studies, instances = amounts.rate.studies_per_hour, amounts.rate.instances_per_second
        yield _fact("Rate", f"{studies:,.0f} studies an hour, {instances:,.1f} instances a second")
    if amounts.eta_seconds is not None and amounts.rows.open:
        left = duration(timedelta(seconds=amounts.eta_seconds))
        yield from _wrapped(f"{'To go':{LABEL}}", f"about {left}{when}")


def _amounts(status: Status, standing: Standing) -> Iterator[str]:
    running = status.state is ExtractionState.RUNNING
    yield from amounts_words(status, at_work=running, when=until_when(status))
    yield from _overall(status)
    if status.unverified:
        yield _fact(
            "Unverified",
            f"{counted(status.unverified, 'study')} done; the archive did not tell what is in them",
        )
    if status.unexpected_files:
        yield _fact("Unexpected", f"{number(status.unexpected_files)} files in .niffler/unexpected")
    for processor, post in status.post.items():
        yield _fact(processor.capitalize(), _post(post))
    yield from _lanes(status, standing)
    for archive in standing.archives:
        yield from _wrapped(f"{'Archive':{LABEL}}", f"{archive.name} {archive.words}")
    yield from _processes(status)


def _overall(status: Status) -> Iterator[str]:
    rate = overall_of(status)
    if rate is not None:
        studies, instances = rate.studies_per_hour, rate.instances_per_second
        took = duration(timedelta(seconds=rate.seconds))
        yield _fact(
            "Overall", f"{studies:,.0f} studies an hour, {instances:,.1f} instances a second, in {took}"
        )


def _instances(status: Amounts) -> str:
    if status.lists_only:
        return f"{number(status.expected)} in the archive; they are listed and not retrieved"
    received, expected = number(status.received), number(status.expected)
    return f"{received} of {expected} expected, {size(status.bytes_received)}"


def _lanes(status: Status, standing: Standing) -> Iterator[str]:
    told = standing.lanes_words(sum(process.alive for process in status.processes if process.role == MOVESCU))
    if told:
        yield _fact("Lanes", told)


def _post(post: PostCounts) -> str:
    text = f"{number(post.done)} of {counted(post.total, 'study')} done"
    if post.failed:
        text += f", {number(post.failed)} failed"
    return f"{text}; {number(post.held)} files held back" if post.held else text


def _processes(status: Status) -> list[str]:
    """Those of a run at work or crashed; of one that has ended only what should not be there any more."""
    at_work = status.state in {*AT_WORK, ExtractionState.CRASHED}
    texts = [_process(process) for process in status.processes if at_work or process.alive]
    return textwrap.wrap(
        ", ".join(texts), WIDTH, initial_indent=f"{'Processes':{LABEL}}", subsequent_indent=" " * LABEL
    )


def _problems(status: Status) -> Iterator[str]:
    if not status.rows.problems:
        return
    shown, which = few_problems(status)
    yield "Rows with problems" + (f" ({which}; {_more(status)})" if which else "")
    width = max((len(str(problem.line)) for problem in shown), default=0)
    for problem in shown:
        head = f"line {problem.line:>{width}}  {problem.outcome.replace('_', ' '):9}  "
        yield from _wrapped(head, problem.reason)


def _more(status: Status) -> str:
    """Where the others are: the report is written when a run has finished."""
    return ".niffler/report.csv has all" if status.state is ExtractionState.FINISHED else "--json has more"


def _wrapped(head: str, reason: str) -> list[str]:
    """A reason in a column of its own; what came from an archive must not command the terminal."""
    lines = textwrap.wrap(
        printable(reason),
        WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        max_lines=REASON_LINES,
        placeholder=" …",
    )
    return lines or [head.rstrip()]


def _next_steps(status: Status) -> list[str]:
    return textwrap.wrap(" ".join([*advice(status), remedy(status)]), WIDTH, break_on_hyphens=False)


def advice(status: Status) -> Iterator[str]:
    """What to do next, in pieces of sentences; `remedy` tells of rows with problems."""
    if status.state is ExtractionState.RUNNING:
        yield "It is at work. --stop stops it in order, and the same command continues it; --pause makes it"
        yield "begin nothing new."
        return
    if status.state is ExtractionState.PAUSED:
        when = (
            f"at {local_time(status.resumes_at)}"
            if status.resumes_at
            else "when the cause of the pause is gone"
        )
        yield f"Its supervisor is there and goes on {when}: nothing has to be run again."
        return
    if status.state is not ExtractionState.FINISHED:
        if status.stop_reason:
            yield f"It ended by itself: {printable(status.stop_reason)}"
        then = "mend that, then run" if status.stop_reason else "run"
        yield f"Next: {then} the same command again. It continues where it was and fetches nothing twice."
        return
    if not status.rows.problems:
        yield "Every row is done."
    failed = {name: post.failed for name, post in status.post.items() if post.failed}
    if failed:
        told = ", ".join(f"{name} of {counted(studies, 'study')}" for name, studies in failed.items())
        yield f"Post-processing failed: {told}; the log says why, --retry-failed takes it up again."


def _process(process: ProcessStatus) -> str:
    text = f"{process.role} {process.pid}"
    if not process.alive:
        text += " (gone)"
    if process.restarts:
        text += f" (restarted {times(process.restarts)})"
    return text


def _fact(label: str, text: str) -> str:
    return f"{label:{LABEL}}{printable(text)}"
