"""Which files are read, and what can still be examined where one of them has errors."""

import json
from pathlib import Path

import pytest

from niffler_ops.doctor.findings import Result
from niffler_ops.doctor.settings import Settings, check_configuration, read_settings

SYSTEM = {"SrcAet": "PACS@127.0.0.1:104", "QueryAet": "QB:4243"}
EXTRACTION = {"StorageFolder": "a", "CsvFile": "l.csv", "ExtractionType": "accession", "AccessionIndex": 0}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, content: object) -> Path:
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def results(settings: Settings) -> list[str]:
    return [finding.result for finding in check_configuration(settings)]


def test_both_files_of_the_current_folder_are_read_without_being_named() -> None:
    write("system.json", SYSTEM)
    write("config.json", EXTRACTION)
    settings = read_settings(None, None)
    assert settings.extraction is settings.system is not None
    assert results(settings) == [Result.OK]


def test_a_system_file_that_is_named_is_read_alone() -> None:
    write("config.json", EXTRACTION)
    settings = read_settings(None, write("elsewhere/system.json", SYSTEM))
    assert settings.extraction is None
    assert settings.system is not None
    assert str(settings.system.query_aet) == "QB:4243"
    assert results(settings) == [Result.OK]


def test_a_file_that_is_missing_is_told_with_the_option_that_names_another() -> None:
    settings = read_settings(None, None)
    (problem,) = settings.problems
    assert "system.json" in problem
    assert "--system FILE" in problem
    assert results(settings) == [Result.FAILURE, Result.WARNING]


def test_all_errors_of_system_json_are_told() -> None:
    settings = read_settings(None, write("system.json", {"SrcAet": "PACS", "QueryAet": "QB", "Srcaet": 1}))
    told = "\n".join(settings.problems)
    assert all(key in told for key in ("SrcAet", "QueryAet", "Srcaet"))
    assert not any(key in told for key in EXTRACTION), "what only config.json holds is not asked for"


@pytest.mark.parametrize("named", [None, "other/machine.json"])
def test_where_config_json_has_errors_the_system_it_means_is_examined_all_the_same(
    named: str | None,
) -> None:
    write(named or "system.json", SYSTEM)
    config = write("config.json", {"BatchSize": 0} | ({"NifflerSystem": named} if named else {}))
    settings = read_settings(config, None)
    assert settings.extraction is None
    assert settings.system is not None
    assert "BatchSize" in "\n".join(settings.problems)
    assert set(results(settings)) == {Result.FAILURE}


def test_what_is_accepted_without_effect_is_a_warning() -> None:
    write("config.json", EXTRACTION | {"NifflerID": 1})
    write("system.json", SYSTEM)
    assert results(read_settings(None, None)) == [Result.WARNING, Result.OK]


def test_a_config_json_that_is_no_json_is_a_failure_of_its_own() -> None:
    write("system.json", SYSTEM)
    Path("config.json").write_text("{")
    settings = read_settings(None, None)
    assert settings.system is not None
    assert "config.json:1" in settings.problems[0]
