"""An extraction's configuration becomes the post-processors' settings, and tells when to do all again."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from niffler_ops.layout import Layout
from niffler_ops.postprocess.configured import digests, settings_of, summary
from niffler_ops.postprocess.job import Processor, Settings
from tests.support.stages import configuration
from tests.unit.postprocess.workplace import Workplace

ALL = tuple(str(processor) for processor in Processor if processor is not Processor.TABLES)

Change = Callable[[Settings], Settings]


@pytest.fixture(autouse=True)
def _no_store_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONGO_URI", raising=False)


def changed(before: Settings, after: Settings) -> set[str]:
    """Which post-processors do all again."""
    old, new = digests(ALL, before), digests(ALL, after)
    return {name for name in ALL if old[name] != new[name]}


def test_what_is_not_configured_stands_below_storage_folder_or_beside_it(tmp_path: Path) -> None:
    config, layout = configuration(tmp_path), Layout(tmp_path / "storage")
    assert settings_of(config, layout) == Settings(
        root=f"{tmp_path}/storage",
        output=f"{tmp_path}/storage-deidentified",
        private=f"{tmp_path}/storage/.niffler",
        secret=f"{tmp_path}/storage/.niffler/pseudonym.key",
        options=("RetainModifiedDates", "RetainPatientCharacteristics"),
        store=f"sqlite:///{tmp_path}/storage/.niffler/metadata.sqlite",
    )


def test_what_is_configured_is_told(tmp_path: Path) -> None:
    config = configuration(
        tmp_path,
        OutputFolder="out",
        PseudonymKey="/etc/key",
        DeidentifyOptions=[],
        MetadataStore="mongodb://host/research",
        Featureset=["ct.txt", "/sets"],
        PngBits=16,
        PngValues="raw",
        Command=["/opt/convert", "--fast"],
    )
    told = settings_of(config, Layout(tmp_path / "storage"))
    assert (told.output, told.secret, told.options) == (f"{tmp_path}/out", "/etc/key", ())
    assert (told.store, told.featuresets) == ("mongodb://host/research", (f"{tmp_path}/ct.txt", "/sets"))
    assert (told.bits, told.values, told.command) == (16, "raw", ("/opt/convert", "--fast"))


def test_the_store_of_the_environment_is_left_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGO_URI", "mongodb://host/research")
    assert settings_of(configuration(tmp_path), Layout(tmp_path / "storage")).store == ""


@pytest.mark.parametrize(
    ("keys", "again"),
    [
        ({}, set()),
        ({"private": "/elsewhere"}, set()),
        ({"output": "/other"}, {"png", "metadata", "deidentify"}),
        ({"options": ("RetainFullDates",)}, {"png", "metadata", "deidentify"}),
        ({"secret": "/other"}, {"png", "metadata", "deidentify"}),
        ({"bits": 16}, {"png"}),
        ({"values": "raw"}, {"png"}),
        ({"scaling": "series"}, {"png"}),
        ({"aspect": "resample"}, {"png"}),
        ({"store": "mongodb://other/research"}, {"metadata"}),
        ({"filling": "another"}, {"metadata"}),
        ({"command": ("/opt/other",)}, {"command"}),
    ],
)
def test_only_what_depends_on_a_setting_is_done_again(
    place: Workplace, keys: dict[str, object], again: set[str]
) -> None:
    assert changed(place.settings(), place.settings(**keys)) == again


def test_another_content_of_a_featureset_does_records_and_pictures_again(
    place: Workplace, tmp_path: Path
) -> None:
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "ct.txt").write_text("Rows\n")
    settings = place.settings(featuresets=(str(tmp_path / "sets"),))
    before = digests(ALL, settings)
    assert digests(ALL, settings) == before
    (tmp_path / "sets" / "ct.txt").write_text("Rows\nColumns\n")
    after = digests(ALL, settings)
    assert {name for name in ALL if before[name] != after[name]} == {"png", "metadata"}


def test_no_password_is_in_what_the_ledger_keeps(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "mongodb://user:swordfish@host/research"
    told = digests(ALL, place.settings(store=url))
    monkeypatch.setenv("MONGO_URI", url)
    told_too = digests(ALL, place.settings(store=""))
    assert "swordfish" not in json.dumps([told, told_too])
    assert told["metadata"] == told_too["metadata"]


def test_a_line_for_the_log() -> None:
    tallies = {("post png", "done"): 3, ("post png", "failed"): 1, ("post metadata", "held"): 9}
    assert summary(tallies, "png") == "png: 3 studies done, 1 failed"
    held = "metadata: 0 studies done, 0 failed; 9 files came to nothing (failures.csv says why)"
    assert summary(tallies, "metadata") == held
