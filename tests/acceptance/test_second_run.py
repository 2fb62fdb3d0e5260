"""The same command again: what is pending, and with --retry-failed what has failed; never what is filed."""

import shutil
from pathlib import Path

import pytest

from niffler_ops.demo.corpus import Corpus
from tests.support.archives import ArchiveProcess
from tests.support.rig import Rig, copy_studies, corpus_folder, data_sets, data_sets_of, filed

LOST = 2


@pytest.fixture
def damaged(rig: Rig, corpus: Corpus) -> ArchiveProcess:
    """An extraction has ended with one row each done, partial, failed and not found, and one rejected."""
    _, partial, failed, absent = corpus.studies
    folder = copy_studies(Corpus(studies=corpus.studies[:3]), rig.folder / "archive")
    rig.configure(MaxAttempts=1, MoveLanes=1)
    rig.write_csv(
        [*((study.patient_id, study.accession_number) for study in corpus.studies), ("", "EMPTY-ID")]
    )
    archive = rig.serve(folder)
    for study, number in ((partial, LOST), (failed, len(failed.instances))):
        for instance in study.instances[:number]:
            (folder / instance.path.parent.name / instance.path.name).unlink()
    ended = rig.cold()
    assert ended.status == 3, ended
    assert rig.states() == ["done", "partial", "failed", "not_found", "rejected"]
    assert not (folder / absent.instances[0].path.parent.name).exists()
    return archive


def mend(rig: Rig, corpus: Corpus, archive: ArchiveProcess) -> None:
    shutil.rmtree(rig.folder / "archive")
    copy_studies(corpus, rig.folder / "archive")
    archive.restart()


def marks(rig: Rig) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in filed(rig.storage)}


def test_a_plain_second_run_asks_nothing_and_ends_with_3_and_a_hint(
    rig: Rig, corpus: Corpus, damaged: ArchiveProcess
) -> None:
    mend(rig, corpus, damaged)
    asked = len(damaged.events("find")), len(damaged.events("move"))
    before, report = marks(rig), rig.report()
    ended = rig.cold()
    assert ended.status == 3, ended
    assert "--retry-failed" in ended.out + ended.err
    assert (len(damaged.events("find")), len(damaged.events("move"))) == asked
    assert marks(rig) == before
    assert rig.report() == report


def test_retry_failed_completes_what_a_mended_archive_has_and_fetches_nothing_twice(
    rig: Rig, corpus: Corpus, damaged: ArchiveProcess
) -> None:
    mend(rig, corpus, damaged)
    before = marks(rig)
    ended = rig.cold("--retry-failed")
    assert ended.status == 3, ended  # the rejected line stays
    assert rig.states() == ["done"] * 4 + ["rejected"]
    assert data_sets(rig.storage) == data_sets_of(corpus.studies)
    assert {path: mark for path, mark in marks(rig).items() if path in before} == before
    assert set(damaged.delivered().values()) == {1}
    status = rig.status()
    assert status["instances"] == {"expected": 40, "received": 40}
    assert status["rows"]["done"] == 4


def test_retry_failed_while_nothing_is_mended_changes_nothing(rig: Rig, damaged: ArchiveProcess) -> None:
    before, report = marks(rig), rig.report()
    ended = rig.cold("--retry-failed")
    assert ended.status == 3, ended
    assert marks(rig) == before
    assert rig.report() == report
    assert set(damaged.delivered().values()) == {1}


def test_a_csv_with_another_line_adds_that_and_leaves_the_others(rig: Rig, corpus: Corpus) -> None:
    archive = rig.serve(corpus_folder(corpus))
    rig.ask_for(corpus.studies[:2])
    assert rig.cold().status == 0
    before = marks(rig)
    rig.ask_for(corpus.studies[1:3])
    ended = rig.cold()
    assert ended.status == 0, ended
    assert {path: mark for path, mark in marks(rig).items() if path in before} == before
    assert data_sets(rig.storage) == data_sets_of(corpus.studies[:3])
    assert set(archive.delivered().values()) == {1}
    rows = rig.status()["rows"]
    assert (rows["total"], rows["done"], rows["withdrawn"]) == (3, 2, 1)
