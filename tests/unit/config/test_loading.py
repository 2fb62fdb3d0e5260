import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from niffler_ops.config import DEFINING_KEYS, KEYS, Config, differences, load
from niffler_ops.config.kinds import absolute
from niffler_ops.errors import ConfigurationError
from niffler_ops.model import Archive, LocalEntity, Peer

SYSTEM = {"SrcAet": "PACS@pacs.example.org:104", "QueryAet": "QBNIFFLER:4243"}
CONFIG = {
    "StorageFolder": "study",
    "CsvFile": "list.csv",
    "ExtractionType": "empi_accession",
    "PatientIndex": 0,
    "AccessionIndex": 1,
}
Loader = Callable[..., Config]


@pytest.fixture
def loading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loader:
    """Loads both files, changed as given: None takes a key away."""
    monkeypatch.chdir(tmp_path)

    def loader(
        config: Mapping[str, Any] | None = None,
        system: Mapping[str, Any] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> Config:
        write(Path("config.json"), CONFIG | dict(config or {}))
        write(Path("system.json"), SYSTEM | dict(system or {}))
        return load(None, None, options or {})

    return loader


def write(path: Path, values: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({name: value for name, value in values.items() if value is not None}))


def problems(loading: Loader, *arguments: Mapping[str, Any] | None) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        loading(*arguments)
    return caught.value.problems


def test_two_small_files_are_enough(loading: Loader, tmp_path: Path) -> None:
    config = loading()
    assert config.src_aet == (Peer(aet="PACS", host="pacs.example.org", port=104),)
    assert config.query_aet == LocalEntity(aet="QBNIFFLER", port=4243)
    assert config.dest_aet == "QBNIFFLER"
    assert config.dcm4che_bin == "embedded"
    assert config.storage_folder == tmp_path / "study"
    assert config.columns == {"PatientID": 0, "AccessionNumber": 1}
    assert (config.move_lanes, config.batch_size, config.idle_timeout) == ("auto", "auto", 120.0)
    assert str(config.file_path) == "{00100020}/{0020000D}/{0020000E}/{00080018}.dcm"
    assert config.notes == ()


def test_a_configuration_of_upstream_is_accepted(loading: Loader) -> None:
    config = loading(
        {
            "NifflerSystem": "system.json",
            "FilePath": "{00100020}/{0020000D}/{0020000E}/{00080018}.dcm",
            "AccessionIndex": "1",
            "PatientIndex": 0,
            "DateIndex": 2,
            "DateType": "StudyDate",
            "DateFormat": "%%m%d%y",
            "SendEmail": "False",
            "YourEmail": "test@test.test",
        },
        {
            "DCM4CHEBin": "/opt/dcm4che-5.22.5/bin",
            "DestAet": "QBNIFFLER",
            "NightlyOnly": "False",
            "StartHour": 19,
            "EndHour": "7",
            "NifflerID": 1,
            "MaxNifflerProcesses": 1,
        },
    )
    assert config.dcm4che_bin == "/opt/dcm4che-5.22.5/bin"
    assert (config.start_hour, config.end_hour, config.accession_index) == (19, 7, 1)
    assert config.date_format == "%m%d%y"
    (note,) = config.notes
    assert "system.json: NifflerID: accepted without effect" in note


def test_every_error_of_both_files_and_the_options_comes_at_once(loading: Loader) -> None:
    found = problems(
        loading,
        {"CsvFile": None, "csvfile": "x", "PatientIndex": 1, "SrcAet": "A@b:1", "BatchSize": True},
        {"QueryAet": "QB:99999", "NightlyOnly": "night", "Foo": 1, "StorageFolder": "z", "StartHour": 24},
        {"MoveLanes": "x", "LongAccession": "maybe"},
    )
    expected = [
        "config.json: csvfile: unknown key; `CsvFile` is probably meant",
        "config.json: SrcAet: found in config.json; allowed: in system.json",
        "system.json: Foo: unknown key; docs/configuration.md lists those that are allowed",
        "system.json: StorageFolder: found in system.json; allowed: in config.json",
        'system.json: QueryAet: "QB:99999" found; allowed: AET:PORT (',
        'system.json: NightlyOnly: "night" found; allowed: true or false',
        "system.json: StartHour: 24 found; allowed: a whole number from 0 to 23",
        'command line: MoveLanes: "x" found; allowed: `auto`, or a whole number from 1 to 64',
        "config.json: BatchSize: true found; allowed: `auto`, or a whole number from 1 to 10000",
        "config.json: AccessionIndex: 1 found; allowed: another column than PatientIndex names",
        'command line: LongAccession: "maybe" found; allowed: true or false',
    ]
    assert len(found) == len(expected)
    for text, start in zip(found, expected, strict=True):
        assert text.startswith(start)


def test_a_missing_file_is_an_error_that_names_the_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError) as caught:
        load(None, Path("elsewhere/system.json"), {})
    assert caught.value.exit_status == 78
    assert caught.value.problems == (
        "config.json: there is no such file; another config.json is named with --config FILE",
        "elsewhere/system.json: there is no such file; another system.json is named with --system FILE",
    )


