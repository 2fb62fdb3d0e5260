"""A ledger that an earlier release made is taken up by this one.

tests/ledgers/ has one for each released schema: the dump of an extraction of four studies and a rejected
line, killed when one study was done and the next on its way. @NAMES@ stand for what differs each time.
"""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from niffler_ops import database
from niffler_ops.demo.corpus import Corpus
from niffler_ops.ledger.reading import MIGRATIONS
from tests.support.rig import Rig, corpus_folder, data_sets, data_sets_of

LEDGERS = sorted((Path(__file__).parents[1] / "ledgers").glob("*.sql"))
VERSIONS = [pytest.param(path, id=path.stem) for path in LEDGERS]


def restore(dump: Path, ledger: Path, values: dict[str, str]) -> None:
    """Make a ledger of the schema that the dump's name has the number of."""
    text = re.sub(r"@([A-Z0-9_]+)@", lambda found: values[found[1]], dump.read_text())
    with closing(sqlite3.connect(ledger)) as connection:
        connection.executescript(text)
        connection.execute(f"PRAGMA user_version = {int(dump.stem)}")
    ledger.chmod(0o600)


def values_of(rig: Rig, corpus: Corpus) -> dict[str, str]:
    """What stands for the names in a dump."""
    values = {
        "STORAGE": str(rig.storage),
        "FOLDER": str(rig.folder),
        "ARCHIVE_PORT": str(rig.archive_port),
        "PORT": str(rig.port),
    }
    for number, study in enumerate(corpus.studies, start=1):
        values[f"STUDY_{number}"] = study.study_instance_uid
        values[f"PATIENT_{number}"] = study.patient_id
        values[f"ACCESSION_{number}"] = study.accession_number
        series = dict.fromkeys(instance.series_instance_uid for instance in study.instances)
        values |= {f"SERIES_{number}_{count}": uid for count, uid in enumerate(series, start=1)}
        for count, instance in enumerate(study.instances, start=1):
            values[f"INSTANCE_{number}_{count}"] = instance.sop_instance_uid
    return values


@pytest.mark.parametrize("dump", VERSIONS)
def test_an_extraction_of_an_earlier_release_goes_on(dump: Path, plain_rig: Rig, corpus: Corpus) -> None:
    rig = plain_rig
    archive = rig.serve(corpus_folder(corpus))
    rig.write_csv(
        [*((study.patient_id, study.accession_number) for study in corpus.studies), ("", "EMPTY-ID")]
    )
    rig.private.mkdir(mode=0o700, parents=True)
    rig.storage.chmod(0o700)
    restore(dump, rig.private / "ledger.sqlite", values_of(rig, corpus))
    ended = rig.cold()
    assert ended.status == 3, ended
    assert rig.states() == ["done", "done", "done", "done", "rejected"]
    assert len(archive.events("move")) == 3, "what was done is not asked for again"
    assert data_sets(rig.storage) == data_sets_of(corpus.studies[1:])
    assert rig.ledger("PRAGMA user_version") == [(database.latest_version(MIGRATIONS),)]


def test_an_extraction_of_a_later_release_is_left_as_it_is(plain_rig: Rig, corpus: Corpus) -> None:
    rig = plain_rig
    rig.write_csv([(study.patient_id, study.accession_number) for study in corpus.studies])
    rig.private.mkdir(mode=0o700, parents=True)
    rig.storage.chmod(0o700)
    ledger = rig.private / "ledger.sqlite"
    restore(LEDGERS[-1], ledger, values_of(rig, corpus))
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("PRAGMA user_version = 99")
    ended = rig.cold()
    assert ended.status == 73, ended
    assert "has version 99" in ended.err
    assert "It is whole" in ended.err
    assert "damaged" not in ended.err


def test_there_is_one_of_every_schema_and_the_scripts_of_a_release_stay_as_they_are(tmp_path: Path) -> None:
    assert [int(path.stem) for path in LEDGERS] == list(range(1, database.latest_version(MIGRATIONS) + 1))
    with closing(database.connect(tmp_path / "migrated.sqlite")) as migrated:
        database.migrate(migrated, MIGRATIONS)
        made = statements(migrated)
    with closing(sqlite3.connect(":memory:")) as dumped:
        dumped.executescript(LEDGERS[-1].read_text())
        assert statements(dumped) == made


def statements(connection: sqlite3.Connection) -> set[str]:
    """What made the schema, but for its layout."""
    rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {" ".join(row[0].replace('"', "").split()) for row in rows}
