from pathlib import Path

import pytest

from niffler_ops import intake
from niffler_ops.config import KEYS, Config, load
from niffler_ops.config.commented_json import read_object

CONF = Path(__file__).parents[3] / "conf"
FILES = {"system.json": {"system.json", "either"}, "config.json": {"config.json"}}


@pytest.fixture
def example() -> Config:
    return load(CONF / "config.json", None, {})


def test_the_examples_run_as_they_stand(example: Config) -> None:
    assert example.dcm4che_bin == "embedded"
    assert str(example.src_aet[0]) == "ARCHIVE@127.0.0.1:11112"
    assert str(example.query_aet) == "QBNIFFLER:10243"
    assert example.storage_folder == CONF.parent / "extraction"
    assert intake.check(example).rows == 5


def test_the_example_list_asks_for_the_demonstration_corpus(example: Config) -> None:
    assert [dict(row.keys) for row in intake.read_rows(example)] == [
        {"PatientID": f"NIFFLER-000{number}", "AccessionNumber": f"ACC000{number}"} for number in range(1, 6)
    ]


def test_the_example_of_the_later_form_asks_for_what_its_columns_hold() -> None:
    config = load(CONF / "config-attributes.json", None, {})
    assert intake.check(config).warnings == ()
    assert [dict(row.keys) for row in intake.read_rows(config)] == [
        {"PatientID": "NIFFLER-0001", "StudyDate": "20240118"},
        {"PatientID": "NIFFLER-0002", "StudyDate": "20240201-20240229"},
        {"PatientID": "NIFFLER-0003", "StudyDate": "20240221"},
    ]


def test_the_example_whose_header_names_the_keys_asks_for_what_each_line_has() -> None:
    config = load(CONF / "config-header.json", None, {})
    (warning,) = intake.check(config).warnings
    assert warning.endswith("not asked for: 'Remark'")
    assert [dict(row.keys) for row in intake.read_rows(config)] == [
        {"PatientID": "NIFFLER-0001", "AccessionNumber": "ACC0001"},
        {"PatientID": "NIFFLER-0002", "StudyDate": "20240204"},
        {"AccessionNumber": "ACC0003"},
        {"PatientID": "NIFFLER-0004", "StudyDate": "20240301-20240331"},
    ]


def test_the_examples_are_extractions_of_their_own() -> None:
    folders = [load(path, None, {}).storage_folder for path in sorted(CONF.glob("config*.json"))]
    assert len(set(folders)) == len(folders) == 3


@pytest.mark.parametrize("name", FILES)
def test_every_key_stands_in_its_example(name: str) -> None:
    text = (CONF / name).read_text(encoding="utf-8")
    assert [key.name for key in KEYS if key.file in FILES[name] and f'"{key.name}":' not in text] == []


@pytest.mark.parametrize("name", FILES)
def test_keys_that_are_commented_out_show_what_is_accepted(name: str, tmp_path: Path) -> None:
    lines = (CONF / name).read_text(encoding="utf-8").splitlines()
    entries = [line.strip().removeprefix("// ").rstrip(",") for line in lines]
    values = ",\n".join(entry for entry in entries if entry.startswith('"'))
    (tmp_path / name).write_text(f"{{{values}}}", encoding="utf-8")
    assert read_object(tmp_path / name, name)[1] == []
    config, system = (
        tmp_path / name if name == wanted else CONF / wanted for wanted in ("config.json", "system.json")
    )
    assert load(config, system, {}).date_type == "StudyDate"
