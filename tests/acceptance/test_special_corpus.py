"""Not twenty equal CTs: long studies, every kind of object, and ids that try to get out or to meet."""

from pathlib import Path

import pydicom
import pytest

from niffler_ops.demo.corpus import Corpus
from tests.support.rig import Rig, data_set, filed

ACCESSION_ONLY = {"ExtractionType": "accession", "PatientIndex": None, "AccessionIndex": 0}


def by_uid(corpus: Corpus) -> dict[str, Path]:
    return {
        instance.sop_instance_uid: instance.path for study in corpus.studies for instance in study.instances
    }


@pytest.mark.timeout(300)
def test_whatever_an_archive_holds_arrives_whole_inside_the_storage_folder_and_apart(
    rig: Rig, archive_kind: str, special: Corpus
) -> None:
    rig.serve_kind(archive_kind, special)
    rig.configure(**ACCESSION_ONLY)
    rig.write_csv([(study.accession_number,) for study in special.studies], header=("Accession",))
    rig.keep_secret(*(study.patient_id for study in special.studies), "INVENTED^", "ERFUNDEN", "KAKUU")
    ended = rig.cold(seconds=240)
    assert ended.status == 0, ended

    expected = by_uid(special)
    found = {path.stem: path for path in filed(rig.storage)}
    assert found.keys() == expected.keys()
    for uid, path in found.items():
        if archive_kind == "orthanc":  # which encodes data sets anew
            assert pydicom.dcmread(path) == pydicom.dcmread(expected[uid]), path
        else:
            assert data_set(path) == data_set(expected[uid]), path

    patients: dict[str, set[str]] = {}
    for study in special.studies:
        for instance in study.instances:
            place = found[instance.sop_instance_uid].relative_to(rig.storage)
            patients.setdefault(study.patient_id, set()).add(place.parts[0])
            assert place.parts[1] == study.study_instance_uid
            assert place.parts[2:] == (instance.series_instance_uid, f"{instance.sop_instance_uid}.dcm")
    assert all(len(folders) == 1 for folders in patients.values())
    assert len(set.union(*patients.values())) == len(patients), "two patients share a folder"
    assert not [path for path in rig.folder.rglob("*evil*") if rig.storage not in path.parents]


def test_one_accession_number_brings_every_study_that_has_it(rig: Rig, special: Corpus) -> None:
    rig.serve_kind("niffler-archive", special)
    rig.configure(**ACCESSION_ONLY)
    rig.write_csv([("SHARED01",), ("TRIPLE01",)], header=("Accession",))
    ended = rig.cold()
    assert ended.status == 0, ended
    assert [line["studies"] for line in rig.report()] == ["3", "3"]
    wanted = [s for s in special.studies if s.kind in {"shared-accession", "three-studies"}]
    assert {p.parent.parent.name for p in filed(rig.storage)} == {s.study_instance_uid for s in wanted}


def test_hostile_ids_can_be_asked_for_and_stay_inside_and_apart(
    rig: Rig, archive_kind: str, special: Corpus
) -> None:
    studies = [study for study in special.studies if study.kind.startswith("hostile") and study.patient_id]
    rig.serve_kind(archive_kind, Corpus(studies=tuple(studies)))
    rig.ask_for(studies)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert [line["studies"] for line in rig.report()] == ["1"] * len(studies)
    assert {path.parts[-3] for path in filed(rig.storage)} == {study.study_instance_uid for study in studies}
    assert len({path.relative_to(rig.storage).parts[0] for path in filed(rig.storage)}) == len(studies)
