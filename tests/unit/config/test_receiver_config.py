"""meta.json: what is allowed, what is meant by default, and that every error is told at once."""

import json
from pathlib import Path
from typing import Any

import pytest

from niffler_ops.config.commented_json import read_object
from niffler_ops.config.receiver import META_KEYS, MetaConfig, load_meta
from niffler_ops.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[3]
LEAST = {"QueryAet": "NIFFLER:10244", "StorageFolder": "received"}


def load(folder: Path, **keys: Any) -> MetaConfig:
    file = folder / "meta.json"
    file.write_text(json.dumps(LEAST | keys))
    return load_meta(file)


def problems(folder: Path, **keys: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load(folder, **keys)
    return caught.value.problems


def test_two_keys_are_enough(tmp_path: Path) -> None:
    config = load(tmp_path)
    assert config.storage_folder == tmp_path / "received"
    assert config.output_folder == tmp_path / "received-deidentified"
    assert [str(local) for local in config.local_entities] == ["NIFFLER:10244"]
    assert (config.delete_hour, config.settle_minutes, config.keep_images_hours) == (23, 10.0, 0)
    assert config.pass_on == ()
    assert str(config.file_path) == "{00100020}/{0020000D}/{0020000E}/{00080018}.dcm"
    assert config.min_free_disk.of(1000.0) == 50


def test_the_example_is_right_and_names_every_key() -> None:
    example = ROOT / "conf" / "meta.json"
    load_meta(example)
    text = example.read_text()
    assert [key.name for key in META_KEYS if f'"{key.name}"' not in text] == []
    values, repeated = read_object(example, str(example))
    assert not list(repeated)
    assert values["QueryAet"] == "QBNIFFLER:10244"


def test_several_ports(tmp_path: Path) -> None:
    config = load(tmp_path, QueryAet=["CT:11112", "MR:11113"])
    assert [(local.aet, local.port) for local in config.local_entities] == [("CT", 11112), ("MR", 11113)]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("QueryAet", "NIFFLER"),
        ("QueryAet", []),
        ("QueryAet", ["A:11112", "B:11112"]),
        ("QueryAet", [["A:11112"]]),
        ("QueryAet", 11112),
        ("DeleteHour", 24),
        ("DeleteHour", "night"),
        ("SettleMinutes", -1),
        ("SettleMinutes", "nan"),
        ("SettleMinutes", 20_000),
        ("KeepImagesHours", -1),
        ("PassOn", ["jpeg"]),
        ("PassOn", ["metadata"]),
        ("FilePath", "CFIND-ONLY"),
        ("FilePath", "{now,yyyy}/{00080018}.dcm"),
        ("FilePath", "all.dcm"),
        ("MetadataStore", "postgres://somewhere"),
        ("MinFreeDisk", "much"),
        ("StorageFolder", ""),
        ("StorageFolder", 5),
    ],
)
def test_impossible_values_are_told_with_their_key(tmp_path: Path, key: str, value: object) -> None:
    (problem,) = problems(tmp_path, **{key: value})
    assert f": {key}: " in problem
    assert "allowed:" in problem


def test_every_error_is_told_at_once_and_what_is_probably_meant(tmp_path: Path) -> None:
    found = problems(tmp_path, DeleteHuor=3, SettleMinutes=[], PassOn="x", Nothing=1, QueryAet=None)
    assert len(found) == 5
    text = "\n".join(found)
    assert "`DeleteHour` is probably meant" in text
    assert "Nothing: unknown key; docs/realtime.md" in text
    assert "QueryAet: missing" in text


def test_a_store_with_a_password_is_not_repeated(tmp_path: Path) -> None:
    for value in ("mongo://user:hunter2@host/db", ["mongodb://user:hunter2@host/db"]):
        assert "hunter2" not in "\n".join(problems(tmp_path, MetadataStore=value))


@pytest.mark.parametrize("output", ["received", "received/out", "."])
def test_what_leaves_identity_behind_goes_elsewhere(tmp_path: Path, output: str) -> None:
    (problem,) = problems(tmp_path, PassOn=["png"], OutputFolder=output)
    assert "OutputFolder" in problem


def test_a_folder_without_a_name_is_told_of_as_any_other(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, StorageFolder="/", PassOn=["png"])
    assert "StorageFolder" in problem


def test_a_key_given_twice_and_no_json_at_all(tmp_path: Path) -> None:
    file = tmp_path / "meta.json"
    file.write_text('{"QueryAet": "A:11112", "QueryAet": "B:11112", "StorageFolder": "x"}')
    with pytest.raises(ConfigurationError, match="QueryAet"):
        load_meta(file)
    for text in ("{", "[]", ""):
        file.write_text(text)
        with pytest.raises(ConfigurationError):
            load_meta(file)


def test_who_is_told_is_checked_as_for_an_extraction(tmp_path: Path) -> None:
    assert load(tmp_path, SendEmail=True, YourEmail="a@example.org").your_email == ("a@example.org",)
    found = problems(tmp_path, SendEmail=True, DeleteHour=25)
    assert [problem.split(": ")[1] for problem in found] == ["DeleteHour", "YourEmail"], "all at once"
    (problem,) = problems(tmp_path, SendEmail=True)
    assert problem.endswith("YourEmail: missing; allowed: an address, because SendEmail is true")
    (problem,) = problems(tmp_path, MailLogin="login")
    assert 'MailLogin: "login" found; allowed: only with MailServer' in problem
