"""A job is done by its post-processor; what goes wrong with one file, or with all, is told apart."""

import builtins
import errno
import io
import json
import os
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from niffler_ops.deidentify.deidentifier import Deidentifier
from niffler_ops.errors import CannotWriteError, ConfigurationError
from niffler_ops.postprocess.job import Outcome, Processor, Verdict
from niffler_ops.postprocess.marker import Marker
from niffler_ops.postprocess.places import Places
from tests.support.dicomfiles import encode
from tests.unit.postprocess.workplace import NAME, SECRET, Workplace, picture

OF_FILES = [Processor.METADATA, Processor.PNG, Processor.DEIDENTIFY]
THREE = (1, 2, 3)

every = pytest.mark.parametrize("processor", OF_FILES)
every_but_one = pytest.mark.parametrize(
    "processor",
    [
        *OF_FILES[:2],
        pytest.param(Processor.DEIDENTIFY),
    ],
)


@pytest.fixture
def files(place: Workplace) -> list[str]:
    return [place.instance(number) for number in THREE]


def outputs(place: Workplace) -> dict[str, bytes]:
    return {
        str(path.relative_to(place.output)): path.read_bytes()
        for path in place.output.rglob("*")
        if path.is_file()
    }


def fragments(place: Workplace) -> dict[str, str]:
    folder = place.private / "fragments"
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.jsonl")}


def failures(place: Workplace) -> list[tuple[str, str]]:
    place.run(Processor.TABLES)
    return [(row["rule"], row["reason"]) for row in place.table("failures")]


def refuse(patch: pytest.MonkeyPatch, path: str) -> None:
    """Let the disk fail at this file."""
    for module in (builtins, io, os):

        def failing(file: Any, *rest: Any, _opening: Any = module.open, **options: Any) -> Any:
            if str(file) == path:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return _opening(file, *rest, **options)

        patch.setattr(module, "open", failing)


def die_at(place: Workplace, processor: Processor, files: list[str], file: str) -> None:
    """Leave a marker as a worker does that is killed at this file."""
    for reached, _ in Marker(Places.of(place.settings()).marker(processor, NAME)).each(files):
        if reached == file:
            return


@every_but_one
def test_every_file_of_a_job_is_worked_on(place: Workplace, files: list[str], processor: Processor) -> None:
    assert place.run(processor, *files) == Outcome(verdict=Verdict.DONE, files=3)
    assert failures(place) == []
    assert not list((place.private / "fragments" / "markers").iterdir())


@every
def test_a_job_done_again_gives_the_same(place: Workplace, files: list[str], processor: Processor) -> None:
    place.run(processor, *files)
    before = outputs(place), fragments(place)
    place.run(processor, *files)
    assert (outputs(place), fragments(place)) == before


@every
def test_nothing_that_leaves_identity_behind_names_anybody(
    place: Workplace, files: list[str], processor: Processor
) -> None:
    place.run(processor, *files)
    place.run(Processor.TABLES)
    made = outputs(place)
    originals = ("1.2.3.1", "1.2.3.2", "1.2.3.3")
    text = " ".join(made) + b"".join(made.values()).decode("latin-1")
    assert not [uid for uid in originals if uid in text]
    assert ("PatientID", SECRET) in {(row["attribute"], row["original"]) for row in place.table("linking")}


@every
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a DICOM file"),
        (b"not DICOM, and more than a preamble. " * 9, "not a DICOM file"),
        (bytes(128) + b"DICM", None),
        (encode(picture())[:200], None),
    ],
    ids=["empty", "another kind", "preamble only", "cut short"],
)
def test_a_file_that_cannot_be_read_costs_itself_and_no_other(
    place: Workplace, files: list[str], processor: Processor, content: bytes, reason: str | None
) -> None:
    bad = place.put("0.dcm", content)
    assert place.run(processor, bad, *files) == Outcome(verdict=Verdict.DONE, files=4, held=1)
    ((rule, told),) = failures(place)
    assert rule == "unreadable"
    if reason and processor is not Processor.DEIDENTIFY:
        assert told == reason


ENDLESS = struct.pack("<HH2sHL", 0x0040, 0x0275, b"SQ", 0, 0xFFFFFFFF)


@pytest.mark.parametrize(
    "processor",
    [
        pytest.param(Processor.PNG),
        Processor.METADATA,
        Processor.DEIDENTIFY,
    ],
)
def test_a_sequence_without_its_end_costs_its_file_and_no_other(
    place: Workplace, files: list[str], processor: Processor
) -> None:
    bad = place.put("0.dcm", encode(picture(PixelData=None)) + ENDLESS)
    assert place.run(processor, bad, *files) == Outcome(verdict=Verdict.DONE, files=4, held=1)


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
@pytest.mark.parametrize("processor", OF_FILES)
def test_an_instance_with_many_uids_costs_itself_and_no_other(
    place: Workplace, files: list[str], processor: Processor, keyword: str
) -> None:
    bad = place.put("0.dcm", picture(**{keyword: [f"1.2.3.{number}" for number in range(90)]}))
    assert place.run(processor, bad, *files) == Outcome(verdict=Verdict.DONE, files=4, held=1)


