"""Where an extraction stands, in a few words and numbers; pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from niffler_ops.reporting.page.words import pace, share
from niffler_ops.reporting.remedy import remedy
from niffler_ops.reporting.status import AT_WORK, ExtractionState, Status, overall_of
from niffler_ops.reporting.time_left import until_when
from niffler_ops.reporting.words import counted, duration, local_time, number, since, size
from niffler_ops.terminal import printable

QUIET = timedelta(minutes=2)  # longer than a supervisor ever lets pass between two entries


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that is to be seen first, and what it means; `part` of `whole` is drawn as a bar."""

    label: str
    value: str
    detail: str = ""
    part: int = 0
    whole: int = 0


def state_words(status: Status) -> str:
    """What the state is, and since when."""
    if status.started_at is None:
        return "not started yet"
    started = f"started {local_time(status.started_at)}"
    match status.state:
        case ExtractionState.RUNNING:
            age = status.gathered_at - datetime.fromisoformat(status.started_at)
            return f"at work for {duration(age)}, {started}"
        case ExtractionState.PAUSED:
            until = f" until {local_time(status.resumes_at)}" if status.resumes_at else ""
            return f"waits{until}: {printable(status.pause_reason or 'no reason told')}"
        case ExtractionState.FINISHED if status.finished_at:
            return f"ended {local_time(status.finished_at)}"
        case ExtractionState.CRASHED:
            return f"its supervisor is gone and did not say so; {started}"
        case _:
            return f"stopped before the end; {started}"


def last_entry(status: Status) -> str:
    """When the ledger was written last."""
    return since(status.updated_at, status.gathered_at)


def advice(status: Status) -> str:
    """What to do next."""
    return " ".join(text for text in (*_next_steps(status), remedy(status)) if text)


def _next_steps(status: Status) -> Iterator[str]:
    if status.state in AT_WORK:
        if status.updated_at and status.gathered_at - datetime.fromisoformat(status.updated_at) > QUIET:
            yield "Nothing was written to the ledger for some minutes: look into niffler.log."
        return
    if status.state is not ExtractionState.FINISHED:
        yield "Run the same command again: it continues where it was and fetches nothing twice."
        return
    if not status.rows.problems:
        yield "Every row is done."
    failed = {name: post.failed for name, post in status.post.items() if post.failed}
    if failed:
        told = ", ".join(f"{printable(name)} of {counted(value, 'study')}" for name, value in failed.items())
        yield f"Post-processing failed: {told}; the log says why, --retry-failed takes it up again."


def figures(status: Status) -> Iterator[Figure]:
    """The numbers on top of the page."""
    rows, studies = status.rows, status.studies
    wanted = rows.total - rows.withdrawn
    yield Figure(
        "rows done", number(rows.done), f"of {number(wanted)}, {share(rows.done, wanted)}", rows.done, wanted
    )
    yield Figure(
        "studies done",
        number(studies.done),
        f"of {number(studies.total)} found"
        + (f", {number(status.unverified)} unverified" * bool(status.unverified)),
        studies.done,
        studies.total,
    )
    if status.lists_only:
        yield Figure("instances", number(status.expected), "in the archive; listed, not retrieved")
    elif status.expected or status.received:
        yield Figure(
            "instances",
            number(status.received),
            f"of {number(status.expected)} expected, {size(status.bytes_received)}",
            status.received,
            status.expected,
        )
    yield Figure("rows with problems", number(rows.problems), _problems(status))
    yield from _speed(status)
    if status.state in AT_WORK and status.eta_seconds is not None:
        left = duration(timedelta(seconds=status.eta_seconds))
        rate = "rate before the pause" if status.state is ExtractionState.PAUSED else "present rate"
        yield Figure("to go, about", left, f"at the {rate}{until_when(status)}")
    if status.unexpected_files:
        yield Figure("unexpected files", number(status.unexpected_files), "in .niffler/unexpected")


def _speed(status: Status) -> Iterator[Figure]:
    """Of late, and since the first run began."""
    overall = overall_of(status)
    if status.state in AT_WORK:
        since_begun = "" if overall is None else f"; {pace(overall.studies_per_hour)} studies an hour overall"
        yield Figure(
            "studies an hour",
            pace(status.rate.studies_per_hour),
            f"{pace(status.rate.instances_per_second)} instances a second{since_begun}",
        )
    elif overall is not None:
        took = duration(timedelta(seconds=overall.seconds))
        yield Figure(
            "studies an hour",
            pace(overall.studies_per_hour),
            f"{pace(overall.instances_per_second)} instances a second, in {took}",
        )


def post_words(status: Status) -> Iterator[tuple[str, str]]:
    """Each post-processor and how far it is."""
    for processor, post in status.post.items():
        words = f"{number(post.done)} of {counted(post.total, 'study')} done"
        if post.failed:
            words += f", {number(post.failed)} failed"
        if post.held:
            words += f"; {counted(post.held, 'file')} held back"
        yield printable(processor), words


def _problems(status: Status) -> str:
    rows = status.rows
    numbers = {
        "partial": rows.partial,
        "failed": rows.failed,
        "not found": rows.not_found,
        "rejected": rows.rejected,
    }
    return ", ".join(f"{number(value)} {name}" for name, value in numbers.items() if value)
