"""Several extractions as one: the shards of a list, added up. Pure but for the words."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from niffler_ops.reporting.counts import Counts
from niffler_ops.reporting.rate import Rate
from niffler_ops.reporting.registry_text import paragraph
from niffler_ops.reporting.status import AT_WORK, Amounts, Status
from niffler_ops.reporting.status_json import amounts_json, status_json
from niffler_ops.reporting.status_text import amounts_words, counts_table
from niffler_ops.reporting.time_left import end_of, until
from niffler_ops.reporting.words import counted


def add_up(statuses: Sequence[Status]) -> Amounts:
    """The sums; `eta_seconds` is that of the slowest, None where one with open rows does not know it."""
    going = [status.eta_seconds for status in statuses if status.rows.open]
    known = [seconds for seconds in going if seconds is not None]
    return Amounts(
        rows=_sum([status.rows for status in statuses]),
        studies=_sum([status.studies for status in statuses]),
        unverified=sum(status.unverified for status in statuses),
        expected=sum(status.expected for status in statuses),
        received=sum(status.received for status in statuses),
        bytes_received=sum(status.bytes_received for status in statuses),
        rate=Rate(
            studies_per_hour=sum(status.rate.studies_per_hour for status in statuses),
            instances_per_second=sum(status.rate.instances_per_second for status in statuses),
        ),
        eta_seconds=max(known, default=0) if len(known) == len(going) else None,
        unexpected_files=sum(status.unexpected_files for status in statuses),
        lists_only=all(status.lists_only for status in statuses),
    )


def _sum(counts: Sequence[Counts]) -> Counts:
    names = [field.name for field in fields(Counts)]
    return Counts(**{name: sum(getattr(one, name) for one in counts) for name in names})


def latest_end(statuses: Sequence[Status]) -> datetime | None:
    """When the last of them is expected to be at its end; None where one with open rows does not know it."""
    ends = [end_of(status) for status in statuses if status.rows.open]
    known = [end for end in ends if end is not None]
    return max(known, default=None) if len(known) == len(ends) else None


def doubts(statuses: Sequence[Status]) -> Iterator[str]:
    """Why the sums may not be those of one list."""
    sizes = {status.shard.of for status in statuses if status.shard is not None}
    if not sizes:
        return
    if len(sizes) > 1 or any(status.shard is None for status in statuses):
        yield "They are not the shards of one list: some have another number of shards, or none."
        return
    (of,) = sizes
    numbers = Counter(status.shard.number for status in statuses if status.shard is not None)
    twice = [str(number) for number, times in sorted(numbers.items()) if times > 1]
    missing = [str(number) for number in range(1, of + 1) if number not in numbers]
    if twice:
        yield f"Of {of} shards these are here more than once: {', '.join(twice)}."
    if missing:
        yield f"Of {of} shards these are not here: {', '.join(missing)}."
    if len({status.csv_digest for status in statuses}) > 1:
        yield "Their lists differ: give each shard the same CSV, or a row may be in none of them."


def together_json(statuses: Sequence[Status]) -> dict[str, Any]:
    """Each as it is by itself, their sums, and what may be wrong with these."""
    return {
        "extractions": [status_json(status) for status in statuses],
        "total": amounts_json(add_up(statuses), latest_end(statuses)),
        "doubts": list(doubts(statuses)),
    }


def together_text(statuses: Sequence[Status]) -> str:
    """A paragraph for each, then the sums; for a terminal of 80 columns."""
    total = add_up(statuses)
    lines = [line for status in statuses for line in _one(status)]
    lines += ["", f"Together, {counted(len(statuses), 'extraction')}", *counts_table(total), ""]
    now = max(status.gathered_at for status in statuses)
    at_work = any(status.state in AT_WORK for status in statuses)
    lines += amounts_words(total, at_work=at_work, when=until(latest_end(statuses), now))
    told = list(doubts(statuses))
    lines += ["", *told] if told else []
    return "\n".join(lines) + "\n"


def _one(status: Status) -> Iterator[str]:
    shard = f" (shard {status.shard})" if status.shard else ""
    yield from paragraph(status.state, f"{status.storage_folder}{shard}", status)