def test_what_a_broken_file_may_hold_is_not_called_missing(loading: Loader, tmp_path: Path) -> None:
    loading()
    (tmp_path / "system.json").write_text('{"SrcAet": "A@b:1",\n "QueryAet" "x:1"}')
    with pytest.raises(ConfigurationError) as caught:
        load(None, None, {"ExtractionType": "nothing"})
    assert [text.split(";")[0] for text in caught.value.problems] == [
        "system.json:2:13: Expecting ':' delimiter",
        'command line: ExtractionType: "nothing" found',
    ]


def test_paths_are_relative_to_the_file_that_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    write(Path("a/config.json"), CONFIG | {"NifflerSystem": "../b/sys.json", "StorageFolder": "~/study"})
    write(Path("b/sys.json"), SYSTEM | {"DCM4CHEBin": "bin"})
    config = load(Path("a/config.json"), None, {})
    assert config.csv_file == tmp_path / "a/list.csv"
    assert config.storage_folder == tmp_path / "home/study"
    assert config.dcm4che_bin == str(tmp_path / "b/bin")
    assert config.system_file.samefile("b/sys.json")
    config = load(Path("a/config.json"), None, {"CsvFile": "other.csv"})
    assert config.csv_file == tmp_path / "other.csv"


def test_the_system_file_is_the_option_the_key_or_beside_the_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("a/config.json"), CONFIG)
    for number, name in enumerate(("a/system.json", "one.json", "two.json"), start=1):
        write(Path(name), SYSTEM | {"MaxNifflerProcesses": number})
    config = Path("a/config.json")
    assert load(config, None, {}).max_niffler_processes == 1
    assert load(config, None, {"NifflerSystem": "one.json"}).max_niffler_processes == 2
    assert load(config, Path("two.json"), {"NifflerSystem": "one.json"}).max_niffler_processes == 3


def test_options_win_over_config_and_config_over_system(loading: Loader) -> None:
    assert loading({}, {"MoveLanes": 3}).move_lanes == 3
    assert loading({"MoveLanes": "4"}, {"MoveLanes": 3}).move_lanes == 4
    assert loading({"MoveLanes": "4"}, {"MoveLanes": 3}, {"MoveLanes": "5"}).move_lanes == 5


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("StoragFolder", "StorageFolder"),
        ("storage_folder", "StorageFolder"),
        ("FILEPATH", "FilePath"),
        ("Move-Lanes", "MoveLanes"),
        ("Dcm4cheBin", "DCM4CHEBin"),
    ],
)
def test_a_misspelt_key_names_the_likely_one(loading: Loader, misspelt: str, meant: str) -> None:
    assert problems(loading, {misspelt: "x"}) == (
        f"config.json: {misspelt}: unknown key; `{meant}` is probably meant",
    )


