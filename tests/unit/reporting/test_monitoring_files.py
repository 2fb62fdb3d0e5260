"""Alerts and dashboards ask for metrics that are there, and alerts fire when they are to."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from niffler_ops.realtime.showing.metrics import RECEIVER_METRICS, receiver_metrics
from niffler_ops.realtime.status import ReceiverStatus
from niffler_ops.reporting.prometheus import METRICS, metrics_text
from tests.unit.reporting.test_prometheus import FINISHED, RUNNING

CONF = Path(__file__).parents[3] / "conf"
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
FOLDER = "/var/lib/niffler/received"


def receiver(state: str) -> ReceiverStatus:
    """One that everything is wrong with."""
    return ReceiverStatus(
        gathered_at=NOON,
        state=state,
        receiver={
            "storage_folder": FOLDER,
            "rate": 3.5,
            "lag": 12.0,
            "unread": 4,
            "unstored": 5,
            "store_reason": "away",
            "pressure": "filling",
            "started_at": NOON.isoformat(),
            "updated_at": NOON.isoformat(),
            "deletes_at": NOON.isoformat(),
        },
        counts={"received": 9, "repeated": 1, "bytes": 99, "deleted": 2, "deleted_bytes": 22},
        waiting={"files": 7, "bytes": 77},
        sources=({"aet": "CTROOM1", "instances": 9, "last_at": NOON.isoformat(), "silent": True},),
        unreadable=(),
        unreadable_files=3,
        refused=(),
        processes=({"role": "storescp", "pid": 2, "alive": True, "restarts": 0},),
    )


@dataclass(frozen=True, kw_only=True)
class Files:
    """What a site takes over, and the text of all metrics that there are."""

    alerts: Path
    dashboard: Path
    names: frozenset[str]
    text: str


EXTRACTIONS = Files(
    alerts=CONF / "prometheus" / "alerts.yml",
    dashboard=CONF / "grafana" / "niffler.json",
    names=frozenset(metric.name for metric in METRICS),
    text=metrics_text([RUNNING, FINISHED]),
)
RECEIVERS = Files(
    alerts=CONF / "prometheus" / "receiver-alerts.yml",
    dashboard=CONF / "grafana" / "niffler-receiver.json",
    names=frozenset(metric.name for metric in RECEIVER_METRICS),
    text=receiver_metrics([receiver("running")]),
)
both = pytest.mark.parametrize("files", [EXTRACTIONS, RECEIVERS], ids=["extractions", "receivers"])


def expressions(content: Any) -> Iterator[str]:
    """Every query of a dashboard."""
    if isinstance(content, dict):
        for key, entry in content.items():
            if key in {"expr", "query", "definition"} and isinstance(entry, str):
                yield entry
            yield from expressions(entry)
    elif isinstance(content, list):
        for entry in content:
            yield from expressions(entry)


def asked_for(text: str) -> set[str]:
    return set(re.findall(r"\bniffler_\w+", text))


def labels_asked_for(text: str) -> set[tuple[str, str, str]]:
    """Metric, label and each value that a query names."""
    return {
        (metric, label, value)
        for metric, selectors in re.findall(r"\b(niffler_\w+)\{(.*?)\}", text)
        for label, values in re.findall(r'(\w+)=~?\\?"(.*?)\\?"', selectors)
        for value in values.split("|")
        if label != "storage_folder"
    }


@both
def test_alerts_and_dashboard_ask_for_what_is_there(files: Files) -> None:
    dashboard = "\n".join(expressions(json.loads(files.dashboard.read_text())))
    assert asked_for(files.alerts.read_text()) <= files.names
    assert asked_for(dashboard) <= files.names
    assert len(asked_for(dashboard)) > 10
    known = {
        (sample.name, label, value)
        for family in text_string_to_metric_families(files.text)
        for sample in family.samples
        for label, value in sample.labels.items()
    }
    assert labels_asked_for(files.alerts.read_text() + dashboard) <= known


@both
def test_every_metric_is_documented(files: Files) -> None:
    page = (CONF.parent / "docs" / "monitoring.md").read_text()
    assert asked_for("\n".join(line for line in page.splitlines() if line.startswith("| `niffler_"))) >= (
        files.names
    )


@both
def test_panels_have_a_place_of_their_own_and_say_what_they_show(files: Files) -> None:
    panels = json.loads(files.dashboard.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (place["x"] + column, place["y"] + row)
            for column in range(place["w"])
            for row in range(place["h"])
        }
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        assert panel["title"]
        assert panel["description"]
        taken |= cells


def test_the_dashboards_do_not_replace_each_other() -> None:
    uids = [json.loads(files.dashboard.read_text())["uid"] for files in (EXTRACTIONS, RECEIVERS)]
    assert len(set(uids)) == len(uids)


promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is absent: install Debian's package prometheus"
)


@both
@promtool
def test_promtool_accepts_alerts_and_metrics(files: Files) -> None:
    checked = subprocess.run(
        ["promtool", "check", "rules", str(files.alerts)], capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=files.text.encode(), capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


OF_RECEIVERS = {  # the alert: what there is to see for two hours, beside a receiver that is well
    "NifflerReceiverNotRunning": {'state{state="crashed"': "1x120", 'state{state="running"': "0x120"},
    "NifflerReceiverDoesNotWrite": {"updated_timestamp_seconds{": "0x120"},
    "NifflerReceiverDoesNotListen": {'processes{role="storescp"': "0x120"},
    "NifflerReceiverSenderSilent": {'source_silent{aet="CTROOM1"': "1x120"},
    "NifflerReceiverDiskFilling": {"disk_filling{": "1x120"},
    "NifflerReceiverStoreDown": {"store_usable{": "0x120", "lag_seconds{": "0+60x120"},
    "NifflerReceiverBacklogGrows": {"unread_files{": "0+100x120"},
    "NifflerReceiverLags": {"lag_seconds{": "0+60x120"},
    "NifflerReceiverRecordsRefused": {"refused_series{": "1x120"},
    "NifflerReceiverUnreadable": {"unreadable_files{": "1x120"},
}
WELL = {
    'state{state="running"': "1x120",
    'state{state="crashed"': "0x120",
    "updated_timestamp_seconds{": "0+60x120",
    'processes{role="storescp"': "1x120",
    'source_silent{aet="CTROOM1"': "0x120",
    "disk_filling{": "0x120",
    "store_usable{": "1x120",
    "lag_seconds{": "3x120",
    "unread_files{": "5000x60 4000x60",
    "refused_series{": "0x120",
    "unreadable_files{": "0x120",
}


def named(metric: str) -> str:
    """The series as Prometheus has it."""
    separator = "" if metric.endswith("{") else ","
    return f'niffler_receiver_{metric}{separator}storage_folder="{FOLDER}"}}'


@promtool
def test_each_alert_fires_for_its_cause_and_for_no_other(tmp_path: Path) -> None:
    def case(name: str, seen: dict[str, str]) -> dict[str, object]:
        return {
            "name": name,
            "interval": "1m",
            "input_series": [
                {"series": named(metric), "values": values} for metric, values in {**WELL, **seen}.items()
            ],
            "promql_expr_test": [
                {
                    "expr": 'sort(count by (alertname) (ALERTS{alertstate="firing"}))',
                    "eval_time": "2h",
                    "exp_samples": [] if not name else [{"labels": f'{{alertname="{name}"}}', "value": 1}],
                }
            ],
        }

    cases = [case("", {}), *(case(name, seen) for name, seen in OF_RECEIVERS.items())]
    file = tmp_path / "tests.yml"
    file.write_text(json.dumps({"rule_files": [str(RECEIVERS.alerts)], "tests": cases}))
    checked = subprocess.run(
        ["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert OF_RECEIVERS.keys() == set(re.findall(r"alert: (\w+)", RECEIVERS.alerts.read_text()))
