"""A place for a stage to work in: a real ledger, folders and processes, and a clock that stands still."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from niffler_ops.config import Config, load
from niffler_ops.dicomtools.storescp import staging_name
from niffler_ops.dicomtools.toolkit import Toolkit
from niffler_ops.files import make_private_folder
from niffler_ops.headers import read_instance
from niffler_ops.layout import Layout
from niffler_ops.ledger.store import Ledger
from niffler_ops.ledger.studies import MoveOutcome, Study
from niffler_ops.ledger.wanting import FoundStudy
from niffler_ops.model import Archive, InstanceFile, Peer
from niffler_ops.postprocess.crew import here
from niffler_ops.processes.launcher import Launcher
from niffler_ops.stages.contact import Contact
from niffler_ops.stages.gate import Gate
from niffler_ops.stages.load import load_of
from niffler_ops.stages.place import Place
from niffler_ops.stages.progress import Progress
from niffler_ops.stages.succession import Succession
from niffler_ops.stages.tools import Tools
from niffler_ops.stages.unqueried import UnqueriedStage
from niffler_ops.states import StudyState
from tests.support.clock import FakeClock
from tests.support.dicomfiles import encode, image
from tests.support.extractions import HEADER, asked
from tests.support.peers import absent
from tests.support.processes import wait_until

SYSTEM_KEYS = {"SrcAet", "NightlyOnly", "StartHour", "EndHour", "DestAet"}
PATTERN = "{00100020}/{0020000D}/{0020000E}/{00080018}.dcm"


def configuration(folder: Path, **keys: object) -> Config:
    """A configuration of an extraction into `folder`/storage."""
    system: dict[str, object] = {"SrcAet": "PACS@127.0.0.1:104", "QueryAet": "QBNIFFLER:4243"}
    extraction: dict[str, object] = {
        "StorageFolder": "storage",
        "CsvFile": "list.csv",
        "ExtractionType": "accession",
        "AccessionIndex": 0,
    }
    for name, value in keys.items():
        (system if name in SYSTEM_KEYS else extraction)[name] = value
    (folder / "system.json").write_text(json.dumps(system), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps(extraction), encoding="utf-8")
    return load(folder / "config.json", folder / "system.json", {})


class Bench:
    """A place, what it is made of, and the tools that stand in for the toolkit's."""

    def __init__(
        self, folder: Path, archives: Sequence[Peer], elsewhere: Path | None, lines: int, **keys: object
    ) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.layout = Layout(folder / "storage", elsewhere and elsewhere / folder.name)
        for needed in self.layout.folders():
            make_private_folder(needed)
        self.ledger = Ledger.open(self.layout.ledger, self.clock)
        if self.ledger.record() is None:
            self.ledger.create(
                configuration={},
                storage_folder=self.layout.storage_folder,
                csv_file=folder / "list.csv",
                csv_digest="",
                csv_header=HEADER,
                rows=[asked(line) for line in range(2, lines + 2)],
            )
        self.launcher = Launcher()
        self.progress = Progress(self.clock.monotonic())
        commands = {name: (str(folder / name),) for name in ("storescp", "movescu", "findscu")}
        toolkit = Toolkit(commands=commands, environments={name: {} for name in commands}, kind="dcm4che")
        self.place = Place(
            config=configuration(folder, **keys),
            layout=self.layout,
            ledger=self.ledger,
            clock=self.clock,
            tools=Tools(self.launcher, toolkit, self.ledger, self.layout.logs),
            contacts=tuple(
                Contact(
                    entry,
                    self.launcher,
                    self.clock,
                    first=number == 0,
                    load=load_of(configuration(folder, **keys), entry, self.clock),
                )
                for number, entry in enumerate(
                    Archive(peer=archive, calling_aet="QBNIFFLER", destination="QBNIFFLER")
                    for archive in archives
                )
            ),
            gate=Gate(configuration(folder, **keys), self.layout, self.clock),
            hire=here(configuration(folder, **keys).post_workers),
        )

        with self.ledger.transaction():
            self.ledger.passing.adopt([contact.name for contact in self.place.contacts])

    @property
    def contact(self) -> Contact:
        """The first archive."""
        return self.place.contacts[0]

    @property
    def succession(self) -> Succession:
        """Which archive is asked next."""
        return Succession(self.place)

    @property
    def unqueried(self) -> UnqueriedStage:
        """The stage that retrieves rows without a query; none runs."""
        return UnqueriedStage(self.place, self.progress, self.succession)

    def script(self, tool: str, text: str) -> None:
        """Let a shell script stand for a tool; `response N STATUS [COUNTERS]` logs a C-MOVE response."""
        header = (
            '#!/bin/sh\nresponse() { echo "Q->PACS(1) >> $1:C-MOVE-RSP[pcid=1, ${3}status=$2H"; }\n'
            f'exec 2>>{self.folder / "stderr"}\necho "$@" >>{self.folder / "calls"}\n'
        )
        (self.folder / tool).write_text(header + text, encoding="utf-8")
        (self.folder / tool).chmod(0o700)

    def calls(self) -> list[list[str]]:
        """The arguments of each call of a tool so far."""
        path = self.folder / "calls"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def studies(self, *uids: str, instances: int = 2) -> list[Study]:
        """Studies that are listed: each promises instances UID.1.1, UID.1.2, …"""
        archive = self.contact.name
        found = [FoundStudy(study_instance_uid=uid, promised_count=instances) for uid in uids]
        with self.ledger.transaction():
            row = self.ledger.rows.claim(1)[0]
            self.ledger.rows.matched(row.id, found, archive=archive, mismatches=0)
            for study in self.ledger.studies.claim_for_listing(len(uids), archive=archive):
                uid = study.study_instance_uid
                promise = [(f"{uid}.1", f"{uid}.1.{number}") for number in range(1, instances + 1)]
                self.ledger.instances.promise(study.id, promise)
                self.ledger.studies.listed(study.id, StudyState.LISTING, "uid")
        return [self.study(uid) for uid in uids]

    def move(self, uid: str, *, status: int | None = 0, grace: float = 0) -> None:
        """Let a study be retrieved, with this answer."""
        studies = self.ledger.studies
        with self.ledger.transaction():
            attempt = studies.begin_move(self.study(uid), lane=1, level="STUDY")
            studies.end_move(self.study(uid).id, attempt, MoveOutcome(status=status), grace=grace)

    def verify(self, uid: str, outcome: StudyState = StudyState.DONE) -> None:
        """Let a study be found complete, or incomplete for good."""
        study = self.study(uid)
        with self.ledger.transaction():
            self.ledger.instances.name_missing(study.id)
            verified = "by_uid" if outcome is StudyState.DONE else None
            self.ledger.studies.decide(study.id, outcome=outcome, verified=verified, reason="")

    def study(self, uid: str) -> Study:
        study = self.ledger.studies.by_uid(uid)
        assert study is not None
        return study

    def states(self) -> dict[str, str]:
        """Every study's state by its UID."""
        rows = self.ledger._connection.execute("SELECT study_instance_uid, state FROM studies ORDER BY id")
        return {row[0]: row[1] for row in rows}

    def attempts(self) -> list[tuple[str, int]]:
        """Study and whether it was charged, of each attempt in its order."""
        statement = (
            "SELECT study_instance_uid, charged FROM attempts JOIN studies ON studies.id = study_id"
            " WHERE ended_at IS NOT NULL ORDER BY attempts.id"
        )
        return [(row[0], row[1]) for row in self.ledger._connection.execute(statement)]

    def dispatch_until(self, condition: Callable[[], object], what: str = "an event") -> None:
        def met() -> object:
            self.launcher.dispatch(0.01)
            return condition()

        wait_until(met, what)

    def stage(self, uid: str, number: int, **elements: Any) -> InstanceFile:
        """Let an instance of a study arrive in staging."""
        sop = f"{uid}.1.{number}"
        dataset = image(StudyInstanceUID=uid, SeriesInstanceUID=f"{uid}.1", SOPInstanceUID=sop, **elements)
        path = self.layout.staged(staging_name(uid), staging_name(sop))
        make_private_folder(path.parent)
        part = self.layout.incoming / "received.part"
        part.write_bytes(encode(dataset))
        part.rename(path)
        return read_instance(str(path), self.place.config.file_path.keywords)

    def receive(self, uid: str, numbers: Sequence[int], **elements: Any) -> None:
        """Let instances arrive and be recorded."""
        study = self.study(uid)
        for number in numbers:
            file = self.stage(uid, number, **elements)
            with self.ledger.transaction():
                path = self.place.config.file_path.path(file.attributes)
                self.ledger.instances.receive(study.id, file, path, promised=study.promised_by != "uid")
                self.ledger.studies.recount([study.id])

    def tree(self) -> dict[str, bytes]:
        """Every file outside .niffler by its path."""
        root = self.layout.storage_folder
        paths = (path for path in root.rglob("*") if path.is_file())
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in sorted(paths)
            if self.layout.private not in path.parents
        }

    def close(self) -> None:
        for child in list(self.launcher.children):
            child.kill()
        self.dispatch_until(lambda: not self.launcher.children, "the end of every child")
        for thread in threading.enumerate():
            if thread.name == "archive-echo":
                thread.join()
        self.ledger.close()


@contextmanager
def bench(
    folder: Path,
    archive: Peer | None = None,
    *,
    further: Sequence[Peer] = (),
    elsewhere: Path | None = None,
    lines: int = 1,
    **keys: object,
) -> Iterator[Bench]:
    """A bench whose archive, unless one is given, refuses connections; its processes end with the block.

    `further` are the archives after it, `elsewhere` a folder for ledger and staging, perhaps on another file
    system, `lines` the number of rows.
    """
    made = Bench(folder, (archive or absent(), *further), elsewhere, lines, **keys)
    try:
        yield made
    finally:
        made.close()
