"""Identifiers are secrets: not in a log, not on a terminal, not in the arguments of any process."""

import contextlib
import secrets
import stat
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from niffler_ops.demo.corpus import Corpus
from tests.support.embedded import instance, save
from tests.support.rig import Rig, corpus_folder, everything, filed, unprotected

STUDIES, INSTANCES = 3, 6


class OtherUser:
    """What another user of the machine saw while the block ran: arguments of processes, files open to all."""

    def __init__(self, storage: Path) -> None:
        self.arguments: set[bytes] = set()
        self.files: set[str] = set()
        self._storage = storage
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self.files.update(unprotected(self._storage))
            for entry in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    self.arguments.add(entry.read_bytes())


@pytest.fixture
def secret_studies(rig: Rig) -> list[tuple[str, str]]:
    """An archive whose every identifier is unmistakable; gives patient ids and accession numbers."""
    folder = rig.folder / "archive"
    lines = []
    for number in range(1, STUDIES + 1):
        token = secrets.token_hex(5).upper()
        patient, name, accession = f"PAT{token}", f"NAME{token}^GIVEN{token}", f"ACC{token}"
        rig.keep_secret(patient, f"NAME{token}", f"GIVEN{token}", accession)
        lines.append((patient, accession))
        for image in range(1, INSTANCES + 1):
            made = instance(number, 1, image, PatientID=patient, PatientName=name, AccessionNumber=accession)
            save(made, folder / f"{number}" / f"{image}")
    return lines


def test_no_process_file_log_or_terminal_tells_others_an_identifier_not_even_when_calls_fail(
    rig: Rig, secret_studies: list[tuple[str, str]]
) -> None:
    rig.write_csv([*secret_studies, ("PATNOWHERE", "ACCNOWHERE"), ("PATREFUSED*", "ACCREFUSED")])
    rig.serve(rig.folder / "archive", "abort-middle:times=2", "find-abort=1:times=1", "slow=30", "foreign")
    with OtherUser(rig.storage) as other_user:
        ended = rig.cold()
        text = rig.status_text()
    assert ended.status == 3, ended
    assert sorted(rig.states()) == ["done"] * 3 + ["not_found", "rejected"]
    assert list((rig.private / "logs").iterdir()), "no failed call was kept: the test proves nothing of those"
    assert "supervisor" in str(rig.ledger("SELECT role FROM processes"))
    told = {
        secret
        for secret in rig.identifiers
        for arguments in other_user.arguments
        if secret.encode() in arguments
    }
    assert not told
    assert not other_user.files
    assert any(b"movescu" in arguments.lower() for arguments in other_user.arguments)
    assert not [secret for secret in rig.identifiers if secret in text]
    commands = [command for (command,) in rig.ledger("SELECT command FROM processes")]
    assert not [secret for secret in rig.identifiers for command in commands if secret in command]


def test_errors_of_usage_csv_and_configuration_name_no_identifier(
    plain_rig: Rig,
) -> None:
    plain_rig.write_csv([("PATSECRET*1", "ACCSECRET1"), ("PATSECRET2", "ACCSECRET\\2"), ("PATSECRET3",)])
    assert plain_rig.cold().status == 65
    plain_rig.write_csv([("PATSECRET4", "ACCSECRET4")])
    plain_rig.configure(StorageFolder="config.json")
    assert plain_rig.cold().status == 73
    plain_rig.check_secrets()


def test_a_folder_that_others_may_write_is_refused_and_left_as_it_was(plain_rig: Rig, corpus: Corpus) -> None:
    rig = plain_rig
    rig.ask_for(corpus.studies)
    rig.storage.mkdir()
    rig.storage.chmod(0o777)
    before = everything(rig.storage)
    ended = rig.cold()
    assert ended.status == 78, ended
    assert "everybody" in ended.err
    assert "chmod go-w" in ended.err
    assert everything(rig.storage) == before
    rig.storage.chmod(0o700)


def test_the_tree_may_be_opened_to_a_group_and_nothing_of_ours_with_it(rig: Rig, corpus: Corpus) -> None:
    rig.serve(corpus_folder(corpus))
    rig.configure(FileMode="0640")
    rig.ask_for(corpus.studies[:2])
    ended = rig.cold()
    assert ended.status == 0, ended
    files = filed(rig.storage)
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o640}
    folders = {folder for file in files for folder in file.parents if folder.is_relative_to(rig.storage)}
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o750}
    assert unprotected(rig.private) == []
    rig.forget_storages()
