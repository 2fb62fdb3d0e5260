"""The numbers of extractions as Prometheus reads them: a textfile for node_exporter, or the body of /metrics.

Text format 0.0.4. The names are promised, and further ones may come. No identifiers: the label
`storage_folder` tells extractions apart.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from niffler_ops.errors import CannotWriteError
from niffler_ops.files import rename, write_durable
from niffler_ops.reporting.counts import Counts
from niffler_ops.reporting.rate import SECONDS_IN_HOUR
from niffler_ops.reporting.status import ExtractionState, Status
from niffler_ops.reporting.time_left import end_of

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PUBLIC_FILE = 0o644
_ROW_STATES = ("pending", "active", "done", "partial", "failed", "not_found", "rejected", "withdrawn")
_STUDY_STATES = ("pending", "active", "done", "partial", "failed")
_POST_STATES = ("pending", "active", "done", "failed")
_ROLES = ("supervisor", "storescp", "movescu", "findscu", "postprocess")

Labels = tuple[tuple[str, str], ...]
Samples = Iterator[tuple[Labels, float]]


class Shown(Protocol):
    """What has numbers: the status of an extraction or a receiver."""

    @property
    def storage_folder(self) -> str:
        """Where it works."""
        ...


AnyStatus = TypeVar("AnyStatus", bound=Shown)


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric(Generic[AnyStatus]):
    """One gauge: its name with its unit, its help, and what it is of a status, by further labels."""

    name: str
    help: str
    samples: Callable[[AnyStatus], Samples]


def metrics_text(statuses: Sequence[Status]) -> str:
    """Every metric of these extractions."""
    return text_of(METRICS, statuses)


def text_of(metrics: Iterable[Metric[AnyStatus]], statuses: Iterable[AnyStatus]) -> str:
    """These metrics, each folder once: Prometheus refuses repeated samples."""
    by_folder = {status.storage_folder: status for status in statuses}
    return "".join(_lines(metrics, list(by_folder.values())))


def write_metrics(path: Path, statuses: Sequence[Status], further: str = "") -> None:
    """Replace the textfile as a whole, readable for everybody; `further` are metrics of others.

    Raises CannotWriteError.

    node_exporter reads files whose name ends in .prom, which that of the temporary file does not.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        if path.exists() and not path.is_file():
            raise CannotWriteError(f"{path}: it is no regular file.")
        write_durable(new, [f"{metrics_text(statuses)}{further}".encode("utf-8", "replace")])
        new.chmod(PUBLIC_FILE)
        rename(new, path)
    except OSError as error:
        with suppress(OSError):
            new.unlink()
        raise CannotWriteError(f"{path}: it cannot be written ({error.strerror}).") from None


def _lines(metrics: Iterable[Metric[AnyStatus]], statuses: Sequence[AnyStatus]) -> Iterator[str]:
    for metric in metrics:
        samples = [
            f"{metric.name}{_labels(status, labels)} {_number(value)}\n"
            for status in statuses
            for labels, value in metric.samples(status)
        ]
        if samples:
            yield f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} gauge\n"
            yield from samples


def _labels(status: Shown, further: Labels) -> str:
    labels = (("storage_folder", status.storage_folder), *further)
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(value)


def one(value: Callable[[AnyStatus], float | None]) -> Callable[[AnyStatus], Samples]:
    """A single sample, none where the value is not known."""

    def samples(status: AnyStatus) -> Samples:
        number = value(status)
        if number is not None:
            yield (), number

    return samples


def moment(value: Callable[[AnyStatus], str | None]) -> Callable[[AnyStatus], Samples]:
    """A time in seconds since 1970."""

    def seconds(status: AnyStatus) -> float | None:
        text = value(status)
        return None if text is None else datetime.fromisoformat(text).timestamp()

    return one(seconds)


def _states(counts: Callable[[Status], Counts], states: Iterable[str]) -> Callable[[Status], Samples]:
    def samples(status: Status) -> Samples:
        for state in states:
            yield (("state", state),), getattr(counts(status), state)

    return samples


def _extraction_state(status: Status) -> Samples:
    for state in ExtractionState:
        yield (("state", str(state)),), float(state is status.state)


def _expected_end(status: Status) -> float | None:
    end = end_of(status)
    return None if end is None else end.timestamp()


