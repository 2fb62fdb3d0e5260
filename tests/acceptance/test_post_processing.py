"""Finished studies become pictures, tables and de-identified DICOM, by themselves and whatever happens."""

import contextlib
import csv
import json
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from pydicom import dcmread

from niffler_ops.demo.corpus import Corpus
from niffler_ops.metadata import Record, open_store
from tests.support.mongodb import Server, needs_mongodb, server
from tests.support.processes import wait_until
from tests.support.rig import Rig, Running, corpus_folder, data_sets, data_sets_of

ALL = ["metadata", "png", "deidentify"]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def output(rig: Rig) -> Path:
    return rig.folder / "out"


def ask(rig: Rig, corpus: Corpus, *, processors: list[str], **keys: object) -> None:
    rig.ask_for(corpus.studies)
    rig.configure(PostProcessors=processors, OutputFolder=output(rig).name, **keys)


def has_drawn(running: Running, rig: Rig, least: int) -> bool:
    return running.ended or sum(1 for _ in output(rig).rglob("*.png")) > least


def records(url: str) -> list[Record]:
    with closing(open_store(url)) as store:
        return list(store.records("default"))


def check_all_is_there(rig: Rig, corpus: Corpus) -> None:
    """Pictures, lines and files of every instance, each once, and nothing half."""
    instances = sum(len(study.instances) for study in corpus.studies)
    mapping, lines = table(output(rig) / "mapping.csv"), table(output(rig) / "metadata.csv")
    pictures = {str(path.relative_to(output(rig))) for path in output(rig).rglob("*.png")}
    assert len(mapping) == len(pictures) == instances
    assert {row["png"] for row in mapping} == pictures
    assert len({row["SOPInstanceUID"] for row in lines}) == len(lines) == instances
    assert {row["SOPInstanceUID"] for row in mapping} == {row["SOPInstanceUID"] for row in lines}
    written = [dcmread(path) for path in (output(rig) / "dicom").rglob("*.dcm")]
    assert {dataset.SOPInstanceUID for dataset in written} == {row["SOPInstanceUID"] for row in lines}
    assert (
        sum(int(str(record["instances"])) for record in records(f"sqlite:///{rig.private}/metadata.sqlite"))
        == instances
    )
    assert table(output(rig) / "failures.csv") == []
    for path in output(rig).rglob("*"):
        assert not path.name.startswith("."), f"half a file: {path}"


def test_every_finished_study_becomes_pictures_tables_and_dicom_without_identity(
    rig: Rig, corpus: Corpus
) -> None:
    rig.serve(corpus_folder(corpus))
    ask(rig, corpus, processors=ALL)
    ended = rig.cold()
    assert ended.status == 0, ended
    check_all_is_there(rig, corpus)
    for picture in output(rig).rglob("*.png"):
        with Image.open(picture) as image:
            image.load()
    post = rig.status()["post"]
    numbers = {name: (counts["total"], counts["done"], counts["held"]) for name, counts in post.items()}
    assert numbers == dict.fromkeys(ALL, (4, 4, 0))
    everything = b"".join(path.read_bytes() for path in output(rig).rglob("*") if path.is_file())
    names = " ".join(str(path) for path in output(rig).rglob("*"))
    for study in corpus.studies:
        for secret in (study.patient_id, study.accession_number):
            assert secret.encode() not in everything
            assert secret not in names
    links = [row for row in table(rig.private / "linking.csv") if row["attribute"] == "PatientID"]
    linking = {row["pseudonym"]: row["original"] for row in links}
    assert {linking[row["PatientID"]] for row in table(output(rig) / "metadata.csv")} == {
        study.patient_id for study in corpus.studies
    }


def test_it_may_be_killed_at_any_time_and_loses_and_doubles_nothing(rig: Rig, some: Corpus) -> None:
    rig.serve(corpus_folder(some))
    ask(rig, some, processors=ALL, PostWorkers=2)
    for number in range(4):
        running = rig.start()
        wait_until(partial(has_drawn, running, rig, 6 * number), "some pictures", seconds=60)
        running.kill()
    ended = rig.cold()
    assert ended.status == 0, ended
    check_all_is_there(rig, some)
    assert data_sets(rig.storage) == data_sets_of(some.studies)


