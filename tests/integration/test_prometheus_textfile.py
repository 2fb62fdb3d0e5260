"""The textfile for node_exporter: of a real ledger, replaced as a whole, readable for everybody."""

import os
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from niffler_ops.clock import SystemClock
from niffler_ops.errors import CannotWriteError
from niffler_ops.layout import Layout
from niffler_ops.reporting.prometheus import write_metrics
from niffler_ops.reporting.status import gather
from tests.support.extractions import asked, make_ledger, match, refused, retrieve, start_run

UID = "1.2.826.0.1.3680043.8.498.7"


def written(folder: Path, path: Path) -> dict[str, float]:
    """The values of the metrics without further labels, as Prometheus reads them."""
    write_metrics(path, [gather(Layout(folder), clock=SystemClock())])
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(path.read_text())
        for sample in family.samples
        if set(sample.labels) == {"storage_folder"}
    }


def extraction(folder: Path) -> None:
    ledger = make_ledger(folder, [asked(2), asked(3), refused(4, "a wildcard")])
    start_run(ledger)
    match(ledger, {2: [UID]}, count=3)
    retrieve(ledger, UID, missing=1)


def test_it_holds_what_the_ledger_says_and_no_identifiers(tmp_path: Path) -> None:
    extraction(tmp_path / "storage")
    path = tmp_path / "niffler.prom"
    found = written(tmp_path / "storage", path)
    assert (found["niffler_instances_expected"], found["niffler_instances_received"]) == (3, 2)
    assert found["niffler_received_bytes"] == 2000
    text = path.read_text().replace(str(tmp_path), "")
    for secret in ("P2", "A2", UID):
        assert secret not in text


def test_everybody_may_read_it_whatever_the_umask(tmp_path: Path) -> None:
    extraction(tmp_path / "storage")
    before = os.umask(0o077)
    try:
        written(tmp_path / "storage", tmp_path / "niffler.prom")
        written(tmp_path / "storage", tmp_path / "niffler.prom")
    finally:
        os.umask(before)
    assert (tmp_path / "niffler.prom").stat().st_mode & 0o777 == 0o644
    assert sorted(path.name for path in tmp_path.iterdir()) == ["niffler.prom", "storage"]


def test_what_cannot_be_written_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "niffler.prom"
    path.write_text("old")
    with pytest.raises(CannotWriteError, match="cannot be written"):
        write_metrics(tmp_path / "missing" / "niffler.prom", [])
    with pytest.raises(CannotWriteError, match="no regular file"):
        write_metrics(Path("/dev/null"), [])
    monkeypatch.setenv("NIFFLER_FAILPOINT", "rename-before:1:ENOSPC")
    with pytest.raises(CannotWriteError, match="No space left"):
        write_metrics(path, [])
    assert [entry.name for entry in tmp_path.iterdir()] == ["niffler.prom"]
    assert path.read_text() == "old"