@pytest.mark.parametrize(
    ("config", "system", "complaint"),
    [
        ({"FilePath": "{00100020}/x.dcm"}, {}, "config.json: FilePath: "),
        ({"FilePath": "{00080018,hush}"}, {}, "character 11: `,hush` is not understood"),
        ({"StorageFolder": " "}, {}, "config.json: StorageFolder: "),
        ({"StorageFolder": "/"}, {}, "allowed: a folder below the root of the file system"),
        ({"FilePath": "CFIND"}, {}, "config.json: FilePath: "),
        (
            {"ExtractionType": "mrn"},
            {},
            "allowed: `empi_accession` or `empi` or `accession` or `empi_date` or `header`",
        ),
        ({"ExtractionType": None}, {}, "config.json: ExtractionType: missing; allowed: `empi_accession`, "),
        ({"ExtractionType": ""}, {}, 'ExtractionType: "" found; allowed: `empi_accession`, '),
        ({"DateType": "studydate"}, {}, "or `StudyYear`; `StudyDate` is probably meant"),
        ({"DateType": "StudyTime"}, {}, 'DateType: "StudyTime" found; allowed: the DICOM keyword of a date'),
        ({"RetrieveLevel": "IMAGE"}, {}, 'RetrieveLevel: "IMAGE" found; allowed: `STUDY` or `SERIES`'),
        ({"LongAccession": 1}, {}, "LongAccession: 1 found; allowed: true or false"),
        ({"DateFormat": "%Y%m"}, {}, "config.json: DateFormat: "),
        ({"DateFormat": "%Y%m%Q"}, {}, "config.json: DateFormat: "),
        ({"DateFormat": 5}, {}, "config.json: DateFormat: "),
        ({"AccessionIndex": -1}, {}, "a whole number from 0"),
        ({"AccessionIndex": None}, {}, "config.json: AccessionIndex: missing; allowed: a column number"),
        ({"ExtractionType": "empi_date"}, {}, "because ExtractionType `empi_date` needs it"),
        ({"PostProcessors": ["pgn"]}, {}, "`deidentify`, `command`; `png` is probably meant"),
        ({"PostProcessors": 5}, {}, "PostProcessors: 5 found; allowed: a list out of `metadata`, `png`"),
        ({"PostProcessors": ["png"], "FilePath": "CFIND-ONLY"}, {}, "an empty list where FilePath is"),
        ({"PostProcessors": ["png"]}, {"DestAet": "ELSEWHERE"}, "an empty list where the images go to"),
        ({"PostProcessors": ["command"]}, {}, "config.json: Command: missing; allowed: the site's command"),
        ({"Command": ["convert"]}, {}, 'Command: ["convert"] found; allowed: a list of words'),
        ({"MetadataStore": "mysql://user:secret@host/db"}, {}, "MetadataStore: a value found"),
        ({"OutputFolder": "study/out"}, {}, "allowed: a folder outside StorageFolder"),
        ({"OutputFolder": "."}, {}, "allowed: a folder that StorageFolder is not in"),
        ({"PngBits": 12}, {}, "PngBits: 12 found; allowed: 8 or 16"),
        ({"DeidentifyOptions": ["RetainFullDate"]}, {}, "`RetainFullDates` is probably meant"),
        ({"Featureset": 7}, {}, "Featureset: 7 found; allowed: a file, a folder of files"),
        ({"SendEmail": True}, {}, "YourEmail: missing; allowed: an address, because SendEmail is true"),
        ({"SendEmail": True, "YourEmail": "-oQ/tmp"}, {}, 'YourEmail: "-oQ/tmp" found; allowed: an address'),
        ({"MaxAttempts": 0}, {}, "MaxAttempts: 0 found"),
        ({"IdleTimeout": True}, {}, "IdleTimeout: true found; allowed: a number of seconds"),
        ({"IdleTimeout": "inf"}, {}, "IdleTimeout: "),
        ({"VerifyBy": "hash"}, {}, "allowed: `uid` or `count`"),
        ({"CsvFile": ["a"]}, {}, 'CsvFile: ["a"] found; allowed: a CSV file'),
        ({"CsvFile": "~nobody-of-that-name/x"}, {}, "there is no such home folder"),
        ({}, {"SrcAet": None}, "system.json: SrcAet: missing; allowed: AET@HOST:PORT"),
        ({}, {"SrcAet": []}, "SrcAet: [] found"),
        ({}, {"SrcAet": [{"aet": "A"}]}, "aet is none of these"),
        ({}, {"SrcAet": ["A@b:1", "A@B:1"]}, "each archive once"),
        ({}, {"SrcAet": [{"Archive": "A@b"}]}, "SrcAet: "),
        (
            {},
            {"SrcAet": [{"Archive": "A@b:1", "MoveLanes": 0}]},
            "MoveLanes: `auto`, or a whole number from 1 to 64",
        ),
        ({}, {"SrcAet": [{"Archive": "A@b:1", "DestAet": "a:b"}]}, "DestAet: an AE title of 1 to 16"),
        ({}, {"DestAet": "SEVENTEEN-LETTERS"}, "DestAet: "),
        ({}, {"LedgerFolder": 5}, "LedgerFolder: 5 found; allowed: a folder"),
        ({}, {"SrcAet": "PACS@host"}, "SrcAet: "),
        ({}, {"SrcAet": "PACS@ho st:104"}, "SrcAet: "),
        ({}, {"SrcAet": "PACS@host:0"}, "SrcAet: "),
        ({}, {"SrcAet": "@host:104"}, "SrcAet: "),
        ({}, {"SrcAet": "SEVENTEEN-LETTERS@host:104"}, "SrcAet: "),
        ({}, {"QueryAet": "QB\\X:104"}, "QueryAet: "),
        ({}, {"QueryAet": "QÉ:104"}, "QueryAet: "),
        ({}, {"QueryAet": "QB\t:104"}, "QueryAet: "),
        ({}, {"QueryAet": 104}, "QueryAet: "),
        ({}, {"MinFreeDisk": "10 KB"}, 'MinFreeDisk: "10 KB" found; allowed: a number of GB'),
        ({}, {"MinFreeDisk": "95%"}, 'MinFreeDisk: "95%" found'),
        ({}, {"FileMode": "0666"}, 'FileMode: "0666" found; allowed: an octal mode'),
        ({}, {"FileMode": "0440"}, 'FileMode: "0440" found'),
        ({}, {"FileMode": 640}, "FileMode: 640 found"),
        ({}, {"MinFreeDisk": -1}, "MinFreeDisk: -1 found"),
        ({}, {"MinFreeDisk": True}, "MinFreeDisk: true found"),
        ({}, {"EndHour": 9.5}, "EndHour: 9.5 found"),
        ({}, {"DCM4CHEBin": ""}, "DCM4CHEBin: "),
        ({}, {"JavaOptions": "a\nb"}, "JavaOptions: "),
    ],
)
def test_an_impossible_value_is_refused(
    loading: Loader, config: Mapping[str, Any], system: Mapping[str, Any], complaint: str
) -> None:
    (found,) = problems(loading, config, system)
    assert complaint in found
    assert "secret" not in found


