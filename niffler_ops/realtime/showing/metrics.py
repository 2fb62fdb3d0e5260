"""The numbers of receivers as Prometheus reads them; labels are AE titles and folders."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

from niffler_ops.realtime.status import ReceiverStatus
from niffler_ops.reporting.prometheus import Metric, Samples, moment, one, text_of

STATES = ("running", "stopped", "crashed")
ROLES = ("supervisor", "storescp", "postprocess")


def receiver_metrics(statuses: Iterable[ReceiverStatus]) -> str:
    """Every metric of these receivers."""
    return text_of(RECEIVER_METRICS, statuses)


def _state(status: ReceiverStatus) -> Samples:
    for state in STATES:
        yield (("state", state),), float(state == status.state)


def _processes(status: ReceiverStatus) -> Samples:
    alive = Counter(process["role"] for process in status.processes if process["alive"])
    for role in ROLES:
        yield (("role", role),), alive[role]


def _of_sources(value: Callable[[dict[str, object]], float]) -> Callable[[ReceiverStatus], Samples]:
    def samples(status: ReceiverStatus) -> Samples:
        for source in status.sources:
            yield (("aet", source["aet"]),), value(dict(source))

    return samples


def _count(name: str) -> Callable[[ReceiverStatus], Samples]:
    return one(lambda status: status.counts[name])


def _standing(name: str) -> Callable[[ReceiverStatus], Samples]:
    return one(lambda status: status.receiver[name])


def _waiting(name: str) -> Callable[[ReceiverStatus], Samples]:
    return one(lambda status: status.waiting[name])


RECEIVER_METRICS: tuple[Metric[ReceiverStatus], ...] = (
    Metric(
        name="niffler_receiver_state",
        help="1 for the state that the receiver is in, 0 for every other one.",
        samples=_state,
    ),
    Metric(
        name="niffler_receiver_instances_received",
        help="Distinct instances that were received, ever.",
        samples=_count("received"),
    ),
    Metric(
        name="niffler_receiver_instances_repeated",
        help="Instances that came again.",
        samples=_count("repeated"),
    ),
    Metric(
        name="niffler_receiver_received_bytes",
        help="Size of what was received, ever.",
        samples=_count("bytes"),
    ),
    Metric(
        name="niffler_receiver_instances_per_second",
        help="Instances received in the last minute.",
        samples=_standing("rate"),
    ),
    Metric(
        name="niffler_receiver_lag_seconds",
        help="How long the oldest of what is not read or not stored waits.",
        samples=_standing("lag"),
    ),
    Metric(
        name="niffler_receiver_unread_files",
        help="Files that were received and not read yet.",
        samples=_standing("unread"),
    ),
    Metric(
        name="niffler_receiver_unstored_series",
        help="Series whose records the store does not have as they are now.",
        samples=_standing("unstored"),
    ),
    Metric(
        name="niffler_receiver_waiting_files",
        help="Images on the disk that wait to be deleted.",
        samples=_waiting("files"),
    ),
    Metric(
        name="niffler_receiver_waiting_bytes",
        help="Their size.",
        samples=_waiting("bytes"),
    ),
    Metric(
        name="niffler_receiver_deleted_files",
        help="Images that were deleted, ever.",
        samples=_count("deleted"),
    ),
    Metric(
        name="niffler_receiver_deleted_bytes",
        help="Their size.",
        samples=_count("deleted_bytes"),
    ),
    Metric(
        name="niffler_receiver_unreadable_files",
        help="Files in .niffler/unreadable.",
        samples=one(lambda status: status.unreadable_files),
    ),
    Metric(
        name="niffler_receiver_refused_series",
        help="Series whose records the store refuses, at most 100.",
        samples=one(lambda status: len(status.refused)),
    ),
    Metric(
        name="niffler_receiver_store_usable",
        help="1 while the store can be used.",
        samples=one(lambda status: not status.receiver["store_reason"]),
    ),
    Metric(
        name="niffler_receiver_disk_filling",
        help="1 while less than twice MinFreeDisk is free.",
        samples=one(lambda status: bool(status.receiver["pressure"])),
    ),
    Metric(
        name="niffler_receiver_source_instances",
        help="Instances that a sender has sent, ever.",
        samples=_of_sources(lambda source: float(str(source["instances"]))),
    ),
    Metric(
        name="niffler_receiver_source_last_timestamp_seconds",
        help="When a sender was heard last.",
        samples=_of_sources(lambda source: datetime.fromisoformat(str(source["last_at"])).timestamp()),
    ),
    Metric(
        name="niffler_receiver_source_silent",
        help="1 while a sender that usually sends is silent.",
        samples=_of_sources(lambda source: bool(source["silent"])),
    ),
    Metric(
        name="niffler_receiver_processes",
        help="Processes of the receiver that live, by role.",
        samples=_processes,
    ),
    Metric(
        name="niffler_receiver_storescp_restarts",
        help="How often storescp had to be launched again since the receiver was started.",
        samples=one(lambda status: sum(process["restarts"] for process in status.processes)),
    ),
    Metric(
        name="niffler_receiver_started_timestamp_seconds",
        help="When it was started last.",
        samples=moment(lambda status: status.receiver["started_at"]),
    ),
    Metric(
        name="niffler_receiver_updated_timestamp_seconds",
        help="When it last wrote to its record, which it does every two seconds.",
        samples=moment(lambda status: status.receiver["updated_at"]),
    ),
    Metric(
        name="niffler_receiver_next_deletion_timestamp_seconds",
        help="When the nightly deletion comes next.",
        samples=moment(lambda status: status.receiver["deletes_at"]),
    ),
)
"""All of them, in the order of the text."""
