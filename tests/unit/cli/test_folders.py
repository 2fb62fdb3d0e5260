"""niffler-png, niffler-metadata and niffler-deidentify: options, exit statuses, and what they say."""

import csv
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from niffler_ops.cli import deidentify, metadata, png
from niffler_ops.cli.folders import absolute, beside
from niffler_ops.clock import SystemClock
from niffler_ops.config.postprocessing import DEFAULT_OPTIONS
from niffler_ops.errors import StoppedError
from niffler_ops.postprocess.crew import Hire, plain_site
from niffler_ops.postprocess.folder import Summary
from niffler_ops.postprocess.job import Processor, Settings
from niffler_ops.processes.launcher import Launcher
from tests.support.dicomfiles import encode
from tests.unit.postprocess.workplace import picture

MAINS = {"png": png.main, "metadata": metadata.main, "deidentify": deidentify.main}


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What commands change of their process is put back."""
    monkeypatch.delenv("MONGO_URI", raising=False)
    umask = os.umask(0o022)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    os.umask(umask)


class Command:
    """Runs commands in this process, on the folder IN beside OUT."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.originals, self.output = folder / "IN", folder / "OUT"
        self._capsys = capsys
        self.out = self.err = ""

    def put(self, name: str, content: bytes | None = None, **elements: Any) -> Path:
        """Make an original."""
        path = self.originals / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(picture(**elements)) if content is None else content)
        return path

    def __call__(self, name: str, *arguments: object) -> int:
        status = MAINS[name]([*map(str, arguments)])
        self.out, self.err = self._capsys.readouterr()
        return status


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(tmp_path, capsys)


class Recorded:
    """Stands for a run over a folder: remembers what it was told, and comes to `summary`."""

    def __init__(self) -> None:
        self.processor: Processor | None = None
        self.settings = Settings(root="", output="", private="", secret="")
        self.workers = 0
        self.summary = Summary()
        self.error: Exception | None = None

    def __call__(
        self, processor: Processor, settings: Settings, _clock: object, _watcher: object, *, hire: Hire
    ) -> "Recorded":
        launcher, private = Launcher(), Path(settings.private)
        site = plain_site(launcher, SystemClock(), folder=private / "requests", shared=private, timeout=60.0)
        self.processor, self.settings, self.workers = processor, settings, hire(site).size
        return self

    def run(self) -> Summary:
        if self.error is not None:
            raise self.error
        return self.summary

    def ask_to_stop(self) -> None:
        self.error = StoppedError("Stopped.")


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    made = Recorded()
    monkeypatch.setattr("niffler_ops.cli.folders.FolderRun", made)
    return made


def test_what_is_not_said_is_as_the_documentation_has_it(command: Command, recorded: Recorded) -> None:
    assert command("png", "IN", "OUT") == 0
    folder = command.folder
    assert recorded.processor is Processor.PNG
    assert recorded.workers == (os.cpu_count() or 1)
    assert recorded.settings == Settings(
        root=f"{folder}/IN",
        output=f"{folder}/OUT",
        private=f"{folder}/IN/.niffler",
        secret=f"{folder}/IN/.niffler/pseudonym.key",
        options=DEFAULT_OPTIONS,
        everything=True,
    )


def test_the_common_options_mean_the_same_to_all(command: Command, recorded: Recorded) -> None:
    common = (
        "--private",
        "P",
        "--key",
        "K",
        "--options",
        " CleanDescriptors, ,RetainFullDates",
        "--workers",
        3,
    )
    folder = command.folder
    for name, arguments in {
        "png": ("IN", "OUT"),
        "metadata": ("IN", "--output", "OUT"),
        "deidentify": ("IN", "OUT"),
    }.items():
        assert command(name, *arguments, *common, "--device-recipes", "D") == 0
        told = recorded.settings
        assert recorded.processor == name
        assert recorded.workers == 3
        assert (told.root, told.output) == (f"{folder}/IN", f"{folder}/OUT")
        assert (told.private, told.secret, told.device_recipes) == (
            f"{folder}/P",
            f"{folder}/K",
            f"{folder}/D",
        )
        assert told.options == ("CleanDescriptors", "RetainFullDates")


