from collections.abc import Mapping
from typing import Any

import pytest

from niffler_ops.config import pending
from niffler_ops.errors import ConfigurationError
from niffler_ops.model import Archive, Listing, Peer
from tests.unit.config.conftest import Attributes, Problems

QUERY = {"ExtractionType": "accession", "AccessionIndex": 0}
SERIES_LEVEL = {
    "FirstAttr": "PatientID",
    "FirstIndex": 0,
    "SecondAttr": "SeriesDescription",
    "SecondIndex": 1,
}
OWN_SETTINGS = {"Archive": "B@b:2", "CallingAet": "NIFFLER2", "DestAet": "OTHER", "MoveLanes": "4"}
EXAMPLES: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [
    ("SrcAet", QUERY, {"SrcAet": ["A@a:1", "B@b:2"]}),
    ("SrcAet", QUERY, {"SrcAet": [OWN_SETTINGS]}),
    ("DestAet", QUERY, {"DestAet": "OTHER"}),
    ("RetrieveLevel", QUERY | {"RetrieveLevel": "series"}, {}),
    ("AcceptOtherPatientIDs", QUERY | {"AcceptOtherPatientIDs": "True"}, {}),
    ("LedgerFolder", QUERY, {"LedgerFolder": "ledgers"}),
    ("FilePath", QUERY | {"FilePath": "cfind-only"}, {}),
    ("FilePath", QUERY | {"FilePath": "CFIND-DETAILED"}, {}),
    ("SecondAttr", SERIES_LEVEL, {}),
    ("DateType", QUERY | {"DateType": "AcquisitionDate"}, {}),
]


@pytest.mark.parametrize("line", pending.PENDING)
def test_what_has_no_effect_yet_is_refused_by_its_line_alone(
    line: pending.Pending, configured: Attributes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "PENDING", (line,))
    refused = []
    for key, config, system in EXAMPLES:
        try:
            configured(config, system)
        except ConfigurationError as error:
            (text,) = error.problems
            assert f".json: {key}: " in text
            assert text.endswith(f" found; allowed: {line.allowed}")
            refused.append(key)
    assert refused


@pytest.mark.parametrize(("key", "config", "system"), EXAMPLES)
def test_what_is_no_longer_pending_is_accepted(
    key: str,
    config: Mapping[str, Any],
    system: Mapping[str, Any],
    configured: Attributes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pending, "PENDING", ())
    loaded = configured(config, system)
    assert key in loaded.digestible()


def test_what_is_pending_is_told_with_all_other_errors(problems: Problems) -> None:
    found = problems(QUERY | {"FilePath": "CFIND-ONLY", "MaxAttempts": 0}, {"StartHour": 24})
    assert [text.partition(":")[0] for text in found if "later" in text or "whole" in text] == [
        "StartHour",
        "MaxAttempts",
        *(["FilePath"] if any("filing" in line.attributes for line in pending.PENDING) else []),
    ]


def test_archives_keep_their_order_and_their_own_settings(
    configured: Attributes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "PENDING", ())
    config = configured(QUERY, {"SrcAet": ["A@a:1", OWN_SETTINGS], "DestAet": "STORE"})
    first, second = Peer(aet="A", host="a", port=1), Peer(aet="B", host="b", port=2)
    assert config.archives == (
        Archive(peer=first, calling_aet="QB", destination="STORE"),
        Archive(peer=second, calling_aet="NIFFLER2", destination="OTHER", lanes=4),
    )
    assert config.src_aet == (first, second)
    assert config.digestible()["SrcAet"] == (
        '["A@a:1", "B@b:2 CallingAet=NIFFLER2 DestAet=OTHER MoveLanes=4"]'
    )


def test_a_listing_takes_the_place_of_the_pattern(
    configured: Attributes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "PENDING", ())
    config = configured(QUERY | {"FilePath": "CFIND-DETAILED"})
    assert config.listing is Listing.SERIES
    assert config.digestible()["FilePath"] == '"CFIND-DETAILED"'
    assert "SOPInstanceUID" in config.file_path.keywords
