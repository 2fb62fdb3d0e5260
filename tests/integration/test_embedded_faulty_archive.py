"""The archive that misbehaves on purpose does so as it says, and otherwise not."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from niffler_ops.embedded.filepath import md5_name
from tests.support.embedded import (
    FAULTY_ARCHIVE,
    Receiver,
    Served,
    archive,
    body,
    corpus,
    query_file,
    run,
    storescp,
    tool,
    wait_until,
)

INSTANCES = [f"1.2.3.1.{number % 2 + 1}.{number}" for number in (2, 4, 1, 3)]  # in order of UIDs


@dataclass(frozen=True, kw_only=True)
class Rig:
    """A faulty archive and the storescp it sends to."""

    served: Served
    receiver: Receiver
    place: Path

    def move(self, study: int = 1) -> list[str]:
        """The final responses."""
        file = query_file(self.place / "m.dcm", StudyInstanceUID=f"1.2.3.{study}")
        command = tool("movescu", "-c", self.served.name, "--not-async", "--dest", "DEST", "--", file)
        return run(*command).finals

    def find(self, *arguments: str) -> tuple[list[str], list[Dataset]]:
        """The final responses, and the answers."""
        out = self.place / f"out{time.monotonic_ns()}"
        command = tool(
            "findscu", "-c", self.served.name, "--out-dir", out, "-r", "NumberOfStudyRelatedInstances"
        )
        ended = run(*command, "AccessionNumber", "StudyInstanceUID", *arguments)
        return ended.finals, [dcmread(path, force=True) for path in sorted(out.iterdir())]

    def names(self, study: int = 1) -> set[str]:
        """The names of the files that came of a study."""
        return {path.name for path in self.receiver.files() if path.parent.name == md5_name(f"1.2.3.{study}")}


def names_of(*sop_instances: str) -> set[str]:
    return {f"{md5_name(uid)}.dcm" for uid in sop_instances}


@contextmanager
def rig(tmp_path: Path, *faults: str) -> Iterator[Rig]:
    folder = tmp_path / "folder"
    if not folder.exists():
        corpus(folder)
    with (
        storescp(tmp_path / "in") as receiver,
        archive(folder, {"DEST": receiver.port}, tmp_path / "archive.log", *faults) as served,
    ):
        yield Rig(served=served, receiver=receiver, place=tmp_path)


def success(completed: int = 4) -> list[str]:
    return [f">> 1:C-MOVE-RSP[pcid=1, completed={completed}, failed=0, warning=0, status=0H"]


def test_drop_reports_success_for_instances_that_never_come(tmp_path: Path) -> None:
    with rig(tmp_path, "drop=3") as made:
        assert made.move() == success()
        assert made.names() == names_of(INSTANCES[0])
        made.move()
        assert made.names() == names_of(INSTANCES[0])


def test_drop_can_be_confined_to_a_study_and_to_the_first_requests(tmp_path: Path) -> None:
    with rig(tmp_path, "drop=1:1:times=2") as made:
        made.move(1)
        made.move(2)
        assert (len(made.names(1)), len(made.names(2))) == (4, 3)
        made.move(2)
        assert len(made.names(2)) == 4


def test_wrong_uid_sends_the_first_instance_under_another(tmp_path: Path) -> None:
    with rig(tmp_path, "wrong-uid") as made:
        assert made.move() == success()
        assert made.names() == names_of("1.2.3.1.1.9", *INSTANCES[1:])
        other = made.receiver.folder / md5_name("1.2.3.1") / f"{md5_name('1.2.3.1.1.9')}.dcm"
        assert dcmread(other).file_meta.MediaStorageSOPInstanceUID == "1.2.3.1.1.9"


def test_truncate_cuts_the_pixel_data_of_the_last_instance(tmp_path: Path) -> None:
    with rig(tmp_path, "truncate") as made:
        assert made.move() == success()
        lengths = {path.name: len(body(path)) for path in made.receiver.files()}
        (cut,) = names_of(INSTANCES[-1])
        (whole,) = names_of(INSTANCES[0])
        assert lengths[whole] - lengths[cut] == 100


def test_foreign_sends_an_instance_of_another_study_along(tmp_path: Path) -> None:
    with rig(tmp_path, "foreign") as made:
        assert made.move() == success()
        assert (len(made.names(1)), len(made.names(2))) == (4, 1)


def test_twice_sends_every_instance_twice_and_the_log_tells_it(tmp_path: Path) -> None:
    log = tmp_path / "requests"
    with rig(tmp_path, "twice", f"log={log}") as made:
        assert made.move() == success()
        made.find("-m", "StudyInstanceUID=1.2.3.1")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["move", *["store"] * 8, "find"]
    assert lines[0]["studies"] == lines[-1]["studies"] == ["1.2.3.1"]
    assert lines[1]["sop_instance"] == lines[2]["sop_instance"] == INSTANCES[0]
    assert lines[0]["time"] <= lines[1]["time"]


def test_success_early_sends_the_last_instance_after_the_final_response(tmp_path: Path) -> None:
    with rig(tmp_path, "success-early=700") as made:
        assert made.move() == success()
        assert len(made.names()) == 3
        wait_until(lambda: len(made.names()) == 4, "the last instance")


@pytest.mark.parametrize("status", ["a700", "a801", "c000"])
def test_status_refuses_every_retrieve(tmp_path: Path, status: str) -> None:
    with rig(tmp_path, f"status={status}") as made:
        assert made.move() == [f">> 1:C-MOVE-RSP[pcid=1, status={status}H, errorComment=refused on purpose"]
        assert made.names() == set()


def test_abort_middle_ends_the_association_halfway(tmp_path: Path) -> None:
    with rig(tmp_path, "abort-middle:times=1") as made:
        assert made.move() == []
        assert len(made.names()) == 2
        assert made.move() == success()


def test_the_count_of_requests_survives_a_restart(tmp_path: Path) -> None:
    faults = ("status=a700:times=2", f"--state={tmp_path / 'state'}")
    with rig(tmp_path, *faults) as made:
        assert "a700" in made.move()[0]
    with rig(tmp_path, *faults) as made:
        assert "a700" in made.move()[0]
        assert made.move() == success()


def test_ignore_key_tells_all_studies_with_their_true_values(tmp_path: Path) -> None:
    with rig(tmp_path, "ignore-key=AccessionNumber") as made:
        file = query_file(tmp_path / "q", AccessionNumber="A2", StudyInstanceUID="")
        ended = run(*tool("findscu", "-c", made.served.name, "--out-dir", tmp_path / "out", "--", file))
    assert ended.status == 0
    answers = [dcmread(path, force=True) for path in sorted((tmp_path / "out").iterdir())]
    assert [answer.AccessionNumber for answer in answers] == ["A1", "A2", "A3"]


def test_no_image_level_refuses_what_is_below_studies(tmp_path: Path) -> None:
    with rig(tmp_path, "no-image-level") as made:
        series, _ = made.find("-L", "SERIES", "-m", "StudyInstanceUID=1.2.3.1")
        studies, answers = made.find()
    assert "status=a900H" in series[0]
    assert ("status=0H" in studies[0], len(answers)) == (True, 3)


def test_empty_image_level_finds_no_instances(tmp_path: Path) -> None:
    with rig(tmp_path, "empty-image-level") as made:
        keys = ("-m", "StudyInstanceUID=1.2.3.1", "-m", "SeriesInstanceUID=1.2.3.1.1")
        finals, answers = made.find("-L", "IMAGE", *keys)
    assert ("status=0H" in finals[0], answers) == (True, [])


@pytest.mark.parametrize(("fault", "count"), [("no-count", None), ("count=+2", 6), ("count=17", 17)])
def test_counts_can_be_absent_or_wrong(tmp_path: Path, fault: str, count: int | None) -> None:
    with rig(tmp_path, fault) as made:
        _, answers = made.find("-m", "StudyInstanceUID=1.2.3.1")
    assert [answer.get("NumberOfStudyRelatedInstances") for answer in answers] == [count]


def test_slow_pauses_before_each_instance(tmp_path: Path) -> None:
    with rig(tmp_path, "slow=100") as made:
        began = time.monotonic()
        assert made.move() == success()
        assert time.monotonic() - began >= 0.4


def test_an_unknown_fault_is_told() -> None:
    ended = run(
        sys.executable,
        FAULTY_ARCHIVE,
        "/tmp",
        "--bind",
        "A@127.0.0.1:0",
        "--destination",
        "D@h:1",
        "--fault",
        "nothing",
    )
    assert (ended.status, "no such fault: nothing" in ended.err) == (64, True)