def test_no_option_of_the_profile_is_the_bare_profile(command: Command, recorded: Recorded) -> None:
    assert command("deidentify", "IN", "OUT", "--options", "") == 0
    assert recorded.settings.options == ()


@pytest.mark.parametrize(
    ("arguments", "attribute", "value"),
    [
        (["--bits", "16"], "bits", 16),
        (["--values", "raw"], "values", "raw"),
        (["--flatten", "patient"], "flatten", "patient"),
        (["--files-per-folder", "500"], "files_per_folder", 500),
        (["--files-per-folder", "0"], "files_per_folder", 0),
        (["--featureset", "/sets/ct.txt"], "featuresets", ("/sets/ct.txt",)),
        (["--featureset", "/sets/ct.txt"], "everything", False),
    ],
)
def test_how_pictures_are_drawn(
    command: Command, recorded: Recorded, arguments: list[str], attribute: str, value: object
) -> None:
    assert command("png", "IN", "OUT", *arguments) == 0
    assert getattr(recorded.settings, attribute) == value


def test_png_json_may_say_everything_and_the_command_line_has_the_last_word(
    command: Command, recorded: Recorded
) -> None:
    keys = {"DICOMHome": "A", "OutputDirectory": "B", "is16Bit": True, "FlattenedToLevel": "study"}
    Path("png.json").write_text(json.dumps(keys | {"UseProcesses": 2, "Depth": 1, "PrintImages": False}))
    assert command("png", "--config", "png.json") == 0
    told = recorded.settings
    assert (told.root, told.output) == (f"{command.folder}/A", f"{command.folder}/B")
    assert (told.bits, told.flatten, told.draw, recorded.workers) == (16, "study", False, 2)
    assert command.out.startswith("png.json: Depth: accepted without effect: ")
    assert command("png", "IN", "OUT", "--config", "png.json", "--bits", 8, "--flatten", "patient") == 0
    told = recorded.settings
    assert (told.root, told.output) == (f"{command.folder}/IN", f"{command.folder}/OUT")
    assert (told.bits, told.flatten) == (8, "patient")


def test_the_command_line_has_the_last_word_about_workers_too(command: Command, recorded: Recorded) -> None:
    Path("png.json").write_text(json.dumps({"UseProcesses": 2}))
    assert command("png", "IN", "OUT", "--config", "png.json", "--workers", 1) == 0
    assert recorded.workers == 1


@pytest.mark.parametrize(
    ("keys", "everything", "common"),
    [
        ({}, True, False),
        ({"SpecificHeadersOnly": True}, False, False),
        ({"Featureset": "ct.txt"}, False, False),
        ({"CommonHeadersOnly": True}, True, True),
    ],
)
def test_which_columns_png_json_asks_for(
    command: Command, recorded: Recorded, keys: dict[str, object], *, everything: bool, common: bool
) -> None:
    Path("png.json").write_text(json.dumps(keys))
    assert command("png", "IN", "OUT", "--config", "png.json") == 0
    assert (recorded.settings.everything, recorded.settings.common) == (everything, common)


@pytest.mark.parametrize("place", ["/proc/nowhere/store.sqlite", "IN/one.dcm/store.sqlite", "/proc"])
def test_a_store_whose_file_cannot_be_made_is_told_at_once(command: Command, place: str) -> None:
    command.put("one.dcm")
    assert command("metadata", "IN", "--store", f"sqlite:///{place}") == 73
    assert place in command.err
    assert "another MetadataStore" in command.err


