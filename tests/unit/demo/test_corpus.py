"""The invented archive: valid, the same at every run, and as difficult as a real one."""

import csv
import hashlib
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from niffler_ops.demo.corpus import Corpus, CorpusStudy, main, write_corpus, write_csv
from niffler_ops.headers import read_instance


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return write_corpus(tmp_path_factory.mktemp("corpus"), special=True, rows=32)


def of_kind(corpus: Corpus, kind: str) -> list[CorpusStudy]:
    return [study for study in corpus.studies if study.kind == kind]


def only(corpus: Corpus, kind: str) -> list[pydicom.FileDataset]:
    """The data sets of the only study of a kind."""
    (study,) = of_kind(corpus, kind)
    return [pydicom.dcmread(instance.path) for instance in study.instances]


def test_every_file_is_what_the_corpus_says_and_whole(corpus: Corpus) -> None:
    for study in corpus.studies:
        for instance in study.instances:
            read = read_instance(str(instance.path), ("PatientID", "AccessionNumber", "StudyDate"))
            assert read.flaw is None, instance.path
            assert read.sha256 == instance.sha256
            assert read.study_instance_uid == study.study_instance_uid
            assert read.series_instance_uid == instance.series_instance_uid
            assert read.sop_instance_uid == instance.sop_instance_uid
            assert tuple(read.attributes.values()) == (
                study.patient_id,
                study.accession_number,
                study.study_date,
            )


def test_no_instance_is_twice(corpus: Corpus) -> None:
    uids = Counter(instance.sop_instance_uid for study in corpus.studies for instance in study.instances)
    assert set(uids.values()) == {1}
    assert len({study.study_instance_uid for study in corpus.studies}) == len(corpus.studies)


def test_every_uid_is_valid(corpus: Corpus) -> None:
    for study in corpus.studies:
        for instance in study.instances:
            for uid in (instance.sop_instance_uid, instance.series_instance_uid, study.study_instance_uid):
                assert pydicom.uid.UID(uid).is_valid
                assert int(uid.removeprefix("2.25.")) < 2**128


def test_plain_studies_are_numbered_and_mixed(corpus: Corpus) -> None:
    plain = of_kind(corpus, "plain")
    assert [study.patient_id for study in plain] == [f"NIFFLER-{n:04d}" for n in range(1, 21)]
    assert [study.accession_number for study in plain] == [f"ACC{n:04d}" for n in range(1, 21)]
    assert len({study.study_date for study in plain}) == 20
    assert {study.study_date[:4] for study in plain} == {"2024"}
    assert {len(study.instances) for study in plain} == {10}
    assert {len({each.series_instance_uid for each in study.instances}) for study in plain} == {1, 2, 3}
    first = [pydicom.dcmread(study.instances[0].path) for study in plain]
    assert {dataset.Modality for dataset in first} == {"CT", "MR", "CR"}
    assert {dataset.Rows for dataset in first} == {24, 32, 40}


def test_images_of_a_series_differ_in_what_is_their_own(corpus: Corpus) -> None:
    datasets = [pydicom.dcmread(instance.path) for instance in of_kind(corpus, "plain")[0].instances]
    assert [int(dataset.InstanceNumber) for dataset in datasets] == list(range(1, 11))
    assert [float(dataset.ImagePositionPatient[2]) for dataset in datasets] == list(range(1, 11))
    assert len({dataset.AcquisitionTime for dataset in datasets}) == 10
    assert len({dataset.PixelData for dataset in datasets}) == 10
    assert all(dataset.file_meta.ImplementationClassUID for dataset in datasets)


def test_pixels_are_those_of_a_ct(corpus: Corpus) -> None:
    dataset = pydicom.dcmread(of_kind(corpus, "plain")[0].instances[0].path)
    units = dataset.pixel_array.astype(int) + int(dataset.RescaleIntercept)
    assert -1024 <= units.min() < -900  # air
    assert 0 < units[16, 16] < 400  # soft tissue
    assert dataset.pixel_array.max() < 2**dataset.BitsStored


def test_the_same_seed_gives_the_same_bytes_and_another_none_of_them(tmp_path: Path) -> None:
    def hashes(name: str, seed: int) -> list[bytes]:
        corpus = write_corpus(tmp_path / name, studies=3, instances=2, rows=16, seed=seed)
        return [instance.sha256 for study in corpus.studies for instance in study.instances]

    assert hashes("a", 1) == hashes("b", 1)
    assert not set(hashes("a", 1)) & set(hashes("c", 2))


def test_more_studies_leave_the_first_as_they_are(tmp_path: Path) -> None:
    few = write_corpus(tmp_path / "few", studies=2, instances=1, rows=16)
    many = write_corpus(tmp_path / "many", studies=4, instances=1, rows=16)
    assert [study.instances[0].sha256 for study in few.studies] == [
        study.instances[0].sha256 for study in many.studies[:2]
    ]


def test_one_study_has_two_thousand_instances(corpus: Corpus) -> None:
    (study,) = of_kind(corpus, "thousands")
    assert len(study.instances) == 2000


def test_frames_are_as_many_as_said(corpus: Corpus) -> None:
    ultrasound, bits = only(corpus, "multi-frame")
    assert ultrasound.pixel_array.shape == (60, 64, 64)
    assert bits.pixel_array.shape == (3, 3, 3)