@pytest.mark.parametrize(
    "off",
    [
        {"NightlyOnly": False, "LongAccession": "False", "SendEmail": ""},
        {"PostProcessors": [], "OutputFolder": "", "DeidentifyOptions": {}, "FirstAttr": None},
        {"MinFreeDisk": "0", "LedgerFolder": ""},
    ],
)
def test_a_key_of_a_later_version_may_be_off(loading: Loader, off: Mapping[str, Any]) -> None:
    night = {name: value for name, value in off.items() if name == "NightlyOnly"}
    config = {name: value for name, value in off.items() if name not in night}
    assert loading(config, night).nightly_only is False


@pytest.mark.parametrize(
    ("given", "bytes_of_1_tb"),
    [(10, 10e9), ("0", 0), (0.5, 0.5e9), ("500 mb", 500e6), ("2 TB", 2e12), ("2%", 20e9), ("1.5GB", 1.5e9)],
)
def test_room_on_a_disk_is_a_number_of_gb_or_says_its_unit(
    loading: Loader, given: object, bytes_of_1_tb: float
) -> None:
    assert loading({"MinFreeDisk": given}).min_free_disk.of(1e12) == bytes_of_1_tb


def test_a_file_mode_is_octal(loading: Loader) -> None:
    modes = [loading({"FileMode": text}).file_mode for text in ("0600", "640", "0644")]
    assert modes == [0o600, 0o640, 0o644]