def test_where_records_go(command: Command, recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = command.folder
    assert command("metadata", "IN") == 0
    assert recorded.settings.store == f"sqlite:///{folder}/IN/.niffler/metadata.sqlite"
    assert recorded.settings.output == f"{folder}/IN-deidentified"
    assert command("metadata", "IN", "--private", "P") == 0
    assert recorded.settings.store == f"sqlite:///{folder}/P/metadata.sqlite"
    assert command("metadata", "IN", "--store", "sqlite:///records.sqlite", "--parquet") == 0
    assert recorded.settings.store == f"sqlite:///{folder}/records.sqlite"
    assert recorded.settings.parquet
    assert f"Records: sqlite:///{folder}/records.sqlite; table: {folder}/IN-deidentified/" in command.out
    monkeypatch.setenv("MONGO_URI", "mongodb://user:swordfish@localhost:1/research")
    assert command("metadata", "IN", "--featureset", "a.txt", "--featureset", "b.txt") == 0
    assert recorded.settings.featuresets == (f"{folder}/a.txt", f"{folder}/b.txt")
    assert "Records: mongodb://localhost:1/research;" in command.out
    assert "swordfish" not in command.out + command.err


@pytest.mark.parametrize("name", MAINS)
def test_what_came_of_it_is_told_with_the_exit_status(
    command: Command, recorded: Recorded, name: str
) -> None:
    arguments = ("IN", "--output", "OUT") if name == "metadata" else ("IN", "OUT")
    recorded.summary = Summary(done=2, skipped=1)
    assert command(name, *arguments) == 0
    assert command.out.startswith("2 studies worked on, 1 had been done before. ")
    assert "lost records" not in command.out
    recorded.summary = Summary(done=3, refilled=True)
    assert command(name, *arguments) == 0
    assert command.out.endswith(
        "The store had lost records that were in it before: everything was stored again.\n"
    )
    recorded.summary = Summary(held=4)
    assert command(name, *arguments) == 3
    assert f"\n4 files came to nothing: {command.folder}/OUT/failures.csv says why.\n" in command.out
    recorded.summary = Summary(failed=1, reasons=("its worker died",))
    assert command(name, *arguments) == 3
    assert command.out.endswith("\n1 studies failed: its worker died\n")


def test_progress_is_for_terminals(command: Command, recorded: Recorded) -> None:
    assert command("png", "IN", "OUT") == 0
    assert recorded.processor is Processor.PNG
    assert command.err == ""


def test_a_signal_stops_in_order(command: Command, recorded: Recorded) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        assert command("png", "IN", "OUT") == 0
        handler = signal.getsignal(number)
        assert callable(handler)
        handler(number, None)
        assert command("png", "IN", "OUT") == 75
        assert "Stopped." in command.err
        recorded.error = None


@pytest.mark.parametrize(
    ("name", "arguments", "status", "told"),
    [
        ("png", [], 64, "INPUT and OUTPUT are needed"),
        ("png", ["IN"], 64, "INPUT and OUTPUT are needed"),
        ("png", ["IN", "OUT", "--bits", "12"], 64, "--bits"),
        ("png", ["IN", "OUT", "--values", "some"], 64, "--values"),
        ("png", ["IN", "OUT", "--workers", "0"], 64, "--workers"),
        ("png", ["IN", "OUT", "--executor", "tcp://host:1"], 64, "allowed: `dask://HOST:PORT`"),
        ("png", ["IN", "OUT", "--files-per-folder", "-1"], 64, "--files-per-folder"),
        ("png", ["IN", "OUT", "--flatten", "instance"], 64, "--flatten"),
        ("png", ["IN", "OUT", "--config", "none.json"], 78, "none.json: there is no such file"),
        ("png", ["IN", "OUT", "--options", "RetainEverything"], 64, "RetainEverything"),
        ("metadata", [], 64, "INPUT"),
        ("metadata", ["IN", "--store", "mysql://x"], 64, "sqlite:///PATH or mongodb://"),
        ("metadata", ["IN", "--options", "RetainFullDates,RetainModifiedDates"], 64, "RetainFullDates"),
        ("deidentify", [], 64, "INPUT and OUTPUT"),
        ("deidentify", ["IN"], 64, "INPUT and OUTPUT"),
        ("deidentify", ["IN", "OUT", "--check", "OUT"], 64, "INPUT and OUTPUT"),
        ("deidentify", ["IN", "--check", "OUT", "--reidentify", "N1"], 64, "INPUT and OUTPUT"),
        ("deidentify", ["--check", "OUT"], 64, "Name the originals too"),
        ("deidentify", ["--reidentify", "N1"], 64, "INPUT or --private"),
        ("deidentify", ["IN", "--reidentify", "N1"], 66, "nothing is linked"),
        ("deidentify", ["IN", "--check", "NONE"], 66, "there is no such folder"),
        ("deidentify", ["--check", "NONE-deidentified"], 66, "there is no such folder"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_done(
    command: Command, recorded: Recorded, name: str, arguments: list[str], status: int, told: str
) -> None:
    command.output.mkdir()
    assert command(name, *arguments) == status
    assert told in command.err
    assert "Traceback" not in command.err
    assert recorded.processor is None


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["NONE", "OUT"], 66, "there is no such folder"),
        (["IN", "IN"], 64, "has to stand beside"),
        (["IN", "IN/OUT"], 64, "has to stand beside"),
        (["IN", "."], 64, "has to stand beside"),
        (["IN", "OUT"], 66, "there is no DICOM file in it"),
    ],
)
def test_a_folder_that_cannot_be_worked_on_is_told(
    command: Command, arguments: list[str], status: int, told: str
) -> None:
    command.put("notes.txt", b"no DICOM")
    assert command("png", *arguments) == status
    assert told in command.err


@pytest.mark.parametrize(
    "arguments", [["--private", "OUT"], ["--private", "OUT/private"], ["--key", "OUT/pseudonym.key"]]
)
def test_what_is_private_never_stands_in_output(
    command: Command, recorded: Recorded, arguments: list[str]
) -> None:
    assert command("png", "IN", "OUT", *arguments) == 64
    assert recorded.processor is None


def test_all_three_on_one_folder_and_the_way_back(command: Command) -> None:
    command.put("a/1.dcm", PatientName="MILLER^ANN")
    shown: dict[str, Any] = {"BurnedInAnnotation": "YES", "pixels": bytes(range(100, 148))}
    command.put("b/2.dcm", StudyInstanceUID="1.3", SOPInstanceUID="1.2.3.9", **shown)
    assert command("png", "IN", "OUT") == 3
    assert command("metadata", "IN", "--output", "OUT") == 0
    assert command("deidentify", "IN", "OUT") == 3
    assert command.out.startswith("2 studies worked on, 0 had been done before. ")
    assert len(list(command.output.rglob("*.png"))) == len(list(command.output.rglob("*.dcm"))) == 1
    with (command.output / "metadata.csv").open(encoding="utf-8", newline="") as stream:
        patients = {row["PatientID"] for row in csv.DictReader(stream)}
    (pseudonym,) = patients
    assert command("deidentify", "IN", "--reidentify", f" {pseudonym} ") == 0
    assert "PatientID: P1\n" in command.out
    assert command("deidentify", "IN", "--check", "OUT") == 0
    assert "are of none of these originals" not in command.out
    assert command.output.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("name", "kind"), [("png", "png"), ("deidentify", "dcm")])
