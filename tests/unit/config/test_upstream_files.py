"""Files in the shapes that Niffler has had mean here what they meant there, or the replacement is named."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from niffler_ops import intake
from niffler_ops.cli.png_json import read_png_json
from niffler_ops.config import Config, load
from niffler_ops.config.receiver import load_meta
from niffler_ops.errors import ConfigurationError
from niffler_ops.metadata import store_url
from tests.support.upstream import COMMON, CONCURRENT, EARLIER, LATER, META, PNG, SYSTEM

Given = Callable[..., Config]


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Given:
    """Loads these files from the folder in which Niffler's module would have been started."""
    monkeypatch.chdir(tmp_path)

    def loading(
        config: Mapping[str, Any],
        csv: str = "PatientID\nP1\n",
        system: Mapping[str, Any] = SYSTEM,
        **options: str,
    ) -> Config:
        Path("csv").mkdir(exist_ok=True)
        Path("csv/cohort.csv").write_text(csv)
        Path("config.json").write_text(json.dumps(config, indent="\t"))
        Path("system.json").write_text(json.dumps(system, indent="\t"))
        return load(None, None, options)

    return loading


def keys(config: Config) -> list[dict[str, str]]:
    return [dict(row.keys) for row in intake.read_rows(config)]


def problems(given: Given, *arguments: Any, **options: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        given(*arguments, **options)
    return "\n".join(caught.value.problems)


@pytest.mark.parametrize(
    ("changes", "csv", "asked"),
    [
        ({}, "EMPI,Accession\n007,A20B\n", {"PatientID": "007", "AccessionNumber": "A20B"}),
        ({"ExtractionType": "empi"}, "EMPI,Name\n007,x\n", {"PatientID": "007"}),
        (
            {"ExtractionType": "accession", "AccessionIndex": 0},
            "Accession\nA20B\n",
            {"AccessionNumber": "A20B"},
        ),
        (
            {"ExtractionType": "empi_date"},
            "EMPI, Study Date\n007,20180723\n",
            {"PatientID": "007", "StudyDate": "20180723"},
        ),
        (
            {"ExtractionType": "empi_date", "DateType": "AcquisitionDate", "DateFormat": "%m-%d-%y"},
            "EMPI,Date\n007,07-23-18\n",
            {"PatientID": "007", "AcquisitionDate": "20180723"},
        ),
    ],
)
def test_the_earlier_form_asks_for_the_same(
    given: Given, changes: dict[str, Any], csv: str, asked: dict[str, str]
) -> None:
    assert keys(given(EARLIER | changes, csv)) == [asked]


TWO = {"NumberOfQueryAttributes": 2, "SecondIndex": 1}
MONTH = {"PatientID": "007", "StudyDate": "20240201-20240229"}


@pytest.mark.parametrize(
    ("changes", "csv", "asked"),
    [
        ({}, "PatientID\n007\n", {"PatientID": "007"}),
        (TWO, "PatientID,AccessionNumber\n007,A20B\n", {"PatientID": "007", "AccessionNumber": "A20B"}),
        (
            TWO | {"SecondAttr": "StudyInstanceUID"},
            "PatientID,StudyInstanceUID\n007,1.2.3\n",
            {"PatientID": "007", "StudyInstanceUID": "1.2.3"},
        ),
        (
            TWO | {"NumberOfQueryAttributes": 3, "ThirdIndex": 2, "DateFormat": "%%m%d%y"},
            "PatientID,AccessionNumber,StudyDate\n007,A20B,072318\n",
            {"PatientID": "007", "AccessionNumber": "A20B", "StudyDate": "20180723"},
        ),
        (TWO | {"SecondAttr": "StudyMonth"}, "PatientID,StudyMonth\n007,202402\n", MONTH),
        # Niffler renamed the column, so that its users wrote StudyDate and the format of what it made of it.
        (
            TWO | {"SecondAttr": "StudyDate", "DateFormat": "%Y-%m-%d"},
            "PatientID, StudyMonth\n007,202402\n",
            MONTH,
        ),
        (
            {"FirstAttr": "AccessionNumber", "LongAccession": True},
            "AccessionNumber\nABCDEFG20240001234\n",
            {"AccessionNumber": "ABCDEFG240001234"},
        ),
    ],
)
def test_the_later_form_asks_for_the_same(
    given: Given, changes: dict[str, Any], csv: str, asked: dict[str, str]
) -> None:
    assert keys(given(LATER | changes, csv)) == [asked]


def test_a_column_that_is_taken_for_months_by_its_header_is_told(given: Given) -> None:
    config = given(LATER | TWO | {"SecondAttr": "StudyDate"}, "PatientID,StudyMonth\n007,202402\n")
    (warning,) = intake.check(config).warnings
    assert "column 1 is called StudyMonth" in warning


def test_the_system_file_means_the_same(given: Given) -> None:
    config = given(LATER)
    assert config.dcm4che_bin == SYSTEM["DCM4CHEBin"]
    assert (str(config.src_aet[0]), str(config.query_aet)) == (SYSTEM["SrcAet"], SYSTEM["QueryAet"])
    assert (config.nightly_only, config.start_hour, config.end_hour) == (True, 19, 7)
    assert not config.sends_elsewhere
    assert config.csv_file == Path.cwd() / "csv/cohort.csv"
    assert given(LATER, system=SYSTEM | {"NightlyOnly": "False"}).nightly_only is False


def test_what_has_no_effect_any_more_is_told(given: Given) -> None:
    notes = "\n".join(given(LATER).notes)
    assert "NifflerID: accepted without effect" in notes
    assert [name for name in LATER if f"{name}: not asked for" in notes] == [
        "SecondAttr",
        "SecondIndex",
        "ThirdAttr",
        "ThirdIndex",
    ]


def test_the_options_of_its_command_line_are_ours(given: Given) -> None:
    options = {"NumberOfQueryAttributes": "1", "FirstAttr": "AccessionNumber", "FirstIndex": "1"}
    config = given(LATER, "EMPI,Accession\n007,A20B\n", SendEmail="false", **options)
    assert keys(config) == [{"AccessionNumber": "A20B"}]


@pytest.mark.parametrize("mode", ["CFIND-ONLY", "CFIND-DETAILED"])
def test_the_lists_are_asked_for_in_the_same_way(given: Given, mode: str) -> None:
    assert str(given(LATER | {"FilePath": mode}).listing) == mode


def test_keys_of_a_week_in_2021_are_answered_with_those_that_replaced_them(given: Given) -> None:
    old = EARLIER | {
        "ExtractionType": "any_any",
        "FirstAnyType": "EMPI",
        "FirstAnyIndex": 0,
        "SecondAnyType": "StudyDate",
        "SecondAnyIndex": 1,
    }
    found = problems(given, old)
    for name in ("FirstAnyType", "FirstAnyIndex", "SecondAnyType", "SecondAnyIndex"):
        wanted = name.replace("AnyType", "Attr").replace("Any", "")
        assert f"{name}: unknown key; `{wanted}` is probably meant" in found
    found = problems(given, COMMON | {"FirstType": "PatientID", "FirstIndex": 0, "ThirdType": "StudyDate"})
    assert "FirstType: unknown key; `FirstAttr` is probably meant" in found
    assert "ThirdType: unknown key; `ThirdAttr` is probably meant" in found


def test_what_never_worked_is_refused_with_the_remedy(given: Given) -> None:
    assert "`AccessionNumber` is probably meant" in problems(given, LATER | TWO | {"SecondAttr": "Accession"})
    assert "from 1 to 3" in problems(given, LATER | {"NumberOfQueryAttributes": 4})
    found = problems(given, LATER, system=SYSTEM | CONCURRENT)
    assert "QueryAet" in found
    assert "DestAet" in found


def test_a_mail_is_asked_for_in_the_same_way(given: Given) -> None:
    config = given(LATER | {"SendEmail": True})
    assert config.send_email
    assert config.your_email == ("nobody@example.org",)


def png(folder: Path, **changes: Any) -> Any:
    (folder / "config.json").write_text(json.dumps(PNG | changes))
    return read_png_json(folder / "config.json")


def test_the_png_file_means_the_same(tmp_path: Path) -> None:
    known = png(tmp_path)
    assert (known.source, known.output) == (Path("/data/cohort"), Path("/data/pictures"))
    assert (known.draw, known.bits, known.flatten, known.workers) == (True, 16, "patient", 0)


@pytest.mark.parametrize(("cores", "workers"), [(8, 4), (1, 1)])
def test_half_of_the_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int, workers: int) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert png(tmp_path, UseProcesses=0.5).workers == workers
    assert png(tmp_path, UseProcesses="0.5").workers == workers


