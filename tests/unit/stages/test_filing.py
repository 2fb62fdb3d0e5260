"""Verified studies come to their final path: whole, once, and over nobody else's file."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from niffler_ops import files
from niffler_ops.dicomtools.storescp import short_name, staging_name
from niffler_ops.errors import LedgerConflictError
from niffler_ops.stages import filing, placing
from niffler_ops.stages.filing import FilingStage, own_folder
from niffler_ops.states import StudyState
from tests.support.dicomfiles import encode, image
from tests.support.stages import Bench, bench

FLAT = "{00100020}/{00080018}.dcm"


@pytest.fixture(params=["{00100020}/{0020000D}/{0020000E}/{00080018}.dcm"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path, FilePath=request.param, QuietTime=5) as made:
        yield made


flat = pytest.mark.parametrize("place", [FLAT], indirect=True)


def file(place: Bench) -> FilingStage:
    """File all that is verified."""
    stage = FilingStage(place.place, place.progress)
    stage.advance()
    place.dispatch_until(lambda: not stage.busy, "the end of filing")
    stage.advance()
    return stage


def arrive(place: Bench, uid: str = "1.1", numbers: tuple[int, ...] = (1, 2)) -> None:
    place.studies(uid)
    place.move(uid)
    place.receive(uid, list(numbers))


def path_of(place: Bench, uid: str, number: int) -> Path:
    return place.layout.staged(staging_name(uid), staging_name(f"{uid}.1.{number}"))


def instance_states(place: Bench, uid: str) -> dict[str, str]:
    files = place.ledger.instances.of_study(place.study(uid).id)
    return {one.sop_instance_uid: one.state for one in files}


@pytest.mark.parametrize(
    ("paths", "depth", "folder"),
    [
        (["P/1.1/s/1.dcm", "P/1.1/t/2.dcm"], 2, "P/1.1"),
        (["P/1.1/s/1.dcm", "Q/1.1/t/2.dcm"], 2, None),
        (["P/1.1/s/1.dcm"], None, None),
        ([], 2, None),
    ],
)
def test_a_study_has_a_folder_of_its_own_or_none(
    paths: list[str], depth: int | None, folder: str | None
) -> None:
    own = own_folder([PurePosixPath(path) for path in paths], depth)
    assert own == (None if folder is None else PurePosixPath(folder))


@pytest.mark.parametrize("pattern", ["{0020000D}/{00080018}.dcm", FLAT])
@pytest.mark.parametrize("over_disks", [False, True])
def test_files_have_the_mode_that_is_set(
    tmp_path: Path, another_disk: Path, pattern: str, *, over_disks: bool
) -> None:
    elsewhere = another_disk if over_disks else None
    with bench(tmp_path, elsewhere=elsewhere, FilePath=pattern, FileMode="0640") as place:
        arrive(place)
        place.verify("1.1")
        file(place)
        filed = [place.layout.storage_folder / path for path in place.tree()]
        assert [path.stat().st_mode & 0o777 for path in filed] == [0o640, 0o640]


def test_a_complete_study_is_filed_and_durable_before_it_is_done(place: Bench) -> None:
    arrive(place)
    content = {f"P1/1.1/1.1.1/1.1.1.{n}.dcm": path_of(place, "1.1", n).read_bytes() for n in (1, 2)}
    place.verify("1.1")
    file(place)
    assert place.tree() == content
    assert place.states() == {"1.1": "done"}
    assert instance_states(place, "1.1") == {"1.1.1.1": "filed", "1.1.1.2": "filed"}
    assert list(place.layout.incoming.iterdir()) == list(place.layout.arranging.iterdir()) == []
    assert [row["state"] for row in place.ledger.report_rows()] == ["done"]


def test_folders_and_files_of_the_tree_are_private(place: Bench) -> None:
    arrive(place)
    place.verify("1.1")
    path_of(place, "1.1", 1).chmod(0o600)
    file(place)
    folders = [place.layout.storage_folder / "P1", place.layout.storage_folder / "P1" / "1.1"]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}


def test_a_study_appears_by_one_rename(place: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    rename = files.rename

    def looking(source: Path, target: Path) -> None:
        rename(source, target)
        seen.append(len(place.tree()))

    for module in (files, placing):  # which moves files by its own name and by way of files.move
        monkeypatch.setattr(module, "rename", looking)
    arrive(place)
    place.verify("1.1")
    file(place)
    assert seen == [0, 0, 2]


@flat
def test_without_a_folder_of_its_own_it_is_filed_file_by_file(place: Bench) -> None:
    for uid in ("1.1",):
        arrive(place, uid)
        place.verify(uid)
    file(place)
    assert list(place.tree()) == ["P1/1.1.1.1.dcm", "P1/1.1.1.2.dcm"]
    assert place.states() == {"1.1": "done"}


def test_what_a_retry_brings_is_merged_into_the_folder(place: Bench) -> None:
    arrive(place, numbers=(1,))
    place.verify("1.1", StudyState.PARTIAL)
    file(place)
    assert place.states() == {"1.1": "partial"}
    before = place.tree()
    with place.ledger.transaction():
        place.ledger.studies.take_up()
        place.ledger.studies.claim_for_listing(1, archive=place.contact.name)
        place.ledger.studies.listed(place.study("1.1").id, StudyState.LISTING, "uid")
    place.move("1.1")
    place.receive("1.1", [2])
    place.verify("1.1")
    file(place)
    assert place.states() == {"1.1": "done"}
    assert len(place.tree()) == 2
    assert before.items() <= place.tree().items()


def test_a_different_instance_at_the_path_is_never_overwritten(place: Bench) -> None:
    arrive(place)
    target = place.layout.storage_folder / "P1" / "1.1" / "1.1.1" / "1.1.1.1.dcm"
    target.parent.mkdir(parents=True)
    target.write_bytes(b"somebody else's")
    place.verify("1.1")
    file(place)
    assert target.read_bytes() == b"somebody else's"
    assert place.states() == {"1.1": "partial"}
    assert instance_states(place, "1.1") == {"1.1.1.1": "missing", "1.1.1.2": "filed"}
    study = place.study("1.1")
    assert (study.received, study.verified) == (1, None)
    assert study.reason == "1 instances not filed: another one stands at their path"
    assert len(list(place.layout.unexpected.iterdir())) == 1
    assert place.ledger.tallies()["unexpected", "files"] == 1


def test_the_same_instance_at_the_path_is_no_conflict(place: Bench) -> None:
    arrive(place)
    target = place.layout.storage_folder / "P1" / "1.1" / "1.1.1" / "1.1.1.1.dcm"
    target.parent.mkdir(parents=True)
    target.write_bytes(path_of(place, "1.1", 1).read_bytes())
    place.verify("1.1")
    file(place)
    assert place.states() == {"1.1": "done"}
    assert list(place.layout.unexpected.iterdir()) == []


def test_a_file_that_was_sent_again_after_it_was_read_is_read_again(place: Bench) -> None:
    arrive(place)
    place.verify("1.1")
    again = place.stage("1.1", 1, pixels=bytes(48))
    file(place)
    assert place.states() == {"1.1": "done"}
    known = place.ledger.instances.get(place.study("1.1").id, "1.1.1.1")
    assert known is not None
    assert (known.sha256, known.size, known.state) == (again.sha256, again.size, "filed")
    assert place.study("1.1").bytes == sum(map(len, place.tree().values()))


@pytest.mark.parametrize("damage", ["removed", "cut off", "another instance"])
@pytest.mark.parametrize(
    "place", ["{00100020}/{0020000D}/{0020000E}/{00080018}.dcm", FLAT], indirect=True, ids=["folder", "flat"]
)
def test_a_file_that_is_lost_before_it_is_durable_sends_its_study_back(
    place: Bench, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    arrive(place)
    place.verify("1.1")
    path = path_of(place, "1.1", 1)
    match damage:
        case "removed":
            path.unlink()
        case "cut off":
            content = path.read_bytes()
            path.unlink()
            path.write_bytes(content[:-10])
        case _:
            path.unlink()
            path.write_bytes(encode(image(StudyInstanceUID="1.1", SOPInstanceUID="9.9")))
    file(place)
    study = place.study("1.1")
    assert (study.state, study.outcome, study.verified) == (StudyState.MOVED, None, None)
    assert (study.received, study.expected, study.grace) == (1, 2, 5)
    assert caplog.messages[-1].endswith(f"(study {short_name('1.1')})")
    assert instance_states(place, "1.1")["1.1.1.1"] == "awaited"
    assert len(list(place.layout.unexpected.iterdir())) == (damage != "removed")
    # What was not lost is where the ledger says, also for a run that reads staging again.
    with place.ledger.transaction():
        place.ledger.studies.reread()
    here = {one.name for one in place.layout.incoming.rglob("*.dcm")}
    assert (place.study("1.1").received == 1) == (not here)

    place.receive("1.1", [1] if not here else [1, 2])
    place.verify("1.1")
    file(place)
    assert place.states() == {"1.1": "done"}
    assert len(place.tree()) == 2


def test_several_studies_are_filed_with_one_sync(place: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs: list[Path] = []
    monkeypatch.setattr(filing, "sync_file_system", syncs.append)
    place.studies("1.1", "1.2", "1.3")
    for uid in ("1.1", "1.2", "1.3"):
        place.move(uid)
        place.receive(uid, [1, 2], PatientID=f"P{uid}")
        place.verify(uid)
    file(place)
    assert place.states() == {"1.1": "done", "1.2": "done", "1.3": "done"}
    assert syncs == [place.layout.storage_folder]


def test_nothing_is_done_that_could_not_be_synced(place: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_folder: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(filing, "sync_file_system", fail)
    arrive(place)
    place.verify("1.1")
    with pytest.raises(OSError, match="No space"):
        file(place)
    assert place.states() == {"1.1": "verified"}
    monkeypatch.undo()
    file(place)
    assert place.states() == {"1.1": "done"}


def test_a_defect_in_filing_ends_the_run_and_does_not_hang_it(
    place: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_folder: Path) -> None:
        raise ValueError("a defect")

    monkeypatch.setattr(filing, "sync_file_system", fail)
    arrive(place)
    place.verify("1.1")
    with pytest.raises(ValueError, match="a defect"):
        file(place)


def test_a_study_without_anything_new_is_done_too(place: Bench) -> None:
    arrive(place)
    place.verify("1.1", StudyState.PARTIAL)
    file(place)
    with place.ledger.transaction():
        place.ledger.studies.take_up()
        place.ledger.studies.claim_for_listing(1, archive=place.contact.name)
        place.ledger.studies.listed(place.study("1.1").id, StudyState.LISTING, "uid")
        place.ledger.studies.skip_move(place.study("1.1").id)
    place.verify("1.1")
    file(place)
    assert place.states() == {"1.1": "done"}


@pytest.mark.parametrize("path", ["../../escaped.dcm", "/tmp/escaped.dcm"])
def test_a_ledger_that_was_made_to_lead_out_of_the_folder_is_not_followed(place: Bench, path: str) -> None:
    arrive(place)
    place.ledger._connection.execute(
        f"CREATE TRIGGER planted AFTER UPDATE OF state ON studies WHEN NEW.state = 'verified' BEGIN"
        f" UPDATE instances SET path = '{path}' WHERE study_id = NEW.id; END"
    )
    place.verify("1.1")
    with pytest.raises(LedgerConflictError, match="outside of StorageFolder"):
        file(place)
    assert place.tree() == {}


@pytest.mark.parametrize("elements", [{"PatientID": "STRANGER"}, {"SeriesInstanceUID": "1.1.9"}])
def test_one_that_another_patients_or_series_has_replaced_is_not_filed_in_its_place(
    place: Bench, elements: dict[str, Any]
) -> None:
    arrive(place)
    place.verify("1.1")
    known: dict[str, Any] = {
        "StudyInstanceUID": "1.1",
        "SeriesInstanceUID": "1.1.1",
        "SOPInstanceUID": "1.1.1.1",
    }
    path_of(place, "1.1", 1).unlink()
    path_of(place, "1.1", 1).write_bytes(encode(image(**{**known, **elements})))
    file(place)
    assert place.tree() == {}
    assert place.states() == {"1.1": "moved"}
    assert instance_states(place, "1.1") == {"1.1.1.1": "awaited", "1.1.1.2": "received"}
    assert len(list(place.layout.unexpected.iterdir())) == 1
    assert place.ledger.tallies()["unexpected", "files"] == 1


def test_a_group_is_limited_by_its_instances_and_says_whether_more_waits(
    place: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filing, "INSTANCES_IN_ONE_SYNC", 3)
    place.studies("1.1", "1.2", "1.3")
    for uid in ("1.1", "1.2", "1.3"):
        place.move(uid)
        place.receive(uid, [1, 2], PatientID=f"P{uid}")
        place.verify(uid)
    stage = FilingStage(place.place, place.progress)
    behind = []
    for last in ("verified", "done"):
        stage.advance()
        behind.append(stage.behind)
        place.dispatch_until(lambda: not stage.busy, "the end of a group")
        assert place.states() == {"1.1": "done", "1.2": "done", "1.3": last}
    assert behind == [True, False]


def test_a_study_with_more_instances_than_a_group_is_one_by_itself(
    place: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filing, "INSTANCES_IN_ONE_SYNC", 1)
    arrive(place)
    place.verify("1.1")
    assert not file(place).behind
    assert place.states() == {"1.1": "done"}