def test_a_study_that_is_gone_leaves_what_was_made_of_it_and_is_told_of(
    command: Command, name: str, kind: str
) -> None:
    for number in (1, 2):
        command.put(f"{number}.dcm", StudyInstanceUID=f"1.{number}", SOPInstanceUID=f"1.2.3.{number}")
    assert command(name, "IN", "OUT") == 0
    assert "any more" not in command.out
    before = {*command.output.rglob(f"*.{kind}")}
    (command.originals / "2.dcm").unlink()
    assert command(name, "IN", "OUT") == 0
    assert command.out.startswith("0 studies worked on, 1 had been done before. ")
    assert (
        f"\n1 studies are not in {command.originals} any more: what was made of them stays.\n" in command.out
    )
    assert {*command.output.rglob(f"*.{kind}")} == before
    assert len(before) == 2
    assert command("deidentify", "IN", "--check", "OUT") == 0
    assert "\n1 DICOM files and pictures are of none of these originals: " in command.out


def test_places_are_absolute_and_links_stay_as_they_are(command: Command) -> None:
    command.originals.mkdir()
    Path("LINK").symlink_to(command.originals)
    assert absolute(Path("LINK/../x")) == command.folder / "x"
    assert absolute(Path("LINK")) == command.folder / "LINK"
    assert beside(Path("LINK/")) == command.folder / "LINK-deidentified"