def test_specific_headers_are_those_of_the_featureset_beside_the_file(tmp_path: Path) -> None:
    assert png(tmp_path, SpecificHeadersOnly=True).featuresets == ()
    (tmp_path / "featureset.txt").write_text("Modality\n")
    assert png(tmp_path).featuresets == ()
    assert png(tmp_path, SpecificHeadersOnly=True).featuresets == (str(tmp_path / "featureset.txt"),)
    other = png(tmp_path, SpecificHeadersOnly=True, Featureset="other.txt")
    assert other.featuresets == (str(tmp_path / "other.txt"),)


@pytest.mark.parametrize(
    ("name", "replacement"),
    [
        ("UseHalfOfTheProcessorsOnly", '"UseProcesses": 0.5'),
        ("UseProcessors", "UseProcesses"),
        ("FlattenedToPatientLevel", '"FlattenedToLevel": "patient"'),
    ],
)
def test_png_keys_of_earlier_years_are_answered_with_those_that_replaced_them(
    tmp_path: Path, name: str, replacement: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        png(tmp_path, **{name: True})
    (problem,) = caught.value.problems
    assert problem.endswith(f"{name}: is now {replacement}")


def test_the_receivers_file_means_the_same(tmp_path: Path) -> None:
    (tmp_path / "system.json").write_text(json.dumps(META))
    config = load_meta(tmp_path / "system.json")
    assert config.dcm4che_bin == META["DCM4CHEBin"]
    assert [str(local) for local in config.local_entities] == [META["QueryAet"]]
    assert config.storage_folder == Path(META["StorageFolder"])
    assert str(config.file_path) == META["FilePath"]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (
            "user:word@localhost:27017/",
            "mongodb://user:word@localhost:27017/ScannersInfo?authSource=admin",
        ),
        ("user:word@mongo:27017", "mongodb://user:word@mongo:27017/ScannersInfo?authSource=admin"),
        ("localhost:27017/", "mongodb://localhost:27017/ScannersInfo"),
        (
            "user:word@a:1,b:2/?replicaSet=x",
            "mongodb://user:word@a:1,b:2/ScannersInfo?replicaSet=x&authSource=admin",
        ),
        (
            "user:word@host/?authSource=site",
            "mongodb://user:word@host/ScannersInfo?authSource=site",
        ),
    ],
)
def test_the_environments_store_is_reached_with_the_account_that_reached_it(given: str, meant: str) -> None:
    """Without a database in the URL MongoDB looks for the account in `admin`, with one in that."""
    assert store_url("", {"MONGO_URI": given}) == meant
