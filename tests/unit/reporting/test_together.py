"""Several extractions added up, and why the sums may mislead."""

from dataclasses import replace
from typing import Any

import pytest

from niffler_ops.model import Shard
from niffler_ops.reporting.counts import Counts
from niffler_ops.reporting.rate import Rate
from niffler_ops.reporting.status import ExtractionState, Status
from niffler_ops.reporting.together import add_up, doubts, together_json, together_text
from tests.unit.reporting.test_status_text import BASE


def part(number: int, of: int = 3, **changes: Any) -> Status:
    folder = f"/data/shard-{number}"
    return replace(BASE, storage_folder=folder, shard=Shard(number=number, of=of), csv_digest="d", **changes)


ALL = (
    part(1, eta_seconds=4000),
    part(2, eta_seconds=60, rate=Rate(studies_per_hour=100.0, instances_per_second=2.0)),
    part(3, eta_seconds=None, rows=Counts(done=7, failed=2), state=ExtractionState.FINISHED, rate=Rate()),
)


def test_numbers_and_rates_add_up_and_the_slowest_tells_the_end() -> None:
    total = add_up(ALL)
    assert (total.rows.done, total.rows.pending, total.rows.problems) == (27, 6, 2)
    assert total.studies.total == 3 * 17
    assert (total.received, total.expected, total.bytes_received) == (4500, 6000, 3 * 1_234_000_000)
    assert total.rate.studies_per_hour == pytest.approx(1334.5)
    assert total.rate.instances_per_second == pytest.approx(44.04)
    assert total.eta_seconds == 4000


def test_the_end_is_unknown_while_one_does_not_know_it() -> None:
    assert add_up([*ALL, part(1, eta_seconds=None)]).eta_seconds is None
    assert add_up([ALL[2]]).eta_seconds == 0


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        (ALL, []),
        ([replace(BASE, shard=None), replace(BASE, shard=None)], []),
        (ALL[:2], ["Of 3 shards these are not here: 3."]),
        ([*ALL, ALL[0]], ["Of 3 shards these are here more than once: 1."]),
        ([ALL[0], part(2, of=4)], ["They are not the shards of one list"]),
        ([ALL[0], BASE], ["They are not the shards of one list"]),
        ([*ALL[:2], replace(ALL[2], csv_digest="e")], ["Their lists differ"]),
    ],
)
def test_what_does_not_belong_together_is_told(statuses: list[Status], told: list[str]) -> None:
    found = list(doubts(statuses))
    assert len(found) == len(told)
    assert all(text.startswith(start) for text, start in zip(found, told, strict=True))


def test_the_text_names_each_and_fits_80_columns() -> None:
    shown = together_text(ALL[:2])
    assert "/data/shard-1 (shard 1/3)" in shown
    assert "Together, 2 extractions" in shown
    assert "3,000 of 4,000 expected" in shown
    assert "about 1 h 6 min" in shown
    assert shown.rstrip().endswith("Of 3 shards these are not here: 3.")
    assert max(map(len, shown.splitlines())) <= 80


def test_the_object_has_each_and_the_sums_in_the_same_words() -> None:
    found = together_json(ALL)
    assert [one["extraction"]["shard"] for one in found["extractions"]] == ["1/3", "2/3", "3/3"]
    assert found["total"]["rows"]["done"] == 27
    assert found["total"].keys() < found["extractions"][0].keys()
    assert found["doubts"] == []
