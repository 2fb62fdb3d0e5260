"""The extractions of this machine in words and as the object that scripts read."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from niffler_ops.clock import timestamp
from niffler_ops.reporting.registry import GONE, Extraction
from niffler_ops.reporting.status import AT_WORK, ExtractionState, Status
from niffler_ops.reporting.time_left import end_of, until_when
from niffler_ops.reporting.words import duration, number
from niffler_ops.terminal import printable

WIDTH = 80
INDENT = " " * 10
NONE_KNOWN = (
    "No extraction is known on this machine. niffler-cold registers those that it starts;\n"
    "`niffler-status FOLDER` looks into any StorageFolder.\n"
)


def listing_text(extractions: Sequence[Extraction]) -> str:
    """Two lines for each: state and folder, then how far it is; for a terminal of 80 columns."""
    if not extractions:
        return NONE_KNOWN
    return "".join(f"{line}\n" for extraction in extractions for line in _lines(extraction))


def listing_json(extractions: Iterable[Extraction]) -> list[dict[str, Any]]:
    """One object for each, in the same order; the numbers are None where they cannot be read."""
    return [
        {
            "storage_folder": extraction.storage_folder,
            "state": extraction.state,
            "registered_at": extraction.registered_at,
            "note": extraction.note,
            **_numbers(extraction.status),
        }
        for extraction in extractions
    ]


def _lines(extraction: Extraction) -> Iterator[str]:
    yield from paragraph(extraction.state, extraction.storage_folder, extraction.status)
    if extraction.note:
        forgotten = "; it is forgotten in time" if extraction.state == GONE else ""
        yield from wrapped(f"{extraction.note}{forgotten}")


def paragraph(state: str, name: str, status: Status | None) -> Iterator[str]:
    """State and name, and how far it is where that is known."""
    yield f"{state:{len(INDENT)}}{printable(name)}"
    if status is not None:
        yield from wrapped(", ".join(facts(status)))


def facts(status: Status) -> Iterator[str]:
    """How far an extraction is, and how fast."""
    yield f"{number(status.rows.done)} of {number(status.rows.total)} rows done"
    if status.rows.problems:
        yield f"{number(status.rows.problems)} with problems"
    if status.state is ExtractionState.RUNNING:
        yield f"{status.rate.studies_per_hour:,.0f} studies an hour"
    if status.eta_seconds is not None and status.rows.open:
        yield f"about {duration(timedelta(seconds=status.eta_seconds))} to go{until_when(status)}"
    if status.pause_reason:
        yield printable(status.pause_reason)
    if status.state not in AT_WORK and status.rows.open:
        yield "the same niffler-cold command continues it"


def _numbers(status: Status | None) -> dict[str, Any]:
    if status is None:
        names = (
            "rows_total",
            "rows_done",
            "problems",
            "studies_per_hour",
            "instances_per_second",
            "eta_seconds",
            "expected_end",
        )
        return dict.fromkeys(names)
    end = end_of(status)
    return {
        "rows_total": status.rows.total,
        "rows_done": status.rows.done,
        "problems": status.rows.problems,
        "studies_per_hour": status.rate.studies_per_hour,
        "instances_per_second": status.rate.instances_per_second,
        "eta_seconds": status.eta_seconds,
        "expected_end": None if end is None else timestamp(end),
    }


def wrapped(text: str) -> list[str]:
    """The lines below the first."""
    return textwrap.wrap(printable(text), WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)