def test_a_worker_that_is_killed_loses_nothing(rig: Rig, some: Corpus) -> None:
    rig.serve(corpus_folder(some))
    ask(rig, some, processors=ALL, MaxAttempts=5)  # one for each kill, should all meet the same study
    running = rig.start()
    killed: set[int] = set()
    while not running.ended and len(killed) < 4:
        workers = [
            process["pid"]
            for process in (rig.status()["processes"] if (rig.private / "niffler.log").exists() else [])
            if process["role"] == "postprocess" and process["alive"]
        ]
        for pid in {*workers} - killed:
            with contextlib.suppress(ProcessLookupError):  # it may have ended meanwhile
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
    ended = running.end()
    assert killed
    assert ended.status == 0, ended
    check_all_is_there(rig, some)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_second_run_does_only_what_is_new_and_other_settings_do_all_again(
    plain_rig: Rig, corpus: Corpus, bits: int
) -> None:
    rig = plain_rig
    archive = rig.serve(corpus_folder(corpus))
    ask(rig, corpus, processors=["png"])
    assert rig.cold().status == 0
    archive.kill()
    before = {path: path.stat().st_mtime_ns for path in output(rig).rglob("*.png")}
    ask(rig, corpus, processors=["png"], PngBits=bits)
    ended = rig.cold()
    assert ended.status == 0, ended
    after = {path: path.stat().st_mtime_ns for path in output(rig).rglob("*.png")}
    assert before.keys() == after.keys()
    assert (before == after) is (bits == 8)
    with Image.open(next(iter(after))) as image:
        assert image.mode == ("L" if bits == 8 else "I;16")
    shutil.rmtree(output(rig))
    assert rig.cold().status == 0
    assert {*output(rig).rglob("*.png")} == after.keys(), "what was deleted is made anew"
    key = rig.private / "pseudonym.key"
    for change, said in (
        (lambda: key.write_bytes(b"x" * 32), "Restore that key"),
        (key.unlink, "restore it"),
    ):
        change()
        ended = rig.cold()
        assert ended.status == 78, ended
        assert said in ended.err
        assert "another OutputFolder" in ended.err


def test_a_store_that_was_lost_is_filled_again_by_a_second_run(plain_rig: Rig, some: Corpus) -> None:
    rig = plain_rig
    archive = rig.serve(corpus_folder(some))
    ask(rig, some, processors=["metadata"])
    assert rig.cold().status == 0
    archive.kill()
    store = rig.private / "metadata.sqlite"
    before = {str(record["_id"]) for record in records(f"sqlite:///{store}")}
    store.unlink()
    assert rig.cold().status == 0
    assert {str(record["_id"]) for record in records(f"sqlite:///{store}")} == before
    assert f"its output or store is gone: {len(some.studies)} studies again" in rig.log()


def test_an_output_folder_of_other_originals_is_refused_before_anything_starts(
    plain_rig: Rig, corpus: Corpus
) -> None:
    output(plain_rig).mkdir()
    (output(plain_rig) / "output.json").write_text('{"owner": "a", "fingerprint": "b", "edition": "c"}')
    ask(plain_rig, corpus, processors=["metadata"])
    ended = plain_rig.cold()
    assert ended.status == 78, ended
    assert "Name another OutputFolder" in ended.err
    assert not plain_rig.storage.exists()


def test_a_command_of_the_sites_own_gets_each_study_and_its_exit_status_decides(
    plain_rig: Rig, corpus: Corpus
) -> None:
    rig = plain_rig
    rig.serve(corpus_folder(corpus))
    script, seen = rig.folder / "convert", rig.folder / "seen"
    seen.mkdir()
    script.write_text(
        "#!/bin/sh\n"
        f'cat > "{seen}/$$.json"\n'
        f'number=$(ls "{seen}" | wc -l)\n'
        'case "$number" in 1) exit 75;; 2) exit 1;; *) exit 0;; esac\n'
    )
    script.chmod(0o755)
    ask(rig, corpus, processors=["command"], Command=[str(script)], PostWorkers=1)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert rig.status()["post"]["command"]["done"] == 4
    told = [json.loads(path.read_text()) for path in seen.glob("*.json")]
    assert len(told) == 6, "one was to come again later, one failed once"
    for study in told:
        assert len(study["files"]) == 10
        assert all(Path(file).is_relative_to(study["folder"]) for file in study["files"])


@pytest.fixture(params=[pytest.param(None, marks=needs_mongodb)])
def mongodb(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own."""
    with server(tmp_path) as own:
        yield own


def test_a_store_that_is_away_is_waited_for_and_nothing_is_lost_or_doubled(
    plain_rig: Rig, some: Corpus, mongodb: Server
) -> None:
    rig, url = plain_rig, f"{mongodb.url}/research"
    rig.serve(corpus_folder(some), "slow=500")
    (rig.folder / "store").write_text(url)
    (rig.folder / "store").chmod(0o600)
    ask(rig, some, processors=["metadata"], MetadataStore=f"file://{rig.folder}/store")
    running = rig.start()
    wait_until(lambda: records(url), "the first records", seconds=60)
    mongodb.kill()
    wait_until(lambda: "metadata waits" in rig.log(), "the worker to notice", seconds=120)
    assert not running.ended
    assert rig.status()["post"]["metadata"]["failed"] == 0
    mongodb.start()
    ended = running.end()
    assert ended.status == 0, ended
    stored = records(url)
    assert len({record["_id"] for record in stored}) == len(stored)
    assert sum(int(str(record["instances"])) for record in stored) == 30


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"Featureset": "none.txt"}, "none.txt"),
        ({"MetadataStore": "file:///nowhere/store"}, "the store's URL cannot be read"),
        (
            {"DeidentifyOptions": ["RetainFullDates", "RetainModifiedDates"]},
            "either `RetainModifiedDates` or",
        ),
    ],
)
def test_wrong_settings_are_78_before_anything_starts(
    plain_rig: Rig, corpus: Corpus, keys: dict[str, object], said: str
) -> None:
    ask(plain_rig, corpus, processors=["metadata"], **keys)
    ended = plain_rig.cold()
    assert ended.status == 78, ended
    assert said in ended.err
    assert not plain_rig.storage.exists()
