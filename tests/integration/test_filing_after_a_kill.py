"""Filing that was killed at any instant is completed by running it again: the tree is the same."""

import shutil
from pathlib import Path

import pytest

from niffler_ops.stages.filing import FilingStage
from niffler_ops.states import StudyState
from tests.support.processes import run_python
from tests.support.stages import Bench, bench

OWN_FOLDER = "{00100020}/{0020000D}/{00080018}.dcm"
FLAT = "{00100020}/{00080018}.dcm"
POINTS = (
    "rename-before",
    "rename-between",
    "rename-after",
    "sync-before",
    "sync-after",
    "commit-before",
    "commit-after",
)
FILE_ALL = """
    import os, sys
    from pathlib import Path
    from tests.integration.test_filing_after_a_kill import POINTS, copy, file_all
    from tests.support.stages import bench
    elsewhere = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    def turn(folder: Path, pattern: str, failpoint: str) -> int:
        copy(folder.parent / "prepared", folder, elsewhere)
        child = os.fork()  # quicker than a new interpreter for each turn
        if not child:
            os.environ["NIFFLER_FAILPOINT"] = failpoint
            with bench(folder, elsewhere=elsewhere, FilePath=pattern) as made:
                file_all(made)
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    for point in POINTS:
        number = 1
        while ended := turn(Path(sys.argv[1]) / f"{point}-{number}", sys.argv[2], f"{point}:{number}"):
            if ended != -9:
                sys.exit(f"{point}-{number} ended with {ended}")
            number += 1
"""


def copy(prepared: Path, folder: Path, elsewhere: Path | None) -> None:
    """The same once more: files are told apart by their inodes, so they are linked."""

    def take(source: str, target: str) -> None:
        if source.endswith(".dcm"):
            Path(target).hardlink_to(source)
        else:
            shutil.copy2(source, target)

    shutil.copytree(prepared, folder, copy_function=take)
    if elsewhere is not None:
        shutil.copytree(elsewhere / prepared.name, elsewhere / folder.name, copy_function=take)


def file_all(made: Bench) -> None:
    stage = FilingStage(made.place, made.progress)
    stage.advance()
    made.dispatch_until(lambda: not stage.busy, "the end of filing")


def prepare(folder: Path, elsewhere: Path | None, pattern: str, *, merged: bool) -> None:
    """Two verified studies; of one, an instance is filed already where it is `merged`."""
    folder.mkdir()
    with bench(folder, elsewhere=elsewhere, FilePath=pattern) as made:
        made.studies("1.1", "1.2")
        for uid in ("1.1", "1.2"):
            made.move(uid)
            made.receive(uid, [1], PatientID="P1")
        if merged:
            made.verify("1.1", StudyState.PARTIAL)
            file_all(made)
            with made.ledger.transaction():
                made.ledger.studies.take_up()
                made.ledger.studies.claim_for_listing(1, archive=made.contact.name)
                made.ledger.studies.listed(made.study("1.1").id, StudyState.LISTING, "uid")
            made.move("1.1")
        for uid in ("1.1", "1.2"):
            made.receive(uid, [2], PatientID="P1")
            made.verify(uid)


def undisturbed_tree(folder: Path, elsewhere: Path | None, pattern: str) -> dict[str, bytes]:
    copy(folder / "prepared", folder / "undisturbed", elsewhere)
    with bench(folder / "undisturbed", elsewhere=elsewhere, FilePath=pattern) as undisturbed:
        file_all(undisturbed)
        assert undisturbed.states() == {"1.1": "done", "1.2": "done"}
        return undisturbed.tree()


def kill_everywhere(folder: Path, elsewhere: Path | None, pattern: str, *, merged: bool = False) -> int:
    """Kill filing at every failpoint, complete it and compare; gives the number of kills."""
    prepare(folder / "prepared", elsewhere, pattern, merged=merged)
    tree = undisturbed_tree(folder, elsewhere, pattern)
    assert len(tree) == 4
    killed = run_python(FILE_ALL, folder, pattern, *([elsewhere] if elsewhere else []))
    assert killed.returncode == 0, killed.stderr
    folders = [found for point in POINTS for found in folder.glob(f"{point}-*")]
    for found in folders:
        with bench(found, elsewhere=elsewhere, FilePath=pattern) as made:
            file_all(made)
            assert made.tree() == tree, found.name
            assert made.states() == {"1.1": "done", "1.2": "done"}, found.name
            assert [made.study(uid).received for uid in ("1.1", "1.2")] == [2, 2], found.name
            for emptied in (made.layout.incoming, made.layout.arranging, made.layout.unexpected):
                assert list(emptied.iterdir()) == [], found.name
    return len(folders) - len(POINTS)


@pytest.mark.parametrize(
    ("pattern", "merged", "kills"),
    # A rename is two points, one that makes a new name three; a sync and the two commits are two each.
    [(OWN_FOLDER, False, 2 * 6 + 6), (OWN_FOLDER, True, 3 + 2 * 3 + 6), (FLAT, False, 3 * 4 + 6)],
    ids=["a folder for each study", "a folder that exists", "no folders"],
)
def test_whatever_instant_filing_is_killed_at_it_ends_the_same(
    tmp_path: Path, pattern: str, kills: int, *, merged: bool
) -> None:
    assert kill_everywhere(tmp_path, None, pattern, merged=merged) == kills


@pytest.mark.parametrize(
    ("pattern", "kills"),
    # Before a rename that turns out to be one over file systems there is one more point.
    [(OWN_FOLDER, 3 * 4 + 2 * 2 + 6), (FLAT, (3 + 3) * 4 + 6)],
    ids=["a folder for each study", "no folders"],
)
def test_it_ends_the_same_where_staging_is_on_another_disk(
    tmp_path: Path, another_disk: Path, pattern: str, kills: int
) -> None:
    assert kill_everywhere(tmp_path, another_disk, pattern) == kills
