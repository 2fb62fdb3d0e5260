"""FilePath without a folder for each study: file by file, and never over another file."""

from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from pydicom import Dataset

from niffler_ops.demo.corpus import Corpus
from niffler_ops.dicomtools.storescp import staging_name
from tests.support.embedded import instance, save
from tests.support.rig import Rig, corpus_folder, data_set, data_sets, data_sets_of, filed, tree


@pytest.mark.parametrize(
    ("pattern", "levels"),
    [
        ("{00080018}.dcm", 1),
        ("{00100020}-{00080018,md5}.dcm", 1),
        ("{Modality}/{StudyDate}_{StudyInstanceUID}/{SOPInstanceUID}.dcm", 3),
    ],
)
def test_files_stand_where_file_path_says(rig: Rig, corpus: Corpus, pattern: str, levels: int) -> None:
    rig.serve(corpus_folder(corpus), noted=False)
    rig.configure(FilePath=pattern)
    rig.ask_for(corpus.studies)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)
    assert {len(path.relative_to(rig.storage).parts) for path in filed(rig.storage)} == {levels}
    if pattern == "{00080018}.dcm":
        assert tree(rig.storage).keys() == {
            f"{one.sop_instance_uid}.dcm" for study in corpus.studies for one in study.instances
        }


def test_the_whole_pattern_language_files_what_it_says(rig: Rig, archive_kind: str, tmp_path: Path) -> None:
    made = instance(
        4,
        1,
        7,
        PatientID="path-0004",
        PatientName="Müller^Änne",
        SpecificCharacterSet="ISO_IR 100",
        StudyTime="093005",
        ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
        StudyDescription="CT Abdomen/Pelvis",
        SeriesNumber=3,
        RequestAttributesSequence=[item("SPS1"), item("SPS2")],
    )
    path = save(made, tmp_path / "archive" / "1")
    rig.serve_files(archive_kind, path.parent)
    rig.configure(
        FilePath="{PatientID,upper}/{StudyDate,date,yyyy/MM}-{StudyTime,time,HHmm}/{ImageType[1]}-"
        "{00400275.00400009}-{00400275[1].00400009}/{StudyDescription,urlencoded}/{PatientID,slice,-4}-"
        "{SeriesNumber,offset,100}-{InstanceNumber,number,0000}-{StudyInstanceUID,hash}-{now,date,yyyy}/"
        "{0020000D,md5}/{00080018}.dcm"
    )
    rig.write_csv([("path-0004", "A4")])
    year = datetime.now().astimezone().year
    ended = rig.cold()
    assert ended.status == 0, ended
    (stands,) = filed(rig.storage)
    assert str(stands.relative_to(rig.storage)) == (
        "PATH-0004/2020/01-0930/PRIMARY-SPS1-SPS2/CT+Abdomen%2FPelvis/"
        f"0004-103-0007-{java_hash('1.2.3.4')}-{year}/{staging_name('1.2.3.4')}/1.2.3.4.1.7.dcm"
    )


def item(identifier: str) -> Dataset:
    made = Dataset()
    made.ScheduledProcedureStepID = identifier
    return made


def java_hash(text: str) -> str:
    """String.hashCode as eight hexadecimal digits."""
    value = 0
    for character in text:
        value = (31 * value + ord(character)) % 2**32
    return f"{value:08X}"


def test_two_different_instances_of_one_uid_never_take_each_others_place(rig: Rig) -> None:
    folder = rig.folder / "archive"
    for study in (1, 2):
        same = instance(study, 1, 1, PatientID="SHARED-PATIENT", SOPInstanceUID="1.2.3.4.5.6")
        save(same, folder / f"{study}" / "1")
        save(instance(study, 1, 2, PatientID="SHARED-PATIENT"), folder / f"{study}" / "2")
    rig.serve(folder, noted=False)
    rig.configure(FilePath="{00080018}.dcm", MaxAttempts=1, MoveLanes=1)
    rig.write_csv([("SHARED-PATIENT", "A1"), ("SHARED-PATIENT", "A2")])
    ended = rig.cold()
    assert ended.status == 3, ended
    assert Counter(rig.states()) == {"done": 1, "partial": 1}
    (stands,) = [path for path in filed(rig.storage) if path.stem == "1.2.3.4.5.6"]
    done = rig.states().index("done") + 1
    assert data_set(stands) == data_set(folder / f"{done}" / "1")
    assert len(filed(rig.storage)) == 3
    (aside,) = rig.unexpected()
    assert data_set(aside) == data_set(folder / f"{3 - done}" / "1")
    (problem,) = rig.status()["problems"]
    assert "another" in problem["reason"]
    assert rig.status()["instances"] == {"expected": 4, "received": 3}


def test_a_users_file_at_the_final_path_is_never_overwritten(rig: Rig, corpus: Corpus) -> None:
    study = corpus.studies[0]
    rig.serve(corpus_folder(corpus), noted=False)
    rig.configure(FilePath="{00080018}.dcm")
    rig.ask_for([study])
    rig.storage.mkdir(mode=0o700)
    mine = rig.storage / f"{study.instances[0].sop_instance_uid}.dcm"
    mine.write_text("mine")
    mine.chmod(0o600)
    ended = rig.cold()
    assert ended.status == 3, ended
    assert mine.read_text() == "mine"
    assert rig.states() == ["partial"]
    assert len(rig.unexpected()) == 1


def test_a_folder_of_the_users_where_a_study_belongs_is_added_to(rig: Rig, corpus: Corpus) -> None:
    study = corpus.studies[0]
    rig.serve(corpus_folder(corpus), noted=False)
    rig.ask_for([study])
    place = rig.storage / study.patient_id / study.study_instance_uid
    place.mkdir(parents=True, mode=0o700)
    for folder in (rig.storage, place.parent):
        folder.chmod(0o700)
    (place / "notes.txt").touch(0o600)
    ended = rig.cold()
    assert ended.status == 0, ended
    (place / "notes.txt").unlink()
    assert data_sets(rig.storage) == data_sets_of([study])
