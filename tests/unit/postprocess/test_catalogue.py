"""What is DICOM is found once, grouped by study, and remembered from run to run."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from niffler_ops.postprocess import catalogue as module
from niffler_ops.postprocess.catalogue import Catalogue, Study
from tests.support.dicomfiles import encode
from tests.unit.postprocess.workplace import Workplace, picture

PNG = "png"


@contextmanager
def opened(place: Workplace) -> Iterator[Catalogue]:
    place.private.mkdir(exist_ok=True)
    catalogue = Catalogue.open(place.private / "catalogue.sqlite", place.root)
    try:
        yield catalogue
    finally:
        catalogue.close()


def scan(catalogue: Catalogue, *except_for: Path) -> int:
    return catalogue.scan(except_for=except_for, progress=lambda _files: None)


def studies(catalogue: Catalogue, settings: str = "") -> list[Study]:
    return [catalogue.study(name, settings) for name in catalogue.names()]


def found(place: Workplace, *except_for: Path) -> list[list[str]]:
    """The files of each study, by one more scan."""
    with opened(place) as catalogue:
        scan(catalogue, *except_for)
        return sorted(
            [os.path.relpath(file, place.root) for file in study.files] for study in studies(catalogue)
        )


def only(place: Workplace, settings: str = "") -> Study:
    """The only study, by one more scan."""
    with opened(place) as catalogue:
        scan(catalogue)
        (study,) = studies(catalogue, settings)
        return study


def test_files_at_any_depth_are_grouped_by_study(place: Workplace) -> None:
    for name, study in {"b/2.dcm": "1.1", "a/x/1": "1.2", "a/1.dcm": "1.1", "3.dcm": "1.1"}.items():
        place.put(name, picture(StudyInstanceUID=study))
    place.put("a/notes.txt", b"no DICOM")
    place.put("empty", b"")
    assert found(place) == [["3.dcm", "a/1.dcm", "b/2.dcm"], ["a/x/1"]]


def test_the_name_of_a_study_says_nothing_about_it(place: Workplace) -> None:
    place.put("1.dcm", picture(StudyInstanceUID="1.1"))
    study = only(place)
    assert "1.1" not in study.name
    assert study.name.isalnum()


def test_what_has_no_study_or_cannot_be_read_is_found_for_its_post_processor_to_say(
    place: Workplace,
) -> None:
    place.put("1.dcm", picture(StudyInstanceUID=None))
    place.put("2.dcm", bytes(128) + b"DICM" + b"\xff" * 40)
    place.put("3.dcm", encode(picture())[:150])
    assert found(place) == [["1.dcm", "2.dcm", "3.dcm"]]


def test_links_pipes_and_folders_that_are_left_out_are_not_looked_at(
    place: Workplace, tmp_path: Path
) -> None:
    place.put("1.dcm", picture())
    place.put("private/2.dcm", picture())
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "3.dcm").write_bytes(encode(picture()))
    (place.root / "folder").symlink_to(tmp_path / "elsewhere")
    (place.root / "file").symlink_to(tmp_path / "elsewhere" / "3.dcm")
    os.mkfifo(place.root / "pipe")
    assert found(place, place.root / "private") == [["1.dcm"]]


def test_a_file_is_read_once_and_again_where_it_has_changed(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    study_of = module._study_of

    def reading(path: str) -> str | None:
        read.append(os.path.relpath(path, place.root))
        return study_of(path)

    monkeypatch.setattr(module, "_study_of", reading)
    place.put("1.dcm", picture())
    place.put("2.txt", b"no DICOM")
    found(place)
    found(place)
    assert read == ["1.dcm", "2.txt"]
    place.put("1.dcm", picture(StudyInstanceUID="1.9", PatientID="P12"))
    found(place)
    assert read == ["1.dcm", "2.txt", "1.dcm"]


def test_a_study_is_done_until_its_files_or_the_settings_change(place: Workplace) -> None:
    place.instance(1)
    with opened(place) as catalogue:
        scan(catalogue)
        (study,) = studies(catalogue, "settings")
        assert not catalogue.is_done(study, PNG)
        catalogue.done(study, PNG, held=0)
    with opened(place) as catalogue:
        assert catalogue.is_done(only(place, "settings"), PNG)
        assert not catalogue.is_done(only(place, "settings"), "deidentify")
        assert not catalogue.is_done(only(place, "other settings"), PNG)
        path = place.instance(2)
        assert not catalogue.is_done(only(place, "settings"), PNG)
        Path(path).unlink()
        assert catalogue.is_done(only(place, "settings"), PNG)
        os.utime(place.root / "1.dcm", ns=(1, 1))
        assert not catalogue.is_done(only(place, "settings"), PNG)


def test_files_that_came_to_nothing_are_counted_once_over_runs(place: Workplace) -> None:
    place.instance(1)
    with opened(place) as catalogue:
        scan(catalogue)
        (study,) = studies(catalogue)
        for held in (3, 2):
            catalogue.done(study, PNG, held=held)
        assert catalogue.held(PNG) == 2
        assert catalogue.held("deidentify") == 0
    with opened(place) as catalogue:
        assert catalogue.held(PNG) == 2


def test_progress_is_told_up_to_the_last_file(place: Workplace) -> None:
    for number in range(3):
        place.instance(number)
    told: list[int] = []
    with opened(place) as catalogue:
        assert catalogue.scan(except_for=(), progress=told.append) == 3
    assert told[-1] == 3


def test_what_came_to_nothing_and_is_gone_counts_no_more(place: Workplace) -> None:
    path = place.instance(1)
    with opened(place) as catalogue:
        scan(catalogue)
        (study,) = studies(catalogue)
        catalogue.done(study, PNG, held=1)
        Path(path).unlink()
        scan(catalogue)
        assert catalogue.held(PNG) == 0


def test_a_file_whose_name_is_no_utf_8_is_found_under_its_name(place: Workplace) -> None:
    path = place.put(os.fsdecode(b"M\xfcller.dcm"), picture())
    assert only(place).files == (path,)


def test_a_file_that_could_not_be_opened_is_not_forgotten(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place.put("1.dcm", picture())
    opening = os.open

    def refusing(name: str, *arguments: int) -> int:
        if name == path:
            raise PermissionError(13, "Permission denied")
        return opening(name, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refusing)
        for _ in range(2):
            with opened(place) as catalogue:
                assert scan(catalogue) == 0
                assert catalogue.unopened == [(path, "Permission denied")]
    assert found(place) == [["1.dcm"]]


def test_a_file_whose_disk_failed_is_looked_at_again(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place.put("1.dcm", picture())

    def failing(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(module, "dcmread", failing)
        with opened(place) as catalogue:
            assert scan(catalogue) == 0
            assert catalogue.unopened == [(path, "Input/output error")]
    assert found(place) == [["1.dcm"]]


def test_a_file_that_goes_while_the_folder_is_searched_is_nobodys_failure(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.put("1.dcm", picture())
    path = place.put("2.dcm", picture())
    looked_at = Catalogue._look_at

    def going(self: Catalogue, entry: os.DirEntry[str]) -> bool:
        if entry.path == path:
            Path(path).unlink()
        return looked_at(self, entry)

    monkeypatch.setattr(Catalogue, "_look_at", going)
    with opened(place) as catalogue:
        assert scan(catalogue) == 1
        assert catalogue.unopened == []