def test_the_accession_alone_needs_one_column(loading: Loader) -> None:
    config = loading({"ExtractionType": "Accession", "PatientIndex": 1, "AccessionIndex": 1})
    assert config.columns == {"AccessionNumber": 1}


def test_patient_and_date_need_their_columns(loading: Loader) -> None:
    config = loading({"ExtractionType": "empi_date", "DateIndex": 4, "DateFormat": "%m/%d/%Y"})
    assert config.columns == {"PatientID": 0, "StudyDate": 4}


def test_the_date_of_a_patient_may_be_another_one_or_a_month(loading: Loader) -> None:
    dates = {"ExtractionType": "empi_date", "DateIndex": 1}
    assert loading(dates | {"DateType": "PatientBirthDate"}).columns == {
        "PatientID": 0,
        "PatientBirthDate": 1,
    }
    month = loading(dates | {"DateType": "StudyMonth"})
    assert month.columns == {"PatientID": 0, "StudyDate": 1}
    assert month.key_columns[1].name == "StudyMonth"


def test_an_archive_is_asked_with_our_own_titles_unless_it_says_otherwise(loading: Loader) -> None:
    config = loading({}, {"SrcAet": {"Archive": "A@b:1"}})
    (archive,) = config.archives
    assert archive == Archive(peer=config.src_aet[0], calling_aet="QBNIFFLER", destination="QBNIFFLER")
    assert config.src_aet == (Peer(aet="A", host="b", port=1),)
    assert config.listing is None


def test_the_keys_that_define_the_query_are_keys() -> None:
    assert {key.name for key in KEYS} >= DEFINING_KEYS
    assert not DEFINING_KEYS & {key.name for key in KEYS if key.file != "config.json"}


def test_the_same_configuration_has_the_same_digest_however_it_is_written(loading: Loader) -> None:
    first = loading({"IdleTimeout": 120, "NifflerSystem": "system.json"})
    second = loading({"IdleTimeout": "120.0", "AccessionIndex": "1"}, {"SrcAet": [SYSTEM["SrcAet"]]})
    assert first.digestible() == second.digestible()
    assert differences(first.digestible(), second.digestible()) == []
    assert all(isinstance(json.loads(value), object) for value in first.digestible().values())


def test_differences_name_key_and_both_values(loading: Loader) -> None:
    before, after = loading(), loading({"MoveLanes": 4, "JavaOptions": "-Xmx1g"})
    assert differences(before.digestible(), after.digestible()) == [
        'JavaOptions: was null, is "-Xmx1g"',
        'MoveLanes: was "auto", is 4',
    ]


def test_a_key_that_an_older_version_did_not_know_differs_only_when_it_is_set(loading: Loader) -> None:
    old = loading().digestible()
    for name in ("MoveLanes", "SendEmail", "FilePath"):
        del old[name]
    assert differences(old, loading().digestible()) == []
    assert differences(old, loading({"MoveLanes": 4}).digestible()) == ['MoveLanes: was "auto", is 4']


def test_every_key_is_described() -> None:
    assert len({key.name for key in KEYS}) == len(KEYS)
    for key in KEYS:
        assert key.help
        assert key.type
        assert key.attribute in Config.model_fields


def test_a_path_that_the_ledger_could_not_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="has to be UTF-8"):
        absolute("/tmp/st\udcff", Path("/"), "a folder")


def test_a_path_that_becomes_other_than_utf_8_by_the_folder_of_its_file_is_refused_as_well(
    loading: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    latin_1 = tmp_path / "caf\udce9"
    latin_1.mkdir()
    monkeypatch.chdir(latin_1)
    found = problems(loading)
    assert len(found) == 2
    assert "StorageFolder" in found[0]
    assert "CsvFile" in found[1]
    assert all("its whole path has to be UTF-8" in problem for problem in found)