@pytest.mark.parametrize(
    "processor",
    [
        Processor.PNG,
        Processor.METADATA,
        pytest.param(Processor.DEIDENTIFY),
    ],
)
def test_an_empty_value_of_no_vr_costs_its_file_and_no_other(
    place: Workplace, files: list[str], processor: Processor
) -> None:
    content = encode(picture(OtherPatientIDs=""))
    tag = bytes([0x10, 0, 0, 0x10])
    assert content.count(tag + b"LO") == 1
    bad = place.put("0.dcm", content.replace(tag + b"LO", tag + b"L'"))
    outcome = place.run(processor, bad, *files)
    assert (outcome.verdict, outcome.files) == (Verdict.DONE, 4)


@every
def test_a_file_that_is_gone_is_told_without_its_name(
    place: Workplace, files: list[str], processor: Processor
) -> None:
    Path(files[1]).unlink()
    assert place.run(processor, *files) == Outcome(verdict=Verdict.DONE, files=3, held=1)
    ((rule, told),) = failures(place)
    assert rule == "unreadable"
    assert "No such file" in told
    assert "2.dcm" not in told


@every
def test_a_file_that_cannot_be_read_just_now_is_told_and_the_study_to_be_tried_again(
    place: Workplace, files: list[str], processor: Processor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        refuse(patch, files[1])
        outcome = place.run(processor, *files)
        assert outcome.verdict is Verdict.FAILED
        assert outcome.reason.startswith("1 files could not be read")
        assert failures(place) == [("unreadable", "Input/output error")]
    assert place.run(processor, *files) == Outcome(verdict=Verdict.DONE, files=3)
    assert failures(place) == []


@every
@pytest.mark.parametrize("first_is_cut_short", [False, True])
def test_of_two_files_with_one_sop_instance_uid_the_first_good_one_counts_and_the_other_is_told(
    place: Workplace, processor: Processor, *, first_is_cut_short: bool
) -> None:
    files = [place.put(f"{n}.dcm", picture(pixels=bytes([n]) * 48)) for n in range(3)]
    shutil.copy(files[1], place.root / "3.dcm")
    if first_is_cut_short:
        os.truncate(files[0], Path(files[0]).stat().st_size - 8)
    first_is_bad = first_is_cut_short and processor is not Processor.METADATA
    outcome = place.run(processor, *files, str(place.root / "3.dcm"))
    rules = ["unreadable", "duplicate-instance"] if first_is_bad else ["duplicate-instance"] * 3
    assert outcome == Outcome(verdict=Verdict.DONE, files=4, held=len(rules))
    assert [rule for rule, _ in failures(place)] == rules
    if processor is Processor.DEIDENTIFY:
        (name,) = place.made(".dcm")
        assert dcmread(place.output / name).PixelData == bytes([int(first_is_bad)]) * 48
    else:
        assert len(place.table("metadata")) == 1
    if processor is Processor.PNG:
        assert len(place.made(".png")) == len(place.table("mapping")) == 1


@every
def test_copies_of_a_file_are_no_failure(place: Workplace, files: list[str], processor: Processor) -> None:
    shutil.copy(files[0], place.root / "9.dcm")
    outcome = place.run(processor, *files, str(place.root / "9.dcm"))
    assert outcome == Outcome(verdict=Verdict.DONE, files=4)
    assert failures(place) == []
    made = place.made(".png") or place.made(".dcm") or place.table("metadata")
    assert len(made) == 3


@every_but_one
def test_a_file_at_which_two_workers_died_is_held_and_the_others_are_worked_on(
    place: Workplace, files: list[str], processor: Processor
) -> None:
    for _ in range(2):
        die_at(place, processor, files, files[1])
    assert place.run(processor, *files) == Outcome(verdict=Verdict.DONE, files=3, held=1)
    assert failures(place) == [("deadly", "the worker died at this file twice")]
    assert place.run(processor, *files) == Outcome(verdict=Verdict.DONE, files=3)
    assert failures(place) == []


@every
def test_a_study_without_files_is_done(place: Workplace, processor: Processor) -> None:
    assert place.run(processor) == Outcome(verdict=Verdict.DONE)
    assert fragments(place) == {}


@pytest.mark.parametrize(
    "settings",
    [
        {"options": ("RetainEverything",)},
        {"options": ("RetainFullDates", "RetainModifiedDates")},
        {"device_recipes": "/not/there"},
    ],
    ids=["option", "options", "recipe"],
)
@pytest.mark.parametrize(
    "processor",
    [
        *(pytest.param(one) for one in (Processor.METADATA, Processor.PNG)),
        Processor.DEIDENTIFY,
    ],
)
def test_wrong_settings_end_the_run_and_not_the_file(
    place: Workplace, files: list[str], processor: Processor, settings: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError):
        place.run(processor, *files, **settings)


@every
def test_a_key_that_cannot_be_used_ends_the_run(
    place: Workplace, files: list[str], processor: Processor
) -> None:
    with pytest.raises(ConfigurationError, match="pseudonym key"):
        place.run(processor, *files, secret=str(place.root))


@pytest.mark.parametrize(
    "processor",
    [
        Processor.METADATA,
        pytest.param(Processor.PNG),
    ],
)
def test_a_wrong_featureset_ends_the_run(
    place: Workplace, files: list[str], processor: Processor, tmp_path: Path
) -> None:
    (tmp_path / "ct.txt").write_text("NoSuchKeyword\n")
    with pytest.raises(ConfigurationError, match="NoSuchKeyword"):
        place.run(processor, *files, featuresets=(str(tmp_path / "ct.txt"),))


@every
def test_a_folder_that_cannot_be_written_ends_the_run(
    place: Workplace, files: list[str], processor: Processor
) -> None:
    place.output.write_text("a file where the folder should be")
    with pytest.raises((OSError, CannotWriteError)):
        place.run(processor, *files)


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("processor", [Processor.PNG, Processor.DEIDENTIFY])
def test_a_link_in_output_folder_is_named_and_neither_written_through_nor_emptied(
    place: Workplace, files: list[str], tmp_path: Path, processor: Processor, depth: int
) -> None:
    place.run(processor, *files)
    (made, *_) = (place.output / name for name in outputs(place))
    link = place.output.joinpath(*made.relative_to(place.output).parts[:depth])
    elsewhere = tmp_path / "elsewhere"
    link.rename(elsewhere)
    before = {path: path.stat().st_mtime_ns for path in elsewhere.rglob("*")}
    link.symlink_to(elsewhere)
    for left in (files, ()):
        with pytest.raises(CannotWriteError, match=f"^{link}: it is a link"):
            place.run(processor, *left)
    assert {path: path.stat().st_mtime_ns for path in elsewhere.rglob("*")} == before


@pytest.mark.parametrize("processor", [Processor.PNG, Processor.DEIDENTIFY])
def test_an_output_folder_that_is_a_link_itself_is_what_somebody_chose(
    place: Workplace, files: list[str], tmp_path: Path, processor: Processor
) -> None:
    (tmp_path / "chosen").mkdir()
    place.output.symlink_to(tmp_path / "chosen")
    assert place.run(processor, *files).held == 0
    assert len(outputs(place)) == len(files)


def test_pydicom_says_nothing_of_what_is_in_a_file(
    place: Workplace, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    file = place.put("1.dcm", encode(picture(StudyDate="20010203")).replace(b"20010203", b"MILLER^A"))
    for processor in OF_FILES:
        place.run(processor, file)
    assert "MILLER" not in caplog.text + "".join(capfd.readouterr())
    assert "MILLER" not in json.dumps([str(name) for name in outputs(place)])


def test_a_decoder_that_panics_costs_its_file_and_no_other(
    place: Workplace, files: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    path = get_testdata_file("MR_small_RLE.dcm", download=False)
    assert isinstance(path, str)
    content = Path(path).read_bytes()
    place_of_damage = len(content) * 3 // 4
    damage = bytes([0xFF, 0xD9, 1, 2, 3]) * 40
    bad = place.put("0.dcm", content[:place_of_damage] + damage + content[place_of_damage + len(damage) :])
    try:
        outcome = place.run(Processor.PNG, bad, *files)
    except BaseException as error:  # noqa: BLE001 - it is no Exception
        pytest.fail(type(error).__name__)
    finally:
        capfd.readouterr()
    assert outcome == Outcome(verdict=Verdict.DONE, files=4, held=1)


@pytest.mark.parametrize("processor", OF_FILES[:2])
def test_a_defect_in_one_file_is_held_with_the_kind_of_the_error_and_not_its_text(
    place: Workplace, files: list[str], processor: Processor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Deidentifier, "dataset", _raising)
    assert place.run(processor, *files) == Outcome(verdict=Verdict.DONE, files=3, held=3)
    assert failures(place) == [("unreadable", "it cannot be read (LookupError)")] * 3


def _raising(*_: object) -> None:
    raise LookupError(SECRET)
