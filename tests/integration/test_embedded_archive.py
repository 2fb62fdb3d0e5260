"""The embedded archive, asked by pynetdicom and DCMTK."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID, ImplicitVRLittleEndian, JPEG2000Lossless
from pynetdicom import AE
from pynetdicom.association import Association

from niffler_ops.embedded.filepath import md5_name
from tests.support.embedded import (
    PATIENCE,
    Served,
    archive,
    bodies,
    body,
    corpus,
    free_port,
    instance,
    run,
    save,
    storescp,
    wait_until,
)

VERIFICATION = UID("1.2.840.10008.1.1")
FIND, MOVE = UID("1.2.840.10008.5.1.4.1.2.2.1"), UID("1.2.840.10008.5.1.4.1.2.2.2")
PATIENT_FIND, PATIENT_MOVE = UID("1.2.840.10008.5.1.4.1.2.1.1"), UID("1.2.840.10008.5.1.4.1.2.1.2")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return corpus(tmp_path / "folder")


@contextmanager
def served(folder: Path, log: Path, **destinations: int) -> Iterator[Served]:
    with archive(folder, destinations or {"DEST": 1}, log) as made:
        yield made


@contextmanager
def association(port: int) -> Iterator[Association]:
    entity = AE(ae_title="ME")
    for sop_class in (VERIFICATION, FIND, MOVE, PATIENT_FIND, PATIENT_MOVE):
        entity.add_requested_context(sop_class, ImplicitVRLittleEndian)
    made = entity.associate("127.0.0.1", port, ae_title="ARCHIVE")
    assert made.is_established
    try:
        yield made
    finally:
        if made.is_established:
            made.release()
        made.join(PATIENCE)


def identifier(level: str, **keys: Any) -> Dataset:
    made = Dataset()
    made.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(made, keyword, value)
    return made


def find(port: int, level: str, model: UID = FIND, **keys: Any) -> tuple[int, list[Dataset]]:
    """The final status, and the answers."""
    with association(port) as made:
        responses = list(made.send_c_find(identifier(level, **keys), model))
    return int(responses[-1][0].Status), [answer for _, answer in responses[:-1] if answer is not None]


def move(
    port: int, level: str, model: UID = MOVE, destination: str = "DEST", **keys: Any
) -> tuple[list[int], Dataset]:
    """The statuses, and the final response."""
    with association(port) as made:
        responses = [
            response for response, _ in made.send_c_move(identifier(level, **keys), destination, model)
        ]
    return [int(response.Status) for response in responses], responses[-1]


def test_c_echo_is_answered(folder: Path, tmp_path: Path) -> None:
    with served(folder, tmp_path / "log") as made, association(made.port) as asked:
        assert asked.send_c_echo().Status == 0


def test_it_tells_what_it_serves_in_one_line(folder: Path, tmp_path: Path) -> None:
    with served(folder, tmp_path / "log") as made:
        assert made.log.read_text() == (
            f"niffler-archive: serving 3 studies, 12 instances as ARCHIVE@127.0.0.1:{made.port}\n"
        )


def test_studies_are_told_with_their_counts_and_modalities(folder: Path, tmp_path: Path) -> None:
    save(instance(2, 9, 9, Modality="SR"), folder / "more")
    with served(folder, tmp_path / "log") as made:
        status, answers = find(
            made.port,
            "STUDY",
            StudyInstanceUID="1.2.3.2",
            PatientName="",
            StudyDescription="",
            StudyTime="",
            ModalitiesInStudy="",
            NumberOfStudyRelatedSeries="",
            NumberOfStudyRelatedInstances="",
        )
    assert status == 0
    (answer,) = answers
    assert (str(answer.PatientName), answer.StudyDescription) == ("Doe^Jane2", "HEAD")
    assert list(answer.ModalitiesInStudy) == ["CT", "SR"]
    assert (answer.NumberOfStudyRelatedSeries, answer.NumberOfStudyRelatedInstances) == (3, 5)
    assert (answer.StudyTime, answer.RetrieveAETitle) == ("", "ARCHIVE")
    assert "AccessionNumber" not in answer


@pytest.mark.parametrize(
    ("keys", "studies"),
    [
        ({}, ["1.2.3.1", "1.2.3.2", "1.2.3.3"]),
        ({"AccessionNumber": "A2"}, ["1.2.3.2"]),
        ({"AccessionNumber": "A2", "PatientID": "P3"}, []),
        ({"PatientID": "P3"}, ["1.2.3.3"]),
        ({"PatientID": "P?"}, ["1.2.3.1", "1.2.3.2", "1.2.3.3"]),
        ({"PatientID": "P"}, []),
        ({"PatientName": "doe^jane1"}, ["1.2.3.1"]),
        ({"PatientName": "*3"}, ["1.2.3.3"]),
        ({"StudyDate": "20200102-"}, ["1.2.3.2", "1.2.3.3"]),
        ({"StudyDate": "20200101-20200102"}, ["1.2.3.1", "1.2.3.2"]),
        ({"StudyDate": "20200102"}, ["1.2.3.2"]),
        ({"StudyInstanceUID": ["1.2.3.1", "1.2.3.3", "9.9"]}, ["1.2.3.1", "1.2.3.3"]),
        ({"ModalitiesInStudy": "MR"}, []),
        ({"ModalitiesInStudy": "CT", "PatientID": "P1"}, ["1.2.3.1"]),
        ({"SeriesInstanceUID": "9.9", "PatientID": "P1"}, ["1.2.3.1"]),
    ],
)
def test_keys_select_studies(folder: Path, tmp_path: Path, keys: dict[str, Any], studies: list[str]) -> None:
    with served(folder, tmp_path / "log") as made:
        status, answers = find(made.port, "STUDY", **{"StudyInstanceUID": "", **keys})
    assert status == 0
    assert [answer.StudyInstanceUID for answer in answers] == studies


def test_series_and_instances_are_told_below_the_uids_above_them(folder: Path, tmp_path: Path) -> None:
    study: dict[str, Any] = {"StudyInstanceUID": "1.2.3.2"}
    with served(folder, tmp_path / "log") as made:
        series = find(
            made.port,
            "SERIES",
            **study,
            SeriesInstanceUID="",
            SeriesNumber="",
            NumberOfSeriesRelatedInstances="",
        )[1]
        images = find(
            made.port, "IMAGE", **study, SeriesInstanceUID="1.2.3.2.2", SOPInstanceUID="", Rows=None
        )[1]
    assert [(one.SeriesInstanceUID, one.NumberOfSeriesRelatedInstances) for one in series] == [
        ("1.2.3.2.1", 2),
        ("1.2.3.2.2", 2),
    ]
    assert [(image.SOPInstanceUID, image.Rows) for image in images] == [
        ("1.2.3.2.2.1", 16),
        ("1.2.3.2.2.3", 16),
    ]


def test_patients_are_told_in_the_patient_root(folder: Path, tmp_path: Path) -> None:
    save(instance(7, PatientID="P1"), folder / "another study of the first")
    with served(folder, tmp_path / "log") as made:
        _, answers = find(made.port, "PATIENT", PATIENT_FIND, PatientID="", NumberOfPatientRelatedStudies="")
    assert [(one.PatientID, one.NumberOfPatientRelatedStudies) for one in answers] == [
        ("P1", 2),
        ("P2", 1),
        ("P3", 1),
    ]


@pytest.mark.parametrize(
    ("level", "keys"),
    [
        ("PATIENT", {"PatientID": "P1"}),
        ("SERIES", {"SeriesInstanceUID": ""}),
        ("IMAGE", {"StudyInstanceUID": "1.2.3.1", "SeriesInstanceUID": ""}),
        ("", {"StudyInstanceUID": "1.2.3.1"}),
        ("PART", {"StudyInstanceUID": "1.2.3.1"}),
    ],
)
def test_a_query_without_what_stands_above_it_is_refused(
    folder: Path, tmp_path: Path, level: str, keys: dict[str, Any]
) -> None:
    with served(folder, tmp_path / "log") as made:
        assert find(made.port, level, **keys) == (0xA900, [])
        assert move(made.port, level, **keys)[0] == [0xA900]


def test_values_are_told_in_the_character_set_they_stand_in(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    save(instance(1, SpecificCharacterSet="ISO_IR 100", PatientName="Müller"), folder / "a")
    save(instance(2, SpecificCharacterSet="ISO_IR 192", PatientName="Müller"), folder / "b")
    save(instance(3, SpecificCharacterSet=["", "ISO 2022 IR 87"], PatientName="Yamada=山田"), folder / "c")
    with served(folder, tmp_path / "log") as made:
        _, answers = find(made.port, "STUDY", SpecificCharacterSet="ISO_IR 192", PatientName="müller")
        _, everybody = find(made.port, "STUDY", PatientName="")
    assert [str(answer.PatientName) for answer in answers] == ["Müller", "Müller"]
    assert [answer.SpecificCharacterSet for answer in answers] == ["ISO_IR 100", "ISO_IR 192"]
    assert str(everybody[2].PatientName) == "Yamada=山田"


def test_a_query_can_be_cancelled(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    for study in range(1, 300):
        save(
            instance(study % 28 + 1, StudyInstanceUID=f"1.2.3.{study}", SOPInstanceUID=f"1.2.4.{study}"),
            folder / f"{study}",
        )
    with served(folder, tmp_path / "log") as made, association(made.port) as asked:
        responses = asked.send_c_find(identifier("STUDY", StudyInstanceUID=""), FIND)
        next(responses)
        asked.send_c_cancel(1, query_model=FIND)
        statuses = [int(status.Status) for status, _ in responses]
    assert statuses[-1] in (0xFE00, 0x0000)
    assert set(statuses[:-1]) <= {0xFF00}


def test_a_study_a_series_and_instances_are_sent(folder: Path, tmp_path: Path) -> None:
    study: dict[str, Any] = {"StudyInstanceUID": "1.2.3.2"}
    series = study | {"SeriesInstanceUID": "1.2.3.2.1"}
    with storescp(tmp_path / "in") as receiver, served(folder, tmp_path / "log", DEST=receiver.port) as made:
        statuses, final = move(
            made.port, "IMAGE", **series, SOPInstanceUID=["1.2.3.2.1.2", "1.2.3.2.1.4", "9.9"]
        )
        assert (statuses, final.NumberOfCompletedSuboperations) == ([0xFF00, 0xFF00, 0], 2)
        assert len(receiver.files()) == 2
        statuses, final = move(made.port, "SERIES", **study, SeriesInstanceUID="1.2.3.2.2")
        assert (statuses, len(receiver.files())) == ([0xFF00, 0xFF00, 0], 4)
        statuses, final = move(made.port, "STUDY", StudyInstanceUID=["1.2.3.1", "1.2.3.3"])
        assert (len(statuses), final.NumberOfCompletedSuboperations) == (9, 8)
        assert bodies(receiver.files()) == bodies([path for path in folder.rglob("?/?") if path.is_file()])


@pytest.mark.parametrize(
    ("level", "keys", "expected"),
    [
        ("PATIENT", {"PatientID": "P1"}, 4),
        ("STUDY", {"PatientID": "P1", "AccessionNumber": "A1"}, 4),
        ("STUDY", {"PatientID": "P1", "AccessionNumber": "A2"}, 0),
    ],
)
def test_a_retrieve_may_name_patient_and_accession(
    folder: Path, tmp_path: Path, level: str, keys: dict[str, Any], expected: int
) -> None:
    with storescp(tmp_path / "in") as receiver, served(folder, tmp_path / "log", DEST=receiver.port) as made:
        statuses, final = move(made.port, level, PATIENT_MOVE, **keys)
        assert (statuses[-1], final.NumberOfCompletedSuboperations) == (0, expected)
        assert len(receiver.files()) == expected


def test_what_cannot_be_sent_is_told_by_its_status(folder: Path, tmp_path: Path) -> None:
    study: dict[str, Any] = {"StudyInstanceUID": "1.2.3.1"}
    with (
        storescp(tmp_path / "in") as receiver,
        storescp(tmp_path / "other", "--status", "A700H", aet="FULL") as refusing,
        served(folder, tmp_path / "log", DEST=receiver.port, FULL=refusing.port, DOWN=free_port()) as made,
    ):
        assert move(made.port, "STUDY", destination="NOWHERE", **study)[0] == [0xA801]
        assert move(made.port, "STUDY", destination="DOWN", **study)[0] == [0xA702]
        assert move(made.port, "STUDY", StudyInstanceUID="9.9")[0] == [0]
        statuses, final = move(made.port, "STUDY", destination="FULL", **study)
        assert (statuses[-1], final.NumberOfFailedSuboperations) == (0xB000, 4)
        (folder / "1" / "1").unlink()
        statuses, final = move(made.port, "STUDY", **study)
        assert (statuses[-1], final.NumberOfFailedSuboperations) == (0xB000, 1)
        assert len(receiver.files()) == 3


def test_a_destination_that_dies_midway_is_no_success(folder: Path, tmp_path: Path) -> None:
    with (
        storescp(tmp_path / "in", "--response-delay", "100") as receiver,
        served(folder, tmp_path / "log", DEST=receiver.port) as made,
        association(made.port) as asked,
    ):
        responses = asked.send_c_move(identifier("STUDY", StudyInstanceUID="1.2.3.1"), "DEST", MOVE)
        next(responses)
        receiver.process.send_signal(signal.SIGKILL)
        final = [status for status, _ in responses][-1]
        assert final.Status == 0xB000
        assert final.NumberOfCompletedSuboperations + final.NumberOfFailedSuboperations == 4
        assert final.NumberOfFailedSuboperations >= 2


def test_files_in_many_syntaxes_and_classes_are_sent_as_they_stand(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    compressed = instance(1, 1, 1)
    compressed.file_meta.TransferSyntaxUID = JPEG2000Lossless
    compressed.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\4\0\0\0abcd\xfe\xff\xdd\xe0\0\0\0\0"
    compressed["PixelData"].is_undefined_length, compressed["PixelData"].VR = True, "OB"
    save(compressed, folder / "compressed")
    for number in range(2, 140):  # more than one association has contexts for
        sop_class = f"1.2.826.0.1.3680043.2.1143.8.{number}"
        save(instance(1, 1, number, SOPClassUID=sop_class), folder / f"{number}")
    with storescp(tmp_path / "in") as receiver, served(folder, tmp_path / "log", DEST=receiver.port) as made:
        statuses, final = move(made.port, "STUDY", StudyInstanceUID="1.2.3.1")
        assert (statuses[-1], final.NumberOfCompletedSuboperations) == (0, 139)
        sent = [path for path in folder.iterdir() if not path.name.startswith(".")]
        assert bodies(receiver.files()) == bodies(sent)
        place = receiver.folder / md5_name("1.2.3.1") / f"{md5_name('1.2.3.1.1.1')}.dcm"
        assert body(place) == body(folder / "compressed")


def test_retrieves_run_side_by_side(folder: Path, tmp_path: Path) -> None:
    with (
        storescp(tmp_path / "slow", "--response-delay", "400", aet="SLOW") as slow,
        storescp(tmp_path / "fast", aet="FAST") as fast,
        served(folder, tmp_path / "log", SLOW=slow.port, FAST=fast.port) as made,
        association(made.port) as asked,
    ):
        waiting = asked.send_c_move(identifier("STUDY", StudyInstanceUID="1.2.3.1"), "SLOW", MOVE)
        began = time.monotonic()
        assert move(made.port, "STUDY", destination="FAST", StudyInstanceUID="1.2.3.2")[0][-1] == 0
        assert time.monotonic() - began < 1.4
        assert [int(status.Status) for status, _ in waiting][-1] == 0


def test_the_index_follows_new_changed_and_vanished_files(folder: Path, tmp_path: Path) -> None:
    with served(folder, tmp_path / "log"):
        pass
    shutil.rmtree(folder / "1")
    save(instance(8), folder / "new")
    save(instance(2, 1, 2, AccessionNumber="CHANGED"), folder / "2" / "2")
    with served(folder, tmp_path / "log") as made:
        _, answers = find(made.port, "STUDY", StudyInstanceUID="")
        _, changed = find(made.port, "STUDY", AccessionNumber="CHANGED")
    assert [answer.StudyInstanceUID for answer in answers] == ["1.2.3.2", "1.2.3.3", "1.2.3.8"]
    assert len(changed) == 1


def test_a_damaged_index_is_made_anew(folder: Path, tmp_path: Path) -> None:
    (folder / ".niffler-archive.sqlite").write_bytes(b"no database" * 100)
    with served(folder, tmp_path / "log") as made:
        assert len(find(made.port, "STUDY", StudyInstanceUID="")[1]) == 3


def test_files_are_found_by_content_and_links_are_not_followed_out(folder: Path, tmp_path: Path) -> None:
    (folder / "notes.dcm").write_text("not DICOM")
    (folder / "empty").touch()
    os.mkfifo(folder / "pipe")
    outside = save(instance(9), tmp_path / "outside" / "9")
    (folder / "link").symlink_to(outside)
    (folder / "folder").symlink_to(outside.parent)
    (folder / "dangling").symlink_to(tmp_path / "nowhere")
    shutil.copy(folder / "1" / "1", folder / "the same once more")
    with served(folder, tmp_path / "log") as made:
        assert "serving 3 studies, 12 instances" in made.log.read_text()
        _, answers = find(made.port, "STUDY", StudyInstanceUID="1.2.3.1", NumberOfStudyRelatedInstances="")
    assert answers[0].NumberOfStudyRelatedInstances == 4


def test_a_folder_that_cannot_keep_the_index_is_served_all_the_same(folder: Path, tmp_path: Path) -> None:
    (folder / ".niffler-archive.sqlite").mkdir()  # as good as no permission, for root too
    with served(folder, tmp_path / "log") as made:
        assert len(find(made.port, "STUDY", StudyInstanceUID="")[1]) == 3
        made.process.send_signal(signal.SIGTERM)
        assert made.process.wait(PATIENCE) == 0
    assert (folder / ".niffler-archive.sqlite").is_dir()


def test_sigterm_ends_it_with_0(folder: Path, tmp_path: Path) -> None:
    with served(folder, tmp_path / "log") as made, association(made.port):
        began = time.monotonic()
        made.process.send_signal(signal.SIGTERM)
        assert made.process.wait(PATIENCE) == 0
        assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ([], 64, "required"),
        (["{folder}", "--bind", "A@127.0.0.1", "--destination", "D@h:1"], 64, "AET@HOST:PORT"),
        (["{folder}", "--bind", "A@127.0.0.1:x", "--destination", "D@h:1"], 64, "Invalid port"),
        (["{folder}", "--bind", "A@127.0.0.1:0", "--destination", "D@h:1", "--what"], 64, "--what"),
        (["/no/such", "--bind", "A@127.0.0.1:0", "--destination", "D@h:1"], 66, "/no/such"),
        (["{folder}", "--bind", "A@127.0.0.1:{taken}", "--destination", "D@h:1"], 69, "already in use"),
    ],
)
def test_what_cannot_be_served_is_told_without_traceback(
    folder: Path, tmp_path: Path, arguments: list[str], status: int, message: str
) -> None:
    with served(folder, tmp_path / "log") as made:
        given = [argument.format(folder=folder, taken=made.port) for argument in arguments]
        ended = run(sys.executable, "-m", "niffler_ops.cli.archive", *given)
    assert (ended.status, ended.out) == (status, "")
    assert message in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.dcmtk
@pytest.mark.skipif(shutil.which("movescu") is None, reason="movescu is missing: apt-get install dcmtk")
def test_dcmtk_finds_and_retrieves(folder: Path, tmp_path: Path) -> None:
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2.3.2"]
    with storescp(tmp_path / "in") as receiver, served(folder, tmp_path / "log", DEST=receiver.port) as made:
        to = ["-S", "-aec", "ARCHIVE", "127.0.0.1", str(made.port), *keys]
        found = run("findscu", "-v", *to, "-k", "AccessionNumber")
        moved = run("movescu", "-v", "-aem", "DEST", *to)
        assert (found.status, moved.status) == (0, 0)
        assert "A2" in found.out + found.err
        wait_until(lambda: len(receiver.files()) == 4, "four instances")
