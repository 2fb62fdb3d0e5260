"""The status as the object that scripts read; its keys are promised, further ones may come."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from niffler_ops.clock import timestamp
from niffler_ops.reporting.counts import Counts, PostCounts
from niffler_ops.reporting.status import Amounts, Status, overall_of
from niffler_ops.reporting.time_left import end_of


def status_json(status: Status) -> dict[str, Any]:
    """The object of `niffler-status --json`."""
    rate = overall_of(status)
    return {
        "extraction": {
            "state": str(status.state),
            "storage_folder": status.storage_folder,
            "csv_file": status.csv_file,
            "started_at": status.started_at,
            "updated_at": status.updated_at,
            "finished_at": status.finished_at,
            "pause_reason": status.pause_reason,
            "resumes_at": status.resumes_at,
            "stop_reason": status.stop_reason,
            "created_at": status.created_at,
            "lists_only": status.lists_only,
            "shard": str(status.shard) if status.shard else None,
            "csv_digest": status.csv_digest,
        },
        **amounts_json(status, end_of(status)),
        "rate_overall": None if rate is None else asdict(rate),
        "processes": [
            {
                "role": process.role,
                "pid": process.pid,
                "alive": process.alive,
                "restarts": process.restarts,
            }
            for process in status.processes
        ],
        "post": {name: post_json(post) for name, post in status.post.items()},
        "problems": [
            {"line": problem.line, "outcome": str(problem.outcome), "reason": problem.reason}
            for problem in status.problems
        ],
    }


def amounts_json(amounts: Amounts, end: datetime | None) -> dict[str, Any]:
    """The numbers of one extraction, or of several together; `end` is when it is expected."""
    return {
        "rows": {**_counts(amounts.rows), "withdrawn": amounts.rows.withdrawn},
        "studies": {**_counts(amounts.studies), "unverified": amounts.unverified},
        "instances": {"expected": amounts.expected, "received": amounts.received},
        "bytes_received": amounts.bytes_received,
        "rate": {
            "studies_per_hour": amounts.rate.studies_per_hour,
            "instances_per_second": amounts.rate.instances_per_second,
        },
        "eta_seconds": amounts.eta_seconds,
        "expected_end": None if end is None else timestamp(end),
        "problems_total": amounts.rows.problems,
        "unexpected_files": amounts.unexpected_files,
    }


def post_json(post: PostCounts) -> dict[str, int]:
    """One post-processor."""
    return {"total": post.total, **asdict(post)}


def _counts(counts: Counts) -> dict[str, int]:
    return {
        "total": counts.total,
        "pending": counts.pending,
        "active": counts.active,
        "done": counts.done,
        "partial": counts.partial,
        "failed": counts.failed,
        "not_found": counts.not_found,
        "rejected": counts.rejected,
    }
