"""What stands at a path: its bytes' hash, who it says it is, and everything that is no instance."""

import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from niffler_ops.headers import read_header, read_instance, read_instances
from niffler_ops.model import Flaw, InstanceFile
from tests.support.dicomfiles import encode, identity, image

Read = Callable[..., InstanceFile]


def test_an_instance_has_its_identity_and_the_hash_of_all_its_bytes(tmp_path: Path) -> None:
    content = encode(image())
    path = tmp_path / "instance.dcm"
    path.write_bytes(content)
    status = path.stat()
    assert read_instance(str(path), ("PatientID",)) == InstanceFile(
        path=str(path),
        size=len(content),
        inode=status.st_ino,
        modified_ns=status.st_mtime_ns,
        sha256=hashlib.sha256(content).digest(),
        study_instance_uid="1.2",
        series_instance_uid="1.2.3",
        sop_instance_uid="1.2.3.4",
        attributes={"PatientID": "P1"},
    )


def test_a_flawed_file_is_hashed_to_its_last_byte_too(read: Read) -> None:
    for content in (b"", b"no DICOM at all\n" * 200_000, encode(image())[:-1]):
        instance = read(content)
        assert (instance.size, instance.sha256) == (len(content), hashlib.sha256(content).digest())


def test_a_truncated_file_still_says_whose_it_is(read: Read) -> None:
    instance = read(encode(image())[:-1], "PatientID")
    assert instance.flaw is Flaw.TRUNCATED
    assert (instance.sop_instance_uid, instance.attributes) == ("1.2.3.4", {"PatientID": "P1"})


@pytest.mark.parametrize("content", [b"", b"DICM", b"text\n", bytes(132), bytes(500), bytes(128) + b"DICM"])
def test_what_is_no_dicom_file_is_unreadable(read: Read, content: bytes) -> None:
    instance = read(content, "PatientID")
    assert (instance.flaw, instance.attributes) == (Flaw.UNREADABLE, {"PatientID": ""})


def test_a_file_that_does_not_say_how_it_is_encoded_is_unreadable(read: Read) -> None:
    assert read(encode(image(), meta={"TransferSyntaxUID": None})).flaw is Flaw.UNREADABLE


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
def test_an_instance_names_its_study_series_and_itself(read: Read, keyword: str) -> None:
    dataset = identity()
    setattr(dataset, keyword, "")
    assert read(encode(dataset)).flaw is Flaw.NO_IDENTITY
    delattr(dataset, keyword)
    assert read(encode(dataset)).flaw is Flaw.NO_IDENTITY


@pytest.mark.parametrize("keyword", ["MediaStorageSOPInstanceUID", "MediaStorageSOPClassUID"])
def test_file_meta_and_data_set_agree(read: Read, keyword: str) -> None:
    assert read(encode(image(), meta={keyword: "1.2.3.5"})).flaw is Flaw.META_DIFFERS
    assert read(encode(image(), meta={keyword: None})).flaw is None


def test_padding_of_a_uid_is_no_difference(read: Read) -> None:
    content = encode(image(SOPInstanceUID="1.2.3"))
    assert content.count(b"1.2.3\0") == 3
    instance = read(content.replace(b"1.2.3\0", b"1.2.3 ", 1))
    assert (instance.flaw, instance.sop_instance_uid) == (None, "1.2.3")


def test_a_header_is_read_without_its_pixels(tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    content = encode(image(rows=64, columns=64, pixels=bytes(8192)))
    path.write_bytes(content[:-1])
    whole = read_instance(str(path), ("PatientID",))
    header, elements = read_header(str(path), frozenset({0x00100020}), ("PatientID",))
    assert (whole.flaw, header.flaw, header.sha256, header.size) == (
        Flaw.TRUNCATED,
        None,
        b"",
        len(content) - 1,
    )
    assert (header.sop_instance_uid, header.attributes) == (whole.sop_instance_uid, whole.attributes)
    assert [(element.keyword, element.value) for element in elements] == [("PatientID", "P1")]
    path.write_bytes(content[:300])
    assert read_header(str(path), None)[0].flaw is Flaw.TRUNCATED
    path.write_bytes(encode(image(SOPInstanceUID=None)))
    assert read_header(str(path), None)[0].flaw is Flaw.NO_IDENTITY


def test_a_folder_and_a_pipe_are_unreadable(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe):
        instance = read_instance(str(path), ("PatientID",))
        assert (instance.flaw, instance.sha256) == (Flaw.UNREADABLE, b"")
        assert (instance.inode, instance.attributes) == (path.stat().st_ino, {"PatientID": ""})


def test_a_path_that_cannot_be_opened_is_unreadable(tmp_path: Path) -> None:
    instance = read_instance(str(tmp_path / ("long" * 100)))
    assert (instance.flaw, instance.size, instance.sha256) == (Flaw.UNREADABLE, 0, b"")


def test_a_file_that_may_not_be_read_is_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")  # root, who runs many tests, is never refused

    path = tmp_path / "secret.dcm"
    path.write_bytes(encode(image()))
    monkeypatch.setattr("os.open", refuse)
    instance = read_instance(str(path))
    assert (instance.flaw, instance.size) == (Flaw.UNREADABLE, path.stat().st_size)


def test_a_disk_that_fails_midway_makes_a_file_unreadable(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int, _count: int) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("os.read", fail)
    instance = read(encode(image()))
    assert (instance.flaw, instance.sha256) == (Flaw.UNREADABLE, b"")


def test_a_file_that_has_gone_is_left_out(tmp_path: Path) -> None:
    there, gone = tmp_path / "there.dcm", tmp_path / "gone.dcm"
    there.write_bytes(encode(image()))
    assert [each.path for each in read_instances([str(gone), str(there)], ("PatientID",))] == [str(there)]
    with pytest.raises(FileNotFoundError):
        read_instance(str(gone))


def test_no_file_stays_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    (tmp_path / "text").write_text("text")
    read_instances([str(tmp_path), str(tmp_path / "text"), str(tmp_path / "gone")])
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_work_and_result_travel_between_processes(read: Read) -> None:
    instance = read(encode(image()), "PatientID")
    assert pickle.loads(pickle.dumps(instance)) == instance
    assert pickle.loads(pickle.dumps(read_instances)) is read_instances