def _processes(status: Status) -> Samples:
    alive = Counter(process.role for process in status.processes if process.alive)
    for role in _ROLES:
        yield (("role", role),), alive[role]


def _post_studies(status: Status) -> Samples:
    for processor, post in status.post.items():
        for state in _POST_STATES:
            yield (("processor", processor), ("state", state)), getattr(post, state)


def _post_files(name: str) -> Callable[[Status], Samples]:
    def samples(status: Status) -> Samples:
        for processor, post in status.post.items():
            yield (("processor", processor),), getattr(post, name)

    return samples


METRICS: tuple[Metric[Status], ...] = (
    Metric(
        name="niffler_extraction_state",
        help="1 for the state that the extraction is in, 0 for every other one.",
        samples=_extraction_state,
    ),
    Metric(
        name="niffler_rows",
        help="Rows of the CSV by what became of them.",
        samples=_states(lambda status: status.rows, _ROW_STATES),
    ),
    Metric(
        name="niffler_studies",
        help="Studies that the archive named, by what became of them.",
        samples=_states(lambda status: status.studies, _STUDY_STATES),
    ),
    Metric(
        name="niffler_studies_unverified",
        help="Studies that are done although the archive did not tell what is in them.",
        samples=one(lambda status: status.unverified),
    ),
    Metric(
        name="niffler_instances_expected",
        help="Instances that the archive promised.",
        samples=one(lambda status: status.expected),
    ),
    Metric(
        name="niffler_instances_received",
        help="Distinct instances that are whole on disk.",
        samples=one(lambda status: status.received),
    ),
    Metric(
        name="niffler_received_bytes",
        help="Size of the instances that are whole on disk.",
        samples=one(lambda status: status.bytes_received),
    ),
    Metric(
        name="niffler_unexpected_files",
        help="Files set aside to .niffler/unexpected, which nobody asked for or which are no whole instance.",
        samples=one(lambda status: status.unexpected_files),
    ),
    Metric(
        name="niffler_studies_per_second",
        help="Studies retrieved of late, whole or in part; 0 while it is not at work.",
        samples=one(lambda status: status.rate.studies_per_hour / SECONDS_IN_HOUR),
    ),
    Metric(
        name="niffler_instances_per_second",
        help="Instances retrieved of late; 0 while it is not at work.",
        samples=one(lambda status: status.rate.instances_per_second),
    ),
    Metric(
        name="niffler_remaining_seconds",
        help="Expected time to the end, at work and without pauses; absent where it is not known.",
        samples=one(lambda status: status.eta_seconds),
    ),
    Metric(
        name="niffler_expected_end_timestamp_seconds",
        help="When the end is expected, the hours of NightlyOnly included; absent where it is not known.",
        samples=one(_expected_end),
    ),
    Metric(
        name="niffler_processes",
        help="Processes of the extraction that live, by role.",
        samples=_processes,
    ),
    Metric(
        name="niffler_storescp_restarts",
        help="How often storescp had to be launched again in the latest run.",
        samples=one(lambda status: sum(process.restarts for process in status.processes)),
    ),
    Metric(
        name="niffler_started_timestamp_seconds",
        help="When the latest run was started.",
        samples=moment(lambda status: status.started_at),
    ),
    Metric(
        name="niffler_updated_timestamp_seconds",
        help="When the supervisor last wrote to the ledger.",
        samples=moment(lambda status: status.updated_at),
    ),
    Metric(
        name="niffler_finished_timestamp_seconds",
        help="When every row was at its end; absent before.",
        samples=moment(lambda status: status.finished_at),
    ),
    Metric(
        name="niffler_resumes_timestamp_seconds",
        help="When a paused extraction goes on; absent where it is not paused, or waits for a person.",
        samples=moment(lambda status: status.resumes_at),
    ),
    Metric(
        name="niffler_status_timestamp_seconds",
        help="When these numbers were read.",
        samples=one(lambda status: status.gathered_at.timestamp()),
    ),
    Metric(
        name="niffler_post_studies",
        help="Studies by post-processor and by what became of them there.",
        samples=_post_studies,
    ),
    Metric(
        name="niffler_post_files",
        help="Files of the studies that a post-processor has done.",
        samples=_post_files("files"),
    ),
    Metric(
        name="niffler_post_held_files",
        help="Of these, the files that could not be converted; they are in failures.csv.",
        samples=_post_files("held"),
    ),
)
"""All of them, in the order of the text."""