def test_transfer_syntaxes_are_what_they_are_called(corpus: Corpus) -> None:
    compressed = {dataset.file_meta.TransferSyntaxUID for dataset in only(corpus, "compressed")}
    assert compressed >= {RLELossless, JPEGBaseline8Bit, JPEG2000Lossless, JPEGLSLossless}
    for kind, syntax in (
        ("deflated", DeflatedExplicitVRLittleEndian),
        ("big-endian", ExplicitVRBigEndian),
        ("implicit", ImplicitVRLittleEndian),
    ):
        (dataset,) = only(corpus, kind)
        assert dataset.file_meta.TransferSyntaxUID == syntax
        assert dataset.pixel_array.max() < 2**12


def test_rle_holds_the_pixels_it_was_made_from(corpus: Corpus) -> None:
    dataset = only(corpus, "compressed")[0]
    assert 0x400 <= dataset.pixel_array.max() < 0x600


def test_nothing_of_the_shipped_files_but_pixels_is_taken(corpus: Corpus) -> None:
    for dataset in only(corpus, "compressed"):
        assert (dataset.PatientName, dataset.Manufacturer) == ("INVENTED^SPECIAL", "INVENTED")


def test_there_are_objects_without_pixels(corpus: Corpus) -> None:
    (report,) = only(corpus, "structured-report")
    assert report.ContentSequence[0].TextValue.startswith("Invented")
    (document,) = only(corpus, "encapsulated-pdf")
    assert document.EncapsulatedDocument.startswith(b"%PDF-")
    image, state = only(corpus, "presentation-state")
    shown = state.ReferencedSeriesSequence[0].ReferencedImageSequence[0]
    assert shown.ReferencedSOPInstanceUID == image.SOPInstanceUID
    (private,) = only(corpus, "private-class")
    assert private.SOPClassUID.name == private.SOPClassUID  # the standard has no name for it
    assert private.private_block(0x0029, "INVENTED HEADER")[0x08].value == "INVENTED"


def test_accessions_are_shared_and_split(corpus: Corpus) -> None:
    shared = of_kind(corpus, "shared-accession")
    assert len({study.accession_number for study in shared}) == 1
    assert len({study.patient_id for study in shared}) == 3
    split = of_kind(corpus, "three-studies")
    assert len({(study.patient_id, study.accession_number) for study in split}) == 1
    assert len(split) == 3


def test_ids_try_to_get_out(corpus: Corpus) -> None:
    ids = {study.patient_id for study in of_kind(corpus, "hostile-id")}
    assert ids >= {"../evil", "AB/12", "", "N" * 64, "A/B", "A_B", "..", ".hidden", "A%2FB", "A=B"}


@pytest.mark.parametrize("kind", ["latin-1-name", "utf-8-name", "japanese-name"])
def test_names_survive_their_character_set(corpus: Corpus, kind: str) -> None:
    (study,) = of_kind(corpus, kind)
    name = read_instance(str(study.instances[0].path), ("PatientName",)).attributes["PatientName"]
    assert not name.isascii()
    assert name == only(corpus, kind)[0].PatientName


@pytest.mark.dcmtk
@pytest.mark.skipif(not shutil.which("dcmdump"), reason="dcmdump is missing: apt-get install dcmtk")
def test_dcmtk_finds_nothing_to_complain_about(corpus: Corpus) -> None:
    paths = [study.instances[0].path for study in corpus.studies]
    paths += [instance.path for study in of_kind(corpus, "compressed") for instance in study.instances]
    dumped = subprocess.run(["dcmdump", "+E", *paths], capture_output=True, check=True)
    assert dumped.stderr == b""


def test_a_csv_asks_for_what_was_written(corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "queries.csv"
    write_csv(corpus, path, kinds=("plain", "hostile-id"))
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    asked = [study for study in corpus.studies if study.kind in {"plain", "hostile-id"}]
    assert rows[0] == ["PatientID", "AccessionNumber"]
    assert rows[1:] == [[study.patient_id, study.accession_number] for study in asked]
    write_csv(corpus, path, ("PatientID", "StudyDate"))
    assert path.read_text(encoding="utf-8").splitlines()[1] == f"NIFFLER-0001,{corpus.studies[0].study_date}"


def test_the_command_writes_an_archive_and_its_csv(tmp_path: Path) -> None:
    archive, queries = tmp_path / "archive", tmp_path / "queries.csv"
    command = [sys.executable, "-m", "niffler_ops.demo.corpus", str(archive), "--csv", str(queries)]
    command += ["--studies", "2", "--instances", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"2 studies, 6 instances in {archive}\n"
    assert done.stderr == ""
    assert len(list(archive.rglob("*.dcm"))) == 6
    assert len(queries.read_text(encoding="utf-8").splitlines()) == 3


def test_the_command_never_writes_among_other_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "precious").touch()
    assert main([str(tmp_path)]) == 73
    assert "not empty" in capsys.readouterr().err
    assert main([str(tmp_path / "precious")]) == 73
    assert "precious" in capsys.readouterr().err


def test_hashes_are_those_of_the_files(corpus: Corpus) -> None:
    instance = corpus.studies[0].instances[0]
    assert hashlib.sha256(instance.path.read_bytes()).digest() == instance.sha256
