"""The metrics are what Prometheus's own parser reads."""

import shutil
import subprocess
from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from niffler_ops.reporting.counts import Counts, PostCounts
from niffler_ops.reporting.prometheus import METRICS, metrics_text
from niffler_ops.reporting.rate import Rate
from niffler_ops.reporting.status import ExtractionState, Problem, ProcessStatus, Status
from niffler_ops.states import RowState

RUNNING = Status(
    state=ExtractionState.RUNNING,
    storage_folder="/data/lung",
    csv_file="/data/lung.csv",
    started_at="2024-03-01T12:00:00.000+00:00",
    updated_at="2024-03-01T12:30:00.500+00:00",
    finished_at=None,
    pause_reason=None,
    resumes_at=None,
    gathered_at=datetime(2024, 3, 1, 12, 30, 1, tzinfo=UTC),
    rows=Counts(pending=5, active=1, done=10, partial=2, failed=3, not_found=4, rejected=6, withdrawn=7),
    studies=Counts(pending=1, active=2, done=3, partial=4, failed=5),
    unverified=1,
    expected=1000,
    received=900,
    bytes_received=123_456_789_012,
    rate=Rate(studies_per_hour=1800.0, instances_per_second=12.34),
    eta_seconds=600,
    processes=(
        ProcessStatus(role="supervisor", pid=1, alive=True, restarts=0),
        ProcessStatus(role="storescp", pid=2, alive=True, restarts=2),
        ProcessStatus(role="movescu", pid=3, alive=True, restarts=0),
        ProcessStatus(role="movescu", pid=4, alive=True, restarts=0),
        ProcessStatus(role="findscu", pid=5, alive=False, restarts=0),
    ),
    post={"png": PostCounts(pending=1, active=2, done=3, failed=4, files=50, held=6)},
    problems=(Problem(line=3, outcome=RowState.FAILED, reason="refused: A900"),),
    unexpected_files=9,
)
FINISHED = replace(
    RUNNING,
    state=ExtractionState.FINISHED,
    storage_folder="/data/heart",
    finished_at="2024-03-01T13:00:00.000+00:00",
    eta_seconds=None,
    processes=(),
    post={},
)


def samples(*statuses: Status) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What Prometheus would store, by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics_text(statuses))
        for sample in family.samples
    }


def value(name: str, *, status: Status = RUNNING, labels: dict[str, str] | None = None) -> float | None:
    wanted = {"storage_folder": status.storage_folder, **(labels or {})}
    return samples(status).get((name, tuple(sorted(wanted.items()))))


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("niffler_extraction_state", {"state": "running"}, 1),
        ("niffler_extraction_state", {"state": "crashed"}, 0),
        ("niffler_rows", {"state": "not_found"}, 4),
        ("niffler_rows", {"state": "withdrawn"}, 7),
        ("niffler_studies", {"state": "active"}, 2),
        ("niffler_studies_unverified", {}, 1),
        ("niffler_instances_expected", {}, 1000),
        ("niffler_instances_received", {}, 900),
        ("niffler_received_bytes", {}, 123_456_789_012),
        ("niffler_unexpected_files", {}, 9),
        ("niffler_studies_per_second", {}, 0.5),
        ("niffler_instances_per_second", {}, 12.34),
        ("niffler_remaining_seconds", {}, 600),
        ("niffler_expected_end_timestamp_seconds", {}, RUNNING.gathered_at.timestamp() + 600),
        ("niffler_processes", {"role": "movescu"}, 2),
        ("niffler_processes", {"role": "findscu"}, 0),
        ("niffler_storescp_restarts", {}, 2),
        ("niffler_started_timestamp_seconds", {}, datetime(2024, 3, 1, 12, tzinfo=UTC).timestamp()),
        ("niffler_updated_timestamp_seconds", {}, datetime(2024, 3, 1, 12, 30, tzinfo=UTC).timestamp() + 0.5),
        ("niffler_finished_timestamp_seconds", {}, None),
        ("niffler_resumes_timestamp_seconds", {}, None),
        ("niffler_status_timestamp_seconds", {}, RUNNING.gathered_at.timestamp()),
        ("niffler_post_studies", {"processor": "png", "state": "failed"}, 4),
        ("niffler_post_files", {"processor": "png"}, 50),
        ("niffler_post_held_files", {"processor": "png"}, 6),
    ],
)
def test_each_metric_has_its_name_and_value(
    name: str, labels: dict[str, str], expected: float | None
) -> None:
    assert value(name, labels=labels) == expected


def test_the_names_are_these_and_stay() -> None:
    assert [metric.name for metric in METRICS] == [
        "niffler_extraction_state",
        "niffler_rows",
        "niffler_studies",
        "niffler_studies_unverified",
        "niffler_instances_expected",
        "niffler_instances_received",
        "niffler_received_bytes",
        "niffler_unexpected_files",
        "niffler_studies_per_second",
        "niffler_instances_per_second",
        "niffler_remaining_seconds",
        "niffler_expected_end_timestamp_seconds",
        "niffler_processes",
        "niffler_storescp_restarts",
        "niffler_started_timestamp_seconds",
        "niffler_updated_timestamp_seconds",
        "niffler_finished_timestamp_seconds",
        "niffler_resumes_timestamp_seconds",
        "niffler_status_timestamp_seconds",
        "niffler_post_studies",
        "niffler_post_files",
        "niffler_post_held_files",
    ]


def test_several_extractions_stand_together_under_one_help_and_type() -> None:
    text = metrics_text([RUNNING, FINISHED])
    families = list(text_string_to_metric_families(text))
    assert len({family.name for family in families}) == len(families)
    assert all(family.documentation and family.type == "gauge" for family in families)
    found = samples(RUNNING, FINISHED)
    assert found["niffler_extraction_state", (("state", "running"), ("storage_folder", "/data/lung"))] == 1
    assert found["niffler_extraction_state", (("state", "finished"), ("storage_folder", "/data/heart"))] == 1


def test_a_folder_that_is_given_twice_is_told_once() -> None:
    assert metrics_text([RUNNING, RUNNING]) == metrics_text([RUNNING])


def test_every_state_of_rows_and_studies_is_there_and_counts_once() -> None:
    found = samples(RUNNING)
    for name, counts in (("niffler_rows", RUNNING.rows), ("niffler_studies", RUNNING.studies)):
        numbers = [number for (metric, _), number in found.items() if metric == name]
        assert sum(numbers) == counts.total
    states = {dict(labels)["state"] for metric, labels in found if metric == "niffler_rows"}
    assert states == {field.name for field in fields(Counts)}


def test_no_reason_line_or_csv_is_told() -> None:
    text = metrics_text([RUNNING])
    assert "A900" not in text
    assert "lung.csv" not in text


def test_without_extractions_there_is_nothing() -> None:
    assert metrics_text([]) == ""


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_whatever_a_folder_is_called_is_read_back(folder: str) -> None:
    assert value("niffler_instances_received", status=replace(RUNNING, storage_folder=folder)) == 900


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is absent: install Debian's package prometheus"
)
def test_promtool_finds_nothing_to_say_about_the_metrics() -> None:
    text = metrics_text([RUNNING, FINISHED]).encode()
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
